/*
 * A process that is parked: it goes on using the handles that it has, and looks nothing up.
 *
 * The lock of an epoch (shm/segment/epoch.h) holds back all that is removed from then on, since its
 * holder may find that at any moment. A parked process has a lock on a range of other bytes in its place:
 * SHMETER_PARK_BYTE + from the epoch in which it last said that it uses nothing from before, up to the present
 * one. What was removed before the range, or made behind it, it cannot have a handle of. So a
 * master that forks workers, and then waits, holds back only series that were there when it was parked.
 *
 * It is parked until its next call that is not an update: that takes an epoch's lock before it
 * looks anything up. The parked one's lock stays until the process says that it uses nothing
 * from before.
 */
#ifndef SHMETER_SHM_PARK_H
#define SHMETER_SHM_PARK_H

#include "epoch.h"

/*
 * Exchanges the epoch's lock for that of a parked process. No other thread of this process is in a
 * call of this header, and no signal's handler makes one meanwhile. Returns 1 when it is parked.
 */
SHMETER_LOCAL int
shmeter_park_begin(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t held = shmeter_load_relaxed(&attachment->epoch),
             which = shmeter_load_relaxed(&attachment->epoch_which) & 1;
    uint64_t before = shmeter_load_relaxed(&attachment->park_which), page = before == 2 ? 3 : 2, nobody = 0;
    uint64_t from = shmeter_load_relaxed(&attachment->park_from), to = shmeter_epoch_now(attachment);
    int done;
    if (!attachment->epoch_pages || !held || shmeter_load_relaxed(&attachment->parked))
        return held && attachment->epoch_pages;
    /* pairs with shmeter_epoch_acknowledge */
    if (!shmeter_cas(&wiped->acknowledging, &nobody, 1))
        return 0;
    from = from ? from : held;
    done = !shmeter_epoch_map(attachment, page, SHMETER_PARK_BYTE + from, to - from + 1);
    if (done) {
        shmeter_store_relaxed(&attachment->park_from, from);
        shmeter_store_relaxed(&attachment->park_which, page);
        shmeter_store_relaxed(&attachment->unparking, 0);
        /* pairs with shmeter_park_is_in_the_way */
        shmeter_add(&attachment->state->reuse.parks, 1);
        /* pairs with shmeter_park_end */
        shmeter_store_release(&attachment->parked, 1 + (which ^ 1));
        if (before)
            shmeter_epoch_unmap(attachment, before);
        shmeter_epoch_unmap(attachment, which);
        shmeter_epoch_tell(attachment, 0);
    }
    /* pairs with shmeter_epoch_acknowledge */
    shmeter_store_release(&wiped->acknowledging, 0);
    return done;
}

/*
 * Before a call looks anything up: takes an epoch's lock again. All threads that do so at once lock
 * the same byte and map the same page, so that none waits, and none takes away what another one has.
 * Where the file cannot be opened any more nothing is used again.
 */
SHMETER_LOCAL __attribute__((cold, noinline)) void
shmeter_park_end_now(struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_park_begin */
    uint64_t parked = shmeter_load_acquire(&attachment->parked), seen = 0, epoch = shmeter_epoch_now(attachment);
    if (!parked)
        return;
    /* pairs with shmeter_park_end_now */
    if (!shmeter_cas(&attachment->unparking, &seen, epoch))
        epoch = seen;
    if (!shmeter_epoch_map(attachment, parked - 1, SHMETER_EPOCH_BYTE + epoch, 1)) {
        shmeter_store_relaxed(&attachment->epoch_which, parked - 1);
        shmeter_store_relaxed(&attachment->epoch, epoch);
        shmeter_epoch_tell(attachment, epoch);
        /* pairs with shmeter_park_end */
        shmeter_store_release(&attachment->parked, 0);
    } else if (shmeter_cas(&attachment->parked, &parked, 0)) { /* pairs with shmeter_park_end */
        shmeter_epoch_forgo(attachment);
    }
}

SHMETER_INLINE void
shmeter_park_end(struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_park_end_now */
    if (SHMETER_UNLIKELY(shmeter_load_acquire(&attachment->parked)))
        shmeter_park_end_now(attachment);
}

/*
 * Whether somebody who is or was parked may have a handle of what was made in one epoch and removed
 * in another, which is over. Asks the kernel, unless nobody was parked since before that.
 */
SHMETER_LOCAL int
shmeter_park_is_in_the_way(struct shmeter_attachment *attachment, uint64_t made, uint64_t removed)
{
    uint64_t over = shmeter_epoch_over(attachment), at;
    int fd, held;
    /* pairs with shmeter_park_begin */
    if (!removed || !shmeter_load_acquire(&attachment->state->reuse.parks) ||
        removed < shmeter_load_relaxed(&attachment->unparked))
        return 0;
    fd = shmeter_lock_open(attachment);
    if (fd < 0)
        return 1;
    held = shmeter_sys_bytes_held(fd, SHMETER_PARK_BYTE, UINT64_C(1) << 60, &at);
    if (!held)
        shmeter_store_relaxed(&attachment->unparked, over);
    else if (held > 0)
        held = shmeter_sys_bytes_held(fd, SHMETER_PARK_BYTE + made, removed - made + 1, &at);
    shmeter_sys_close(fd);
    return held != 0;
}

#endif
