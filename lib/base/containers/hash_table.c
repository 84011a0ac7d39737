#include "base/containers/hash_table.h"

#include <errno.h>
#include <stdlib.h>

static int
grow(struct hash_table *table, uint32_t n)
{
    struct hash_table_entry *entries = calloc(n, sizeof *entries);
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
hash_table_room(struct hash_table *table, uint32_t more)
{
    uint64_t n = table->entries_n ? table->entries_n : 64;

    while (2 * ((uint64_t)table->used + more) > n)
        n *= 2;
    if (n > UINT32_MAX)
        return -ENOMEM;
    return n > table->entries_n ? grow(table, (uint32_t)n) : 0;
}

void
hash_table_add(struct hash_table *table, uint32_t hash, uint32_t number)
{
    uint32_t at;

    for (at = hash & (table->entries_n - 1); table->entries[at].number; at = (at + 1) & (table->entries_n - 1))
        ;
    table->entries[at].hash = hash;
    table->entries[at].number = number;
    table->used++;
}

/* What is found by passing over the place moves into it. */
void
hash_table_remove(struct hash_table *table, struct hash_table_entry *entry)
{
    const uint32_t mask = table->entries_n - 1;
    uint32_t hole = (uint32_t)(entry - table->entries), at = hole, home;

    for (;;) {
        at = (at + 1) & mask;
        if (!table->entries[at].number)
            break;
        home = table->entries[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        table->entries[hole] = table->entries[at];
        hole = at;
    }
    table->entries[hole].number = 0;
    table->used--;
}

struct hash_table_entry *
hash_table_next(const struct hash_table *table, uint32_t hash, uint32_t *at)
{
    for (; table->entries_n; (*at)++) {
        struct hash_table_entry *entry = &table->entries[(hash + *at) & (table->entries_n - 1)];
        if (!entry->number)
            return NULL;
        if (entry->hash == hash) {
            (*at)++;
            return entry;
        }
    }
    return NULL;
}
