/*
 * What a worker says of itself: heartbeat, busy and idle, checks. All in its slot's block, written by its own threads.
 *
 * Checks. A check has one place, whoever reports it first, and two halves for its message, of which one is shown: so
 * one at a time writes. Nobody waits for another one all the same:
 *   Among threads and signal handlers of one copy of the header (or of several that share struct shmeter_process) one
 *   has the turn. Who comes meanwhile leaves a report in private memory, and who has the turn writes it before the turn
 *   is given up: wiped->reports. Among copies that do not share it, block->check_turn says which places are being
 *   written, and which of them have their name already. Who finds a check being written by another copy has reported at
 *   the same time, and the other one's report stays. Of two that make one check, the one that says so later gives its
 *   place up.
 * A process that dies in between leaves its slot to the next owner, for whom all places are new.
 */
#ifndef SHMETER_SHM_WORKER_H
#define SHMETER_SHM_WORKER_H

#include "claim.h"

struct shmeter_worker_report {
    uint64_t next; /* address of the one that was left before this one, or SHMETER_REPORTS_NONE              */
    uint64_t ticks;
    uint64_t health;
    char name[SHMETER_CHECK_NAME_BYTES];
    char message[SHMETER_CHECK_MESSAGE_BYTES];
};

/* wiped->reports: 0 nobody has the turn; else somebody has, and it is the address of the newest report, or this. */
#define SHMETER_REPORTS_NONE UINT64_C(1)

/*
 * A text of at most bytes - 1 and zeros behind it, word by word: others may be reading. bytes: a multiple of 8, as is
 * out.
 */
SHMETER_LOCAL void
shmeter_worker_copy(char *out, const char *text, uint32_t bytes)
{
    uint64_t word;
    uint32_t at, i, ended = !text;
    for (at = 0; at < bytes; at += 8) {
        char part[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };
        for (i = 0; i < 8 && !ended && at + i + 1 < bytes; i++) {
            part[i] = text[at + i];
            ended = !part[i];
        }
        memcpy(&word, part, sizeof word);
        shmeter_store_relaxed((uint64_t *)(void *)(out + at), word);
    }
}

/* name: a report's, with zeros behind it. */
SHMETER_LOCAL int
shmeter_worker_is_named(const struct shmeter_slot_check *check, const char *name)
{
    uint64_t word;
    uint32_t at;
    for (at = 0; at < SHMETER_CHECK_NAME_BYTES; at += 8) {
        memcpy(&word, name + at, sizeof word);
        if (shmeter_load_relaxed((const uint64_t *)(const void *)(check->name + at)) != word)
            return 0;
    }
    return 1;
}

/*
 * ---- one place among copies of the header
 * ------------------------------------------------------------------------------
 */

/* The generation of the slot whose block this is; 0 of the private one. */
SHMETER_LOCAL uint32_t
shmeter_worker_generation(const struct shmeter_attachment *attachment, const struct shmeter_slot_block *block)
{
    uint64_t off;
    if ((const unsigned char *)block == attachment->private_block)
        return 0;
    off = SHMETER_ADDRESS(block) - SHMETER_ADDRESS(shmeter_slot_block_at(attachment, 0));
    /* pairs with shmeter_slot_take */
    return SHMETER_OWNER_GENERATION(
        shmeter_load_acquire(&shmeter_slot_word_at(attachment, off / attachment->header.slot_block_bytes)->owner));
}

/* The turns of this generation, none of another one's; the count goes on. */
SHMETER_INLINE uint64_t
shmeter_worker_turn(uint64_t seen, uint32_t generation)
{
    return (uint32_t)(seen & 0xffffff) == generation ? seen : SHMETER_CHECK_TURN(generation, 0, 0, seen >> 40);
}

enum shmeter_worker_found {
    SHMETER_PLACE_TAKEN,
    SHMETER_PLACE_AGAIN, /* something has changed meanwhile                                                      */
    SHMETER_PLACE_BUSY,  /* another copy is writing this check                                                   */
    SHMETER_PLACE_NONE
};

/* Whether the place is this name's, as the turns were in seen. */
SHMETER_LOCAL int
shmeter_worker_has_name(const struct shmeter_slot_block *block, uint64_t seen, uint32_t place, const char *name)
{
    /* pairs with shmeter_worker_check_put */
    uint64_t word = shmeter_load_acquire(&block->checks[place].word);
    return word != SHMETER_CHECK_MAKING && (word || seen & SHMETER_CHECK_NAMED(place)) &&
           shmeter_worker_is_named(&block->checks[place], name);
}

/* The place of this name, or a free one, as the turns were in seen. */
SHMETER_LOCAL enum shmeter_worker_found
shmeter_worker_find_place(const struct shmeter_slot_block *block, uint64_t seen, const char *name, uint32_t *place)
{
    uint32_t i, none = SHMETER_CHECKS;
    for (i = 0; i < SHMETER_CHECKS; i++) {
        int busy = (seen & SHMETER_CHECK_BUSY(i)) != 0;
        if (shmeter_worker_has_name(block, seen, i, name)) {
            *place = i;
            return busy ? SHMETER_PLACE_BUSY : SHMETER_PLACE_TAKEN;
        }
        if (none == SHMETER_CHECKS && !busy && !shmeter_load_relaxed(&block->checks[i].word))
            none = i;
    }
    *place = none;
    return none == SHMETER_CHECKS ? SHMETER_PLACE_NONE : SHMETER_PLACE_TAKEN;
}

/* Gives up a place. The slot may be another's by now. */
SHMETER_LOCAL void
shmeter_worker_leave_place(struct shmeter_slot_block *block, uint32_t generation, uint32_t place)
{
    /* pairs with shmeter_worker_take_place */
    uint64_t seen = shmeter_load_acquire(&block->check_turn);
    while ((seen & 0xffffff) == generation &&
           /* pairs with read_check of lib/read/snapshot/slots/slots.c */
           !shmeter_cas(&block->check_turn, &seen, seen & ~(SHMETER_CHECK_BUSY(place) | SHMETER_CHECK_NAMED(place))))
        ;
}

/*
 * Names a place that was free and is taken, and says so. 0: another copy has said so of the same name before, and the
 * place is given up.
 */
SHMETER_LOCAL int
shmeter_worker_name_place(struct shmeter_slot_block *block, uint32_t generation, uint32_t place, const char *name)
{
    uint64_t seen;
    uint32_t i;
    shmeter_worker_copy(block->checks[place].name, name, SHMETER_CHECK_NAME_BYTES);
    /* pairs with shmeter_worker_name_place */
    seen = shmeter_load_acquire(&block->check_turn);
    do {
        if ((seen & 0xffffff) != generation)
            return 0;
        /* pairs with shmeter_worker_take_place */
    } while (!shmeter_cas(&block->check_turn, &seen, seen | SHMETER_CHECK_NAMED(place)));
    for (i = 0; i < SHMETER_CHECKS; i++)
        if (i != place && shmeter_worker_has_name(block, seen, i, name)) {
            shmeter_worker_leave_place(block, generation, place);
            return 0;
        }
    return 1;
}

/*
 * One attempt to take the place of the check of this name, named: *place. *count is another one at each turn. Who still
 * has the word of before may be reading what is going to be written, and must not see that and yet that word: of the
 * compare-and-swaps in between, the first one stands behind the word's store, and what is written behind the last one.
 */
SHMETER_LOCAL enum shmeter_worker_found
shmeter_worker_take_place(struct shmeter_slot_block *block, uint32_t generation, const char *name, uint32_t *place,
                          uint64_t *count)
{
    /* pairs with shmeter_worker_name_place */
    uint64_t raw = shmeter_load_acquire(&block->check_turn), seen = shmeter_worker_turn(raw, generation);
    enum shmeter_worker_found found = shmeter_worker_find_place(block, seen, name, place);
    if (found != SHMETER_PLACE_TAKEN)
        return found;
    *count = (seen >> 40) + 1;
    /* pairs with read_check of lib/read/snapshot/slots/slots.c */
    if (!shmeter_cas(&block->check_turn, &raw, (seen + (UINT64_C(1) << 40)) | SHMETER_CHECK_BUSY(*place)))
        return SHMETER_PLACE_AGAIN;
    /* pairs with shmeter_worker_check_put */
    if (!shmeter_load_acquire(&block->checks[*place].word) &&
        !shmeter_worker_name_place(block, generation, *place, name))
        return SHMETER_PLACE_AGAIN;
    return SHMETER_PLACE_TAKEN;
}

/*
 * Writes the message that is not shown into a place that is taken, then shows it together with the state by one
 * compare-and-swap.
 */
SHMETER_LOCAL void
shmeter_worker_check_put(struct shmeter_slot_check *check, const struct shmeter_worker_report *report, uint64_t count)
{
    /* pairs with shmeter_worker_check_put */
    uint64_t seen = shmeter_load_acquire(&check->word), which = (seen >> 8 & 1) ^ 1;
    uint64_t changes = ((seen ? seen >> 32 : count) + 1) & UINT32_MAX;
    shmeter_worker_copy(check->message[which], report->message, SHMETER_CHECK_MESSAGE_BYTES);
    if (!seen || (seen & 0xff) != report->health)
        shmeter_store_relaxed(&check->since_ticks, report->ticks);
    /* pairs with read_check of lib/read/snapshot/slots/slots.c */
    shmeter_cas(&check->word, &seen, report->health | which << 8 | (changes ? changes : 1) << 32);
}

/* Writes a report into one block. */
SHMETER_LOCAL void
shmeter_worker_write_in(const struct shmeter_attachment *attachment, struct shmeter_slot_block *block,
                        const struct shmeter_worker_report *report)
{
    uint32_t generation = shmeter_worker_generation(attachment, block), place;
    enum shmeter_worker_found found;
    uint64_t count = 0;
    do
        found = shmeter_worker_take_place(block, generation, report->name, &place, &count);
    while (found == SHMETER_PLACE_AGAIN);
    if (found == SHMETER_PLACE_NONE)
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_CHECKS_REFUSED);
    if (found != SHMETER_PLACE_TAKEN)
        return;
    shmeter_worker_check_put(&block->checks[place], report, count);
    shmeter_worker_leave_place(block, generation, place);
}

/*
 * Who has the turn writes a report, in the slot that the process has by now: once more when it has one only after the
 * first time.
 */
SHMETER_LOCAL void
shmeter_worker_write(struct shmeter_attachment *attachment, const struct shmeter_worker_report *report)
{
    struct shmeter_slot_block *block = shmeter_claim_block_of(attachment), *now;
    if (!block)
        return;
    shmeter_worker_write_in(attachment, block, report);
    now = shmeter_claim_moved(attachment, block);
    if (now != block)
        shmeter_worker_write_in(attachment, now, report);
}

/*
 * ---- one turn among threads
 * --------------------------------------------------------------------------------------------
 */

/* Gives the turn up, after all reports that were left meanwhile, the oldest first. */
SHMETER_LOCAL void
shmeter_worker_end_turn(struct shmeter_attachment *attachment)
{
    uint64_t *reports = &SHMETER_WIPED(attachment)->reports, seen, next, last;
    for (;;) {
        /* pairs with shmeter_worker_leave_report */
        seen = shmeter_load_acquire(reports);
        if (!shmeter_cas(reports, &seen, seen == SHMETER_REPORTS_NONE ? 0 : SHMETER_REPORTS_NONE))
            continue;
        if (seen == SHMETER_REPORTS_NONE)
            return;
        for (last = SHMETER_REPORTS_NONE; seen != SHMETER_REPORTS_NONE; seen = next) { /* turned round */
            struct shmeter_worker_report *report = SHMETER_POINTER(struct shmeter_worker_report *, seen);
            next = report->next;
            report->next = last;
            last = seen;
        }
        for (; last != SHMETER_REPORTS_NONE; last = next) {
            struct shmeter_worker_report *report = SHMETER_POINTER(struct shmeter_worker_report *, last);
            next = report->next;
            shmeter_worker_write(attachment, report);
            shmeter_heap_give(report, sizeof *report);
        }
    }
}

/* Leaves a copy of the report to who has the turn. 1: nobody has, and the caller has it now. 0: it is left. -ENOMEM. */
SHMETER_LOCAL int
shmeter_worker_leave_report(struct shmeter_attachment *attachment, const struct shmeter_worker_report *report)
{
    struct shmeter_worker_report *left = (struct shmeter_worker_report *)shmeter_heap_take(sizeof *left);
    /* pairs with shmeter_worker_end_turn */
    uint64_t *reports = &SHMETER_WIPED(attachment)->reports, seen = shmeter_load_acquire(reports);
    if (left)
        *left = *report;
    for (;;) {
        if (!seen) {
            if (!shmeter_cas(reports, &seen, SHMETER_REPORTS_NONE))
                continue;
            shmeter_heap_give(left, sizeof *left);
            return 1;
        }
        if (!left)
            return -ENOMEM;
        left->next = seen;
        /* pairs with shmeter_worker_end_turn */
        if (shmeter_cas(reports, &seen, SHMETER_ADDRESS(left)))
            return 0;
    }
}

/*
 * Reports a check. What threads and handlers report at once is written by one of them, each report whole and each
 * before what its thread reports next. Lock-free; async-signal-safe but for the claim of a slot, which makes system
 * calls.
 */
SHMETER_LOCAL void
shmeter_worker_check(struct shmeter_attachment *attachment, const char *name, enum shmeter_health health,
                     const char *message)
{
    struct shmeter_worker_report report;
    uint64_t nobody = 0;
    int turn;
    report.next = 0;
    report.ticks = shmeter_attachment_ticks(attachment);
    report.health = (uint32_t)health > SHMETER_FAILING ? (uint64_t)SHMETER_FAILING : (uint64_t)health;
    shmeter_worker_copy(report.name, name, sizeof report.name);
    shmeter_worker_copy(report.message, message, sizeof report.message);
    /* pairs with shmeter_worker_end_turn */
    turn = shmeter_cas(&SHMETER_WIPED(attachment)->reports, &nobody, SHMETER_REPORTS_NONE);
    if (!turn)
        turn = shmeter_worker_leave_report(attachment, &report);
    if (turn < 0)
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_CHECKS_REFUSED);
    if (turn <= 0)
        return;
    shmeter_worker_write(attachment, &report);
    shmeter_worker_end_turn(attachment);
}

#endif
