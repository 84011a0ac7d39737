/*
 * Chooses the slot that a process takes. One that had an owner is taken only with proof that this owner is dead: its
 * lock, which the claimant then holds, where it is known to have had one; else its pid and start time. The last resort,
 * when nothing else is free, is a slot without a lock whose owner nobody here can ask for.
 *
 * What a search costs. The slots' words say without a question which slots were never used or were given back. One
 * question to the kernel tells whether a slot can be had: its lock is taken, or is another's. A claimant has so many
 * questions, and where they run out its next search goes on.
 */
#ifndef SHMETER_SHM_SEARCH_H
#define SHMETER_SHM_SEARCH_H

#include "slot.h"

#define SHMETER_CLAIM_TRIES      32 /* questions of one call that has no time: about 1 us each */
#define SHMETER_CLAIM_OLDEST     8 /* owned slots that are tried in the order of their claims                         */
#define SHMETER_CLAIM_LIFE_TRIES 4 /* questions that shmeter_identity_life() asks                                    */

enum shmeter_claim_lock { SHMETER_CLAIM_LOCKED, SHMETER_CLAIM_HELD, SHMETER_CLAIM_NO_LOCKS };

/* Tries to lock a slot's byte. */
SHMETER_LOCAL enum shmeter_claim_lock
shmeter_claim_lock(struct shmeter_claimant *claimant, uint64_t idx)
{
    int result;
    if (claimant->fd < 0)
        return SHMETER_CLAIM_NO_LOCKS;
    claimant->tries--;
    result = shmeter_sys_lock_byte(claimant->fd, idx);
    if (!result)
        return SHMETER_CLAIM_LOCKED;
    if (result == -EAGAIN || result == -EACCES)
        return SHMETER_CLAIM_HELD;
    shmeter_sys_close(claimant->fd); /* this kernel, or this filesystem, has none */
    claimant->fd = -1;
    return SHMETER_CLAIM_NO_LOCKS;
}

/*
 * Takes the slot whose owner words are seen, and lets its lock go where that fails. Where there is no memory for it,
 * another one may have some: that is noted, and told when none has.
 */
SHMETER_LOCAL int
shmeter_claim_take(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant, uint64_t idx,
                   uint64_t seen[2], enum shmeter_claim_lock lock, uint64_t *claim)
{
    int result = shmeter_slot_take(attachment, claimant, idx, seen, lock == SHMETER_CLAIM_LOCKED, claim);
    if (result <= 0 && lock == SHMETER_CLAIM_LOCKED)
        shmeter_sys_unlock_byte(claimant->fd, idx);
    if (result != -ENOSPC)
        return result;
    claimant->no_memory = result;
    return 0;
}

SHMETER_INLINE int
shmeter_claim_is_owned(uint64_t owner)
{
    return SHMETER_OWNER_STATE(owner) == SHMETER_SLOT_LIVE || SHMETER_OWNER_STATE(owner) == SHMETER_SLOT_CLAIMING;
}

/* Whether nobody here can tell if such a process lives. */
SHMETER_INLINE int
shmeter_claim_is_foreign(const struct shmeter_claimant *claimant, uint64_t identity)
{
    uint32_t own = SHMETER_IDENTITY_NAMESPACES(claimant->self.identity);
    return !own || SHMETER_IDENTITY_NAMESPACES(identity) != own;
}

/* Whether a slot is worth a try: where there was no memory for another one, it must have some. */
SHMETER_LOCAL int
shmeter_claim_worth(const struct shmeter_attachment *attachment, const struct shmeter_claimant *claimant, uint64_t idx)
{
    return !claimant->no_memory ||
           shmeter_load_relaxed(&shmeter_slot_word_at(attachment, idx)->backed) >= attachment->header.ring_off;
}

/*
 * Tries a slot that nobody owns (free), or somebody (owned). last: everything else has failed; then a lock that is held
 * does not speak for a slot that was given back, nor for an owner whose death pid and start time prove (a child has its
 * descriptor by accident), and a lock that is not held speaks against an owner of other namespaces. Returns 1 and
 * *claim, 0 not this one, or -errno.
 */
SHMETER_LOCAL int
shmeter_claim_try(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant, uint64_t idx, int last,
                  uint64_t *claim)
{
    const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, idx);
    enum shmeter_claim_lock lock = SHMETER_CLAIM_NO_LOCKS;
    uint64_t seen[2];
    int result, owned, dead, robbed = 0;
    shmeter_slot_owner(word, seen);
    owned = shmeter_claim_is_owned(seen[0]);
    if (owned && SHMETER_OWNER_PID(seen[0]) == claimant->pid && seen[1] == claimant->self.identity &&
        claimant->self.identity)
        return 0; /* another copy's of the header in this process, or another thread's */
    if (!shmeter_claim_worth(attachment, claimant, idx))
        return 0;
    lock = shmeter_claim_lock(claimant, idx);
    if (lock == SHMETER_CLAIM_HELD && !last)
        return 0;
    dead = !owned || (lock == SHMETER_CLAIM_LOCKED && shmeter_slot_is_mapped(word, seen[0]));
    if (!dead) {
        claimant->tries -= SHMETER_CLAIM_LIFE_TRIES;
        dead = shmeter_identity_life(seen[0], seen[1], &claimant->self) == SHMETER_LIFE_DEAD;
    }
    if (!dead && last && lock == SHMETER_CLAIM_LOCKED)
        dead = robbed = shmeter_claim_is_foreign(claimant, seen[1]);
    if (!dead) {
        if (lock == SHMETER_CLAIM_LOCKED)
            shmeter_sys_unlock_byte(claimant->fd, idx);
        return 0;
    }
    result = shmeter_claim_take(attachment, claimant, idx, seen, lock, claim);
    if (result > 0 && robbed && SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_LIVE)
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SLOTS_ROBBED);
    return result;
}

/* Slots that were never used, in their order. */
SHMETER_LOCAL int
shmeter_claim_unused(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant, uint64_t *claim)
{
    uint32_t i;
    int result = 0;
    for (i = 0; !result && i < attachment->header.slots_n && claimant->tries > 0; i++)
        if (!shmeter_load_relaxed(&shmeter_slot_word_at(attachment, i)->owner))
            result = shmeter_claim_try(attachment, claimant, i, 0, claim);
    return result;
}

/*
 * When the slot's last owner was heard of; UINT64_MAX for a slot that was never used, and for an owned one where it is
 * not asked for.
 */
SHMETER_LOCAL uint64_t
shmeter_claim_rank(const struct shmeter_slot_word *word, int and_owned)
{
    uint64_t owner = shmeter_load_relaxed(&word->owner);
    if (!owner || (shmeter_claim_is_owned(owner) && !and_owned))
        return UINT64_MAX;
    return shmeter_load_relaxed(shmeter_claim_is_owned(owner) ? &word->claimed_ticks : &word->ended_ticks);
}

/*
 * Slots whose last words are the oldest, in this order: of those that were given back all, of the owned ones, whose
 * owners may be dead, the first SHMETER_CLAIM_OLDEST; none while a search is under way, which comes to them. A slot
 * that is tried in vain is given back anew, and not tried again.
 */
SHMETER_LOCAL int
shmeter_claim_oldest(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant, uint64_t *claim)
{
    uint64_t from = 0, until = shmeter_attachment_ticks(attachment), best, rank;
    uint32_t i, from_idx = 0, chosen;
    int result = 0, owned_left = shmeter_load_relaxed(&SHMETER_WIPED(attachment)->search_at) ? 0 : SHMETER_CLAIM_OLDEST;
    while (!result && claimant->tries > 0) {
        best = UINT64_MAX;
        chosen = UINT32_MAX;
        for (i = 0; i < attachment->header.slots_n; i++) {
            rank = shmeter_claim_rank(shmeter_slot_word_at(attachment, i), owned_left > 0);
            if (rank <= until && rank < best && (rank > from || (rank == from && i >= from_idx)) &&
                shmeter_claim_worth(attachment, claimant, i)) {
                best = rank;
                chosen = i;
            }
        }
        if (chosen == UINT32_MAX)
            return 0;
        owned_left -= shmeter_claim_is_owned(shmeter_load_relaxed(&shmeter_slot_word_at(attachment, chosen)->owner));
        result = shmeter_claim_try(attachment, claimant, chosen, 0, claim);
        from = best;
        from_idx = chosen + 1;
    }
    return result;
}

/* The owned slot whose claim is the newest: of one that fell at its start. */
SHMETER_LOCAL int
shmeter_claim_newest(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant, uint64_t *claim)
{
    uint32_t i, newest = UINT32_MAX;
    uint64_t most = 0, ticks;
    for (i = 0; i < attachment->header.slots_n; i++) {
        const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, i);
        ticks = shmeter_load_relaxed(&word->claimed_ticks);
        if (shmeter_claim_is_owned(shmeter_load_relaxed(&word->owner)) && ticks >= most) {
            most = ticks;
            newest = i;
        }
    }
    return newest == UINT32_MAX ? 0 : shmeter_claim_try(attachment, claimant, newest, 0, claim);
}

/*
 * All slots, from one that is another for each process, so that not all ask for the same; then all once more as the
 * last resort. Where questions run out the next call goes on, with one slot at least: whatever others have cost before,
 * each search comes to its end. Returns 1 and *claim, -EUSERS when there is none, -EAGAIN when it is not over, or
 * another -errno.
 */
SHMETER_LOCAL int
shmeter_claim_search(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant, uint64_t *claim)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t slots_n = attachment->header.slots_n, from = shmeter_load_relaxed(&wiped->search_at), at = from;
    uint64_t start = shmeter_hash_word(claimant->pid, claimant->image) % slots_n;
    int result = 0;
    if (!at && slots_n <= SHMETER_CLAIM_OLDEST && claimant->tries > 0) {
        at = slots_n + 1; /* all have been tried as the oldest */
    } else if (!at) {
        at = 1;
        if (claimant->tries > 0) /* else the never-used ones have not all been asked: another call goes on with them */
            result = shmeter_claim_newest(attachment, claimant, claim);
    }
    for (; !result && at <= 2 * slots_n && (claimant->tries > 0 || at == from); at++)
        result = shmeter_claim_try(attachment, claimant, (start + at - 1) % slots_n, at > slots_n, claim);
    if (!result)
        result = at <= 2 * slots_n ? -EAGAIN : claimant->no_memory ? claimant->no_memory : -EUSERS;
    shmeter_store_relaxed(&wiped->search_at, result == -EAGAIN ? at : 0);
    return result;
}

/* This process's slot if it has one already, or else the best that can be had. 1 and *claim, or -errno. */
SHMETER_LOCAL int
shmeter_claim_acquire(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant, uint64_t *claim)
{
    uint64_t seen[2];
    int joined, result = 0;
    int64_t idx = shmeter_slot_own(attachment, claimant, seen, &joined);
    claimant->joins = joined;
    if (joined) {
        *claim = SHMETER_CLAIM(idx, SHMETER_OWNER_GENERATION(seen[0]));
        return 1;
    }
    if (idx >= 0) /* of this process before exec */
        result = shmeter_claim_take(attachment, claimant, (uint64_t)idx, seen,
                                    shmeter_claim_lock(claimant, (uint64_t)idx), claim);
    if (!result)
        result = shmeter_claim_unused(attachment, claimant, claim);
    if (!result)
        result = shmeter_claim_oldest(attachment, claimant, claim);
    if (!result)
        result = shmeter_claim_search(attachment, claimant, claim);
    return result;
}

#endif
