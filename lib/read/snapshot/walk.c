/*
 * The walk over the records. It remembers its position: of a published record only the state changes (states.c), so
 * each is copied and checked once. Units that are not part of a finished record are read again, some of them at each
 * take.
 *
 * The walk steps over a whole record only when its hash is right. Otherwise it steps one unit: the bytes there may be
 * the text of an unfinished record, and label values, which strangers choose, may look like a head. And a spare record,
 * which still has its former head, may be overwritten while the walk reads it.
 */
#include <stdlib.h>

#include "read/snapshot/internal.h"

#define PENDING_MOST 16384u /* units that a take reads again at most */

/* What the walk has found at a unit. */
struct look {
    uint32_t units; /* how far to step */
    uint32_t keep;  /* 1: to be read again at later takes */
    uint32_t told;  /* enum told: what it is counted as meanwhile */
    uint32_t leaks; /* 1: its units count as leaked */
};

enum told { TOLD_NOTHING, TOLD_FAMILY_DAMAGED, TOLD_SERIES_DAMAGED, TOLD_SERIES_OVER };

static void
tell(struct snapshot *snapshot, uint32_t told, int64_t more)
{
    struct segment_status *status = &snapshot->status;

    if (told == TOLD_FAMILY_DAMAGED)
        status->families_damaged += (uint64_t)more;
    else if (told == TOLD_SERIES_DAMAGED)
        status->series_damaged += (uint64_t)more;
    else if (told == TOLD_SERIES_OVER)
        status->series_over += (uint64_t)more;
}

/* ---- one record ---- */

uint32_t
snapshot_head_bytes(const struct snapshot *snapshot, uint64_t unit, uint64_t head)
{
    uint64_t bytes = (uint32_t)head, kind = head >> 32;

    if ((kind != SHMETER_KIND_FAMILY && kind != SHMETER_KIND_SERIES) || !bytes || bytes % SHMETER_UNIT_BYTES ||
        bytes > SNAPSHOT_RECORD_BYTES || unit * SHMETER_UNIT_BYTES + bytes > snapshot->records_end)
        return 0;
    return (uint32_t)bytes;
}

/* Whether it is a family's overflow series, which is made with the family and published at its first use. */
static int
is_overflow(const unsigned char *copy, uint32_t bytes, uint64_t kind)
{
    static const char value[] = "__overflow__";
    const size_t at = sizeof(struct shmeter_series_record);

    return kind == SHMETER_KIND_SERIES && bytes >= at + sizeof value && !memcmp(copy + at, value, sizeof value);
}

/* Adds a published record. 0 or -ENOMEM. */
static int
look_at_published(struct snapshot *snapshot, uint32_t unit, uint64_t kind, const unsigned char *copy, uint32_t bytes,
                  uint64_t state, struct look *look)
{
    const uint32_t damaged = kind == SHMETER_KIND_FAMILY ? TOLD_FAMILY_DAMAGED : TOLD_SERIES_DAMAGED;
    int result = kind == SHMETER_KIND_FAMILY ? snapshot_add_family(snapshot, unit, copy, bytes)
                                             : snapshot_add_series(snapshot, unit, copy, bytes, state);

    if (result == -ENOMEM)
        return result;
    if (result == -EBADMSG) { /* perhaps the record, or its family's, is being written */
        look->told = damaged;
        snapshot->wasted += bytes;
        return 0;
    }
    look->units = bytes / SHMETER_UNIT_BYTES;
    look->keep = result == -EAGAIN || result == -EDQUOT;
    look->leaks = result == -EAGAIN;
    look->told = result == -EDQUOT ? TOLD_SERIES_OVER : TOLD_NOTHING;
    if (result == -EINVAL)
        tell(snapshot, damaged, 1); /* it stays damaged */
    return 0;
}

/* Whether the record was in the same state all the while that it was copied. */
static int
is_whole(const struct snapshot *snapshot, uint32_t unit, uint64_t state)
{
    if (!snapshot->reuses)
        return 1;
    /* pairs with shmeter_reuse_take */
    shmeter_fence_acquire();
    return snapshot_record_state(snapshot, unit) == state;
}

/*
 * Reads the record at a unit. The state is loaded before the head, because a producer that reuses a spare record writes
 * the new head before it publishes the record. 0 or -ENOMEM.
 */
static int
look_at(struct snapshot *snapshot, uint32_t unit, struct look *look)
{
    _Alignas(8) unsigned char copy[SNAPSHOT_RECORD_BYTES];
    const uint64_t off = snapshot_record_off(snapshot, unit);
    const uint64_t state = snapshot_record_state(snapshot, unit);
    /* pairs with shmeter_registry_head */
    const uint64_t head = shmeter_load_acquire(snapshot_word(snapshot, off)), kind = head >> 32;
    const uint32_t bytes = snapshot_head_bytes(snapshot, unit, head);

    *look = (struct look){ .units = 1, .keep = 1, .leaks = 1 };
    if (!bytes || !snapshot_held(snapshot, off, bytes))
        return 0;
    snapshot_copy(snapshot, copy, off, bytes);
    if (snapshot_is_published(snapshot, state) && is_whole(snapshot, unit, state))
        return look_at_published(snapshot, unit, kind, copy, bytes, state, look);
    if (!snapshot_check_hash(snapshot, copy, bytes, (uint32_t)kind)) {
        snapshot->wasted += bytes;
        return 0;
    }
    look->units = bytes / SHMETER_UNIT_BYTES;
    look->leaks = !is_overflow(copy, bytes, kind) && SHMETER_STATE_KIND(state) < SHMETER_REMOVING;
    return 0;
}

/* ---- units that are read again ---- */

static int
remember(struct snapshot *snapshot, uint32_t unit, const struct look *look)
{
    const struct snapshot_pending one = { unit, (uint16_t)look->units, (uint8_t)look->told, (uint8_t)look->leaks };

    if (array_room(&snapshot->pending, &snapshot->pending_capacity, (uint64_t)snapshot->pending_n + 1,
                   sizeof *snapshot->pending))
        return -ENOMEM;
    if (snapshot->pending_n && snapshot->pending[snapshot->pending_n - 1].unit > unit)
        snapshot->pending_unsorted = 1;
    snapshot->pending[snapshot->pending_n++] = one;
    tell(snapshot, look->told, 1);
    return 0;
}

static int
by_unit(const void *a, const void *b)
{
    const struct snapshot_pending *left = a, *right = b;

    return left->unit < right->unit ? -1 : left->unit > right->unit;
}

/* Reads a unit again, unless it is a complete record that is still not published. 0 or -ENOMEM. */
static int
look_again(struct snapshot *snapshot, const struct snapshot_pending *pending, struct look *look)
{
    const uint64_t state = snapshot_record_state(snapshot, pending->unit);
    const int waits = pending->units > 1 && !pending->told && !snapshot_is_published(snapshot, state);

    if (!waits)
        return look_at(snapshot, pending->unit, look);
    *look = (struct look){ pending->units, 1, pending->told, pending->leaks };
    return 0;
}

/*
 * Reads the next PENDING_MOST pending units again, in order. Pending units inside a record that was found meanwhile are
 * dropped. 0 or -ENOMEM.
 */
static int
walk_pending(struct snapshot *snapshot)
{
    struct snapshot_pending *all = snapshot->pending;
    const uint32_t first = snapshot->pending_at < snapshot->pending_n ? snapshot->pending_at : 0;
    uint32_t at, kept = first;
    uint64_t known_end = 0;
    int result = 0;

    if (!snapshot->pending_n)
        return 0;
    if (snapshot->pending_unsorted)
        qsort(all, snapshot->pending_n, sizeof *all, by_unit);
    snapshot->pending_unsorted = 0;
    snapshot->wasted = 0;
    for (at = first; at < snapshot->pending_n && !result; at++) {
        struct snapshot_pending one = all[at];
        struct look look = { 1, 0, 0, 0 };
        if (one.unit >= known_end) {
            if (at - first >= PENDING_MOST || snapshot->wasted >= SNAPSHOT_WASTE_BYTES)
                break;
            result = look_again(snapshot, &one, &look);
            if (result)
                break;
            if (look.units > 1)
                known_end = (uint64_t)one.unit + look.units;
        }
        tell(snapshot, one.told, -1);
        if (!look.keep)
            continue;
        tell(snapshot, look.told, 1);
        all[kept++] = (struct snapshot_pending){ one.unit, (uint16_t)look.units, (uint8_t)look.told,
                                                 (uint8_t)look.leaks };
    }
    memmove(all + kept, all + at, (snapshot->pending_n - at) * sizeof *all);
    snapshot->pending_n -= at - kept;
    snapshot->pending_at = kept < snapshot->pending_n ? kept : 0;
    return result;
}

/*
 * Counts the units of the arena that are in no record in use: left by dead makers, spare after a lost race, or being
 * written.
 */
static void
count_leaks(struct snapshot *snapshot)
{
    uint64_t units = 0;
    uint32_t i;

    if (snapshot->pending_at && snapshot->pending_n > PENDING_MOST)
        return; /* only after all of them have been read again */
    for (i = 0; i < snapshot->pending_n; i++)
        units += snapshot->pending[i].leaks ? snapshot->pending[i].units : 0;
    snapshot->status.leaked_bytes = units * SHMETER_UNIT_BYTES;
}

/* ---- the walk ---- */

static int
remember_hole(struct snapshot *snapshot, uint64_t from, uint64_t to)
{
    if (array_room(&snapshot->holes, &snapshot->holes_capacity, (uint64_t)snapshot->holes_n + 1,
                   sizeof *snapshot->holes))
        return -ENOMEM;
    snapshot->holes[snapshot->holes_n++] = (struct snapshot_hole){ (uint32_t)from, (uint32_t)to };
    return 0;
}

/* The unit of the byte at off, at most end. */
static uint64_t
unit_of(const struct snapshot *snapshot, uint64_t off, uint64_t end)
{
    return snapshot_min((off - snapshot->reader->header.records_off) / SHMETER_UNIT_BYTES, end);
}

/*
 * Walks from *at to end, or until too many bytes were copied that are no record. Units without memory are skipped and
 * remembered. 0 or -ENOMEM.
 */
static int
walk(struct snapshot *snapshot, uint64_t *at, uint64_t end)
{
    uint64_t held_end = *at, until;
    struct look look;
    int result = 0;

    while (*at < end && snapshot->wasted < SNAPSHOT_WASTE_BYTES) {
        if (*at >= held_end) {
            int held = snapshot_held_until(snapshot, snapshot_record_off(snapshot, *at), &until);
            held_end = unit_of(snapshot, until, end);
            if (!held) {
                result = remember_hole(snapshot, *at, held_end);
                if (result)
                    return result;
                *at = held_end;
                continue;
            }
        }
        result = look_at(snapshot, (uint32_t)*at, &look);
        if (!result && look.keep)
            result = remember(snapshot, (uint32_t)*at, &look);
        if (result)
            return result;
        *at += look.units;
    }
    return 0;
}

/* Walks through skipped units that have got memory since. 0; or -ENOMEM, and the list of skipped units is unchanged. */
static int
walk_holes(struct snapshot *snapshot)
{
    struct snapshot_hole *before = snapshot->holes;
    const uint32_t before_n = snapshot->holes_n, capacity = snapshot->holes_capacity;
    uint32_t i;
    int result = 0;

    if (!before_n)
        return 0;
    snapshot_held_parts(snapshot);
    snapshot->holes = NULL;
    snapshot->holes_n = snapshot->holes_capacity = 0;
    for (i = 0; i < before_n && !result; i++) {
        uint64_t at = before[i].from;
        result = walk(snapshot, &at, before[i].to);
        if (!result && at < before[i].to)
            result = remember_hole(snapshot, at, before[i].to);
    }
    if (!result) {
        free(before);
        return 0;
    }
    free(snapshot->holes);
    snapshot->holes = before;
    snapshot->holes_n = before_n;
    snapshot->holes_capacity = capacity;
    return result;
}

int
snapshot_take_records(struct snapshot *snapshot)
{
    const uint64_t end = snapshot->records_end / SHMETER_UNIT_BYTES;
    int result;

    if (!snapshot->walked)
        snapshot->walked = 1; /* unit 0 is never a record */
    result = walk_pending(snapshot);
    snapshot->wasted = 0;
    if (!result)
        result = walk_holes(snapshot);
    if (!result && snapshot->walked < end)
        result = walk(snapshot, &snapshot->walked, end);
    if (!result && snapshot->pending_n) /* a series may be found before its family */
        result = walk_pending(snapshot);
    if (result)
        return result;
    count_leaks(snapshot);
    return snapshot->held_error;
}
