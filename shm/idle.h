/*
 * Which series nobody updates any more, with SHMETER_FEATURE_REUSE. Updates leave no mark of when they were: a look
 * at a series compares what is in its cells with what was there at an earlier look, and notes it in the record, by
 * seconds. So the first look at a series only begins its time, and a time is at most as exact as looks are frequent.
 *
 * Producers look, and the command: never a reader. A note is one word, moved by one compare-and-swap: who dies leaves
 * the old one or the new one, and of two that look at once one has noted it. What is removed is removed as by hand
 * (shm/removal.h): an update between the look and the removal counts in no series that is exposed, as one does that
 * comes a moment after it.
 */
#ifndef SHMETER_SHM_IDLE_H
#define SHMETER_SHM_IDLE_H

#include "process/timens.h"
#include "reuse.h"

#define SHMETER_IDLE_CLOCK \
    UINT64_C(0xfffffff) /* a note: {seconds since the segment was made:28 (low), of the contents:36}; 0: none       */

/* What a look has found. */
struct shmeter_look {
    uint64_t note; /* as the record has it now                                                                     */
    uint64_t idle; /* whole seconds since the contents were first seen as they are                                 */
    int same;      /* as at the look before                                                                        */
    int is_first;  /* nobody has looked before                                                                     */
};

/* ---- contents ---- */

SHMETER_INLINE uint64_t
shmeter_idle_mix(uint64_t print, uint64_t at, uint64_t word)
{
    return word ? shmeter_hash_word(print + at, word) : print; /* most words of most lanes are 0 */
}

/* All words of a cell in all lanes. */
SHMETER_LOCAL uint64_t
shmeter_idle_cell(const struct shmeter_attachment *attachment, uint32_t bytes, uint64_t cell, uint64_t print)
{
    const struct shmeter_header *header = &attachment->header;
    uint64_t lane, at;
    for (lane = 0; lane < (uint64_t)header->cpu_lanes_n + header->shared_lanes_n; lane++) {
        int shared = lane >= header->cpu_lanes_n;
        uint64_t off = shared ? header->shared_lanes_off + ((lane - header->cpu_lanes_n) << (header->lane_shift + 1))
                              : header->cpu_lanes_off + (lane << header->lane_shift);
        const uint64_t *words = (const uint64_t *)(const void *)(attachment->base + off + (cell << shared));
        for (at = 0; at < (uint64_t)bytes << shared >> 3; at++)
            print = shmeter_idle_mix(print, lane << 16 | at, shmeter_load_relaxed(&words[at]));
    }
    return print;
}

SHMETER_INLINE int
shmeter_idle_mode_lives(uint32_t mode)
{
    return mode == SHMETER_LIVE_ALL || mode == SHMETER_LIVE_SUM || mode == SHMETER_LIVE_MIN ||
           mode == SHMETER_LIVE_MAX || mode == SHMETER_LIVE_LATEST;
}

/* A gauge in the common block and in all slots. 0: a worker that has its slot stands for a value other than 0 there. */
SHMETER_LOCAL int
shmeter_idle_gauge(const struct shmeter_attachment *attachment, uint32_t mode, uint64_t cell, uint64_t *print)
{
    const struct shmeter_header *header = &attachment->header;
    const struct shmeter_gauge_cell *at = (const struct shmeter_gauge_cell *)(const void *)(attachment->base +
                                                                                            header->common_off) +
                                          cell;
    uint64_t off = header->gauges_off + cell * sizeof *at, i, value;
    *print = shmeter_idle_mix(*print, 1, shmeter_load_relaxed(&at->value));
    *print = shmeter_idle_mix(*print, 2, shmeter_load_relaxed(&at->aux));
    for (i = 0; i < header->slots_n; i++) {
        const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, i);
        at = (const struct shmeter_gauge_cell *)(const void *)(shmeter_slot_block_at(attachment, i) + off);
        /* pairs with shmeter_slot_prepare */
        if (shmeter_load_acquire(&word->backed) < off + sizeof *at)
            continue;
        value = shmeter_load_relaxed(&at->value);
        if (value && shmeter_idle_mode_lives(mode) && shmeter_f64_order(value ^ SHMETER_UNSET_BITS) &&
            SHMETER_OWNER_STATE(shmeter_load_relaxed(&word->owner)) == SHMETER_SLOT_LIVE)
            return 0;
        *print = shmeter_idle_mix(*print, 3 + 2 * i, value);
        *print = shmeter_idle_mix(*print, 4 + 2 * i, shmeter_load_relaxed(&at->aux));
    }
    return 1;
}

/* ---- looks ---- */

/* Seconds since the segment was made, of CLOCK_MONOTONIC; 0: the segment is of another boot. */
SHMETER_LOCAL uint64_t
shmeter_idle_now(const struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t ahead_ns = 0, ns;
    if (!attachment->same_boot)
        return 0;
    /* pairs with shmeter_idle_now */
    if (!shmeter_load_acquire(&wiped->ahead_known)) {
        if (!shmeter_timens_ahead(&attachment->header, &ahead_ns))
            ahead_ns = 0;
        shmeter_store_relaxed(&wiped->ahead_ns, ahead_ns);
        /* pairs with shmeter_idle_now */
        shmeter_store_release(&wiped->ahead_known, 1);
    }
    ns = shmeter_clock_ns() - shmeter_load_relaxed(&wiped->ahead_ns) - attachment->header.created_mono_ns;
    return ns < UINT64_MAX / 2 ? 1 + ns / UINT64_C(1000000000) : 0;
}

/* Whether a series of the family can be idle: an info has no value, and one without labels is always there. */
SHMETER_LOCAL int
shmeter_idle_can_be(const struct shmeter_family_record *family)
{
    return family->type != SHMETER_INFO && family->labels_n && family->cell_bytes <= SHMETER_MAX_CELL_BYTES;
}

/*
 * Looks at a series, without a note of it; seen: the note it has. 0: it is not visible, or is never idle. A note goes
 * with the state's epoch: what was noted of the record's series before is no look at this one.
 */
SHMETER_LOCAL int
shmeter_idle_peek(const struct shmeter_attachment *attachment, const struct shmeter_family_record *family,
                  const struct shmeter_series_record *record, uint32_t unit, uint64_t now, uint64_t seen,
                  struct shmeter_look *out)
{
    struct shmeter_definition definition;
    /* pairs with shmeter_reuse_ready */
    uint64_t print = shmeter_load_acquire(&record->state), cell;
    memset(&definition, 0, sizeof definition);
    definition.type = family->type;
    definition.cell_bytes = family->cell_bytes;
    if (SHMETER_STATE_KIND(print) != SHMETER_VISIBLE || !shmeter_idle_can_be(family) ||
        !shmeter_reuse_cell(attachment, &definition, record, &cell) ||
        shmeter_reuse_is_overflow(attachment, record, unit))
        return 0;
    if (!shmeter_type_gauge(family->type))
        print = shmeter_idle_cell(attachment, family->cell_bytes, cell, print);
    else if (!shmeter_idle_gauge(attachment, family->mode, cell, &print))
        return 0;
    print = shmeter_hash_word(print, 0) & ~SHMETER_IDLE_CLOCK;
    out->idle = (now - seen) & SHMETER_IDLE_CLOCK;
    out->is_first = !seen;
    /* one that is later than now is a damaged note */
    out->same = seen && (seen & ~SHMETER_IDLE_CLOCK) == print && out->idle <= SHMETER_IDLE_MOST_SECONDS;
    if (!out->same)
        out->idle = 0;
    out->note = out->same ? seen : print | (now & SHMETER_IDLE_CLOCK);
    return 1;
}

/* Looks at a series, and notes what it has found. 0: likewise, or its record has no room for a note. */
SHMETER_LOCAL int
shmeter_idle_look(const struct shmeter_attachment *attachment, const struct shmeter_family_record *family,
                  struct shmeter_series_record *record, uint32_t unit, uint64_t now, struct shmeter_look *out)
{
    uint64_t *note = shmeter_lifetime_note(attachment, record, unit, record->values_bytes);
    uint64_t seen = note ? shmeter_load_relaxed(note) : 0;
    if (!note || !shmeter_idle_peek(attachment, family, record, unit, now, seen, out))
        return 0;
    if (!out->same)
        shmeter_cas(note, &seen, out->note);
    return 1;
}

/* ---- families whose series go when they are idle ---- */

/* Looks at one series; 1: it was idle for longer than its family allows, and this call has removed it. */
SHMETER_LOCAL int
shmeter_idle_judge(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit,
                   uint64_t now)
{
    struct shmeter_family_record *family = shmeter_arena_family(attachment, record->family);
    uint64_t seconds = family ? (uint32_t)shmeter_lifetime_of(attachment, family, record->family) : 0;
    struct shmeter_look look;
    return seconds && shmeter_idle_look(attachment, family, record, unit, now, &look) && look.idle > seconds &&
           shmeter_reuse_remove(attachment, record, unit);
}

/*
 * Looks at all series of families that have such a time, and removes those that were idle for longer; returns how
 * many. Some 10 ns for each record, and for each series that is looked at some ns for each lane, or slot of a gauge.
 */
SHMETER_LOCAL uint32_t
shmeter_idle_sweep(const struct shmeter_attachment *attachment, uint64_t now)
{
    uint64_t unit = 1, at;
    uint32_t removed = 0;
    if (!now || !shmeter_attachment_reuses(attachment))
        return 0;
    while ((at = shmeter_reuse_next(attachment, &unit))) {
        struct shmeter_series_record *record = shmeter_arena_series(attachment, at);
        if (record)
            removed += (uint32_t)shmeter_idle_judge(attachment, record, (uint32_t)at, now);
    }
    return removed;
}

/*
 * The same, where a quarter of the shortest time has passed since somebody did it; who dies in it has removed a part,
 * and the rest is looked at the next time. A few loads and a clock, where there is such a family.
 */
SHMETER_LOCAL uint32_t
shmeter_idle_mind(const struct shmeter_attachment *attachment)
{
    struct shmeter_reuse *reuse = &attachment->state->reuse;
    uint64_t seconds = shmeter_load_relaxed(&reuse->idle), now, looked;
    if (!seconds || !attachment->base || !shmeter_attachment_reuses(attachment))
        return 0;
    now = shmeter_idle_now(attachment);
    looked = shmeter_load_relaxed(&reuse->looked);
    if (!now || (looked <= now && now - looked < (seconds + 3) / 4) || !shmeter_cas(&reuse->looked, &looked, now))
        return 0;
    return shmeter_idle_sweep(attachment, now);
}

#endif
