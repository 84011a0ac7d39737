/*
 * Claims and releases this process's slot: its identity, gauges, heartbeat and checks. Lock-free among processes, threads
 * and signal handlers: whoever finds somebody else's claim goes elsewhere. A slot that had an owner is taken only with
 * proof that this owner is dead; the last resort, when nothing else is free, is a slot of another namespace whose lock is
 * gone.
 */
#ifndef SHMETER_SHM_SLOT_H
#define SHMETER_SHM_SLOT_H

#include "arena.h"
#include "clock.h"
#include "family.h"
#include "gauge.h"
#include "identity.h"
#include "meter.h"

struct shmeter_claimant {
    uint64_t identity, image;
    uint32_t pid, namespaces;
    int lock_fd; /* -1 none */
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

/* {owner, identity} read as one: equal before and after. */
SHMETER_LOCAL void
shmeter_slot_owner(const struct shmeter_slot_word *word, uint64_t out[2])
{
    int tries;
    for (tries = 0; tries < 64; tries++) {
        out[0] = shmeter_load_acquire(&word->owner);
        out[1] = shmeter_load_acquire(&word->identity);
        if (shmeter_load_acquire(&word->owner) == out[0])
            return;
    }
}

/* The descriptor that holds the lock may have been closed by the application and its number reused: compare the file. */
SHMETER_LOCAL void
shmeter_slot_lock_close(struct shmeter_attachment *attachment)
{
    struct shmeter_file file;
    int fd = attachment->lock_fd;
    attachment->lock_fd = -1;
    if (fd >= 0 && !shmeter_sys_stat(fd, NULL, &file) && file.inode == attachment->inode &&
        file.device == attachment->device)
        shmeter_sys_close(fd);
}

SHMETER_LOCAL int
shmeter_slot_lock_open(const struct shmeter_attachment *attachment)
{
    struct shmeter_file file;
    int fd = shmeter_sys_open(attachment->path,
                              SHMETER_O_RDWR | SHMETER_O_NOFOLLOW | SHMETER_O_CLOEXEC | SHMETER_O_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (!shmeter_sys_stat(fd, NULL, &file) && file.inode == attachment->inode && file.device == attachment->device)
        return fd;
    shmeter_sys_close(fd);
    return -1;
}

enum shmeter_slot_find { SHMETER_FIND_NEVER_USED, SHMETER_FIND_ENDED, SHMETER_FIND_FOREIGN };

/* How long ago the slot's last owner was heard of: the smallest is taken first. UINT64_MAX: it cannot be had. */
SHMETER_LOCAL uint64_t
shmeter_slot_rank(const struct shmeter_attachment *attachment, const struct shmeter_claimant *self, uint64_t idx,
                  const uint64_t seen[2], enum shmeter_slot_find find)
{
    const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, idx);
    uint32_t state = SHMETER_OWNER_STATE(seen[0]);
    int own = SHMETER_OWNER_PID(seen[0]) == self->pid && seen[1] == self->identity;
    if (find == SHMETER_FIND_NEVER_USED)
        return seen[0] ? UINT64_MAX : 0;
    if (state == SHMETER_SLOT_FREE || state == SHMETER_SLOT_RELEASED || state > SHMETER_SLOT_RELEASED)
        return shmeter_load_relaxed(&word->ended_ticks);
    if (find == SHMETER_FIND_FOREIGN)
        return SHMETER_IDENTITY_NAMESPACES(seen[1]) != self->namespaces && self->lock_fd >= 0 &&
                       shmeter_sys_byte_locked(self->lock_fd, idx) == 0
                   ? shmeter_load_relaxed(&word->claimed_ticks)
                   : UINT64_MAX;
    if (own || shmeter_identity_life(seen[0], seen[1], self->namespaces) != SHMETER_LIFE_DEAD)
        return UINT64_MAX;
    return shmeter_load_relaxed(&word->claimed_ticks);
}

/* The best slot of a kind; -1 none. seen is what its owner words were. */
SHMETER_LOCAL int64_t
shmeter_slot_choose(const struct shmeter_attachment *attachment, const struct shmeter_claimant *self,
                    enum shmeter_slot_find find, uint64_t seen[2])
{
    uint64_t best = UINT64_MAX, rank, now[2];
    int64_t chosen = -1;
    uint32_t i;
    for (i = 0; i < attachment->header.slots_n && best; i++) {
        shmeter_slot_owner(shmeter_slot_word_at(attachment, i), now);
        rank = shmeter_slot_rank(attachment, self, i, now, find);
        if (rank < best) {
            best = rank;
            chosen = i;
            seen[0] = now[0];
            seen[1] = now[1];
        }
    }
    return chosen;
}

/* One more copy of the header uses the slot; 0 when the last one is giving it back. */
SHMETER_LOCAL int
shmeter_slot_join(struct shmeter_slot_word *word)
{
    uint64_t seen = shmeter_load_acquire(&word->users);
    do {
        if (!seen)
            return 0;
    } while (!shmeter_cas(&word->users, &seen, seen + 1));
    return 1;
}

/*
 * A slot that is this process's already: joined when another copy of the header in this process image claimed it
 * (*joined), taken over when an image before exec did. -1 none.
 */
SHMETER_LOCAL int64_t
shmeter_slot_own(const struct shmeter_attachment *attachment, const struct shmeter_claimant *self, uint64_t seen[2],
                 int *joined)
{
    uint32_t i;
    *joined = 0;
    if (!SHMETER_IDENTITY_START(self->identity) || !self->namespaces)
        return -1;
    for (i = 0; i < attachment->header.slots_n; i++) {
        const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, i);
        uint64_t image, mine;
        shmeter_slot_owner(word, seen);
        if (SHMETER_OWNER_PID(seen[0]) != self->pid || seen[1] != self->identity ||
            (SHMETER_OWNER_STATE(seen[0]) != SHMETER_SLOT_LIVE &&
             SHMETER_OWNER_STATE(seen[0]) != SHMETER_SLOT_CLAIMING))
            continue;
        image = shmeter_load_acquire(&word->image);
        mine = SHMETER_IMAGE(self->image, SHMETER_OWNER_GENERATION(seen[0]));
        if (SHMETER_IMAGE_GENERATION(image) != SHMETER_IMAGE_GENERATION(mine))
            continue; /* another thread is claiming it, and this is its last owner's still */
        if (image == mine && SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_LIVE &&
            shmeter_slot_join(shmeter_slot_word_at(attachment, i))) {
            *joined = 1;
            return i;
        }
        if (image != mine)
            return i;
    }
    return -1;
}

/* Makes a slot that this process is CLAIMING ready: memory, no words of the dead, folded gauges. 0 or -errno. */
SHMETER_LOCAL int
shmeter_slot_prepare(struct shmeter_attachment *attachment, uint64_t idx)
{
    const struct shmeter_header *header = &attachment->header;
    struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, idx);
    struct shmeter_slot_block *block = (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment, idx);
    struct shmeter_gauge_cell *cells = (struct shmeter_gauge_cell *)(void *)((unsigned char *)block +
                                                                             header->gauges_off);
    unsigned char *modes = NULL;
    uint32_t i;
    int result = shmeter_back(attachment, header->slot_blocks_off + idx * header->slot_block_bytes, header->ring_off);
    if (result)
        return result;
    shmeter_store_release(&word->backed, header->ring_off);
    for (i = 0; i < header->gauges_n; i++) {
        if (!shmeter_load_relaxed(&cells[i].value) && !shmeter_load_relaxed(&cells[i].aux))
            continue;
        if (!modes) {
            modes = (unsigned char *)shmeter_heap_take(header->gauges_n);
            if (!modes)
                return -ENOMEM;
            shmeter_arena_gauge_modes(attachment, modes, header->gauges_n);
        }
        shmeter_gauge_inherit(&cells[i], modes[i]);
    }
    shmeter_heap_give(modes, header->gauges_n);
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
    return shmeter_cas16(shmeter_slot_word_at(attachment, idx), seen, next, identity);
}

/* Gives a slot back. Its retained gauges stay. */
SHMETER_LOCAL void
shmeter_slot_give(const struct shmeter_attachment *attachment, uint64_t idx, uint64_t owner, uint64_t identity)
{
    shmeter_store_relaxed(&shmeter_slot_word_at(attachment, idx)->ended_ticks,
                          shmeter_clock_ticks(attachment->header.ticks_kind));
    shmeter_slot_move(attachment, idx, owner, identity, SHMETER_SLOT_RELEASED);
}

/* One attempt: CLAIMING, ready, LIVE. Returns 1 done, 0 somebody was faster, or -errno. */
SHMETER_LOCAL int
shmeter_slot_take(struct shmeter_attachment *attachment, const struct shmeter_claimant *self, uint64_t idx,
                  uint64_t seen[2], uint64_t *owner)
{
    struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, idx);
    uint64_t claiming = SHMETER_OWNER(SHMETER_SLOT_CLAIMING, SHMETER_OWNER_GENERATION(seen[0]) + 1, self->pid);
    int result;
    if (!shmeter_cas16(word, seen, claiming, self->identity))
        return 0;
    shmeter_store_relaxed(&word->claimed_ticks, shmeter_clock_ticks(attachment->header.ticks_kind));
    shmeter_store_relaxed(&word->ended_ticks, 0);
    shmeter_store_relaxed(&word->users, 1);
    shmeter_store_release(&word->image, SHMETER_IMAGE(self->image, SHMETER_OWNER_GENERATION(claiming)));
    if (self->lock_fd >= 0)
        shmeter_sys_lock_byte(self->lock_fd,
                              idx); /* a dead owner's children may still hold it: then readers see it held */
    result = shmeter_slot_prepare(attachment, idx);
    if (result) {
        shmeter_slot_give(attachment, idx, claiming, self->identity);
        return result;
    }
    *owner = (claiming & ~UINT64_C(0xff)) | SHMETER_SLOT_LIVE;
    return shmeter_slot_move(attachment, idx, claiming, self->identity, SHMETER_SLOT_LIVE);
}

/* Finds and takes a slot. Returns its number, or -errno (-EUSERS: none is free). */
SHMETER_LOCAL int64_t
shmeter_slot_acquire(struct shmeter_attachment *attachment, const struct shmeter_claimant *self, uint64_t *owner,
                     int *joined)
{
    uint64_t seen[2];
    uint32_t tries;
    int find, result;
    int64_t idx;
    for (tries = 0; tries < attachment->header.slots_n + 64; tries++) {
        idx = shmeter_slot_own(attachment, self, seen, joined);
        if (*joined) {
            *owner = seen[0];
            return idx;
        }
        for (find = SHMETER_FIND_NEVER_USED; idx < 0 && find <= SHMETER_FIND_FOREIGN; find++)
            idx = shmeter_slot_choose(attachment, self, (enum shmeter_slot_find)find, seen);
        if (idx < 0)
            return -EUSERS;
        result = shmeter_slot_take(attachment, self, (uint64_t)idx, seen, owner);
        if (result < 0)
            return result;
        if (result) {
            if (find > SHMETER_FIND_FOREIGN && SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_LIVE)
                shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SLOTS_ROBBED);
            return idx;
        }
    }
    return -EUSERS;
}

/* One copy of the header less uses the slot of a claim; the last one gives it back. Returns 1 when it was given back. */
SHMETER_LOCAL int
shmeter_slot_leave(const struct shmeter_attachment *attachment, uint64_t claim)
{
    uint64_t idx = (uint32_t)claim - 1, seen[2];
    struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, idx);
    shmeter_slot_owner(word, seen);
    if (SHMETER_OWNER_STATE(seen[0]) != SHMETER_SLOT_LIVE || SHMETER_OWNER_GENERATION(seen[0]) != claim >> 32)
        return 1; /* robbed */
    if (shmeter_add(&word->users, UINT64_MAX) != 1)
        return 0;
    shmeter_slot_give(attachment, idx, seen[0], seen[1]);
    return 1;
}

/*
 * Claims this process's slot if it has none. Returns 0, or -errno and gauges count in private memory from now on. The
 * slot's address is then in the wiped page. Lock-free, async-signal-safe; with system calls.
 */
SHMETER_LOCAL int
shmeter_slot_claim(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    struct shmeter_claimant self;
    uint64_t owner = 0, none = 0, claim;
    uint32_t threads_n, start_ticks = 0;
    char state;
    int joined = 0;
    int64_t idx;
    if (shmeter_load_acquire(&wiped->slot))
        return shmeter_load_acquire(&wiped->claim) ? 0 : -EUSERS;
    if (!attachment->base || attachment->closed) {
        shmeter_store_release(&wiped->slot, SHMETER_ADDRESS(attachment->private_block));
        return attachment->base ? -ESHUTDOWN : -ENOTCONN;
    }
    shmeter_populate(attachment);
    self.pid = shmeter_sys_pid();
    self.namespaces = shmeter_namespaces_hash();
    shmeter_identity_stat(0, &state, &threads_n, &start_ticks);
    self.identity = SHMETER_IDENTITY(start_ticks, self.namespaces);
    self.image = shmeter_identity_image();
    self.lock_fd = shmeter_slot_lock_open(attachment);
    idx = shmeter_slot_acquire(attachment, &self, &owner, &joined);
    if (idx < 0) {
        if (self.lock_fd >= 0)
            shmeter_sys_close(self.lock_fd);
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SLOTS_EXHAUSTED);
        shmeter_cas(&wiped->slot, &none, SHMETER_ADDRESS(attachment->private_block));
        return (int)idx;
    }
    claim = (uint64_t)(idx + 1) | (uint64_t)SHMETER_OWNER_GENERATION(owner) << 32;
    if (!shmeter_cas(&wiped->claim, &none, claim)) /* another thread, or a signal's handler in here, was faster */
        shmeter_slot_leave(attachment, claim);
    if (!joined && shmeter_load_acquire(&wiped->claim) == claim) {
        shmeter_slot_lock_close(attachment); /* a parent's, inherited by fork */
        attachment->lock_fd = self.lock_fd;
    } else if (self.lock_fd >= 0) {
        shmeter_sys_close(self.lock_fd);
    }
    shmeter_family_all(attachment, shmeter_family_settle);
    claim = shmeter_load_acquire(&wiped->claim);
    shmeter_store_release(&wiped->slot, SHMETER_ADDRESS(shmeter_slot_block_at(attachment, (uint32_t)claim - 1)));
    return 0;
}

/* Whether the slot that this process holds is its own still (a process of another namespace may have taken it). */
SHMETER_LOCAL int
shmeter_slot_kept(const struct shmeter_attachment *attachment)
{
    uint64_t claim = shmeter_load_acquire(&SHMETER_WIPED(attachment)->claim), owner;
    if (!claim)
        return 1;
    owner = shmeter_load_acquire(&shmeter_slot_word_at(attachment, (uint32_t)claim - 1)->owner);
    return SHMETER_OWNER_STATE(owner) == SHMETER_SLOT_LIVE && SHMETER_OWNER_GENERATION(owner) == claim >> 32;
}

/* Forgets a slot that was robbed; the next use claims another. */
SHMETER_LOCAL void
shmeter_slot_forget(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    shmeter_store_release(&wiped->claim, 0);
    shmeter_store_release(&wiped->slot, 0);
}

/* This process's slot block, or private memory of that shape; never NULL. */
SHMETER_LOCAL struct shmeter_slot_block *
shmeter_slot_block_of(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t at = shmeter_load_acquire(&wiped->slot);
    if (SHMETER_UNLIKELY(!at) || SHMETER_UNLIKELY(!shmeter_slot_kept(attachment))) {
        if (at)
            shmeter_slot_forget(attachment);
        shmeter_slot_claim(attachment);
        at = shmeter_load_acquire(&wiped->slot);
    }
    return SHMETER_POINTER(struct shmeter_slot_block *, at);
}

/* At close: gives the slot back; gauges count privately until the meter is opened again. */
SHMETER_LOCAL void
shmeter_slot_release(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t claim = shmeter_load_acquire(&wiped->claim);
    shmeter_store_release(&wiped->slot, SHMETER_ADDRESS(attachment->private_block));
    shmeter_store_release(&wiped->claim, 0);
    if (claim && attachment->base && shmeter_slot_leave(attachment, claim))
        shmeter_slot_lock_close(attachment);
}

#endif
