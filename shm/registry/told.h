/*
 * What a program is told when a series gets no place of its own: of each limit once for each family, however many label
 * values come; that there is no room, each time, as that may change. Lock-free; a lookup that finds nothing new to tell
 * costs one load.
 */
#ifndef SHMETER_SHM_REGISTRY_TOLD_H
#define SHMETER_SHM_REGISTRY_TOLD_H

#include "family.h"

enum shmeter_told {
    SHMETER_TOLD_FAMILY_LIMIT = 1,
    SHMETER_TOLD_SEGMENT_LIMIT = 2,
    SHMETER_TOLD_NO_ROOM = 4 /* of the segment, or of its filesystem */
};

/*
 * A series of the family has no place of its own, for this reason; error: of SHMETER_TOLD_NO_ROOM. counted: it counts
 * in the series __overflow__, and else in this process alone.
 */
SHMETER_LOCAL void
shmeter_told_series(struct shmeter_family *family, enum shmeter_told what, int error, int counted)
{
    char buffer[24], why[128];
    size_t at;
    if (what != SHMETER_TOLD_NO_ROOM && !shmeter_family_mark(family, SHMETER_FAMILY_TOLD * (uint64_t)what))
        return;
    at = shmeter_text_append(why, sizeof why, 0, ": ");
    if (what == SHMETER_TOLD_FAMILY_LIMIT)
        at = shmeter_text_append(why, sizeof why, at, "the family has all the series that it may (max_series)");
    else if (what == SHMETER_TOLD_SEGMENT_LIMIT)
        at = shmeter_text_append(why, sizeof why, at, "the segment has all the series that it may (max_series)");
    else if (error == -ENOMEM)
        at = shmeter_text_append(why, sizeof why, at, "the segment is used up (shmeter doctor tells what to raise)");
    else
        at = shmeter_text_append(why, sizeof why, at, shmeter_text_errno(-error, buffer));
    (void)at;
    shmeter_meter_say(family->meter, "no room for a series of ", family->definition.strings, why,
                      counted ? "; it counts in the series whose label values are __overflow__"
                              : "; it is not exposed, and counts in this process alone");
}

#endif
