/*
 * Slots: who owns them, whether the owner lives, what it says of itself, and how it has ended.
 */
#include <stdlib.h>

#include "base/saturate.h"
#include "base/text.h"
#include "read/file/witness.h"
#include "read/snapshot/internal.h"

static uint64_t
word_off(const struct snapshot *snapshot, uint32_t slot)
{
    return snapshot->reader->header.slot_words_off + (uint64_t)slot * sizeof(struct shmeter_slot_word);
}

uint64_t
snapshot_block_off(const struct snapshot *snapshot, uint32_t slot)
{
    return snapshot->reader->header.slot_blocks_off + slot * snapshot->reader->header.slot_block_bytes;
}

/* The age of a time in ticks of the segment's clock. 0 ticks: never. */
static uint64_t
age_ns(const struct snapshot *snapshot, uint64_t ticks)
{
    double age;

    if (!ticks || snapshot->ns_per_tick <= 0)
        return STATUS_NEVER;
    if (ticks >= snapshot->now_ticks)
        return 0; /* another CPU's counter may be a little ahead */
    age = (double)(snapshot->now_ticks - ticks) * snapshot->ns_per_tick;
    return age < 1.8e19 ? (uint64_t)age : STATUS_NEVER - 1;
}

/*
 * Whether the block belongs to this owner. While a slot is being claimed, its block still has the last owner's values.
 */
static int
has_block(struct snapshot *snapshot, uint32_t number, const struct snapshot_slot *slot)
{
    return slot->backed >= sizeof(struct shmeter_slot_block) && slot->state != SHMETER_SLOT_CLAIMING &&
           snapshot_held(snapshot, snapshot_block_off(snapshot, number), sizeof(struct shmeter_slot_block));
}

/*
 * Reads a slot word. Its fields belong together if owner is the same before and after the read, because each claim has
 * another generation.
 */
static void
read_word(struct snapshot *snapshot, uint32_t number, struct snapshot_slot *slot)
{
    uint64_t off = word_off(snapshot, number), again;
    uint32_t tries = 0;

    do {
        /* pairs with shmeter_slot_move */
        slot->owner.owner = shmeter_load_acquire(snapshot_word(snapshot, off));
        slot->owner.identity = snapshot_load(snapshot, off + offsetof(struct shmeter_slot_word, identity));
        slot->owner.lock = snapshot_load(snapshot, off + offsetof(struct shmeter_slot_word, lock));
        /* pairs with shmeter_slot_lock */
        shmeter_fence_acquire();
        again = snapshot_load(snapshot, off);
    } while (again != slot->owner.owner && snapshot_try(&snapshot->torn, ++tries, 4));
    /* pairs with shmeter_slot_prepare */
    slot->backed = snapshot_min(
        shmeter_load_acquire(snapshot_word(snapshot, off + offsetof(struct shmeter_slot_word, backed))),
        snapshot->reader->header.slot_block_bytes);
    slot->state = SHMETER_OWNER_STATE(slot->owner.owner);
}

static void
read_text(const struct snapshot *snapshot, uint64_t off, uint32_t bytes, char *out)
{
    char copy[SHMETER_CHECK_MESSAGE_BYTES];

    snapshot_copy(snapshot, copy, off, bytes);
    text_clean(out, copy, bytes, TEXT_ONE_LINE);
}

/*
 * Reads a check. Its name never changes; its word says which of the two messages belongs to the state. Returns 0 when
 * the place is unused.
 */
static int
read_check(struct snapshot *snapshot, uint64_t off, struct status_check *out)
{
    uint64_t word, since, health;
    uint32_t tries = 0;

    do {
        /* pairs with shmeter_worker_check_put */
        word = shmeter_load_acquire(snapshot_word(snapshot, off));
        if (!word || word == SHMETER_CHECK_MAKING)
            return 0;
        since = snapshot_load(snapshot, off + offsetof(struct shmeter_slot_check, since_ticks));
        read_text(snapshot, off + offsetof(struct shmeter_slot_check, name), SHMETER_CHECK_NAME_BYTES, out->name);
        read_text(snapshot,
                  off + offsetof(struct shmeter_slot_check, message) + (word >> 8 & 1) * SHMETER_CHECK_MESSAGE_BYTES,
                  SHMETER_CHECK_MESSAGE_BYTES, out->message);
        /* pairs with shmeter_worker_take_place */
        shmeter_fence_acquire();
    } while (snapshot_load(snapshot, off) != word &&
             snapshot_try(&snapshot->torn, ++tries, sizeof(struct shmeter_slot_check) / 8));
    health = word & 0xff;
    out->health = health < STATUS_VERDICTS ? (enum status_health)health : STATUS_FAILING;
    out->age_ns = age_ns(snapshot, since);
    return *out->name != 0;
}

static void
read_block(struct snapshot *snapshot, uint32_t number, struct snapshot_slot *slot, struct status_slot *out)
{
    uint64_t block = snapshot_block_off(snapshot, number), held;
    uint32_t i;

    out->heartbeat_age_ns = out->busy_age_ns = STATUS_NEVER;
    if (!has_block(snapshot, number, slot))
        return;
    out->heartbeat_age_ns = age_ns(
        snapshot, snapshot_load(snapshot, block + offsetof(struct shmeter_slot_block, heartbeat_ticks)));
    out->busy_age_ns = age_ns(snapshot,
                              snapshot_load(snapshot, block + offsetof(struct shmeter_slot_block, busy_ticks)));
    out->work_n = snapshot_load(snapshot, block + offsetof(struct shmeter_slot_block, work_n));
    held = snapshot_load(snapshot, block + offsetof(struct shmeter_slot_block, epoch));
    held = SHMETER_CPU_OF(held, out->generation);
    out->epochs_behind = held && held < snapshot->room_epoch ? snapshot->room_epoch - held : 0;
    for (i = 0; i < SHMETER_CHECKS; i++)
        out->checks_n += (uint32_t)read_check(
            snapshot, block + offsetof(struct shmeter_slot_block, checks) + i * sizeof(struct shmeter_slot_check),
            &out->checks[out->checks_n]);
}

/*
 * CPU time that was noted in the block: an owner's, and that of all before it. Of a living owner /proc knows more; what
 * is noted of another generation is an earlier owner's, which nobody has added up yet.
 */
static void
read_cpu(struct snapshot *snapshot, uint32_t number, const struct snapshot_slot *slot, struct status_slot *out)
{
    const uint64_t block = snapshot_block_off(snapshot, number);
    const uint32_t generation = SHMETER_OWNER_GENERATION(slot->owner.owner);
    const int lives = slot->life == SHMETER_LIVENESS_LIVE || slot->life == SHMETER_LIVENESS_UNKNOWN;
    struct pair cpu;

    snapshot->cpu_ended[number] = 0;
    if (slot->backed < sizeof(struct shmeter_slot_block) ||
        !snapshot_held(snapshot, block, sizeof(struct shmeter_slot_block)))
        return;
    cpu = snapshot_pair(snapshot, block + offsetof(struct shmeter_slot_block, cpu_noted));
    if (lives && SHMETER_CPU_GENERATION(cpu.first) == generation) {
        out->cpu_noted_ms = SHMETER_CPU_MS(cpu.first);
        cpu.first = 0;
    }
    snapshot->cpu_ended[number] = saturate_add(cpu.second, SHMETER_CPU_MS(cpu.first));
    out->cpu_given_ms = SHMETER_CPU_OF(snapshot_load(snapshot, block + offsetof(struct shmeter_slot_block, cpu_given)),
                                       generation);
}

/* When it was last heard of, by its words and by what earlier takes have found; and since when it is dead. */
static void
tell_times(const struct snapshot *snapshot, const struct snapshot_slot *slot, struct status_slot *out)
{
    const int was_seen = slot->seen == slot->owner.owner;
    uint32_t i;

    out->heard_age_ns = snapshot_min(out->claimed_age_ns, snapshot_min(out->heartbeat_age_ns, out->busy_age_ns));
    for (i = 0; i < out->checks_n; i++)
        out->heard_age_ns = snapshot_min(out->heard_age_ns, out->checks[i].age_ns);
    if (was_seen)
        out->heard_age_ns = snapshot_min(out->heard_age_ns, snapshot->now_ns - slot->alive_ns);
    out->dead_age_ns = was_seen && slot->dead_ns ? snapshot->now_ns - slot->dead_ns : STATUS_NEVER;
}

static int
add_status(struct snapshot *snapshot, uint32_t number, struct snapshot_slot *slot)
{
    struct segment_status *status = &snapshot->status;
    struct status_slot *out;

    if (array_room(&status->slots, &snapshot->slots_capacity_status, status->slots_len + 1, sizeof *status->slots))
        return -ENOMEM;
    out = &status->slots[status->slots_len++];
    memset(out, 0, offsetof(struct status_slot, checks)); /* of the checks, only those that exist are written */
    out->slot = number;
    out->life = (enum status_life)slot->life;
    out->pid = SHMETER_OWNER_PID(slot->owner.owner);
    out->generation = SHMETER_OWNER_GENERATION(slot->owner.owner);
    out->start_ticks = SHMETER_IDENTITY_START(slot->owner.identity);
    out->foreign = !snapshot->observer.namespaces ||
                   SHMETER_IDENTITY_NAMESPACES(slot->owner.identity) != snapshot->observer.namespaces;
    memcpy(out->worker, slot->worker, sizeof out->worker);
    out->claimed_age_ns = age_ns(
        snapshot,
        snapshot_load(snapshot, word_off(snapshot, number) + offsetof(struct shmeter_slot_word, claimed_ticks)));
    read_block(snapshot, number, slot, out);
    read_cpu(snapshot, number, slot, out);
    tell_times(snapshot, slot, out);
    return 0;
}

/*
 * Reads the owner's name, which the owner has written before the slot was LIVE and never changes. If the slot has
 * another owner afterwards, the name is read again in the next take.
 */
static void
read_name(struct snapshot *snapshot, uint32_t number, struct snapshot_slot *slot)
{
    if (slot->named == slot->owner.owner)
        return;
    slot->named = 0;
    slot->worker[0] = 0;
    if (!has_block(snapshot, number, slot))
        return;
    read_text(snapshot, snapshot_block_off(snapshot, number) + offsetof(struct shmeter_slot_block, worker),
              SHMETER_WORKER_BYTES, slot->worker);
    /* pairs with shmeter_slot_move */
    shmeter_fence_acquire();
    if (slot->state == SHMETER_SLOT_LIVE && snapshot_load(snapshot, word_off(snapshot, number)) == slot->owner.owner)
        slot->named = slot->owner.owner;
}

static void
note_life(const struct snapshot *snapshot, struct snapshot_slot *slot)
{
    if (slot->life == SHMETER_LIVENESS_LIVE || slot->life == SHMETER_LIVENESS_UNKNOWN) {
        slot->seen = slot->owner.owner;
        slot->alive_ns = snapshot->now_ns;
        slot->dead_ns = 0;
    } else if (slot->life == SHMETER_LIVENESS_DEAD && slot->seen == slot->owner.owner && !slot->dead_ns) {
        slot->dead_ns = snapshot->now_ns;
    }
}

/* What earlier owners have left stands in the block whoever has the slot. */
static void
read_ended(struct snapshot *snapshot, uint32_t number, struct snapshot_slot *slot)
{
    const uint64_t off = snapshot_block_off(snapshot, number);

    slot->died_before = 0;
    if (slot->backed >= sizeof(struct shmeter_slot_block) &&
        snapshot_held(snapshot, off, sizeof(struct shmeter_slot_block)))
        slot->died_before = SHMETER_ENDED_DIED(
            snapshot_load(snapshot, off + offsetof(struct shmeter_slot_block, ended)));
}

void
snapshot_drop_witness(struct snapshot_slot *slot)
{
    witness_close(slot->witness - 1);
    slot->witness = 0;
    slot->witnessed = 0;
}

/* A descriptor of a new owner's process, before it is asked whether that lives; an owner's that has one stays. */
static void
have_witness(const struct snapshot *snapshot, struct snapshot_slot *slot)
{
    const uint32_t pid = SHMETER_OWNER_PID(slot->owner.owner);

    if (slot->witnessed == slot->owner.owner)
        return;
    snapshot_drop_witness(slot);
    if (!snapshot->reader->witness || slot->state != SHMETER_SLOT_LIVE || !pid || pid > INT32_MAX ||
        !snapshot->observer.namespaces ||
        SHMETER_IDENTITY_NAMESPACES(slot->owner.identity) != snapshot->observer.namespaces)
        return;
    slot->witness = witness_open(pid, snapshot->reader->spare_fds) + 1;
    slot->witnessed = slot->witness ? slot->owner.owner : 0;
}

static int
take_slot(struct snapshot *snapshot, uint32_t number)
{
    struct segment_status *status = &snapshot->status;
    struct snapshot_slot *slot = &snapshot->slots[number];
    struct status_slot nobody = { .slot = number };
    int is_new;

    read_word(snapshot, number, slot);
    is_new = slot->witnessed != slot->owner.owner;
    have_witness(snapshot, slot);
    slot->life = shmeter_liveness(&slot->memo, &snapshot->observer, &slot->owner, number, snapshot->now_ns);
    if (is_new && slot->life != SHMETER_LIVENESS_LIVE)
        snapshot_drop_witness(slot); /* another process may have the number by now */
    slot->live = slot->state == SHMETER_SLOT_LIVE && slot->life != SHMETER_LIVENESS_DEAD;
    note_life(snapshot, slot);
    read_ended(snapshot, number, slot);
    read_name(snapshot, number, slot);
    switch (slot->life) {
    case SHMETER_LIVENESS_LIVE:
        status->slots_live++;
        break;
    case SHMETER_LIVENESS_DEAD:
        status->slots_dead++;
        break;
    case SHMETER_LIVENESS_UNKNOWN:
        status->slots_unknown++;
        break;
    default:
        status->slots_free++;
        read_cpu(snapshot, number, slot, &nobody);
        return 0;
    }
    return add_status(snapshot, number, slot);
}

/* Whether a slot beyond those that have room here was never claimed. */
static int
is_virgin(const struct snapshot *snapshot, uint32_t slot)
{
    return slot >= snapshot->slots_n &&
           !snapshot_load(snapshot, word_off(snapshot, slot) + offsetof(struct shmeter_slot_word, owner));
}

/*
 * Reads the slots that were claimed at any time. The words of the others have no memory, or are 0; there is no room for
 * those behind the last one that was claimed.
 */
static int
take_held_slots(struct snapshot *snapshot)
{
    struct segment_status *status = &snapshot->status;
    uint32_t i, before;
    uint64_t until;
    int held = 0, result = 0;

    for (i = 0, until = 0; i < status->slots_n && !result; i++) {
        if (word_off(snapshot, i) >= until)
            held = snapshot_held_until(snapshot, word_off(snapshot, i), &until);
        if (!held || is_virgin(snapshot, i)) {
            status->slots_free++;
            if (i < snapshot->slots_n) {
                snapshot_drop_witness(&snapshot->slots[i]);
                memset(&snapshot->slots[i], 0, sizeof *snapshot->slots);
                snapshot->cpu_ended[i] = 0;
            }
            continue;
        }
        before = snapshot->slots_n;
        if (i >= before) {
            if (array_room(&snapshot->slots, &snapshot->slots_capacity, (uint64_t)i + 1, sizeof *snapshot->slots) ||
                array_room(&snapshot->cpu_ended, &snapshot->cpu_ended_capacity, (uint64_t)i + 1,
                           sizeof *snapshot->cpu_ended))
                return -ENOMEM;
            snapshot->slots_n = i + 1;
            memset(snapshot->slots + before, 0, (i + 1 - before) * sizeof *snapshot->slots);
            memset(snapshot->cpu_ended + before, 0, (i + 1 - before) * sizeof *snapshot->cpu_ended);
        }
        result = take_slot(snapshot, i);
    }
    return result;
}

int
snapshot_has_block(struct snapshot *snapshot, uint32_t slot)
{
    return has_block(snapshot, slot, &snapshot->slots[slot]);
}

int
snapshot_take_slots(struct snapshot *snapshot)
{
    struct segment_status *status = &snapshot->status;
    int result;

    status->slots_free = status->slots_live = status->slots_dead = status->slots_unknown = status->slots_len = 0;
    status->slots_refused_age_ns = STATUS_NEVER;
    if (snapshot->state_held)
        status->slots_refused_age_ns = age_ns(
            snapshot, snapshot_load(snapshot, snapshot->reader->header.state_off +
                                                  offsetof(struct shmeter_state, slots_given.refused_ticks)));
    shmeter_observer_begin(&snapshot->observer, snapshot->now_ns);
    snapshot_take_room(snapshot);
    result = take_held_slots(snapshot);
    status->cpu_ended_ms = snapshot->cpu_ended;
    status->cpu_ended_n = snapshot->slots_n;
    return result;
}

struct snapshot_worker
snapshot_worker(const struct snapshot *snapshot, uint32_t slot)
{
    const struct snapshot_slot *of = &snapshot->slots[slot];

    return (struct snapshot_worker){ SHMETER_OWNER_PID(of->owner.owner), SHMETER_OWNER_GENERATION(of->owner.owner),
                                     of->worker };
}
