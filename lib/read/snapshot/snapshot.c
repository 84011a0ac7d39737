/*
 * A snapshot's life, and one take from beginning to end.
 */
#include "read/snapshot/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/containers/key.h"
#include "base/text.h"
#include "read/snapshot/internal.h"
#include "shm/process/timens.h"

static void
fill_status(struct snapshot *snapshot)
{
    const struct shmeter_reader *reader = snapshot->reader;
    const struct shmeter_header *header = &reader->header;
    struct segment_status *status = &snapshot->status;

    _Static_assert(sizeof status->name >= TEXT_NAME_BYTES(sizeof reader->name - 1), "room for the name");
    text_name(status->name, reader->name);
    text_clip(status->path, sizeof status->path, reader->path, TEXT_ONE_LINE);
    status->readable = 1;
    status->abi_major = header->abi_major;
    status->abi_minor = header->abi_minor;
    status->uid = reader->uid;
    status->gid = reader->gid;
    status->mode = reader->mode;
    status->segment_bytes = header->segment_bytes;
    status->created_real_ns = header->created_real_ns;
    status->generation = 1;
    status->cpu_lanes_n = header->cpu_lanes_n;
    status->shared_lanes_n = header->shared_lanes_n;
    status->cells_capacity = UINT64_C(1) << header->lane_shift;
    status->records_capacity = header->records_bytes;
    status->gauges_capacity = header->gauges_n;
    status->series_capacity = header->max_series;
    status->losses_n = SHMETER_LOSSES;
    status->slots_n = header->slots_n;
}

static void
set_clock(struct snapshot *snapshot)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    uint64_t boot[2];

    shmeter_identity_boot(boot);
    snapshot->status.same_boot = boot[0] == header->boot_id[0] && boot[1] == header->boot_id[1];
    snapshot->same_clock = snapshot->status.same_boot && shmeter_timens_same(header);
    snapshot->ticks_shift = snapshot->status.same_boot ? shmeter_timens_shift(header) : 0;
}

struct snapshot *
snapshot_new(struct shmeter_reader *reader)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    const struct shmeter_header *header = &reader->header;

    if (!snapshot) {
        shmeter_reader_close(reader);
        return NULL;
    }
    snapshot->reader = reader;
    snapshot->device = reader->device;
    snapshot->inode = reader->inode;
    snapshot->reuses = header->features & SHMETER_FEATURE_REUSE;
    snapshot->nonce[0] = header->nonce[0];
    snapshot->nonce[1] = header->nonce[1];
    snapshot->key = key_of_process();
    shmeter_observer_init(&snapshot->observer, reader->fd);
    fill_status(snapshot);
    set_clock(snapshot);
    return snapshot;
}

void
snapshot_watch(struct snapshot *snapshot)
{
    shmeter_observer_watch(&snapshot->observer);
}

void
snapshot_free(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    shmeter_observer_end(&snapshot->observer);
    shmeter_reader_close(snapshot->reader);
    snapshot_drop_witnesses(snapshot);
    arena_free(&snapshot->arena);
    free(snapshot->pending);
    free(snapshot->families);
    free(snapshot->series);
    free(snapshot->twins_chosen);
    free(snapshot->bonds);
    free(snapshot->unbound);
    free(snapshot->units.entries);
    free(snapshot->names.entries);
    free(snapshot->labels.entries);
    free(snapshot->taken.entries);
    free(snapshot->masks);
    free(snapshot->fixed.all);
    free(snapshot->grown.all);
    free(snapshot->holes);
    free(snapshot->several);
    free(snapshot->infos);
    free(snapshot->runs);
    free(snapshot->histograms);
    free(snapshot->sums);
    free(snapshot->next);
    free(snapshot->gauges);
    free(snapshot->samples);
    free(snapshot->slots);
    free(snapshot->cpu_ended);
    free(snapshot->status.slots);
    free(snapshot->status.superseded);
    free(snapshot);
}

void
snapshot_freeze(struct snapshot *snapshot)
{
    shmeter_observer_end(&snapshot->observer);
    shmeter_reader_close(snapshot->reader);
    snapshot_drop_witnesses(snapshot);
    snapshot->reader = NULL;
    snapshot->status.readable = 0;
}

/* ---- one take ---- */

/* A fill level or backed mark. It may be wrong, so it is limited to most. */
static uint64_t
level(const struct snapshot *snapshot, size_t line, uint64_t most)
{
    if (!snapshot->state_held)
        return 0;
    /* pairs with shmeter_bump */
    return snapshot_min(shmeter_load_acquire(snapshot_word(snapshot, snapshot->reader->header.state_off + line)), most);
}

#define LEVEL(field) offsetof(struct shmeter_state, field)

static void
take_levels(struct snapshot *snapshot)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    struct segment_status *status = &snapshot->status;
    uint64_t backed;
    uint32_t i;

    snapshot->state_held = (uint32_t)snapshot_held(snapshot, header->state_off, sizeof(struct shmeter_state));
    /* The fill level is loaded before the mark, because the bytes below the level had memory before the level rose. */
    status->records_used = level(snapshot, LEVEL(records_fill), header->records_bytes);
    snapshot->records_end = snapshot_min(status->records_used,
                                         level(snapshot, LEVEL(records_backed), header->records_bytes));
    status->cells_used = level(snapshot, LEVEL(cells_fill), status->cells_capacity);
    backed = level(snapshot, LEVEL(cells_backed), status->cells_capacity);
    snapshot->cells_backed = backed > snapshot->cells_backed ? backed : snapshot->cells_backed;
    status->gauges_used = level(snapshot, LEVEL(gauges_fill), header->gauges_n);
    status->series_used = level(snapshot, LEVEL(series_n), UINT64_MAX);
    for (i = 0; i < SHMETER_LOSSES; i++)
        status->losses[i] = level(snapshot, LEVEL(losses) + i * sizeof(struct shmeter_line), UINT64_MAX);
    status->losses[SHMETER_LOSS_SUPERSEDED] = snapshot->superseded; /* no producer writes this line */
}

static void
take_clock(struct snapshot *snapshot)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    uint64_t ticks = header->created_ticks, ns = header->created_mono_ns, real_ns = shmeter_clock_real_ns();
    int steady; /* CLOCK_MONOTONIC and the counter have run for the same time */

    snapshot->now_ticks = shmeter_clock_ticks(header->ticks_kind) + snapshot->ticks_shift;
    snapshot->now_ns = shmeter_clock_ns();
    snapshot->ns_per_tick = 0; /* no ages */
    if (header->ticks_kind == SHMETER_TICKS_MONOTONIC_NS) {
        snapshot->ns_per_tick = snapshot->same_clock || snapshot->ticks_shift;
        return;
    }
    if (!snapshot->status.same_boot || ticks >= snapshot->now_ticks)
        return;
    steady = snapshot->same_clock && ns < snapshot->now_ns &&
             !(header->created_boot_ns &&
               shmeter_clock_suspended(header->created_boot_ns - ns, shmeter_clock_boot_ns() - snapshot->now_ns));
    if (steady)
        snapshot->ns_per_tick = (double)(snapshot->now_ns - ns) / (double)(snapshot->now_ticks - ticks);
    else if (header->created_real_ns < real_ns) /* the same in all namespaces, and runs during suspensions */
        snapshot->ns_per_tick = (double)(real_ns - header->created_real_ns) / (double)(snapshot->now_ticks - ticks);
}

static int
take_parts(struct snapshot *snapshot)
{
    int result;

    take_clock(snapshot);
    take_levels(snapshot);
    result = snapshot_take_slots(snapshot);
    if (!result)
        result = snapshot_take_records(snapshot);
    if (!result)
        snapshot_take_ends(snapshot);
    if (!result)
        result = snapshot_take_in_force(snapshot);
    if (result)
        return result;
    snapshot_take_states(snapshot);
    snapshot_take_left(snapshot);
    if (snapshot->depth == SNAPSHOT_STATUS)
        return 0;
    result = snapshot_take_cells(snapshot);
    if (result)
        return result;
    result = snapshot_take_gauges(snapshot);
    snapshot_confirm_bonds(snapshot);
    snapshot_count_superseded(snapshot);
    return result;
}

static int
take_all(void *argument)
{
    struct snapshot *snapshot = argument;
    int result;

    snapshot_held_begin(snapshot);
    snapshot->torn = (struct snapshot_torn){ 0, SNAPSHOT_TRIES_WORDS };
    result = take_parts(snapshot);
    snapshot->status.torn += snapshot->torn.n;
    return result ? result : snapshot->held_error;
}

int
snapshot_take(struct snapshot *snapshot, enum snapshot_depth depth)
{
    struct segment_status *status = &snapshot->status;
    int result;

    if (!snapshot->reader)
        return -EFAULT;
    snapshot->place = shmeter_reader_look(snapshot->reader);
    status->unlinked = snapshot->place != SHMETER_READER_HERE;
    snapshot->depth = depth;
    result = shmeter_reader_guard(snapshot->reader, take_all, snapshot);
    if (result == -EFAULT) {
        status->readable = 0;
        status->fault = SHMETER_READER_DAMAGED;
        snprintf(status->error, sizeof status->error,
                 "%.300s was truncated while it was read: remove it with: shmeter rm --force %.300s", status->path,
                 status->path);
    }
    return result;
}

struct snapshot_contents
snapshot_contents(const struct snapshot *snapshot)
{
    return (struct snapshot_contents){
        .families = snapshot->families,
        .series = snapshot->series,
        .sums = snapshot->sums,
        .gauges = snapshot->gauges,
        .samples = snapshot->samples,
        .sums_n = snapshot->sums_words,
        .families_n = snapshot->families_n,
        .series_n = snapshot->series_n,
        .gauges_n = snapshot->gauges_n,
        .samples_n = snapshot->samples_n,
        .several_n = snapshot->several_n,
        .binds_n = snapshot->binds_n,
    };
}

uint32_t
snapshot_binds(const struct snapshot *snapshot, uint32_t series)
{
    return snapshot->bonds && snapshot->reader ? snapshot->bonds[series].binds : 0;
}

const struct segment_status *
snapshot_status(const struct snapshot *snapshot)
{
    return &snapshot->status;
}

int
snapshot_place(const struct snapshot *snapshot)
{
    return (int)snapshot->place;
}

uint64_t
snapshot_memory(const struct snapshot *snapshot)
{
    return sizeof *snapshot + snapshot->cost + snapshot->samples_cost +
           snapshot->pending_capacity * sizeof *snapshot->pending +
           ((uint64_t)snapshot->fixed.capacity + snapshot->grown.capacity) * sizeof *snapshot->grown.all +
           snapshot->slots_n * (sizeof *snapshot->slots + sizeof *snapshot->status.slots);
}

uint64_t
snapshot_mapped(const struct snapshot *snapshot)
{
    return snapshot->reader ? snapshot->reader->bytes : 0;
}

struct segment_status *
snapshot_status_mutable(struct snapshot *snapshot)
{
    return &snapshot->status;
}
