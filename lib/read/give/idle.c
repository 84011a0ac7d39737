/*
 * What is remembered of each series so that those that do not change any more can be told: 16 bytes, and only where settings ask
 * for it. It outlives the model's epochs.
 */
#include <stdlib.h>

#include "read/filters/filters.h"
#include "read/snapshot/internal.h"
#include "shm/hash.h"

int
snapshot_idle_room(struct snapshot *snapshot, const struct settings *settings)
{
    uint32_t before = snapshot->idle_capacity;

    if (!settings || !settings->idle_ns) {
        free(snapshot->idle);
        free(snapshot->idle_of_workers);
        free(snapshot->idle_places.entries);
        snapshot->idle = NULL;
        snapshot->idle_of_workers = NULL;
        snapshot->idle_places = (struct snapshot_table){ NULL, 0, 0 };
        snapshot->idle_capacity = snapshot->idle_workers_n = snapshot->idle_workers_capacity = 0;
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
    const uint64_t *sums = snapshot->sums + series->place, *buckets = sums + 1;
    uint64_t count = 0;
    uint32_t i;

    if (!shmeter_type_histogram(family->type))
        return sums[0];
    for (i = 0; i < family->buckets_n; i++)
        count += buckets[i];
    return shmeter_hash_word(count, sums[0]);
}

/* The gauge's cell, and the slot. */
static uint64_t
which(const struct snapshot *snapshot, uint32_t series, uint32_t slot)
{
    return (uint64_t)snapshot->series[series].place << 32 | slot;
}

struct snapshot_idle *
snapshot_idle_of_worker(struct snapshot *snapshot, uint32_t series, uint32_t slot, uint64_t *token)
{
    const uint64_t owner = snapshot->slots[slot].owner.owner, wanted = which(snapshot, series, slot);
    const uint32_t hash = snapshot_hash(snapshot, wanted);
    struct snapshot_entry *entry;
    uint32_t at = 0;

    *token = shmeter_hash_word(*token, SHMETER_OWNER_PID(owner));
    *token = shmeter_hash_word(*token, SHMETER_OWNER_GENERATION(owner));
    while ((entry = snapshot_table_next(&snapshot->idle_places, hash, &at)))
        if (snapshot->idle_of_workers[entry->number - 1].which == wanted)
            return &snapshot->idle_of_workers[entry->number - 1].idle;
    if (snapshot_table_room(&snapshot->idle_places, 1) ||
        snapshot_room(&snapshot->idle_of_workers, &snapshot->idle_workers_capacity,
                      (uint64_t)snapshot->idle_workers_n + 1, sizeof *snapshot->idle_of_workers))
        return NULL;
    snapshot->idle_of_workers[snapshot->idle_workers_n++] = (struct snapshot_idle_worker){ wanted, { 0, 0 } };
    snapshot_table_add(&snapshot->idle_places, hash, snapshot->idle_workers_n);
    return &snapshot->idle_of_workers[snapshot->idle_workers_n - 1].idle;
}
