/*
 * How the owners of slots have ended: in order, or with something under way, or killed.
 */
#include "read/file/witness.h"
#include "read/snapshot/internal.h"

static int
is_under_way(struct snapshot *snapshot, const struct status_slot *slot)
{
    uint32_t i;

    for (i = 0; i < slot->checks_n; i++)
        if (slot->checks[i].health >= STATUS_FAILING)
            return 1;
    return slot->busy_age_ns != STATUS_NEVER || snapshot_has_share(snapshot, slot->slot);
}

/* An owner that has told of its end, and died before the slot was free, has ended. */
static int
has_died(struct snapshot *snapshot, const struct status_slot *slot)
{
    uint64_t ended;

    if (!snapshot_has_block(snapshot, slot->slot) || !is_under_way(snapshot, slot))
        return 0;
    ended = snapshot_load(snapshot,
                          snapshot_block_off(snapshot, slot->slot) + offsetof(struct shmeter_slot_block, ended));
    return SHMETER_ENDED_GENERATION(ended) != slot->generation;
}

void
snapshot_drop_witnesses(struct snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < snapshot->slots_n; i++)
        snapshot_drop_witness(&snapshot->slots[i]);
}

/* The dead change no more: each is judged once, when it is known how it has ended, or that nobody will know. */
static void
judge_end(struct snapshot *snapshot, struct snapshot_slot *slot, const struct status_slot *out)
{
    enum witness_end end;

    if (slot->judged == slot->owner.owner)
        return;
    slot->died = (uint32_t)has_died(snapshot, out);
    slot->killed = 0;
    end = slot->died ? WITNESS_UNKNOWN : witness_end(slot->witness - 1);
    if (!slot->died && slot->witness && end == WITNESS_UNKNOWN)
        return; /* nobody has waited for it yet */
    slot->killed = end == WITNESS_KILLED;
    snapshot->status.killed += slot->killed;
    snapshot_drop_witness(slot);
    slot->judged = slot->owner.owner;
}

void
snapshot_take_ends(struct snapshot *snapshot)
{
    struct segment_status *status = &snapshot->status;
    uint64_t died = 0;
    uint32_t i;

    for (i = 0; i < snapshot->slots_n; i++)
        died += snapshot->slots[i].died_before;
    for (i = 0; i < status->slots_len; i++) {
        struct status_slot *out = &status->slots[i];
        struct snapshot_slot *slot = &snapshot->slots[out->slot];
        if (out->life != STATUS_DEAD)
            continue;
        judge_end(snapshot, slot, out);
        out->died = slot->died;
        out->killed = slot->killed;
        died += slot->died;
    }
    if (died > status->died) /* while a slot is taken over, its last owner may not be counted for a moment */
        status->died = died;
}
