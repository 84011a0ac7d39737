/*
 * A process without a slot: its gauges and what it says of itself stand in a private block, which fork wipes, and are
 * carried into the slot that it gets later.
 *
 * The claim's word says when there is something to carry (SHMETER_CLAIM_PRIVATE), and is set before. Who carries leaves
 * a mark in each gauge cell: moved to the slot of this claim. Both are one compare-and-swap, so that an update
 * meanwhile is carried, or finds the mark and goes to the slot: none is lost or doubled, and nobody waits for the
 * carrier.
 */
#ifndef SHMETER_SHM_PRIVATE_H
#define SHMETER_SHM_PRIVATE_H

#include "slot.h"

/*
 * A private cell's value when it was moved; aux is the claim. No value that is set has these bits: NaN is always the
 * plain one.
 */
#define SHMETER_MOVED_BITS (UINT64_C(0x7ff8000000000001) ^ SHMETER_UNSET_BITS)

enum shmeter_gauge_op { SHMETER_GAUGE_SET, SHMETER_GAUGE_ADD, SHMETER_GAUGE_TOUCH };

/*
 * What one update makes of a private cell, seen -> next. epoch: of the common cell, whose share a POOL's add is; its
 * set and touch do not come here. 0: the mode refuses it.
 */
SHMETER_LOCAL int
shmeter_private_next(uint32_t mode, enum shmeter_gauge_op op, double v, uint64_t ticks, uint64_t epoch,
                     const uint64_t seen[2], uint64_t next[2])
{
    double base = seen[0] && (mode != SHMETER_POOL || seen[1] == epoch) ? shmeter_gauge_decode(seen[0]) : 0;
    next[0] = seen[0];
    next[1] = seen[1];
    if (shmeter_gauge_latest(mode)) {
        if (op == SHMETER_GAUGE_SET) {
            next[0] = shmeter_gauge_encode(v);
            next[1] = ticks > seen[1] ? ticks : seen[1] + 1;
        }
        return op != SHMETER_GAUGE_ADD;
    }
    v = op == SHMETER_GAUGE_SET ? v : op == SHMETER_GAUGE_ADD ? shmeter_f64_sum(base, v) : base;
    next[0] = shmeter_gauge_encode(v);
    next[1] = mode == SHMETER_POOL ? epoch : seen[1];
    return !(shmeter_f64_is_nan(v) && shmeter_gauge_extreme(mode));
}

/* The address of this process's slot block; 0: it has none, or its gauges are being carried there. */
SHMETER_LOCAL uint64_t
shmeter_private_slot(const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_claim_publish */
    uint64_t claim = shmeter_load_acquire(&SHMETER_WIPED(attachment)->claim);
    return !SHMETER_CLAIM_KEY(claim) || (claim & SHMETER_CLAIM_PRIVATE)
               ? 0
               : SHMETER_ADDRESS(shmeter_slot_block_at(attachment, shmeter_slot_of(claim)));
}

/* Says that there is something to carry. 0: the process has a slot. */
SHMETER_LOCAL int
shmeter_private_begin(struct shmeter_wiped *wiped)
{
    uint64_t seen[2];
    /* pairs with shmeter_claim_publish */
    seen[1] = shmeter_load_acquire(&wiped->slot);
    seen[0] = shmeter_load_acquire(&wiped->claim);
    do {
        if (seen[0] & SHMETER_CLAIM_PRIVATE)
            return 1;
        if (SHMETER_CLAIM_KEY(seen[0]))
            return 0;
        /* pairs with shmeter_private_carry */
    } while (!shmeter_cas16(&wiped->claim, seen, seen[0] | SHMETER_CLAIM_PRIVATE, 0));
    return 1;
}

enum shmeter_private_done { SHMETER_PRIVATE_MOVED, SHMETER_PRIVATE_DONE, SHMETER_PRIVATE_REFUSED };

/*
 * Updates the private cell at off of the block, unless the gauge is in a slot by now: MOVED, and *slot is that slot's
 * cell. Lock-free, async-signal-safe, no system call.
 */
SHMETER_LOCAL enum shmeter_private_done
shmeter_private_update(const struct shmeter_attachment *attachment, uint64_t off, uint32_t mode,
                       enum shmeter_gauge_op op, double v, struct shmeter_gauge_cell **slot)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    struct shmeter_gauge_cell *cell = SHMETER_POINTER(struct shmeter_gauge_cell *,
                                                      SHMETER_ADDRESS(attachment->private_block) + off);
    const struct shmeter_gauge_cell *common = SHMETER_POINTER(
        const struct shmeter_gauge_cell *,
        SHMETER_ADDRESS(attachment->base) + attachment->header.common_off + off - attachment->header.gauges_off);
    uint64_t ticks = shmeter_gauge_latest(mode) ? shmeter_attachment_ticks(attachment) : 0;
    for (;;) {
        uint64_t seen[2], old[2], next[2], claim, at;
        if (!shmeter_private_begin(wiped)) {
            at = shmeter_private_slot(attachment);
            if (!at)
                continue; /* given back this moment */
            *slot = SHMETER_POINTER(struct shmeter_gauge_cell *, at + off);
            return SHMETER_PRIVATE_MOVED;
        }
        /* pairs with shmeter_private_carry */
        old[0] = seen[0] = shmeter_load_acquire(&cell->value);
        old[1] = seen[1] = shmeter_load_acquire(&cell->aux);
        if (seen[0] == SHMETER_MOVED_BITS) {
            /* pairs with shmeter_claim_publish */
            claim = shmeter_load_acquire(&wiped->claim);
            if (SHMETER_CLAIM_KEY(claim) == seen[1]) {
                *slot = SHMETER_POINTER(struct shmeter_gauge_cell *,
                                        SHMETER_ADDRESS(shmeter_slot_block_at(attachment, shmeter_slot_of(claim))) +
                                            off);
                return SHMETER_PRIVATE_MOVED;
            }
            if (!(claim & SHMETER_CLAIM_PRIVATE))
                continue;
            seen[0] = seen[1] = 0; /* to a slot of before */
        }
        /* pairs with shmeter_gauge_set_pool */
        if (!shmeter_private_next(mode, op, v, ticks, mode == SHMETER_POOL ? shmeter_load_acquire(&common->aux) : 0,
                                  seen, next))
            return SHMETER_PRIVATE_REFUSED;
        /* pairs with shmeter_private_carry */
        if (shmeter_cas16(cell, old, next[0], next[1]))
            return SHMETER_PRIVATE_DONE;
    }
}

/* Units of work that were counted privately go into the block. */
SHMETER_LOCAL void
shmeter_private_move_work(struct shmeter_slot_block *from, struct shmeter_slot_block *to)
{
    uint64_t work_n = shmeter_load_relaxed(&from->work_n);
    while (work_n && !shmeter_cas(&from->work_n, &work_n, 0))
        ;
    if (work_n)
        shmeter_add(&to->work_n, work_n);
}

/*
 * What the worker has said of itself. The threads that say something meanwhile say it again in the slot
 * (client/cold.h).
 */
SHMETER_LOCAL void
shmeter_private_move_words(struct shmeter_slot_block *from, struct shmeter_slot_block *to)
{
    uint32_t i, at;
    shmeter_store_relaxed(&to->heartbeat_ticks, shmeter_load_relaxed(&from->heartbeat_ticks));
    shmeter_store_relaxed(&to->busy_ticks, shmeter_load_relaxed(&from->busy_ticks));
    shmeter_store_relaxed(&from->heartbeat_ticks, 0);
    shmeter_store_relaxed(&from->busy_ticks, 0);
    shmeter_private_move_work(from, to);
    for (i = 0; i < SHMETER_CHECKS; i++) {
        const uint64_t *words = (const uint64_t *)(const void *)&from->checks[i];
        /* pairs with shmeter_worker_check_put */
        uint64_t *out = (uint64_t *)(void *)&to->checks[i], word = shmeter_load_acquire(&from->checks[i].word);
        if (!word || word == SHMETER_CHECK_MAKING)
            continue;
        for (at = 1; at < sizeof from->checks[i] / 8; at++)
            shmeter_store_relaxed(&out[at], shmeter_load_relaxed(&words[at]));
        /* pairs with read_check of lib/read/snapshot/slots/slots.c */
        shmeter_store_release(&to->checks[i].word, word);
        shmeter_store_relaxed(&from->checks[i].word, 0);
    }
}

/*
 * Carries all gauges into the slot of a claim, whose address nobody has yet: its cells are unset but for what the dead
 * have retained, which stays in aux, and for a LATEST value, which a later one replaces.
 */
SHMETER_LOCAL void
shmeter_private_carry(const struct shmeter_attachment *attachment, uint64_t claim)
{
    const struct shmeter_header *header = &attachment->header;
    struct shmeter_slot_block *from = SHMETER_POINTER(struct shmeter_slot_block *,
                                                      SHMETER_ADDRESS(attachment->private_block)),
                              *to = (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment,
                                                                                               shmeter_slot_of(claim));
    struct shmeter_gauge_cell *cells = (struct shmeter_gauge_cell *)(void *)(from + 1),
                              *slot = (struct shmeter_gauge_cell *)(void *)((unsigned char *)to + header->gauges_off);
    uint64_t seen[2], was[2], key = SHMETER_CLAIM_KEY(claim);
    uint32_t i;
    shmeter_private_move_words(from, to);
    for (i = 0; i < header->gauges_n; i++) {
        seen[0] = shmeter_load_relaxed(&cells[i].value);
        seen[1] = shmeter_load_relaxed(&cells[i].aux);
        do {
            was[0] = shmeter_load_relaxed(&slot[i].value);
            was[1] = shmeter_load_relaxed(&slot[i].aux);
            while (seen[0] && seen[0] != SHMETER_MOVED_BITS && (!seen[1] || seen[1] >= was[1]) &&
                   !shmeter_cas16(&slot[i], was, seen[0], seen[1] ? seen[1] : was[1]))
                ;
            /* pairs with shmeter_private_update */
        } while (!shmeter_cas16(&cells[i], seen, SHMETER_MOVED_BITS, key));
    }
}

#endif
