/*
 * How long the series of a family stay that nobody updates, and whether they make room for others at the family's
 * limit: a word of the family's record. And a word of each series' record, which notes when it was seen to change. They
 * stand at the end of the records; shm/idle.h and shm/evict.h act on them.
 */
#ifndef SHMETER_SHM_LIFETIME_H
#define SHMETER_SHM_LIFETIME_H

#include "../lanes/definition.h"
#include "arena.h"

/* Where the record of a series has its note; NULL: it has no room, because an earlier release has made it. */
SHMETER_LOCAL uint64_t *
shmeter_lifetime_note(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit,
                      uint32_t values_bytes)
{
    uint64_t bytes = record->bytes, used = sizeof *record + (uint64_t)values_bytes;
    if (bytes % SHMETER_UNIT_BYTES || bytes < used + SHMETER_NOTE_BYTES || !shmeter_arena_at(attachment, unit, bytes))
        return NULL;
    return (uint64_t *)(void *)((unsigned char *)record + bytes) - 1;
}

/* Where the record of a family has its seconds; NULL: likewise, or this segment has no such words. */
SHMETER_LOCAL uint64_t *
shmeter_lifetime_word(const struct shmeter_attachment *attachment, struct shmeter_family_record *family, uint32_t unit)
{
    uint64_t bytes = family->bytes;
    uint64_t used = sizeof *family + (uint64_t)family->bounds_n * sizeof(double) + family->name_bytes +
                    family->help_bytes + family->unit_bytes + family->labels_bytes + family->states_bytes;
    if (!shmeter_attachment_reuses(attachment) || bytes % SHMETER_UNIT_BYTES ||
        bytes < used + sizeof(uint64_t) + SHMETER_NOTE_BYTES || !shmeter_arena_at(attachment, unit, bytes))
        return NULL;
    return (uint64_t *)(void *)((unsigned char *)family + bytes) - 2;
}

/* What the family's series have of it: {seconds:32 (low), evict:1}, 0 nothing. */
SHMETER_LOCAL uint64_t
shmeter_lifetime_of(const struct shmeter_attachment *attachment, struct shmeter_family_record *family, uint32_t unit)
{
    const uint64_t *word = shmeter_lifetime_word(attachment, family, unit);
    return word ? shmeter_load_relaxed(word) : 0;
}

/*
 * Writes into a family's record what its series have of it: the last process that opens the family decides. That there
 * is one with so many seconds is kept for good: looks that are too frequent cost time, and one too few keeps series.
 */
SHMETER_LOCAL void
shmeter_lifetime_declare(const struct shmeter_attachment *attachment, struct shmeter_family_record *family,
                         uint32_t unit, uint64_t idle)
{
    uint64_t *word = shmeter_lifetime_word(attachment, family, unit), *least = &attachment->state->reuse.idle;
    uint64_t seconds = (uint32_t)idle, seen = shmeter_load_relaxed(least);
    if (!word)
        return;
    if (shmeter_load_relaxed(word) != idle)
        shmeter_store_relaxed(word, idle);
    while (seconds && (!seen || seconds < seen) && !shmeter_cas(least, &seen, seconds))
        ;
}

#endif
