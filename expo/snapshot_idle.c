/*
 * What is remembered of each series so that those that do not change any more can be told: 16 bytes, and only where settings ask
 * for it. It outlives the model's epochs.
 */
#include <stdlib.h>

#include "expo/settings.h"
#include "expo/snapshot_parts.h"
#include "shm/hash.h"

int
snapshot_idle_room(struct snapshot *snapshot, const struct settings *settings)
{
    uint32_t before = snapshot->idle_capacity;

    if (!settings || !settings->idle_ns) {
        free(snapshot->idle);
        free(snapshot->idle_of_workers);
        snapshot->idle = snapshot->idle_of_workers = NULL;
        snapshot->idle_capacity = 0;
        return 0;
    }
    if (snapshot_room(&snapshot->idle, &snapshot->idle_capacity, snapshot->series_n, sizeof *snapshot->idle))
        return -ENOMEM;
    if (snapshot->idle_capacity > before)
        memset(snapshot->idle + before, 0, (snapshot->idle_capacity - before) * sizeof *snapshot->idle);
    return 0;
}

uint64_t
snapshot_idle_token(const struct snapshot *snapshot, const struct snapshot_series *series,
                    const struct snapshot_family *family)
{
    const uint64_t *sums = snapshot->sums + series->place, *buckets = sums + sizeof(struct shmeter_histogram_cell) / 8;
    uint64_t count = 0;
    uint32_t i;

    if (!shmeter_type_histogram(family->type))
        return sums[0];
    for (i = 0; i < family->buckets_n; i++)
        count += buckets[i];
    return shmeter_hash_word(count, sums[0]);
}

struct snapshot_idle *
snapshot_idle_of_worker(struct snapshot *snapshot, uint32_t series, uint32_t slot, uint64_t *token)
{
    const uint64_t slots_n = snapshot->status.slots_n, owner = snapshot->slots[slot].owner;

    if (!snapshot->idle_of_workers)
        snapshot->idle_of_workers = calloc(snapshot->status.gauges_capacity * slots_n, sizeof *snapshot->idle);
    if (!snapshot->idle_of_workers)
        return NULL;
    *token = shmeter_hash_word(*token, SHMETER_OWNER_PID(owner));
    *token = shmeter_hash_word(*token, SHMETER_OWNER_GENERATION(owner));
    return &snapshot->idle_of_workers[snapshot->series[series].place * slots_n + slot];
}
