/*
 * Where room is: rings of units of records that were removed, the oldest first. They are hints, and
 * may be lost, there twice, or wrong: a record's state says whether it may be taken, and where no
 * hint is left a sweep over all records finds them (shm/reuse.h). There is a ring for each kind of
 * cell, since a record is used again with its cell; kinds of histograms share four.
 */
#ifndef SHMETER_SHM_LIMBO_H
#define SHMETER_SHM_LIMBO_H

#include "arena.h"

SHMETER_INLINE uint32_t
shmeter_limbo_ring(uint32_t type, uint32_t cell_bytes)
{
    if (shmeter_type_histogram(type))
        return 4 + cell_bytes / 8 % (SHMETER_LIMBO_RINGS - 4);
    return shmeter_type_counter(type) ? 1 : shmeter_type_counter_f64(type) ? 2 : shmeter_type_gauge(type) ? 3 : 0;
}

SHMETER_INLINE uint64_t *
shmeter_limbo_at(const struct shmeter_attachment *attachment, uint32_t ring, uint64_t at)
{
    uint64_t entries = attachment->header.limbo_entries;
    return (uint64_t *)(void *)(attachment->base + attachment->header.limbo_off) + ring * entries +
           (at & (entries - 1));
}

/* Whether the ring has memory, which it gets at its first use. */
SHMETER_LOCAL int
shmeter_limbo_backed(const struct shmeter_attachment *attachment, uint32_t ring)
{
    const struct shmeter_header *header = &attachment->header;
    uint64_t *backed = &attachment->state->reuse.backed, bytes = header->limbo_entries * 8;
    /* pairs with shmeter_limbo_backed */
    uint64_t seen = shmeter_load_acquire(backed);
    if (seen >> ring & 1)
        return 1;
    if (shmeter_back(attachment, header->limbo_off + ring * bytes, bytes))
        return 0;
    /* pairs with shmeter_limbo_backed */
    while (!shmeter_cas(backed, &seen, seen | UINT64_C(1) << ring))
        ;
    return 1;
}

SHMETER_LOCAL void
shmeter_limbo_put(const struct shmeter_attachment *attachment, uint32_t ring, uint32_t unit)
{
    if (shmeter_limbo_backed(attachment, ring))
        /* pairs with shmeter_limbo_oldest */
        shmeter_store_release(
            shmeter_limbo_at(attachment, ring, shmeter_add(&attachment->state->limbo_put.ring[ring], 1)), unit);
}

/* How many hints are there, about. */
SHMETER_LOCAL uint64_t
shmeter_limbo_n(const struct shmeter_attachment *attachment, uint32_t ring)
{
    uint64_t taken = shmeter_load_relaxed(&attachment->state->limbo_taken.ring[ring]);
    uint64_t put = shmeter_load_relaxed(&attachment->state->limbo_put.ring[ring]);
    return put > taken ? put - taken : 0;
}

/*
 * Where the oldest hint is, and its unit, 0: it is still being written, or is lost. 0: there is no
 * hint.
 */
SHMETER_LOCAL int
shmeter_limbo_oldest(const struct shmeter_attachment *attachment, uint32_t ring, uint64_t *at, uint32_t *unit)
{
    uint64_t n, hint = 0;
    *at = shmeter_load_relaxed(&attachment->state->limbo_taken.ring[ring]);
    n = shmeter_limbo_n(attachment, ring);
    if (!n || !(shmeter_load_relaxed(&attachment->state->reuse.backed) >> ring & 1))
        return 0;
    if (n <= attachment->header.limbo_entries)
        /* pairs with shmeter_limbo_put */
        hint = shmeter_load_acquire(shmeter_limbo_at(attachment, ring, *at));
    *unit = (uint32_t)hint;
    return 1;
}

/*
 * Takes the hint at this place. 0: somebody else has. Those that were overwritten before it go too.
 */
SHMETER_LOCAL int
shmeter_limbo_take(const struct shmeter_attachment *attachment, uint32_t ring, uint64_t at)
{
    struct shmeter_state *state = attachment->state;
    uint64_t entries = attachment->header.limbo_entries, next = at + 1;
    uint64_t put = shmeter_load_relaxed(&state->limbo_put.ring[ring]);
    if (put - at > entries)
        next = put - entries;
    return shmeter_cas(&state->limbo_taken.ring[ring], &at, next);
}

#endif
