#include "process/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/containers/array.h"
#include "base/saturate.h"

#define PROPORTIONAL_NS    UINT64_C(30000000000) /* PSS is read again after so long ...                          */
#define PROPORTIONAL_SHARE 4u                    /* ... of so many workers in one reading                        */

/* What is remembered of a slot. */
struct slot {
    uint32_t generation; /* of the owner whose figures these are                                            */
    uint32_t lived;      /* in the last reading, and its process could be read                              */
    uint64_t cpu_ms;     /* of that owner then                                                             */
    uint64_t ended_ms;   /* of the owners before, as the segment had it then                                 */
    uint64_t extra_ms;   /* what owners had used that was never noted                                        */
    uint64_t proportional_bytes, proportional_ns; /* ns 0: not read yet                                      */
    uint32_t proportional_n;                      /* 0: it cannot be had                                    */
};

struct segment {
    char *name;
    uint64_t created_ns, generation;
    uint64_t former_ms; /* of segments that had the name before                                              */
    struct slot *slots;
    uint32_t slots_n, slots_capacity;
    struct process_worker *workers;
    uint32_t workers_n, workers_capacity;
    struct process_sums sums;
    int seen; /* in the reading under way                                                                  */
};

struct process_pool {
    int remembers;
    struct segment *segments;
    uint32_t segments_n, segments_capacity;
    uint32_t *order; /* of the last reading: which of the segments each status has                              */
    uint32_t order_n, order_capacity;
    uint32_t proportional_left;
};

struct process_pool *
process_pool_new(int remembers)
{
    struct process_pool *pool = calloc(1, sizeof *pool);

    if (pool)
        pool->remembers = remembers;
    return pool;
}

static void
free_segment(struct segment *segment)
{
    free(segment->name);
    free(segment->slots);
    free(segment->workers);
}

void
process_pool_free(struct process_pool *pool)
{
    uint32_t i;

    if (!pool)
        return;
    for (i = 0; i < pool->segments_n; i++)
        free_segment(&pool->segments[i]);
    free(pool->segments);
    free(pool->order);
    free(pool);
}

/* ---- slots ---- */

/*
 * What a slot has used: its owners before, the one of now, and what was never noted. Where the segment knows less of an
 * owner than was read of it, it could not note the rest.
 */
static uint64_t
slot_cpu(const struct process_pool *pool, struct slot *slot, uint64_t ended_ms, uint32_t generation, int lives,
         uint64_t cpu_ms)
{
    if (pool->remembers && slot->lived && (!lives || generation != slot->generation)) {
        const uint64_t gained = ended_ms > slot->ended_ms ? ended_ms - slot->ended_ms : 0;
        if (gained < slot->cpu_ms)
            slot->extra_ms = saturate_add(slot->extra_ms, slot->cpu_ms - gained);
    } else if (pool->remembers && slot->lived && cpu_ms < slot->cpu_ms) {
        cpu_ms = slot->cpu_ms; /* it has just ended: the next reading of the segment knows how */
    }
    slot->lived = (uint32_t)lives;
    slot->generation = generation;
    slot->cpu_ms = lives ? cpu_ms : 0;
    slot->ended_ms = ended_ms;
    return saturate_add(saturate_add(ended_ms, slot->extra_ms), slot->cpu_ms);
}

static void
read_proportional(struct process_pool *pool, struct slot *slot, const struct status_slot *of,
                  struct process_figures *figures)
{
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    const int is_new = !slot->proportional_ns || slot->generation != of->generation;

    if (is_new || (now - slot->proportional_ns >= PROPORTIONAL_NS && pool->proportional_left)) {
        pool->proportional_left -= !is_new;
        process_read_proportional(of->pid, of->start_ticks, figures);
        slot->proportional_bytes = figures->proportional_bytes;
        slot->proportional_ns = now;
        slot->proportional_n = figures->parts & PROCESS_PROPORTIONAL;
    }
    figures->proportional_bytes = slot->proportional_bytes;
    figures->parts |= slot->proportional_n;
}

/* Whether a worker before this one is the same process: two copies of the client may have a slot each. */
static int
is_twin(const struct segment *segment, const struct status_slot *slot)
{
    uint32_t i;

    for (i = 0; i < segment->workers_n; i++)
        if (segment->workers[i].slot->pid == slot->pid)
            return 1;
    return 0;
}

static void
add_to_sums(struct process_sums *sums, const struct process_figures *figures)
{
    sums->parts = sums->counted ? sums->parts & figures->parts : figures->parts;
    sums->counted++;
    sums->memory_bytes += figures->parts & PROCESS_PROPORTIONAL ? figures->proportional_bytes : figures->resident_bytes;
    sums->virtual_bytes += figures->virtual_bytes;
    sums->threads_n += figures->threads_n;
    sums->open_fds += figures->open_fds;
    sums->max_fds += figures->max_fds;
    if (!sums->start_seconds || figures->start_seconds < sums->start_seconds)
        sums->start_seconds = figures->start_seconds;
}

struct process_sums
process_sums_of(const struct process_worker *worker)
{
    struct process_sums sums = { .cpu_ms = worker->cpu_ms };

    add_to_sums(&sums, &worker->figures);
    return sums;
}

/* The process of a slot that is in use; *cpu_ms: what it has used there. 1: it lives, as far as anybody can tell. */
static int
read_worker(struct process_pool *pool, struct segment *segment, const struct status_slot *of, uint64_t *cpu_ms)
{
    struct process_worker *worker = &segment->workers[segment->workers_n];
    struct slot *slot = &segment->slots[of->slot];
    int result;

    *cpu_ms = of->cpu_noted_ms;
    if (of->life == STATUS_DEAD || of->life == STATUS_FREE)
        return 0;
    if (of->foreign || of->life == STATUS_UNKNOWN) {
        segment->sums.foreign++;
        return 1;
    }
    if (is_twin(segment, of))
        return 1;
    result = process_read(of->pid, of->start_ticks, &worker->figures);
    if (result) {
        segment->sums.hidden += result != -ESRCH;
        return 1;
    }
    read_proportional(pool, slot, of, &worker->figures);
    worker->slot = of;
    worker->cpu_ms = worker->figures.cpu_ms > of->cpu_given_ms ? worker->figures.cpu_ms - of->cpu_given_ms : 0;
    if (worker->cpu_ms < of->cpu_noted_ms)
        worker->cpu_ms = of->cpu_noted_ms;
    *cpu_ms = worker->cpu_ms;
    add_to_sums(&segment->sums, &worker->figures);
    segment->workers_n++;
    return 1;
}

/* ---- segments ---- */

static int
room_for_slots(struct segment *segment, const struct segment_status *status)
{
    const uint32_t before = segment->slots_n, n = status->cpu_ended_n;

    if (array_room(&segment->slots, &segment->slots_capacity, n, sizeof *segment->slots) ||
        array_room(&segment->workers, &segment->workers_capacity, (uint64_t)status->slots_len + 1,
                   sizeof *segment->workers))
        return -ENOMEM;
    if (n > before) {
        memset(segment->slots + before, 0, (n - before) * sizeof *segment->slots);
        segment->slots_n = n;
    }
    return 0;
}

/* Another segment has the name: what was counted in the one before stays in the sum. */
static void
begin_anew(const struct process_pool *pool, struct segment *segment, const struct segment_status *status)
{
    if (pool->remembers)
        segment->former_ms = segment->sums.cpu_ms;
    segment->created_ns = status->created_real_ns;
    segment->generation = status->generation;
    memset(segment->slots, 0, segment->slots_n * sizeof *segment->slots);
}

static int
read_segment(struct process_pool *pool, struct segment *segment, const struct segment_status *status)
{
    uint32_t i, k = 0;
    uint64_t total;

    if (room_for_slots(segment, status))
        return -ENOMEM;
    if (segment->created_ns != status->created_real_ns || segment->generation != status->generation)
        begin_anew(pool, segment, status);
    total = segment->former_ms;
    memset(&segment->sums, 0, sizeof segment->sums);
    segment->workers_n = 0;
    for (i = 0; i < status->cpu_ended_n; i++) {
        const struct status_slot *of = k < status->slots_len && status->slots[k].slot == i ? &status->slots[k++] : NULL;
        uint64_t cpu_ms = 0;
        const int lives = of && read_worker(pool, segment, of, &cpu_ms);
        total = saturate_add(
            total, slot_cpu(pool, &segment->slots[i], status->cpu_ended_ms[i], of ? of->generation : 0, lives, cpu_ms));
    }
    segment->sums.cpu_ms = total;
    return 0;
}

/* Nothing is known of them while the segment cannot be read; what they have used stays. */
static void
end_workers(struct segment *segment)
{
    const uint64_t cpu_ms = segment->sums.cpu_ms;

    memset(&segment->sums, 0, sizeof segment->sums);
    segment->sums.cpu_ms = cpu_ms;
    segment->workers_n = 0;
}

static struct segment *
segment_of(struct process_pool *pool, const char *name)
{
    struct segment *segment;
    uint32_t i;

    for (i = 0; i < pool->segments_n; i++)
        if (!strcmp(pool->segments[i].name, name))
            return &pool->segments[i];
    if (array_room(&pool->segments, &pool->segments_capacity, (uint64_t)pool->segments_n + 1, sizeof *pool->segments))
        return NULL;
    segment = &pool->segments[pool->segments_n];
    memset(segment, 0, sizeof *segment);
    segment->name = strdup(name);
    if (!segment->name)
        return NULL;
    pool->segments_n++;
    return segment;
}

/* Segments that are watched no more are forgotten. */
static void
forget(struct process_pool *pool)
{
    uint32_t i, kept = 0;

    for (i = 0; i < pool->segments_n; i++)
        if (pool->segments[i].seen)
            pool->segments[kept++] = pool->segments[i];
        else
            free_segment(&pool->segments[i]);
    pool->segments_n = kept;
}

int
process_pool_read(struct process_pool *pool, const struct segment_status *const *statuses, uint32_t n)
{
    uint32_t i, k;

    pool->order_n = 0;
    pool->proportional_left = PROPORTIONAL_SHARE;
    if (array_room(&pool->order, &pool->order_capacity, n, sizeof *pool->order))
        return -ENOMEM;
    for (i = 0; i < pool->segments_n; i++)
        pool->segments[i].seen = 0;
    for (i = 0; i < n; i++) {
        struct segment *segment = segment_of(pool, statuses[i]->name);
        if (!segment)
            return -ENOMEM;
        segment->seen = 1;
        if (!statuses[i]->readable)
            end_workers(segment);
        else if (read_segment(pool, segment, statuses[i]))
            return -ENOMEM;
    }
    forget(pool);
    for (i = 0; i < n; i++) {
        for (k = 0; strcmp(pool->segments[k].name, statuses[i]->name); k++)
            ;
        pool->order[i] = k;
    }
    pool->order_n = n;
    return 0;
}

const struct process_sums *
process_pool_sums(const struct process_pool *pool, uint32_t i)
{
    return &pool->segments[pool->order[i]].sums;
}

const struct process_worker *
process_pool_workers(const struct process_pool *pool, uint32_t i, uint32_t *n)
{
    const struct segment *segment = &pool->segments[pool->order[i]];

    *n = segment->workers_n;
    return segment->workers;
}
