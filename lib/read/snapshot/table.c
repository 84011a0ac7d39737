/*
 * A small hash table from hash to number; equality is the caller's business.
 */
#include <stdlib.h>

#include "read/snapshot/internal.h"
#include "shm/hash.h"

static int
grow(struct snapshot_table *table, uint32_t n)
{
    struct snapshot_entry *entries = calloc(n, sizeof *entries);
    uint32_t i;

    if (!entries)
        return -ENOMEM;
    for (i = 0; i < table->entries_n; i++) {
        uint32_t at = table->entries[i].hash & (n - 1);
        if (!table->entries[i].number)
            continue;
        while (entries[at].number)
            at = (at + 1) & (n - 1);
        entries[at] = table->entries[i];
    }
    free(table->entries);
    table->entries = entries;
    table->entries_n = n;
    return 0;
}

int
snapshot_table_room(struct snapshot_table *table, uint32_t more)
{
    uint64_t n = table->entries_n ? table->entries_n : 64;

    while (2 * ((uint64_t)table->used + more) > n)
        n *= 2;
    if (n > UINT32_MAX)
        return -ENOMEM;
    return n > table->entries_n ? grow(table, (uint32_t)n) : 0;
}

void
snapshot_table_add(struct snapshot_table *table, uint32_t hash, uint32_t number)
{
    uint32_t at;

    for (at = hash & (table->entries_n - 1); table->entries[at].number; at = (at + 1) & (table->entries_n - 1))
        ;
    table->entries[at].hash = hash;
    table->entries[at].number = number;
    table->used++;
}

struct snapshot_entry *
snapshot_table_next(const struct snapshot_table *table, uint32_t hash, uint32_t *at)
{
    for (; table->entries_n; (*at)++) {
        struct snapshot_entry *entry = &table->entries[(hash + *at) & (table->entries_n - 1)];
        if (!entry->number)
            return NULL;
        if (entry->hash == hash) {
            (*at)++;
            return entry;
        }
    }
    return NULL;
}

int
snapshot_room(void *array, uint32_t *capacity, uint64_t wanted, size_t element)
{
    void **at = array, *bigger;
    uint64_t n = *capacity ? *capacity : 16;

    if (wanted <= *capacity)
        return 0;
    while (n < wanted)
        n += n / 2;
    if (n > UINT32_MAX)
        return -ENOMEM;
    bigger = realloc(*at, n * element);
    if (!bigger)
        return -ENOMEM;
    *at = bigger;
    *capacity = (uint32_t)n;
    return 0;
}

uint32_t
snapshot_hash(const struct snapshot *snapshot, uint64_t number)
{
    return (uint32_t)(shmeter_hash_word(snapshot->key, number) >> 32);
}
