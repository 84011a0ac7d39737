/*
 * The index, from keys to records. It is of one of two kinds.
 *
 * Without SHMETER_FEATURE_REUSE it has open addressing: an entry is {tag, unit} of one record,
 * which stays.
 *
 * With it each entry is the head of a chain of records: {version, unit of the newest}. A record is
 * put at the head only, which moves the version; so a maker that has walked the chain in vain and
 * then puts its own there has not missed another one of its key. To take a record out its link is
 * marked, so that nothing is put behind it; then whoever passes takes it out. A walk needs no
 * protection: what it meets was in the chain when the walk began or later, so that its epoch in
 * limbo is not below the walker's own lock (shm/segment/epoch.h), and it stays what it is.
 */
#ifndef SHMETER_SHM_INDEX_H
#define SHMETER_SHM_INDEX_H

#include "arena.h"

/* What is looked for: a family by its name and definition, or a series by its family and values. */
struct shmeter_key {
    uint64_t hash;
    uint32_t family;     /* series: the family's unit; 0 for a family                                      */
    uint32_t bytes;      /* of values, or of name                                                          */
    uint64_t definition; /* families                                                                       */
    const char *text;    /* values, or name                                                                */
};

SHMETER_INLINE int
shmeter_registry_is_series(const struct shmeter_attachment *attachment, uint32_t unit, const struct shmeter_key *key)
{
    const struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
    return record && record->hash == key->hash && record->family == key->family && record->values_bytes == key->bytes &&
           shmeter_arena_at(attachment, unit, sizeof *record + key->bytes) &&
           memcmp(record + 1, key->text, key->bytes) == 0;
}

SHMETER_LOCAL int
shmeter_registry_is_family(const struct shmeter_attachment *attachment, uint32_t unit, const struct shmeter_key *key)
{
    const struct shmeter_family_record *record = shmeter_arena_family(attachment, unit);
    uint64_t bounds_bytes;
    if (!record || record->hash != key->hash || record->definition != key->definition ||
        record->name_bytes != key->bytes)
        return 0;
    bounds_bytes = (uint64_t)record->bounds_n * sizeof(double);
    return shmeter_arena_at(attachment, unit, sizeof *record + bounds_bytes + key->bytes) &&
           memcmp((const char *)(record + 1) + bounds_bytes, key->text, key->bytes) == 0;
}

SHMETER_INLINE int
shmeter_index_is(const struct shmeter_attachment *attachment, uint32_t unit, const struct shmeter_key *key)
{
    return key->family ? shmeter_registry_is_series(attachment, unit, key)
                       : shmeter_registry_is_family(attachment, unit, key);
}

struct shmeter_probe {
    uint64_t *entry; /* the matching one, or the first empty one; NULL when neither is in reach. Of a chain: its head */
    uint64_t seen;   /* what it held: 0 empty. Of a chain: the unit of the record, 0 there is none            */
    uint64_t head;   /* of a chain, before the walk                                                        */
};

/* Looks through one chain. */
SHMETER_INLINE struct shmeter_probe
shmeter_index_walk(const struct shmeter_attachment *attachment, const struct shmeter_key *key)
{
    struct shmeter_probe probe = { shmeter_arena_entry(attachment, key->hash), 0, 0 };
    const uint64_t *link;
    uint64_t word;
    uint32_t unit, steps = 0;
    /* pairs with shmeter_index_insert */
    probe.head = shmeter_load_acquire(probe.entry);
    for (unit = (uint32_t)probe.head; unit; unit = SHMETER_CHAIN_NEXT(word)) {
        link = shmeter_arena_link(attachment, unit);
        if (!link || ++steps > SHMETER_PROBE_LIMIT) {
            probe.entry = NULL;
            break;
        }
        /* pairs with shmeter_index_unlink */
        word = shmeter_load_acquire(link);
        if (!(word & SHMETER_CHAIN_MARK) && shmeter_index_is(attachment, unit, key)) {
            probe.seen = unit;
            break;
        }
    }
    return probe;
}

SHMETER_INLINE struct shmeter_probe
shmeter_registry_probe(const struct shmeter_attachment *attachment, const struct shmeter_key *key)
{
    struct shmeter_probe probe = { NULL, 0, 0 };
    uint64_t i, seen;
    if (shmeter_attachment_reuses(attachment))
        return shmeter_index_walk(attachment, key);
    for (i = 0; i < SHMETER_PROBE_LIMIT && i < attachment->header.index_entries; i++) {
        uint64_t *entry = shmeter_arena_entry(attachment, key->hash + i);
        /* pairs with shmeter_registry_add_series */
        seen = shmeter_load_acquire(entry);
        if (seen && ((seen ^ key->hash) >> 32 || !shmeter_index_is(attachment, (uint32_t)seen, key)))
            continue;
        probe.entry = entry;
        probe.seen = seen;
        return probe;
    }
    return probe;
}

/*
 * Puts a record at the head of its chain, which a walk in vain has found to be head. bytes: of its
 * values, 0 for a family. Returns its unit, or that of another one of the same key that was put
 * there meanwhile, or -ENOMEM when the chain is damaged.
 */
SHMETER_LOCAL int64_t
shmeter_index_insert(const struct shmeter_attachment *attachment, const struct shmeter_key *key, uint64_t head,
                     uint32_t unit, uint32_t bytes)
{
    uint64_t *entry = shmeter_arena_entry(attachment, key->hash), *link = shmeter_arena_link(attachment, unit);
    struct shmeter_probe probe;
    if (!link)
        return -ENOMEM;
    for (;;) {
        shmeter_store_relaxed(link, SHMETER_CHAIN(bytes, (uint32_t)head));
        /* pairs with shmeter_index_walk */
        if (shmeter_cas(entry, &head, SHMETER_INDEX_HEAD(head, unit)))
            return unit;
        probe = shmeter_index_walk(attachment, key);
        if (!probe.entry || probe.seen)
            return probe.entry ? (int64_t)probe.seen : -ENOMEM;
        head = probe.head;
    }
}

/* Marks a record as removed: its link stays as it is from now on. */
SHMETER_LOCAL int
shmeter_index_mark(const struct shmeter_attachment *attachment, uint32_t unit)
{
    uint64_t *link = shmeter_arena_link(attachment, unit);
    uint64_t seen = link ? shmeter_load_relaxed(link) : 0;
    if (!link)
        return 0;
    /* pairs with shmeter_index_pass */
    while (!(seen & SHMETER_CHAIN_MARK) && !shmeter_cas(link, &seen, seen | SHMETER_CHAIN_MARK))
        ;
    return 1;
}

/*
 * One way through a chain that takes out all that is marked. 1: done; 0: others were at it; -1: the
 * chain is damaged.
 */
SHMETER_LOCAL int
shmeter_index_pass(const struct shmeter_attachment *attachment, uint64_t *entry)
{
    uint64_t *from = entry, *link, word, next;
    /* pairs with shmeter_index_insert */
    uint64_t seen = shmeter_load_acquire(entry);
    uint32_t unit = (uint32_t)seen, steps;
    for (steps = 0; unit; steps++) {
        link = shmeter_arena_link(attachment, unit);
        if (!link || steps == SHMETER_PROBE_LIMIT)
            return -1;
        /* pairs with shmeter_index_mark */
        word = shmeter_load_acquire(link);
        unit = SHMETER_CHAIN_NEXT(word);
        if (word & SHMETER_CHAIN_MARK) {
            next = from == entry ? (seen & ~UINT64_C(0xffffffff)) | unit
                                 : SHMETER_CHAIN(SHMETER_CHAIN_BYTES(seen), unit);
            /* pairs with shmeter_index_walk */
            if (!shmeter_cas(from, &seen, next))
                return 0;
            seen = next;
        } else {
            from = link;
            seen = word;
        }
    }
    return 1;
}

/*
 * Takes what is marked out of the chain of this hash. 1: no walk that begins from now on meets it.
 */
SHMETER_LOCAL int
shmeter_index_unlink(const struct shmeter_attachment *attachment, uint64_t hash)
{
    int passed;
    do
        passed = shmeter_index_pass(attachment, shmeter_arena_entry(attachment, hash));
    while (!passed);
    return passed > 0;
}

#endif
