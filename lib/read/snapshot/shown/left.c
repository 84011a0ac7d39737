/*
 * Gauges of mode POOL and infos that no living process can have: their values have outlasted the processes that gave
 * them, and leave the exposition. Others cannot: counters stay, other modes have the values of living workers only, or
 * retain those of the dead because that is what they are for.
 *
 * A lookup notes the number of its process's open of the family in the record (shm/registry/noted.h). A series has left
 * when all that living processes have open was opened later: they are of another time, as those of the next release. So
 * what one worker of a pool has said stays when that worker is replaced. A series is shown as long as that is not
 * known: when a worker may live whose opens are not known, or nobody lives, so that the last values of a pool that has
 * ended can still be read.
 */
#include "read/snapshot/internal.h"

int
snapshot_may_leave(const struct snapshot_family *family)
{
    return family->type == SHMETER_INFO || (family->type == SHMETER_GAUGE && family->mode == SHMETER_POOL);
}

int
snapshot_has_left(const struct snapshot *snapshot, uint32_t number)
{
    const struct snapshot_series *series = &snapshot->series[number];
    uint64_t noted;

    if (!snapshot->opens_known || snapshot->replaced)
        return 0;
    noted = snapshot_load(snapshot, snapshot_record_off(snapshot, series->unit) +
                                        offsetof(struct shmeter_series_record, created_real_ns));
    if (!SHMETER_IS_NOTED(noted))
        return 0; /* by a producer that does not note them */
    return ((snapshot->opens - SHMETER_NOTED_OPEN(noted)) & SHMETER_NOTED_MASK) >
           snapshot->opens - snapshot->open_first;
}

int
snapshot_infos_room(struct snapshot *snapshot)
{
    return array_room(&snapshot->infos, &snapshot->infos_capacity, (uint64_t)snapshot->infos_n + 1,
                      sizeof *snapshot->infos);
}

void
snapshot_infos_add(struct snapshot *snapshot, uint32_t number)
{
    snapshot->infos[snapshot->infos_n++] = number;
}

void
snapshot_take_left(struct snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < snapshot->infos_n; i++)
        snapshot->series[snapshot->infos[i]].left = (uint32_t)snapshot_has_left(snapshot, snapshot->infos[i]);
}
