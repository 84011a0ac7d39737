/*
 * What the store has to say of itself: the shmeter_* series of each segment.
 */
#ifndef SHMETER_READ_OWN_H
#define SHMETER_READ_OWN_H

#include "model/model.h"
#include "read/status.h"

/* Adds the series of one segment, all with the label segment. 0 or -ENOMEM. */
int own_segment(struct model *model, const struct segment_status *status);

/* Adds what concerns all of them: to be called last, as it tells of the conflicts so far. 0 or -ENOMEM. */
int own_store(struct model *model, uint32_t segments_n);

#endif
