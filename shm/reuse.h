/*
 * Series that come and go: with SHMETER_FEATURE_REUSE a removed series' record, with its cell and
 * its share of each limit, becomes another series, once nobody can have anything of it any more
 * (shm/segment/epoch.h). shm/layout.h has the states, and who may do what.
 *
 * Nothing here waits, and a death at any point leaves a state that belongs to whoever meets it: at
 * once when the series is in the index, else when the epoch is over. What a maker finds: hints
 * (shm/registry/limbo.h), else new room behind all, else what a sweep over all records finds, once
 * for each grace.
 */
#ifndef SHMETER_SHM_REUSE_H
#define SHMETER_SHM_REUSE_H

#include "registry/lifetime.h"
#include "removal.h"
#include "slots/visibility.h"

#define SHMETER_REUSE_HINTS 16u /* that a maker looks at, when the first ones are no room for it                    */

/* ---- making ---- */

/*
 * All of a cell's words in all lanes, or of a gauge's in all slots, become what they are in a new
 * one.
 */
SHMETER_LOCAL void
shmeter_reuse_clear(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                    uint64_t cell)
{
    const struct shmeter_header *header = &attachment->header;
    uint64_t lane, at;
    if (shmeter_type_gauge(definition->type)) {
        shmeter_series_unset(attachment, cell);
        return;
    }
    for (lane = 0; lane < (uint64_t)header->cpu_lanes_n + header->shared_lanes_n; lane++) {
        int shared = lane >= header->cpu_lanes_n;
        uint64_t off = shared ? header->shared_lanes_off + ((lane - header->cpu_lanes_n) << (header->lane_shift + 1))
                              : header->cpu_lanes_off + (lane << header->lane_shift);
        uint64_t *words = (uint64_t *)(void *)(attachment->base + off + (cell << shared));
        for (at = 0; at < (uint64_t)definition->cell_bytes << shared >> 3; at++)
            if (shmeter_load_relaxed(&words[at])) /* most lanes have nothing of it, and stay clean */
                shmeter_store_relaxed(&words[at], 0);
    }
}

/*
 * Takes a record in limbo whose epoch is over, if it has room: CLAIMED, and its cell is as new. 0:
 * not this one.
 */
SHMETER_LOCAL int
shmeter_reuse_take(struct shmeter_attachment *attachment, const struct shmeter_definition *definition, uint32_t unit,
                   uint32_t bytes)
{
    struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
    /* pairs with shmeter_reuse_bury */
    uint64_t seen = record ? shmeter_load_acquire(&record->state) : 0, removed = SHMETER_LIMBO_EPOCH(seen);
    uint64_t life = SHMETER_LIMBO_LIFE(seen), cell;
    if (SHMETER_STATE_KIND(seen) != SHMETER_LIMBO || !shmeter_epoch_is_over(attachment, removed) ||
        !shmeter_reuse_fits(attachment, definition, record, unit, bytes, &cell) ||
        shmeter_park_is_in_the_way(attachment, removed > life ? removed - life : 0, removed))
        return 0;
    /* pairs with shmeter_reuse_bury */
    if (!shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_CLAIMED, shmeter_epoch_now(attachment))))
        return 0;
    /* pairs with look_at of lib/read/snapshot/walk.c */
    shmeter_fence_release();
    shmeter_reuse_clear(attachment, definition, cell);
    return 1;
}

/*
 * A record that a hint leads to; 0: none. Not for who holds no lock: others could take what it is
 * making for a dead one's.
 */
SHMETER_LOCAL uint32_t
shmeter_reuse_hinted(struct shmeter_attachment *attachment, const struct shmeter_definition *definition, uint32_t bytes)
{
    uint32_t ring = shmeter_limbo_ring(definition->type, definition->cell_bytes), unit, tries;
    struct shmeter_series_record *record;
    uint64_t at, seen, cell;
    if (!shmeter_load_relaxed(&attachment->epoch))
        return 0;
    for (tries = 0; tries < SHMETER_REUSE_HINTS && shmeter_limbo_oldest(attachment, ring, &at, &unit); tries++) {
        record = shmeter_arena_series(attachment, unit);
        seen = record ? shmeter_load_relaxed(&record->state) : 0;
        if (SHMETER_STATE_KIND(seen) == SHMETER_LIMBO && !shmeter_epoch_is_over(attachment, SHMETER_LIMBO_EPOCH(seen)))
            return 0; /* those behind it are newer still */
        if (!shmeter_limbo_take(attachment, ring, at))
            continue;
        if (SHMETER_STATE_KIND(seen) == SHMETER_HIDDEN && shmeter_reuse_wake(attachment, record, unit))
            shmeter_limbo_put(attachment, ring, unit);
        if (SHMETER_STATE_KIND(seen) != SHMETER_LIMBO)
            continue;
        if (shmeter_reuse_take(attachment, definition, unit, bytes))
            return unit;
        if (!shmeter_reuse_fits(attachment, definition, record, unit, bytes, &cell))
            shmeter_limbo_put(attachment, ring, unit); /* else it is a parked process's: a sweep finds it again */
    }
    return 0;
}

/* So many bytes of a record, rounded up, so that it is room for others: 2, 4, 8 or 18 units. */
SHMETER_LOCAL uint64_t
shmeter_reuse_round(uint64_t bytes)
{
    uint64_t units = 2;
    while (units < 16 && units * SHMETER_UNIT_BYTES < bytes)
        units *= 2;
    return (units < 16 ? units : 18) * SHMETER_UNIT_BYTES;
}

/*
 * A new record with a new cell behind all others, CLAIMED. Its head stands there before its text:
 * who walks over all records never meets that. Returns the unit, or -errno.
 */
SHMETER_LOCAL int64_t
shmeter_reuse_append(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                     const struct shmeter_key *key)
{
    struct shmeter_series_record *record = NULL;
    uint32_t unit, units;
    uint64_t cell;
    int result = shmeter_registry_take_cells(attachment, definition, &cell);
    if (result)
        return result;
    result = shmeter_registry_append_record(attachment, shmeter_reuse_round(sizeof *record + key->bytes + SHMETER_NOTE_BYTES), &unit,
                                            &units);
    if (!result)
        record = (struct shmeter_series_record *)shmeter_arena_at(attachment, unit,
                                                                  (uint64_t)units * SHMETER_UNIT_BYTES);
    if (!record) {
        shmeter_registry_give_cells(attachment, definition, cell);
        return result ? result : -EINVAL;
    }
    record->family = key->family;
    record->cell = cell;
    shmeter_store_relaxed(&record->state, SHMETER_STATE(SHMETER_CLAIMED, shmeter_epoch_now(attachment)));
    shmeter_registry_head(record, units, SHMETER_KIND_SERIES);
    /* pairs with shmeter_reuse_next */
    shmeter_fence_release();
    return unit;
}

/*
 * Writes what a series is into a CLAIMED record. 0: it was taken for a dead one's: it holds no
 * lock.
 */
SHMETER_LOCAL int
shmeter_reuse_ready(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                    const struct shmeter_key *key, uint32_t unit)
{
    struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
    uint64_t seen = record ? shmeter_load_relaxed(&record->state) : 0;
    uint64_t *note = record ? shmeter_lifetime_note(attachment, record, unit, key->bytes) : NULL;
    if (!record)
        return 0;
    if (note)
        shmeter_store_relaxed(note, 0);
    shmeter_store_relaxed(SHMETER_RECORD_FAMILY(record), key->family | (uint64_t)definition->labels_n << 32);
    record->created_real_ns = shmeter_clock_real_ns();
    record->hash = key->hash;
    record->values_bytes = key->bytes;
    record->next = 0;
    memcpy(record + 1, key->text, key->bytes);
    /* pairs with shmeter_reuse_show */
    return SHMETER_STATE_KIND(seen) == SHMETER_CLAIMED &&
           shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_UNPUBLISHED, SHMETER_STATE_EPOCH(seen)));
}

/* ---- sweep ---- */

/* The bytes of a record's head, 0: there is none. */
SHMETER_LOCAL uint32_t
shmeter_reuse_head(const struct shmeter_attachment *attachment, uint64_t unit)
{
    const uint64_t *record = (const uint64_t *)shmeter_arena_at(attachment, unit, SHMETER_UNIT_BYTES);
    /* pairs with shmeter_registry_head */
    uint64_t head = record ? shmeter_load_acquire(record) : 0;
    return (head >> 32 == SHMETER_KIND_FAMILY || head >> 32 == SHMETER_KIND_SERIES) && (uint32_t)head &&
                   !((uint32_t)head % SHMETER_UNIT_BYTES)
               ? (uint32_t)head
               : 0;
}

/*
 * The first record from *unit on, which moves behind it; 0: there is none. Units without a head are
 * passed one by one; what looks like a head behind them may be the text of a record whose head was
 * stored meanwhile: then that is found.
 */
SHMETER_LOCAL uint64_t
shmeter_reuse_next(const struct shmeter_attachment *attachment, uint64_t *unit)
{
    /* pairs with shmeter_bump */
    uint64_t end = shmeter_load_acquire(&attachment->state->records_fill.value) / SHMETER_UNIT_BYTES, at = *unit;
    uint32_t bytes;
    if (end > attachment->header.records_bytes / SHMETER_UNIT_BYTES)
        end = attachment->header.records_bytes / SHMETER_UNIT_BYTES;
    while (at < end && !shmeter_reuse_head(attachment, at))
        at++;
    if (at >= end)
        return 0;
    while (*unit < at && !shmeter_reuse_head(attachment, *unit))
        ++*unit;
    at = *unit;
    bytes = shmeter_reuse_head(attachment, at);
    *unit += bytes ? bytes / SHMETER_UNIT_BYTES : 1;
    return at;
}

/*
 * A removal that somebody has begun, found by the sweep. Whoever meets a record in the index, and
 * then finds it REMOVING, goes on safely, since the epoch of its limbo is read later. One that is
 * out of the index may be in limbo, and something else, at any moment: only its state is moved.
 */
SHMETER_LOCAL void
shmeter_reuse_sweep_removing(const struct shmeter_attachment *attachment, struct shmeter_series_record *record,
                             uint32_t unit, uint64_t seen)
{
    int met = shmeter_arena_chained(attachment, unit, record->hash);
    /* pairs with shmeter_reuse_leave */
    if (shmeter_load_acquire(&record->state) != seen)
        return;
    if (met)
        shmeter_reuse_finish(attachment, record, unit);
    else if (shmeter_cas(&record->state, &seen,
                         shmeter_reuse_limbo(SHMETER_STATE_EPOCH(seen), shmeter_epoch_now(attachment))))
        shmeter_reuse_leave_room(attachment, record, unit, 1);
}

/* What is left of a dead one's work becomes room, and room gets a hint. */
SHMETER_LOCAL void
shmeter_reuse_sweep_one(const struct shmeter_attachment *attachment, uint32_t unit)
{
    struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
    /* pairs with shmeter_reuse_bury */
    uint64_t seen = record ? shmeter_load_acquire(&record->state) : 0, epoch = SHMETER_STATE_EPOCH(seen);
    uint32_t kind = SHMETER_STATE_KIND(seen);
    if (kind == SHMETER_LIMBO)
        epoch = SHMETER_LIMBO_EPOCH(seen);
    if (!record)
        return;
    if (kind == SHMETER_LEAVING && shmeter_reuse_leave(attachment, record, unit))
        shmeter_reuse_finish(attachment, record, unit);
    if (kind == SHMETER_HIDDEN && shmeter_reuse_wake(attachment, record, unit))
        shmeter_reuse_leave_room(attachment, record, unit, 1);
    if (kind == SHMETER_REMOVING)
        shmeter_reuse_sweep_removing(attachment, record, unit, seen);
    if ((kind != SHMETER_LIMBO && kind != SHMETER_CLAIMED && kind != SHMETER_UNPUBLISHED) ||
        !shmeter_epoch_is_over(attachment, epoch))
        return;
    if (kind == SHMETER_UNPUBLISHED) {
        if (!shmeter_reuse_is_overflow(attachment, record, unit) &&
            shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_REMOVING, epoch)))
            shmeter_reuse_finish(attachment, record, unit);
    } else if (kind == SHMETER_LIMBO || shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_LIMBO, 0))) {
        shmeter_reuse_leave_room(attachment, record, unit, 0);
    }
}

/* Once for each grace, by one process. Some ns for each record. */
SHMETER_LOCAL void
shmeter_reuse_sweep(const struct shmeter_attachment *attachment)
{
    uint64_t *swept = &attachment->state->reuse.swept, over = shmeter_epoch_over(attachment) - 1, unit = 1, at;
    uint64_t seen = shmeter_load_relaxed(swept);
    if (seen == over || !shmeter_cas(swept, &seen, over))
        return;
    while ((at = shmeter_reuse_next(attachment, &unit)))
        shmeter_reuse_sweep_one(attachment, (uint32_t)at);
}

/* ---- limits ---- */

/*
 * Counts the visible series of a family, and of all, anew: who was killed between a state and its
 * count has left a wrong one. What others make and remove meanwhile may be missing in it, or be there
 * twice, until the next time. Some ns for each record.
 */
SHMETER_LOCAL void
shmeter_reuse_recount(const struct shmeter_attachment *attachment, struct shmeter_family_record *family,
                      uint32_t family_unit)
{
    uint64_t *counts[2] = { &family->series_n, &attachment->state->series_n.value }, n[2] = { 0, 0 }, seen[2];
    uint64_t unit = 1, at;
    uint32_t i;
    for (i = 0; i < 2; i++)
        seen[i] = shmeter_load_relaxed(counts[i]);
    while ((at = shmeter_reuse_next(attachment, &unit))) {
        const struct shmeter_series_record *record = shmeter_arena_series(attachment, at);
        /* pairs with shmeter_reuse_show */
        uint32_t kind = record ? SHMETER_STATE_KIND(shmeter_load_acquire(&record->state)) : SHMETER_UNPUBLISHED;
        if ((kind != SHMETER_VISIBLE && kind != SHMETER_LEAVING) ||
            shmeter_reuse_is_overflow(attachment, record, (uint32_t)at))
            continue;
        n[0] += record->family == family_unit;
        n[1]++;
    }
    for (i = 0; i < 2; i++)
        if (seen[i] != n[i])
            shmeter_cas(counts[i], &seen[i], n[i]);
}

/* ---- one series ---- */

/*
 * A record for a series of this key that nobody can find yet: UNPUBLISHED. Returns the unit, or
 * -errno.
 */
SHMETER_LOCAL int64_t
shmeter_reuse_make(struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                   const struct shmeter_key *key)
{
    int64_t unit = shmeter_reuse_hinted(attachment, definition, key->bytes);
    if (!unit) {
        unit = shmeter_reuse_append(attachment, definition, key);
        if (unit == -ENOMEM || unit == -ENOSPC) {
            int64_t found;
            shmeter_grace_begin(attachment);
            shmeter_grace_ask_now(attachment);
            shmeter_reuse_sweep(attachment);
            found = shmeter_reuse_hinted(attachment, definition, key->bytes);
            unit = found ? found : unit;
        }
    }
    if (unit > 0 && !shmeter_reuse_ready(attachment, definition, key, (uint32_t)unit))
        return -EAGAIN;
    return unit;
}

/* Gives back what shmeter_reuse_make made: nobody has seen it, so that it may be taken at once. */
SHMETER_LOCAL void
shmeter_reuse_give(const struct shmeter_attachment *attachment, uint32_t unit)
{
    struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
    uint64_t seen = record ? shmeter_load_relaxed(&record->state) : 0;
    /* pairs with shmeter_reuse_take */
    if (record && SHMETER_STATE_KIND(seen) == SHMETER_UNPUBLISHED &&
        shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_LIMBO, 0)))
        shmeter_reuse_leave_room(attachment, record, unit, 0);
}

/* Whether a series that is in the index is visible, or can be shown. */
SHMETER_LOCAL int
shmeter_reuse_stays(const struct shmeter_series_record *record)
{
    /* pairs with shmeter_reuse_ready */
    uint32_t kind = SHMETER_STATE_KIND(shmeter_load_acquire(&record->state));
    return kind == SHMETER_UNPUBLISHED || kind == SHMETER_VISIBLE || kind == SHMETER_HIDDEN;
}

/* Shows a series that is in the index. 0: it is on its way out. */
SHMETER_LOCAL int
shmeter_reuse_show(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    /* pairs with shmeter_reuse_ready */
    uint64_t seen = shmeter_load_acquire(&record->state);
    /* pairs with snapshot_record_state */
    if ((SHMETER_STATE_KIND(seen) == SHMETER_UNPUBLISHED || SHMETER_STATE_KIND(seen) == SHMETER_HIDDEN) &&
        shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_VISIBLE, SHMETER_STATE_EPOCH(seen)))) {
        shmeter_reuse_count(attachment, record, unit, 1);
        return 1;
    }
    return SHMETER_STATE_KIND(seen) == SHMETER_VISIBLE;
}

#endif
