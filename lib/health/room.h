/*
 * Who holds back the room of removed series. Pure.
 */
#ifndef SHMETER_HEALTH_ROOM_H
#define SHMETER_HEALTH_ROOM_H

#include <stddef.h>

#include "read/snapshot/status.h"

#define ROOM_SECONDS 60 /* removed series may wait so long before it is a reason */

/*
 * The one that has said nothing for longest, of the living workers that hold room back; NULL: none of those that have a
 * slot. *n: how many there are.
 */
const struct status_slot *room_holder(const struct segment_status *segment, uint32_t *n);

/* Says who holds back what, and since when, in out. */
void room_say(const struct segment_status *segment, char *out, size_t bytes);

#endif
