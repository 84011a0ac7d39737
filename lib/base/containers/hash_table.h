/*
 * A hash table from hash to number, with open addressing. Several numbers may have one hash: the caller knows what the
 * numbers stand for, and compares for equality.
 */
#ifndef SHMETER_BASE_HASH_TABLE_H
#define SHMETER_BASE_HASH_TABLE_H

#include <stdint.h>

struct hash_table_entry {
    uint32_t hash;
    uint32_t number; /* 0: the place is empty */
};

struct hash_table { /* all zero: empty */
    struct hash_table_entry *entries;
    uint32_t entries_n; /* a power of two, at least twice as many as are used */
    uint32_t used;
};

/* Makes room for more additions, which then cannot fail. Returns 0 or -ENOMEM. */
int hash_table_room(struct hash_table *table, uint32_t more);

/* number is not 0. */
void hash_table_add(struct hash_table *table, uint32_t hash, uint32_t number);

/* Takes an entry out, which hash_table_next gave. Others move. */
void hash_table_remove(struct hash_table *table, struct hash_table_entry *entry);

/* The entries of hash, one after the other: *at is 0 to begin with. NULL: no more. */
struct hash_table_entry *hash_table_next(const struct hash_table *table, uint32_t hash, uint32_t *at);

#endif
