/*
 * Epochs, and who may still use what was removed in one: asked of the kernel.
 *
 * A process that attaches takes a read lock on the byte SHMETER_EPOCH_BYTE + the present epoch, by
 * a page that is mapped of a descriptor of its own. The lock belongs to the open file description,
 * and the mapping holds that when no descriptor is left: so it lasts until that page is unmapped by
 * all that have it: a forked child inherits it, a daemon that closes everything keeps it, exec and
 * death drop it, and other namespaces see it. A process says that it uses nothing from before
 * (shmeter_epoch_quiescent) by a page of the present epoch in the place of the old one; its
 * children keep theirs.
 *
 * An epoch is over when no lock of it, or of one before, is left, and the present one is later:
 * then nobody has a handle of, or is walking over, what was out of reach before the epoch was read.
 * Grace: from the step to the next epoch until the kernel says so. Nobody waits for it.
 *
 * Two pages are reserved, so that a child knows where its locks are, in whatever moment it was
 * forked: one has the lock, the other is free. Two more are those of a process that is parked
 * (shm/segment/park.h).
 */
#ifndef SHMETER_SHM_EPOCH_H
#define SHMETER_SHM_EPOCH_H

#include "../process/clock.h"
#include "../process/lock.h"

#define SHMETER_EPOCH_BYTE  (UINT64_C(1) << 62)
#define SHMETER_EPOCH_PAGES UINT64_C(16384) /* bytes of all four */
#define SHMETER_PARK_BYTE   (SHMETER_EPOCH_BYTE | UINT64_C(1) << 61)

#define SHMETER_GRACE_PRESSURE \
    UINT64_C(512) /* from which on a grace begins at once: an eighth of some room, or 64 removals  */
#define SHMETER_GRACE_SPACING_NS \
    UINT64_C(100000000)            /* else so long after the last one: each costs each process some 20 us   */
#define SHMETER_GRACE_QUESTIONS 8u /* to the kernel, for the oldest lock                                            */
#define SHMETER_GRACE_ASK_NS    UINT64_C(1000000) /* between two questions of one process                           */

/* The present epoch, from 1. */
SHMETER_INLINE uint64_t
shmeter_epoch_now(const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_grace_begin */
    return shmeter_load_acquire(&attachment->state->epoch.value) + 1;
}

/* Epochs before this one are over, unless somebody has no lock. */
SHMETER_INLINE uint64_t
shmeter_epoch_over(const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_grace_ask */
    return shmeter_load_acquire(&attachment->state->over.value) + 1;
}

/*
 * Whether what was left in this epoch may be used again. To be asked after the state that says the
 * epoch was loaded: who has no lock has counted itself before it looked anything up.
 */
SHMETER_LOCAL int
shmeter_epoch_is_over(const struct shmeter_attachment *attachment, uint64_t epoch)
{
    /* pairs with shmeter_epoch_forgo */
    return epoch < shmeter_epoch_over(attachment) && !shmeter_load_acquire(&attachment->state->reuse.unlocked);
}

/* ---- locks ---- */

/* Holds a lock on these bytes for as long as one of the four pages is mapped. 0; or -errno, and that page is as it was. */
SHMETER_LOCAL int
shmeter_epoch_map(const struct shmeter_attachment *attachment, uint64_t page, uint64_t from, uint64_t bytes)
{
    int result, fd = shmeter_lock_open(attachment);
    if (fd < 0)
        return fd;
    result = shmeter_sys_share_bytes(fd, from, bytes);
    if (!result)
        result = shmeter_sys_map_at(attachment->epoch_pages + page * SHMETER_PAGE, SHMETER_PAGE, SHMETER_PROT_NONE,
                                    SHMETER_MAP_SHARED, fd);
    shmeter_sys_close(fd);
    return result;
}

/* Lets go what one of the pages holds. */
SHMETER_LOCAL void
shmeter_epoch_unmap(const struct shmeter_attachment *attachment, uint64_t page)
{
    shmeter_sys_map_at(attachment->epoch_pages + page * SHMETER_PAGE, SHMETER_PAGE, SHMETER_PROT_NONE,
                       SHMETER_MAP_PRIVATE | SHMETER_MAP_ANONYMOUS, -1);
}

/* Says in this process's slot whose lock it holds, 0 none: the kernel does not tell readers who holds one. */
SHMETER_LOCAL void
shmeter_epoch_tell(const struct shmeter_attachment *attachment, uint64_t epoch)
{
    uint64_t claim = shmeter_load_relaxed(&SHMETER_WIPED(attachment)->claim);
    struct shmeter_slot_block *block;
    if (!SHMETER_CLAIM_KEY(claim) || !shmeter_attachment_reuses(attachment))
        return;
    block = (struct shmeter_slot_block *)(void *)(attachment->base + attachment->header.slot_blocks_off +
                                                  ((uint32_t)claim - 1) * attachment->header.slot_block_bytes);
    shmeter_store_relaxed(&block->epoch, SHMETER_CPU(claim >> 32, epoch));
}

/*
 * Takes the lock of an epoch that has begun, then lets the one before go, and those of when the
 * process was parked. 0; or -errno: what it held it holds still.
 */
SHMETER_LOCAL int
shmeter_epoch_hold(struct shmeter_attachment *attachment, uint64_t epoch)
{
    uint64_t which = shmeter_load_relaxed(&attachment->epoch_which) & 1;
    int result = shmeter_epoch_map(attachment, which ^ 1, SHMETER_EPOCH_BYTE + epoch, 1);
    if (result)
        return result;
    shmeter_epoch_unmap(attachment, which);
    shmeter_store_relaxed(&attachment->epoch_which, which ^ 1);
    shmeter_store_relaxed(&attachment->epoch, epoch);
    shmeter_epoch_tell(attachment, epoch);
    if (shmeter_load_relaxed(&attachment->park_from)) {
        shmeter_epoch_unmap(attachment, 2);
        shmeter_epoch_unmap(attachment, 3);
        shmeter_store_relaxed(&attachment->park_from, 0);
    }
    return 0;
}

/* Whether the kernel sees the lock of this process: 1, 0, or -errno. */
SHMETER_LOCAL int
shmeter_epoch_is_seen(const struct shmeter_attachment *attachment)
{
    uint64_t at;
    int held, fd = shmeter_lock_open(attachment);
    if (fd < 0)
        return fd;
    held = shmeter_sys_bytes_held(fd, SHMETER_EPOCH_BYTE + attachment->epoch, 1, &at);
    shmeter_sys_close(fd);
    return held;
}

/* Nothing is used again in this segment from here on: the process has no lock, and is about to look things up. */
SHMETER_LOCAL void
shmeter_epoch_forgo(struct shmeter_attachment *attachment)
{
    shmeter_store_relaxed(&attachment->epoch, 0);
    /* pairs with shmeter_epoch_is_over */
    shmeter_add(&attachment->state->reuse.unlocked, 1);
}

/*
 * The first lock of an attachment, before anything is looked up. fd: of the file; the segment is
 * mapped from it. Where the file cannot be opened again, or there is no room for pages, the mapping of the segment itself
 * holds the lock: it cannot be exchanged, and goes with the process and its children. Where there are no such locks,
 * or the kernel does not see them, nothing is used again. A file that has no name yet has no other
 * users, and is given back before it has one.
 */
SHMETER_LOCAL void
shmeter_epoch_attach(struct shmeter_attachment *attachment, int fd)
{
    uint64_t epoch;
    int seen = -ENOMEM;
    long pages;
    if (!shmeter_attachment_reuses(attachment) || attachment->nameless)
        return;
    epoch = shmeter_epoch_now(attachment);
    pages = shmeter_sys_map(SHMETER_EPOCH_PAGES, SHMETER_PROT_NONE, SHMETER_MAP_PRIVATE | SHMETER_MAP_ANONYMOUS, -1);
    if (!shmeter_sys_failed(pages)) {
        attachment->epoch_pages = (uint64_t)pages;
        seen = shmeter_epoch_hold(attachment, epoch);
        if (!seen && (seen = shmeter_epoch_is_seen(attachment)) > 0)
            return;
        shmeter_sys_unmap(SHMETER_POINTER(void *, attachment->epoch_pages), SHMETER_EPOCH_PAGES);
        attachment->epoch_pages = 0;
    }
    if (seen && !shmeter_sys_share_bytes(fd, SHMETER_EPOCH_BYTE + epoch, 1))
        attachment->epoch = epoch;
    else
        shmeter_epoch_forgo(attachment);
}

/* Gives the locks of an attachment back that nobody has seen. */
SHMETER_LOCAL void
shmeter_epoch_give(struct shmeter_attachment *attachment)
{
    if (attachment->epoch_pages)
        shmeter_sys_unmap(SHMETER_POINTER(void *, attachment->epoch_pages), SHMETER_EPOCH_PAGES);
}

/* ---- graces ---- */

SHMETER_INLINE int
shmeter_grace_is_under_way(const struct shmeter_attachment *attachment)
{
    return shmeter_epoch_over(attachment) < shmeter_epoch_now(attachment);
}

/* Begins a grace, unless one is under way. */
SHMETER_LOCAL void
shmeter_grace_begin(const struct shmeter_attachment *attachment)
{
    struct shmeter_state *state = attachment->state;
    uint64_t over = shmeter_epoch_over(attachment) - 1, epoch = over;
    if (shmeter_grace_is_under_way(attachment))
        return;
    shmeter_store_relaxed(&state->reuse.pressure, 0);
    shmeter_store_relaxed(&state->reuse.begun_ns, shmeter_clock_ns());
    /* pairs with shmeter_epoch_now */
    shmeter_cas(&state->epoch.value, &epoch, over + 1);
}

/*
 * Ends a grace, if the kernel knows of no lock that is in its way, or says what is over at least;
 * nothing where this process's own lock is in its way. Returns 1 when more is over than before.
 */
SHMETER_LOCAL int
shmeter_grace_ask(struct shmeter_attachment *attachment)
{
    uint64_t now = shmeter_epoch_now(attachment), over = shmeter_epoch_over(attachment) - 1, end = now, at = 0;
    uint32_t tries;
    int fd, held;
    if (over + 1 >= now || shmeter_load_relaxed(&attachment->epoch) < now)
        return 0;
    fd = shmeter_lock_open(attachment);
    held = fd < 0 ? fd : 1;
    for (tries = 0; held > 0 && over + 1 < end && tries < SHMETER_GRACE_QUESTIONS; tries++) {
        held = shmeter_sys_bytes_held(fd, SHMETER_EPOCH_BYTE, end, &at);
        if (held > 0) /* one of them; there may be older ones */
            end = at > SHMETER_EPOCH_BYTE && at - SHMETER_EPOCH_BYTE < end ? at - SHMETER_EPOCH_BYTE : 0;
    }
    if (fd >= 0)
        shmeter_sys_close(fd);
    if (held || over + 1 >= end)
        return 0;
    /* pairs with shmeter_epoch_over */
    while (over + 1 < end && !shmeter_cas(&attachment->state->over.value, &over, end - 1))
        ;
    return 1;
}

/* The same, not more often than is worth its system calls. */
SHMETER_LOCAL int
shmeter_grace_ask_now(struct shmeter_attachment *attachment)
{
    uint64_t now_ns = shmeter_clock_ns();
    if (now_ns - shmeter_load_relaxed(&attachment->asked_ns) < SHMETER_GRACE_ASK_NS)
        return 0;
    shmeter_store_relaxed(&attachment->asked_ns, now_ns);
    return shmeter_grace_ask(attachment);
}

/* Whether something waits that a grace is to begin for now. */
SHMETER_LOCAL int
shmeter_grace_is_worth(const struct shmeter_attachment *attachment)
{
    const struct shmeter_reuse *reuse = &attachment->state->reuse;
    uint64_t pressure = shmeter_load_relaxed(&reuse->pressure);
    if (shmeter_grace_is_under_way(attachment))
        return 0;
    return pressure >= SHMETER_GRACE_PRESSURE ||
           (pressure && shmeter_clock_ns() - shmeter_load_relaxed(&reuse->begun_ns) >= SHMETER_GRACE_SPACING_NS);
}

/* ---- quiescence ---- */

/* Whether shmeter_epoch_quiescent has something to do: loads, and no system call. */
SHMETER_INLINE int
shmeter_epoch_is_due(const struct shmeter_attachment *attachment)
{
    const struct shmeter_state *state = attachment->state;
    uint64_t epoch = shmeter_load_relaxed(&state->epoch.value);
    return epoch + 1 != shmeter_load_relaxed(&attachment->epoch) || epoch != shmeter_load_relaxed(&state->over.value) ||
           shmeter_load_relaxed(&state->reuse.pressure);
}

/*
 * Whether this process has an older epoch's lock to exchange for this one's. Not where gauges count
 * privately: what they have is carried into a slot later, by the numbers of their cells.
 */
SHMETER_INLINE int
shmeter_epoch_is_newer(const struct shmeter_attachment *attachment, uint64_t epoch)
{
    uint64_t held = shmeter_load_relaxed(&attachment->epoch);
    return attachment->epoch_pages && held && held < epoch &&
           !(shmeter_load_relaxed(&SHMETER_WIPED(attachment)->claim) & SHMETER_CLAIM_PRIVATE);
}

/*
 * Takes the epoch's lock in the place of an older one, one thread at a time. Returns 1 when it has.
 */
SHMETER_LOCAL int
shmeter_epoch_acknowledge(struct shmeter_attachment *attachment, uint64_t epoch)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t nobody = 0;
    int done;
    if (!shmeter_epoch_is_newer(attachment, epoch))
        return 0;
    /* pairs with shmeter_epoch_acknowledge */
    if (!shmeter_cas(&wiped->acknowledging, &nobody, 1))
        return 0;
    done = shmeter_epoch_is_newer(attachment, epoch) && !shmeter_epoch_hold(attachment, epoch);
    /* pairs with shmeter_epoch_acknowledge */
    shmeter_store_release(&wiped->acknowledging, 0);
    return done;
}

/*
 * No thread of this process uses a handle of a series that was removed before the epoch, which was
 * read before that was found out, or is in a call of this header. Ends a grace where this process
 * was the last; begun: it has begun one. Thread-safe; not async-signal-safe.
 */
SHMETER_LOCAL void
shmeter_epoch_quiescent(struct shmeter_attachment *attachment, uint64_t epoch, int begun)
{
    if (shmeter_epoch_acknowledge(attachment, epoch) || begun)
        shmeter_grace_ask(attachment);
    else
        shmeter_grace_ask_now(attachment);
}

#endif
