/*
 * A slot's words and block: taken, made ready, shared by copies of the header in one process, given back. Lock-free
 * among processes, threads and signal handlers: one 16-byte compare-and-swap of the owner decides. shm/slots/claim.h
 * chooses the slot.
 */
#ifndef SHMETER_SHM_SLOT_H
#define SHMETER_SHM_SLOT_H

#include "../registry/arena.h"
#include "../process/clock.h"
#include "../lanes/gauge.h"
#include "../process/identity.h"
#include "../process/lock.h"
#include "cpu.h"
#include "../segment/meter.h"
#include "../registry/opened.h"

/* Who claims a slot, and what that may cost. */
struct shmeter_claimant {
    struct shmeter_self self;
    uint64_t image;
    uint32_t pid;
    int fd;        /* for locks; -1 none, -errno of a lock when there are none here                         */
    int64_t tries; /* questions that it may still ask the kernel                                          */
    int joins;     /* 1: it may join another copy's slot, and then that it has                            */
    int no_memory; /* -errno of a slot for which there was none; only those that have it are tried then    */
};

SHMETER_INLINE struct shmeter_slot_word *
shmeter_slot_word_at(const struct shmeter_attachment *attachment, uint64_t idx)
{
    return (struct shmeter_slot_word *)(void *)(attachment->base + attachment->header.slot_words_off) + idx;
}

SHMETER_INLINE unsigned char *
shmeter_slot_block_at(const struct shmeter_attachment *attachment, uint64_t idx)
{
    return attachment->base + attachment->header.slot_blocks_off + idx * attachment->header.slot_block_bytes;
}

/* The slot of a claim. */
SHMETER_INLINE uint64_t
shmeter_slot_of(uint64_t claim)
{
    return (uint32_t)claim - 1;
}

/* {owner, identity} read as one: equal before and after. */
SHMETER_LOCAL void
shmeter_slot_owner(const struct shmeter_slot_word *word, uint64_t out[2])
{
    int tries;
    for (tries = 0; tries < 64; tries++) {
        out[0] = shmeter_load_acquire(&word->owner); /* pairs with shmeter_slot_move */
        out[1] = shmeter_load_acquire(&word->identity);
        if (shmeter_load_acquire(&word->owner) == out[0])
            return;
    }
}

/* Whether the owner is this claim still, and in use. */
SHMETER_INLINE int
shmeter_slot_is_held(uint64_t owner, uint64_t claim)
{
    return SHMETER_OWNER_STATE(owner) == SHMETER_SLOT_LIVE &&
           SHMETER_OWNER_GENERATION(owner) == (claim >> 32 & 0xffffff);
}

/* Whether the owner of these words holds its byte by a mapping, so that the byte being free is proof of its death. */
SHMETER_LOCAL int
shmeter_slot_is_mapped(const struct shmeter_slot_word *word, uint64_t owner)
{
    /* pairs with shmeter_slot_lock */
    return shmeter_load_acquire(&word->lock) == SHMETER_LOCK(SHMETER_LOCK_MAPPED, SHMETER_OWNER_GENERATION(owner));
}

/* Whether users are those of this generation's owner; one of before ABI 1.3 does not say whose they are. */
SHMETER_INLINE int
shmeter_slot_uses(uint64_t users, uint32_t generation)
{
    return SHMETER_USERS_N(users) &&
           (!SHMETER_USERS_GENERATION(users) || SHMETER_USERS_GENERATION(users) == generation);
}

/* One more copy of the header uses the slot; 0 when the last one is giving it back, or has, and it is another's. */
SHMETER_LOCAL int
shmeter_slot_join(struct shmeter_slot_word *word, uint32_t generation)
{
    /* pairs with shmeter_slot_part */
    uint64_t seen = shmeter_load_acquire(&word->users);
    do {
        if (!shmeter_slot_uses(seen, generation))
            return 0;
        /* pairs with shmeter_slot_part */
    } while (!shmeter_cas(&word->users, &seen, seen + 1));
    return 1;
}

/* One less. Returns 1 when it was the last one. */
SHMETER_LOCAL int
shmeter_slot_part(struct shmeter_slot_word *word, uint32_t generation)
{
    /* pairs with shmeter_slot_part */
    uint64_t seen = shmeter_load_acquire(&word->users);
    do {
        if (!shmeter_slot_uses(seen, generation))
            return 0;
        /* pairs with shmeter_slot_join */
    } while (!shmeter_cas(&word->users, &seen, seen - 1));
    return SHMETER_USERS_N(seen) == 1;
}

/*
 * A slot that is this process's already: joined when another copy of the header in this process image claimed it
 * (*joined), to be taken over when an image before exec did. -1 none. Who has something to carry does not join: where
 * it is carried to is another copy's.
 */
SHMETER_LOCAL int64_t
shmeter_slot_own(const struct shmeter_attachment *attachment, const struct shmeter_claimant *claimant, uint64_t seen[2],
                 int *joined)
{
    uint32_t i;
    *joined = 0;
    if (!SHMETER_IDENTITY_START(claimant->self.identity) || !SHMETER_IDENTITY_NAMESPACES(claimant->self.identity))
        return -1;
    for (i = 0; i < attachment->header.slots_n; i++) {
        const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, i);
        uint64_t image, mine;
        shmeter_slot_owner(word, seen);
        if (SHMETER_OWNER_PID(seen[0]) != claimant->pid || seen[1] != claimant->self.identity ||
            (SHMETER_OWNER_STATE(seen[0]) != SHMETER_SLOT_LIVE &&
             SHMETER_OWNER_STATE(seen[0]) != SHMETER_SLOT_CLAIMING))
            continue;
        /* pairs with shmeter_slot_take */
        image = shmeter_load_acquire(&word->image);
        mine = SHMETER_IMAGE(claimant->image, SHMETER_OWNER_GENERATION(seen[0]));
        if (SHMETER_IMAGE_GENERATION(image) != SHMETER_IMAGE_GENERATION(mine))
            continue; /* another thread is claiming it, and this is its last owner's still */
        if (image == mine && claimant->joins && SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_LIVE &&
            shmeter_slot_join(shmeter_slot_word_at(attachment, i), SHMETER_OWNER_GENERATION(seen[0]))) {
            *joined = 1;
            return i;
        }
        if (image != mine)
            return i;
    }
    return -1;
}

/* The modes of all gauges, in new memory of gauges_n bytes; NULL: there is none. */
SHMETER_LOCAL unsigned char *
shmeter_slot_modes(const struct shmeter_attachment *attachment)
{
    uint32_t gauges_n = attachment->header.gauges_n;
    long mapped = shmeter_sys_map(gauges_n, SHMETER_PROT_READ | SHMETER_PROT_WRITE,
                                  SHMETER_MAP_PRIVATE | SHMETER_MAP_ANONYMOUS, -1);
    if (shmeter_sys_failed(mapped))
        return NULL;
    shmeter_arena_gauge_modes(attachment, SHMETER_POINTER(unsigned char *, mapped), gauges_n);
    return SHMETER_POINTER(unsigned char *, mapped);
}

/* Whether a slot's cell is a share of a POOL gauge's present value. */
SHMETER_LOCAL int
shmeter_slot_has_share(const struct shmeter_attachment *attachment, const struct shmeter_gauge_cell *cells, uint32_t i,
                       uint32_t mode)
{
    const struct shmeter_gauge_cell *common =
        (const struct shmeter_gauge_cell *)(const void *)(attachment->base + attachment->header.common_off);
    uint64_t share = shmeter_load_relaxed(&cells[i].value);
    return mode == SHMETER_POOL && share && (share ^ SHMETER_UNSET_BITS) << 1 && /* neither 0 nor -0 */
           shmeter_load_relaxed(&cells[i].aux) == shmeter_load_relaxed(&common[i].aux);
}

/* Whether the owner of a block has something under way, besides shares of gauges: work, or a check that fails. */
SHMETER_LOCAL int
shmeter_slot_is_busy(const struct shmeter_slot_block *block)
{
    uint32_t i;
    for (i = 0; i < SHMETER_CHECKS; i++) {
        uint64_t word = shmeter_load_relaxed(&block->checks[i].word);
        if ((word & 0xff) >= SHMETER_FAILING && word != SHMETER_CHECK_MAKING)
            return 1;
    }
    return shmeter_load_relaxed(&block->busy_ticks) != 0;
}

/*
 * Before the block of an owner that has not given its slot back is used again: counts a death, once for each owner,
 * also when who counts dies after it. An owner that had nothing under way has ended. Whose the block is says opened_of:
 * its owner may not have come as far.
 */
SHMETER_LOCAL void
shmeter_slot_count_end(const struct shmeter_attachment *attachment, uint64_t idx, const uint64_t seen[2], int is_self,
                       int has_share)
{
    struct shmeter_slot_block *block = (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment, idx);
    uint64_t ended = shmeter_load_relaxed(&block->ended), of = shmeter_load_relaxed(&block->opened_of);
    int is_live = SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_LIVE;
    if (!of || SHMETER_ENDED_GENERATION(ended) == SHMETER_OWNER_GENERATION(of) || (is_live && of != seen[0]))
        return;
    if (is_self || has_share || shmeter_slot_is_busy(block))
        shmeter_store_relaxed(
            &block->ended, SHMETER_ENDED(SHMETER_OWNER_GENERATION(of), SHMETER_ENDED_DIED(ended) + (uint64_t)!is_self));
}

/*
 * What the dead have left in a slot becomes what it is from now on: a death that is counted, values of gauges. seen:
 * the slot's owner before; is_self: it was this process, before exec. 0 or -ENOMEM.
 */
SHMETER_LOCAL int
shmeter_slot_inherit(const struct shmeter_attachment *attachment, uint64_t idx, const uint64_t seen[2], int is_self)
{
    struct shmeter_gauge_cell *cells = (struct shmeter_gauge_cell *)(void *)(shmeter_slot_block_at(attachment, idx) +
                                                                             attachment->header.gauges_off);
    uint32_t i, first, gauges_n = attachment->header.gauges_n;
    unsigned char *modes = NULL;
    int owned = SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_LIVE ||
                SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_CLAIMING;
    int has_share = 0;
    for (first = 0;
         first < gauges_n && !shmeter_load_relaxed(&cells[first].value) && !shmeter_load_relaxed(&cells[first].aux);
         first++)
        ;
    if (first < gauges_n && !(modes = shmeter_slot_modes(attachment)))
        return -ENOMEM;
    for (i = first; owned && i < gauges_n && !has_share; i++)
        has_share = shmeter_slot_has_share(attachment, cells, i, modes[i]);
    if (owned)
        shmeter_slot_count_end(attachment, idx, seen, is_self, has_share);
    for (i = first; i < gauges_n; i++)
        if (shmeter_load_relaxed(&cells[i].value) || shmeter_load_relaxed(&cells[i].aux))
            shmeter_gauge_inherit(&cells[i], modes[i]);
    if (modes)
        shmeter_sys_unmap(modes, gauges_n);
    return 0;
}

/*
 * Makes a slot that this process is CLAIMING ready: memory, no words of the dead, folded gauges. seen, is_self: as
 * shmeter_slot_inherit has them. 0 or -errno.
 */
SHMETER_LOCAL int
shmeter_slot_prepare(struct shmeter_attachment *attachment, uint64_t idx, const uint64_t seen[2], int is_self)
{
    const struct shmeter_header *header = &attachment->header;
    struct shmeter_slot_block *block = (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment, idx);
    uint32_t i;
    int result = shmeter_back(attachment, header->slot_blocks_off + idx * header->slot_block_bytes, header->ring_off);
    if (result)
        return result;
    /* pairs with read_word of lib/read/snapshot/slots/slots.c */
    shmeter_store_release(&shmeter_slot_word_at(attachment, idx)->backed, header->ring_off);
    result = shmeter_slot_inherit(attachment, idx, seen, is_self);
    if (result)
        return result;
    shmeter_store_relaxed(&block->heartbeat_ticks, 0);
    shmeter_store_relaxed(&block->busy_ticks, 0);
    shmeter_store_relaxed(&block->work_n, 0);
    for (i = 0; i < SHMETER_CHECKS; i++)
        shmeter_store_relaxed(&block->checks[i].word, 0);
    shmeter_opened_begin(attachment, idx);
    memcpy(block->worker, attachment->worker, SHMETER_WORKER_BYTES);
    return 0;
}

/* owner {from, generation, own pid} -> {to, ...}; 0 when it is not ours any more. */
SHMETER_LOCAL int
shmeter_slot_move(const struct shmeter_attachment *attachment, uint64_t idx, uint64_t owner, uint64_t identity,
                  enum shmeter_slot_state to)
{
    uint64_t seen[2], next = (owner & ~UINT64_C(0xff)) | (uint64_t)to;
    seen[0] = owner;
    seen[1] = identity;
    /* pairs with shmeter_slot_owner */
    return shmeter_cas16(shmeter_slot_word_at(attachment, idx), seen, next, identity);
}

/*
 * Nobody owns the slot any more. Its retained gauges stay. The lock goes after it: without its lock a slot in use is a
 * dead process's, and who comes in between finds a slot that is free and locked, and takes another one.
 */
SHMETER_LOCAL void
shmeter_slot_release(const struct shmeter_attachment *attachment, uint64_t idx, uint64_t owner, uint64_t identity)
{
    shmeter_store_relaxed(&shmeter_slot_word_at(attachment, idx)->ended_ticks, shmeter_attachment_ticks(attachment));
    shmeter_slot_move(attachment, idx, owner, identity, SHMETER_SLOT_RELEASED);
}

/*
 * Whether this process has another slot as well: that of another copy of the header, which then notes what the process
 * has used.
 */
SHMETER_LOCAL int
shmeter_slot_has_twin(const struct shmeter_attachment *attachment, uint64_t idx, uint64_t owner, uint64_t identity)
{
    uint32_t i;
    for (i = 0; i < attachment->header.slots_n; i++) {
        const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, i);
        uint64_t other = shmeter_load_relaxed(&word->owner);
        if (i != idx && SHMETER_OWNER_STATE(other) == SHMETER_SLOT_LIVE &&
            SHMETER_OWNER_PID(other) == SHMETER_OWNER_PID(owner) && shmeter_load_relaxed(&word->identity) == identity)
            return 1;
    }
    return 0;
}

/* Gives a slot back, and says so to those who wait for one: its owner has not died, whatever it has under way. */
SHMETER_LOCAL void
shmeter_slot_give(const struct shmeter_attachment *attachment, uint64_t idx, uint64_t owner, uint64_t identity)
{
    struct shmeter_slot_block *block = (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment, idx);
    uint64_t died = SHMETER_ENDED_DIED(shmeter_load_relaxed(&block->ended));
    shmeter_store_relaxed(&block->ended, SHMETER_ENDED(SHMETER_OWNER_GENERATION(owner), died));
    if (!shmeter_slot_has_twin(attachment, idx, owner, identity))
        shmeter_cpu_end(attachment, shmeter_slot_block_at(attachment, idx), SHMETER_OWNER_GENERATION(owner));
    shmeter_slot_release(attachment, idx, owner, identity);
    /* pairs with shmeter_claim */
    shmeter_add(&attachment->state->slots_given.value, 1);
}

/*
 * The claimant's lock of the slot becomes the mapping's, noted under the claim, and is told in the word. locked: its
 * descriptor holds it; else one more try, for who took a slot whose lock another claimant had at that moment. Without
 * one, pid and start time will speak for the owner.
 */
SHMETER_LOCAL void
shmeter_slot_lock(struct shmeter_attachment *attachment, const struct shmeter_claimant *claimant, uint64_t claim,
                  int locked)
{
    uint64_t idx = shmeter_slot_of(claim), page = 0;
    if (claimant->fd >= 0 && (locked || !shmeter_sys_lock_byte(claimant->fd, idx)))
        page = shmeter_lock_map(claimant->fd);
    if (page && !shmeter_lock_note(SHMETER_WIPED(attachment), claim, page)) {
        shmeter_sys_unmap(SHMETER_POINTER(void *, page), SHMETER_PAGE);
        page = 0;
    }
    /* pairs with shmeter_slot_is_mapped */
    if (page)
        shmeter_store_release(&shmeter_slot_word_at(attachment, idx)->lock,
                              SHMETER_LOCK(SHMETER_LOCK_MAPPED, claim >> 32));
}

/*
 * One attempt: CLAIMING, ready, LIVE. locked: the claimant's descriptor holds the slot's byte, and a mapping does when
 * this has succeeded. Returns 1 done and *claim, 0 somebody was faster, or -errno.
 */
SHMETER_LOCAL int
shmeter_slot_take(struct shmeter_attachment *attachment, const struct shmeter_claimant *claimant, uint64_t idx,
                  uint64_t seen[2], int locked, uint64_t *claim)
{
    struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, idx);
    uint32_t generation = (SHMETER_OWNER_GENERATION(seen[0]) + 1) & 0xffffff;
    uint64_t claiming = SHMETER_OWNER(SHMETER_SLOT_CLAIMING, generation, claimant->pid);
    uint64_t identity = claimant->self.identity, key = SHMETER_CLAIM(idx, generation);
    int result, is_self = identity && SHMETER_OWNER_PID(seen[0]) == claimant->pid && seen[1] == identity;
    /* pairs with shmeter_claim_kept */
    if (!shmeter_cas16(word, seen, claiming, identity))
        return 0;
    shmeter_store_relaxed(&word->claimed_ticks, shmeter_attachment_ticks(attachment));
    shmeter_store_relaxed(&word->ended_ticks, 0);
    shmeter_store_relaxed(&word->users, SHMETER_USERS(1, generation));
    /* pairs with shmeter_slot_own */
    shmeter_store_release(&word->image, SHMETER_IMAGE(claimant->image, generation));
    result = shmeter_slot_prepare(attachment, idx, seen, is_self);
    if (result) {
        shmeter_slot_release(attachment, idx, claiming,
                             identity); /* counted it would call those who wait, and this one, in vain */
        return result;
    }
    shmeter_cpu_begin(attachment, shmeter_slot_block_at(attachment, idx), generation,
                      is_self ? SHMETER_OWNER_GENERATION(seen[0]) : generation);
    shmeter_slot_lock(attachment, claimant, key, locked);
    if (shmeter_slot_move(attachment, idx, claiming, identity, SHMETER_SLOT_LIVE)) {
        *claim = key;
        return 1;
    }
    shmeter_lock_drop(SHMETER_WIPED(attachment), key);
    return 0;
}

/*
 * One copy of the header less uses the slot of a claim; the last one gives it back, and the lock. Where another one
 * goes on, the lock stays for it.
 */
SHMETER_LOCAL void
shmeter_slot_leave(const struct shmeter_attachment *attachment, uint64_t claim)
{
    uint64_t idx = shmeter_slot_of(claim), seen[2];
    struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, idx);
    shmeter_slot_owner(word, seen);
    if (shmeter_slot_is_held(seen[0], claim)) {
        if (!shmeter_slot_part(word, SHMETER_OWNER_GENERATION(seen[0])))
            return;
        shmeter_slot_give(attachment, idx, seen[0], seen[1]);
    }
    shmeter_lock_drop(SHMETER_WIPED(attachment), claim);
}

/* Notes what this process has used so far in its slot, if it has one. Lock-free; async-signal-safe; one system call. */
SHMETER_LOCAL void
shmeter_cpu_note_own(const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_claim_publish */
    uint64_t claim = shmeter_load_acquire(&SHMETER_WIPED(attachment)->claim), idx = shmeter_slot_of(claim), given, now;
    uint32_t generation = (uint32_t)(claim >> 32 & 0xffffff);
    struct shmeter_slot_block *block;
    if (!attachment->base || !SHMETER_CLAIM_KEY(claim) || claim & SHMETER_CLAIM_PRIVATE)
        return;
    block = (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment, idx);
    now = shmeter_cpu_now_ms();
    given = SHMETER_CPU_OF(shmeter_load_relaxed(&block->cpu_given), generation);
    shmeter_cpu_note(block, generation, now > given ? now - given : 0);
}

#endif
