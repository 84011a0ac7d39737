/*
 * Which of a segment's workers have died of late without a successor. Pure: no clock, no memory of earlier calls.
 */
#ifndef SHMETER_HEALTH_DEATHS_H
#define SHMETER_HEALTH_DEATHS_H

#include <stdint.h>

#include "read/snapshot/status.h"

/*
 * A worker has died when it ended with something under way or was killed (status_slot.died, .killed). It did so
 * between its last sign of life and the moment when this program first saw it dead, or now. A worker of the same name
 * that was claimed after that sign of life is its successor; each succeeds one. A death is of late when that moment,
 * or else the last sign of life, is not longer ago than within seconds.
 *
 * *out: the dead, the one heard of last first, in memory that the caller frees; NULL: none. 0 or -ENOMEM.
 */
int deaths_find(const struct segment_status *segment, double within_seconds, const struct status_slot ***out,
                uint32_t *out_n);

#endif
