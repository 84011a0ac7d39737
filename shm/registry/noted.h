/*
 * Which opens have had a gauge or an info. A POOL gauge's value and an info outlast the process that gave them, as long
 * as somebody has them: so a lookup notes in the series' record by which open of the family it was asked for. Readers
 * compare that with the opens of living processes (lib/read/snapshot/shown/left.c): what was last asked for before the
 * first of those leaves the exposition, as when a release has ended and the next one does not have it.
 */
#ifndef SHMETER_SHM_REGISTRY_NOTED_H
#define SHMETER_SHM_REGISTRY_NOTED_H

#include "family.h"

/*
 * Notes the lookup of a series, unless a later open has noted one. Of that only the lower bits are known: it is taken
 * for the last open that has them, as readers do. unit 0: there is none. Lock-free; no system call.
 */
SHMETER_LOCAL void
shmeter_noted_put(const struct shmeter_binding *binding, uint32_t unit)
{
    struct shmeter_series_record *record = unit ? shmeter_arena_series(binding->attachment, unit) : NULL;
    const uint64_t *opens = &binding->attachment->state->opens.value;
    uint64_t number = shmeter_load_relaxed(&binding->opened), seen, created;
    if (!record || !number)
        return;
    /* pairs with shmeter_noted_put */
    seen = shmeter_load_acquire(&record->created_real_ns);
    do {
        uint64_t last = shmeter_load_relaxed(opens); /* loaded later, so not before what is noted */
        created = SHMETER_NOTED_NS(seen) / 1000000;
        if (SHMETER_IS_NOTED(seen) &&
            (number > last || ((last - SHMETER_NOTED_OPEN(seen)) & SHMETER_NOTED_MASK) <= last - number))
            return;
        /* pairs with shmeter_noted_put */
    } while (!shmeter_cas(&record->created_real_ns, &seen, SHMETER_NOTED(created, number)));
}

#endif
