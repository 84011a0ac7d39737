/*
 * The removal of a series, with SHMETER_FEATURE_REUSE: out of what is exposed, out of the index and
 * out of the limits, and its record and cell into limbo, where they wait until nobody can have
 * anything of them any more. shm/reuse.h makes other series of them.
 */
#ifndef SHMETER_SHM_REMOVAL_H
#define SHMETER_SHM_REMOVAL_H

#include "registry/limbo.h"
#include "registry/registry.h"
#include "segment/park.h"

/* The word {family, values_n} of a series' record. */
#define SHMETER_RECORD_FAMILY(record) ((uint64_t *)(uintptr_t) & (record)->family)

#define SHMETER_REUSE_WAKES 256u /* that rest, and are buried by one who says that it is done with them          */

/* ---- records ---- */

/*
 * Whether the record is a family's __overflow__ series, which no limit counts, and which waits for
 * its first use.
 */
SHMETER_LOCAL int
shmeter_reuse_is_overflow(const struct shmeter_attachment *attachment, const struct shmeter_series_record *record,
                          uint32_t unit)
{
    static const char value[] = "__overflow__";
    const char *text = (const char *)(record + 1);
    uint32_t i;
    if (!record->values_n || record->values_n > SHMETER_MAX_LABELS ||
        record->values_bytes != record->values_n * sizeof value ||
        !shmeter_arena_at(attachment, unit, sizeof *record + record->values_bytes))
        return 0;
    for (i = 0; i < record->values_n; i++)
        if (memcmp(text + i * sizeof value, value, sizeof value) != 0)
            return 0;
    return 1;
}

/*
 * The record's cell, if all of it has memory: a damaged record must not become a wild write, also if others write to it
 * meanwhile.
 */
SHMETER_LOCAL int
shmeter_reuse_cell(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                   const struct shmeter_series_record *record, uint64_t *cell)
{
    const struct shmeter_header *header = &attachment->header;
    uint64_t end = shmeter_load_relaxed(&attachment->state->cells_backed.value);
    *cell = shmeter_load_relaxed(&record->cell);
    if (end > UINT64_C(1) << header->lane_shift)
        end = UINT64_C(1) << header->lane_shift;
    if (shmeter_type_gauge(definition->type))
        return *cell < header->gauges_n;
    return !definition->cell_bytes ||
           (*cell >= SHMETER_FIRST_CELL_OFF && !(*cell & 7) && *cell < end && definition->cell_bytes <= end - *cell);
}

/* Whether the record has room for a series of this definition with so many bytes of values; its cell. */
SHMETER_LOCAL int
shmeter_reuse_fits(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                   const struct shmeter_series_record *record, uint32_t unit, uint32_t bytes, uint64_t *cell)
{
    const struct shmeter_family_record *family = shmeter_arena_family(attachment, record->family);
    uint32_t record_bytes = record->bytes;
    return family && family->cell_bytes == definition->cell_bytes &&
           shmeter_limbo_ring(family->type, family->cell_bytes) ==
               shmeter_limbo_ring(definition->type, definition->cell_bytes) &&
           record_bytes >= sizeof *record + bytes + SHMETER_NOTE_BYTES &&
           shmeter_arena_at(attachment, unit, record_bytes) && shmeter_reuse_cell(attachment, definition, record, cell);
}

/* Whether a removed series rests in the index until its room is wanted. */
SHMETER_LOCAL int
shmeter_reuse_rests(const struct shmeter_attachment *attachment, const struct shmeter_series_record *record)
{
    const struct shmeter_family_record *family = shmeter_arena_family(attachment, record->family);
    return family && family->type == SHMETER_INFO;
}

/* ---- limits: of visible series ---- */

SHMETER_LOCAL void
shmeter_reuse_uncount(uint64_t *n)
{
    uint64_t seen = shmeter_load_relaxed(n);
    while (seen && !shmeter_cas(n, &seen, seen - 1)) /* never below 0, whoever died between a state and its count */
        ;
}

SHMETER_LOCAL void
shmeter_reuse_count(const struct shmeter_attachment *attachment, const struct shmeter_series_record *record,
                    uint32_t unit, int more)
{
    struct shmeter_family_record *family = shmeter_arena_family(attachment, record->family);
    if (!family || shmeter_reuse_is_overflow(attachment, record, unit))
        return;
    if (more) {
        shmeter_add(&family->series_n, 1);
        shmeter_add(&attachment->state->series_n.value, 1);
    } else {
        shmeter_reuse_uncount(&family->series_n);
        shmeter_reuse_uncount(&attachment->state->series_n.value);
    }
}

/* ---- removal ---- */

/* The state of what was made in one epoch and removed in another. */
SHMETER_INLINE uint64_t
shmeter_reuse_limbo(uint64_t made, uint64_t removed)
{
    uint64_t life = removed > made ? removed - made : 0, shift = 0;
    while (life >> shift > 2046 && shift < 31)
        shift++;
    life = (life >> shift) + (shift > 0);
    return SHMETER_STATE(SHMETER_LIMBO, (removed & ((UINT64_C(1) << 40) - 1)) | (life & 2047) << 40 | shift << 51);
}

/*
 * What one record that waits is worth: a grace is due when the sum is SHMETER_GRACE_PRESSURE. That
 * is 64 of them, or an eighth of what there can be, or one, where new ones have no room any more
 * and few wait.
 */
SHMETER_LOCAL uint64_t
shmeter_reuse_weight(const struct shmeter_attachment *attachment, const struct shmeter_family_record *family)
{
    const struct shmeter_header *header = &attachment->header;
    const struct shmeter_state *state = attachment->state;
    uint64_t most = header->records_bytes / 2 / SHMETER_UNIT_BYTES, weight, used = 0;
    if (shmeter_type_gauge(family->type)) {
        most = header->gauges_n;
        used = shmeter_load_relaxed(&state->gauges_fill.value);
    } else if (family->cell_bytes) {
        most = (UINT64_C(1) << header->lane_shift) / family->cell_bytes;
        used = shmeter_load_relaxed(&state->cells_fill.value) / family->cell_bytes + 1;
    }
    if (used >= most && shmeter_limbo_n(attachment, shmeter_limbo_ring(family->type, family->cell_bytes)) <= most / 16)
        return SHMETER_GRACE_PRESSURE;
    weight = most ? 8 * SHMETER_GRACE_PRESSURE / most : SHMETER_GRACE_PRESSURE;
    return weight < SHMETER_GRACE_PRESSURE / 64 ? SHMETER_GRACE_PRESSURE / 64 : weight;
}

/*
 * Leaves a record that is out of the index to whoever makes a series. waits: not before its epoch
 * is over; else somebody may be making one of it already, and of a family whose cells are of the
 * same kind.
 */
SHMETER_LOCAL void
shmeter_reuse_leave_room(const struct shmeter_attachment *attachment, const struct shmeter_series_record *record,
                         uint32_t unit, int waits)
{
    const struct shmeter_family_record *family = shmeter_arena_family(
        attachment, (uint32_t)shmeter_load_relaxed(SHMETER_RECORD_FAMILY(record)));
    if (!family)
        return;
    if (waits)
        shmeter_add(&attachment->state->reuse.pressure, shmeter_reuse_weight(attachment, family));
    shmeter_limbo_put(attachment, shmeter_limbo_ring(family->type, family->cell_bytes), unit);
}

/*
 * The second half of a removal: out of the index, and only then is the epoch read. Whoever has
 * found the record before that holds this epoch's lock or that of an earlier one. 1: this call has
 * done it.
 */
SHMETER_LOCAL int
shmeter_reuse_bury(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    /* pairs with shmeter_reuse_leave */
    uint64_t seen = shmeter_load_acquire(&record->state);
    if (SHMETER_STATE_KIND(seen) != SHMETER_REMOVING || !shmeter_index_mark(attachment, unit) ||
        !shmeter_index_unlink(attachment, record->hash))
        return 0;
    /* pairs with shmeter_reuse_take */
    return shmeter_cas(&record->state, &seen,
                       shmeter_reuse_limbo(SHMETER_STATE_EPOCH(seen), shmeter_epoch_now(attachment)));
}

/* The same, and says where there is room. */
SHMETER_LOCAL void
shmeter_reuse_finish(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    if (shmeter_reuse_bury(attachment, record, unit))
        shmeter_reuse_leave_room(attachment, record, unit, 1);
}

/*
 * The first half: not visible any more. It is LEAVING first, which is visible still, then counted
 * as begun, as in shmeter_series_leave; so a handle is good for as long as the count stands at
 * which its series was found visible. An info, which nobody can have a handle of, stays in the
 * index as HIDDEN until a maker wants its room, and so comes back without a new record. 1: this
 * call has done it.
 */
SHMETER_LOCAL int
shmeter_reuse_leave(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    /* pairs with shmeter_reuse_show */
    uint64_t seen = shmeter_load_acquire(&record->state), epoch = SHMETER_STATE_EPOCH(seen);
    int left, rests;
    if (SHMETER_STATE_KIND(seen) == SHMETER_VISIBLE &&
        shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_LEAVING, epoch)))
        seen = SHMETER_STATE(SHMETER_LEAVING, epoch);
    if (SHMETER_STATE_KIND(seen) != SHMETER_LEAVING)
        return 0;
    /* pairs with snapshot_changes_begun */
    shmeter_add(&attachment->state->changes_begun.value, 1);
    rests = shmeter_reuse_rests(attachment, record);
    left = shmeter_cas(&record->state, &seen,
                       SHMETER_STATE(rests ? SHMETER_HIDDEN : SHMETER_REMOVING, SHMETER_STATE_EPOCH(seen)));
    if (left)
        shmeter_reuse_count(attachment, record, unit, 0);
    shmeter_add(&attachment->state->changes_done.value, 1);
    if (left && rests)
        shmeter_reuse_leave_room(attachment, record, unit, 1);
    return left;
}

/*
 * Buries one that rests: it cannot come back from here, and its room can be had. 1: this call has
 * done it.
 */
SHMETER_LOCAL int
shmeter_reuse_wake(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    /* pairs with shmeter_reuse_leave */
    uint64_t seen = shmeter_load_acquire(&record->state);
    return SHMETER_STATE_KIND(seen) == SHMETER_HIDDEN &&
           shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_REMOVING, SHMETER_STATE_EPOCH(seen))) &&
           shmeter_reuse_bury(attachment, record, unit);
}

/* Buries what rests and was removed last, before a grace; there are hints of it. */
SHMETER_LOCAL void
shmeter_reuse_wake_all(const struct shmeter_attachment *attachment)
{
    uint32_t ring = shmeter_limbo_ring(SHMETER_INFO, 0), unit;
    uint64_t n = shmeter_limbo_n(attachment, ring), at;
    uint64_t put = shmeter_load_relaxed(&attachment->state->limbo_put.ring[ring]);
    n = n > SHMETER_REUSE_WAKES ? SHMETER_REUSE_WAKES : n;
    n = n > attachment->header.limbo_entries ? attachment->header.limbo_entries : n;
    if (!(shmeter_load_relaxed(&attachment->state->reuse.backed) >> ring & 1))
        return;
    for (at = put - n; at < put; at++) {
        struct shmeter_series_record *record;
        unit = (uint32_t)shmeter_load_relaxed(shmeter_limbo_at(attachment, ring, at));
        record = shmeter_arena_series(attachment, unit);
        if (record)
            shmeter_reuse_wake(attachment, record, unit);
    }
}

/* Begins a grace where something waits for one. 1: it has. */
SHMETER_LOCAL int
shmeter_reuse_begin(const struct shmeter_attachment *attachment)
{
    if (!shmeter_grace_is_worth(attachment))
        return 0;
    shmeter_grace_begin(attachment);
    return 1;
}

/*
 * Removes a visible series; goes on with a removal that somebody else has begun. Lock-free; a
 * system call where the ring of hints has no memory yet. 1: it is this call that has taken it out of
 * sight.
 */
SHMETER_LOCAL int
shmeter_reuse_remove(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    int left = shmeter_reuse_leave(attachment, record, unit);
    shmeter_reuse_finish(attachment, record, unit);
    if (shmeter_load_relaxed(&attachment->state->reuse.pressure) >= SHMETER_GRACE_PRESSURE)
        shmeter_grace_begin(attachment);
    return left;
}

#endif
