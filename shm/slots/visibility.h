/*
 * Hiding and showing the record of a series: its state, how changes of it are counted, and a gauge's cells, which are
 * unset by it. It knows nothing of label values.
 */
#ifndef SHMETER_SHM_VISIBILITY_H
#define SHMETER_SHM_VISIBILITY_H

#include "slot.h"

/*
 * Hides a record's series or shows it again, and counts that before and afterwards. A reader that finds both counts
 * equal, and as they were when it last read all states, need not read them again. Why two: with one count afterwards, a
 * death between the change and its count would hide the change from such a reader for ever; with one count before, the
 * reader could see the count, and not yet the change. Full ordering (the compare-and-swap included) makes a reader that
 * sees the second count see the change, and one that sees the change see the first count. A death in between leaves the
 * counts unequal: all states are read at each take then.
 */
SHMETER_LOCAL int
shmeter_series_change(const struct shmeter_attachment *attachment, struct shmeter_series_record *record,
                      enum shmeter_visibility from, enum shmeter_visibility to)
{
    uint64_t seen = (uint64_t)from;
    int changed;
    /* pairs with shmeter_series_hide_gauge */
    if (shmeter_load_acquire(&record->state) != seen)
        return 0;
    /* pairs with count of lib/read/snapshot/shown/states.c */
    shmeter_add(&attachment->state->changes_begun.value, 1);
    changed = shmeter_cas(&record->state, &seen, (uint64_t)to);
    shmeter_add(&attachment->state->changes_done.value, 1);
    return changed;
}

/*
 * Hides a visible series: to is HIDDEN or HIDING. It is LEAVING first, which is visible still, then counted as begun,
 * and only then not visible. So a program that has seen it VISIBLE later than it has loaded that count finds another
 * one there by the time that it is not exposed any more, whoever dies in between; and a lookup that finds it LEAVING
 * goes on from there, since a lookup that took it as it is would have loaded the count perhaps before and perhaps after
 * it was counted.
 */
SHMETER_LOCAL int
shmeter_series_leave(const struct shmeter_attachment *attachment, struct shmeter_series_record *record,
                     enum shmeter_visibility to)
{
    /* pairs with none: the compare-and-swaps below order, also that of shmeter_series_change */
    uint64_t seen = shmeter_load_acquire(&record->state);
    /* pairs with shmeter_series_try */
    if (seen == SHMETER_VISIBLE)
        shmeter_cas(&record->state, &seen, SHMETER_LEAVING);
    return shmeter_series_change(attachment, record, SHMETER_LEAVING, to);
}

/* Whether a gauge is set in the common block or in a slot that has memory. */
SHMETER_LOCAL int
shmeter_series_is_set(const struct shmeter_attachment *attachment, uint64_t cell)
{
    const struct shmeter_header *header = &attachment->header;
    const struct shmeter_gauge_cell *at = (const struct shmeter_gauge_cell *)(const void *)(attachment->base +
                                                                                            header->common_off) +
                                          cell;
    uint64_t off = header->gauges_off + cell * sizeof *at;
    uint32_t i;
    if (shmeter_load_relaxed(&at->value))
        return 1;
    for (i = 0; i < header->slots_n; i++) {
        at = (const struct shmeter_gauge_cell *)(const void *)(shmeter_slot_block_at(attachment, i) + off);
        /* pairs with shmeter_slot_prepare */
        if (shmeter_load_acquire(&shmeter_slot_word_at(attachment, i)->backed) >= off + sizeof *at &&
            (shmeter_load_relaxed(&at->value) || shmeter_load_relaxed(&at->aux)))
            return 1;
    }
    return 0;
}

/* Unsets a gauge in the common block and in every slot that has memory. */
SHMETER_LOCAL void
shmeter_series_unset(const struct shmeter_attachment *attachment, uint64_t cell)
{
    const struct shmeter_header *header = &attachment->header;
    struct shmeter_gauge_cell *common = (struct shmeter_gauge_cell *)(void *)(attachment->base + header->common_off) +
                                        cell;
    uint64_t off = header->gauges_off + cell * sizeof *common, seen[2];
    uint32_t i;
    seen[0] = shmeter_load_relaxed(&common->value);
    seen[1] = shmeter_load_relaxed(&common->aux);
    while (!shmeter_cas16(common, seen, 0, seen[1] + 1)) /* a new epoch: shares of the old one count no more */
        ;
    for (i = 0; i < header->slots_n; i++) {
        struct shmeter_gauge_cell *own = (struct shmeter_gauge_cell *)(void *)(shmeter_slot_block_at(attachment, i) +
                                                                               off);
        /* pairs with shmeter_slot_prepare */
        if (shmeter_load_acquire(&shmeter_slot_word_at(attachment, i)->backed) < off + sizeof *own)
            continue;
        seen[0] = shmeter_load_relaxed(&own->value);
        seen[1] = shmeter_load_relaxed(&own->aux);
        while (!shmeter_cas16(own, seen, 0, 0))
            ;
    }
}

/*
 * Gives up a gauge's record that is being hidden: its hider may unset the cell at any time, also after a later set.
 * Nobody shows it any more. 0: it is hidden by now, and can be shown.
 */
SHMETER_LOCAL int
shmeter_series_retire(struct shmeter_series_record *record)
{
    uint64_t seen = SHMETER_HIDING;
    return shmeter_cas(&record->state, &seen, SHMETER_RETIRED) || seen == SHMETER_RETIRED;
}

/* The rest of a hide. */
SHMETER_LOCAL void
shmeter_series_hide_gauge(const struct shmeter_attachment *attachment, struct shmeter_series_record *record,
                          uint64_t cell)
{
    uint64_t seen = SHMETER_HIDING;
    shmeter_series_unset(attachment, cell);
    /* pairs with shmeter_series_change */
    shmeter_cas(&record->state, &seen, SHMETER_HIDDEN);
}

#endif
