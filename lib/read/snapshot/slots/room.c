/*
 * Whether the room of removed series waits for processes that may have handles of them: those hold locks of earlier
 * epochs (shm/segment/epoch.h). The kernel says whether anybody does, and each slot whether its owner is one of them.
 */
#include "read/snapshot/internal.h"
#include "shm/segment/epoch.h"

static uint64_t
word_of(struct snapshot *snapshot, uint64_t off)
{
    return snapshot_load(snapshot, snapshot->reader->header.state_off + off);
}

void
snapshot_take_room(struct snapshot *snapshot)
{
    struct segment_status *status = &snapshot->status;
    uint64_t over, epoch, begun_ns;

    snapshot->room_epoch = 0;
    status->held_age_ns = STATUS_NEVER;
    status->unlocked = 0;
    if (!snapshot->reuses || !snapshot->state_held)
        return;
    over = word_of(snapshot, offsetof(struct shmeter_state, over));
    epoch = word_of(snapshot, offsetof(struct shmeter_state, epoch)) + 1;
    begun_ns = word_of(snapshot, offsetof(struct shmeter_state, reuse) + offsetof(struct shmeter_reuse, begun_ns));
    status->unlocked = word_of(snapshot,
                               offsetof(struct shmeter_state, reuse) + offsetof(struct shmeter_reuse, unlocked)) != 0;
    if (over + 1 >= epoch || epoch >> 60 || shmeter_observer_held(&snapshot->observer, SHMETER_EPOCH_BYTE, epoch) != 1)
        return;
    snapshot->room_epoch = epoch;
    status->held_age_ns = snapshot->now_ns > begun_ns ? snapshot->now_ns - begun_ns : 0;
}
