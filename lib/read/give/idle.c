/*
 * Remembers when each series changed last, to recognise idle series: 16 bytes a series, and only where settings have a
 * time-out. The memory is kept over epochs of the model.
 */
#include <stdlib.h>

#include "base/containers/key.h"
#include "read/give/internal.h"
#include "shm/machine/hash.h"

void
idle_free(struct giving *giving)
{
    free(giving->idle);
    free(giving->idle_workers);
    free(giving->idle_places.entries);
    giving->idle = NULL;
    giving->idle_workers = NULL;
    giving->idle_places = (struct hash_table){ NULL, 0, 0 };
    giving->idle_capacity = giving->idle_workers_n = giving->idle_workers_capacity = 0;
}

/* 0 or -ENOMEM. */
static int
grow(struct giving *giving)
{
    const uint32_t before = giving->idle_capacity;

    if (array_room(&giving->idle, &giving->idle_capacity, giving->read.series_n, sizeof *giving->idle))
        return -ENOMEM;
    if (giving->idle_capacity > before)
        memset(giving->idle + before, 0, (giving->idle_capacity - before) * sizeof *giving->idle);
    return 0;
}

int
idle_room(struct giving *giving, const struct settings *settings)
{
    if (settings && settings->idle_ns)
        return grow(giving);
    idle_free(giving);
    return 0;
}

uint64_t
idle_token(const uint64_t *sums, const struct snapshot_family *family)
{
    const uint64_t *buckets = sums + 1;
    uint64_t count = 0;
    uint32_t i;

    if (!shmeter_type_histogram(family->type))
        return sums[0];
    for (i = 0; i < family->buckets_n; i++)
        count += buckets[i];
    return shmeter_hash_word(count, sums[0]);
}

struct idle *
idle_of_worker(struct giving *giving, uint32_t series, uint32_t slot, uint64_t *token)
{
    const struct snapshot_worker worker = snapshot_worker(giving->snapshot, slot);
    const uint64_t which = (uint64_t)giving->read.series[series].place << 32 |
                           slot; /* {the gauge's cell:32 (high), the slot:32} */
    const uint32_t hash = (uint32_t)(shmeter_hash_word(key_of_process(), which) >> 32);
    struct hash_table_entry *entry;
    uint32_t at = 0;

    *token = shmeter_hash_word(*token, worker.pid);
    *token = shmeter_hash_word(*token, worker.generation);
    *token = shmeter_hash_word(*token, snapshot_binds(giving->snapshot, series));
    while ((entry = hash_table_next(&giving->idle_places, hash, &at)))
        if (giving->idle_workers[entry->number - 1].which == which)
            return &giving->idle_workers[entry->number - 1].idle;
    if (hash_table_room(&giving->idle_places, 1) ||
        array_room(&giving->idle_workers, &giving->idle_workers_capacity, (uint64_t)giving->idle_workers_n + 1,
                   sizeof *giving->idle_workers))
        return NULL;
    giving->idle_workers[giving->idle_workers_n++] = (struct idle_worker){ which, { 0, 0 } };
    hash_table_add(&giving->idle_places, hash, giving->idle_workers_n);
    return &giving->idle_workers[giving->idle_workers_n - 1].idle;
}

void
giving_keep_idle(struct giving *into, uint32_t number, const struct giving *from, uint32_t from_number)
{
    const struct snapshot_series *series;
    struct idle *idle;

    if (!into || !into->idle)
        return;
    into->read = snapshot_contents(into->snapshot);
    if (grow(into))
        return; /* without memory: the next take counts as a change */
    idle = &into->idle[number];
    series = &into->read.series[number];
    if (from && from->idle && from_number < from->idle_capacity && from->idle[from_number].since_ns > idle->since_ns)
        idle->since_ns = from->idle[from_number].since_ns;
    idle->token = idle_token(into->read.sums + series->place, &into->read.families[series->family]);
}
