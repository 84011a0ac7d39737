/*
 * Walks the records as a producer does: bounds are checked against the private header, fields that are used twice are
 * read once.
 */
#ifndef SHMETER_SHM_ARENA_H
#define SHMETER_SHM_ARENA_H

#include "../layout/kinds.h"
#include "../process/backing.h"

/* The address of bytes at a unit, or NULL when they are not all inside of what has memory. */
SHMETER_INLINE void *
shmeter_arena_at(const struct shmeter_attachment *attachment, uint64_t unit, uint64_t bytes)
{
    uint64_t off = unit * SHMETER_UNIT_BYTES, end = shmeter_load_relaxed(&attachment->state->records_backed.value);
    if (end > attachment->header.records_bytes)
        end = attachment->header.records_bytes;
    if (!unit || off > end || bytes > end - off)
        return NULL;
    return attachment->base + attachment->header.records_off + off;
}

/* The series' record at a unit, whole: NULL when it is none. */
SHMETER_INLINE struct shmeter_series_record *
shmeter_arena_series(const struct shmeter_attachment *attachment, uint64_t unit)
{
    struct shmeter_series_record *record = (struct shmeter_series_record *)shmeter_arena_at(attachment, unit,
                                                                                            sizeof *record);
    if (!record || record->kind != SHMETER_KIND_SERIES)
        return NULL;
    return record;
}

SHMETER_INLINE struct shmeter_family_record *
shmeter_arena_family(const struct shmeter_attachment *attachment, uint64_t unit)
{
    struct shmeter_family_record *record = (struct shmeter_family_record *)shmeter_arena_at(attachment, unit,
                                                                                            sizeof *record);
    if (!record || record->kind != SHMETER_KIND_FAMILY)
        return NULL;
    return record;
}

/* An entry of the index: at a hash, or behind it. */
SHMETER_INLINE uint64_t *
shmeter_arena_entry(const struct shmeter_attachment *attachment, uint64_t at)
{
    return (uint64_t *)(void *)(attachment->base + attachment->header.index_off) +
           (at & (attachment->header.index_entries - 1));
}

/*
 * With SHMETER_FEATURE_REUSE: the word of a record that leads to the next one of its chain. NULL: there is no record.
 */
SHMETER_INLINE uint64_t *
shmeter_arena_link(const struct shmeter_attachment *attachment, uint64_t unit)
{
    uint64_t *record = (uint64_t *)shmeter_arena_at(attachment, unit, SHMETER_UNIT_BYTES);
    uint64_t head = record ? shmeter_load_relaxed(record) : 0, bytes = (uint32_t)head;
    if (head >> 32 == SHMETER_KIND_SERIES)
        return record + offsetof(struct shmeter_series_record, values_bytes) / 8;
    if (head >> 32 == SHMETER_KIND_FAMILY && bytes > sizeof(struct shmeter_family_record) && !(bytes % 8) &&
        shmeter_arena_at(attachment, unit, bytes))
        return record + bytes / 8 - 1;
    return NULL;
}

/* Whether the chain of this hash leads to the record at unit. */
SHMETER_LOCAL int
shmeter_arena_chained(const struct shmeter_attachment *attachment, uint64_t unit, uint64_t hash)
{
    /* pairs with shmeter_index_insert */
    uint64_t at = (uint32_t)shmeter_load_acquire(shmeter_arena_entry(attachment, hash));
    uint32_t steps;
    for (steps = 0; at && at != unit && steps < SHMETER_PROBE_LIMIT; steps++) {
        const uint64_t *link = shmeter_arena_link(attachment, at);
        /* pairs with shmeter_index_unlink */
        at = link ? SHMETER_CHAIN_NEXT(shmeter_load_acquire(link)) : 0;
    }
    return at == unit;
}

/* Whether an index entry leads to the record of this hash at unit. Such a record is complete, and stays as it is. */
SHMETER_LOCAL int
shmeter_arena_indexed(const struct shmeter_attachment *attachment, uint64_t unit, uint64_t hash)
{
    const uint64_t *index = (const uint64_t *)(const void *)(attachment->base + attachment->header.index_off);
    uint64_t i, seen;
    if (shmeter_attachment_reuses(attachment))
        return shmeter_arena_chained(attachment, unit, hash);
    for (i = 0; i < SHMETER_PROBE_LIMIT && i < attachment->header.index_entries; i++) {
        /* pairs with shmeter_registry_add_series */
        seen = shmeter_load_acquire(&index[(hash + i) & (attachment->header.index_entries - 1)]);
        if (!seen)
            return 0;
        if (seen == SHMETER_INDEX_ENTRY(hash, unit))
            return 1;
    }
    return 0;
}

/*
 * What stands at *unit: its kind, and *unit moves on. Returns -1 at the end. The walk passes the records of makers at
 * work and of dead ones unit by unit, and there it meets their text, which may look like a record: only what the index
 * leads to is one.
 */
SHMETER_LOCAL int
shmeter_arena_next(const struct shmeter_attachment *attachment, uint64_t *unit, uint64_t *at)
{
    /* pairs with shmeter_bump */
    uint64_t fill = shmeter_load_acquire(&attachment->state->records_fill.value), head, hash;
    uint64_t *record;
    *at = *unit ? *unit : 1;
    if (*at * SHMETER_UNIT_BYTES >= fill)
        return -1;
    record = (uint64_t *)shmeter_arena_at(attachment, *at, SHMETER_UNIT_BYTES);
    if (!record)
        return -1;
    *unit = *at + 1;
    /* pairs with shmeter_registry_head */
    head = shmeter_load_acquire(record);
    if (head >> 32 != SHMETER_KIND_FAMILY && head >> 32 != SHMETER_KIND_SERIES)
        return SHMETER_KIND_NONE;
    hash = shmeter_load_relaxed(head >> 32 == SHMETER_KIND_FAMILY
                                    ? &((struct shmeter_family_record *)(void *)record)->hash
                                    : &((struct shmeter_series_record *)(void *)record)->hash);
    if ((uint32_t)head < SHMETER_UNIT_BYTES || !shmeter_arena_indexed(attachment, *at, hash))
        return SHMETER_KIND_NONE;
    *unit = *at + (uint32_t)head / SHMETER_UNIT_BYTES;
    return (int)(head >> 32);
}

/* The gauge cell's mode, by a walk; -1 when no series has it. Cold. */
SHMETER_LOCAL void
shmeter_arena_gauge_modes(const struct shmeter_attachment *attachment, unsigned char *modes, uint32_t modes_n)
{
    uint64_t unit = 0, at;
    int kind;
    memset(modes, 0xff, modes_n);
    while ((kind = shmeter_arena_next(attachment, &unit, &at)) >= 0) {
        const struct shmeter_series_record *series;
        const struct shmeter_family_record *family;
        uint64_t cell;
        if (kind != SHMETER_KIND_SERIES)
            continue;
        series = shmeter_arena_series(attachment, at);
        family = series ? shmeter_arena_family(attachment, series->family) : NULL;
        if (!family || !shmeter_type_gauge(family->type))
            continue;
        cell = series->cell;
        if (cell < modes_n)
            modes[cell] = (unsigned char)family->mode;
    }
}

#endif
