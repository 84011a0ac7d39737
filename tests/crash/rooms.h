/*
 * Room that removed series have left: graces, and series that are made in the place of others.
 * Included by ops.c.
 */
#ifndef SHMETER_TESTS_CRASH_ROOMS_H
#define SHMETER_TESTS_CRASH_ROOMS_H

#include "tests/crash/runs.h"

/* Room is used at once, as if enough of it were waiting. */
static void
rooms_quiescent(void)
{
    world_state()->reuse.pressure = SHMETER_GRACE_PRESSURE;
    shmeter_quiescent(world.meter);
}

static void
rooms_leave(const struct shmeter_family *family, const char *value)
{
    shmeter_hide_v(family, &value, 1);
}

/* A counter's, a histogram's and a gauge's room is there for the next ones. */
static void
arrange_rooms(void)
{
    const struct shmeter_family *gone = world_family(
        "crash_gone", (struct shmeter_desc){ .type = SHMETER_GAUGE, .mode = SHMETER_POOL });

    shmeter_counter_add(shmeter_counter_of(world.counters, "gone"), 5);
    shmeter_counter_add_slow(shmeter_counter_of(world.counters, "gone"), 6);
    shmeter_histogram_observe(shmeter_histogram_of(world.classics, "gone"), 1.5);
    shmeter_gauge_set(shmeter_gauge_of(gone), 7);
    shmeter_gauge_add(shmeter_gauge_of(gone), 7);
    rooms_leave(world.counters, "gone");
    rooms_leave(world.classics, "gone");
    shmeter_hide_v(gone, NULL, 0);
    rooms_quiescent();
    if (world_state()->over.value != world_state()->epoch.value || !world_state()->over.value)
        world_fail("the grace is not over");
}

/* The same, and nobody knows where; and no new gauge cell is left. */
static void
arrange_lost_rooms(void)
{
    struct shmeter_state *state = world_state();

    arrange_rooms();
    memcpy(&state->limbo_taken, &state->limbo_put, sizeof state->limbo_taken);
    state->gauges_fill.value = shmeter_meter_attachment(world.meter)->header.gauges_n;
}

/* Some removals were never finished, some series never shown, by those who have died since. */
static void
arrange_ruins(void)
{
    static const char *const values[] = { "r0", "r1", "r2", "r3" };
    static const uint64_t left[] = { SHMETER_LEAVING, SHMETER_REMOVING, SHMETER_UNPUBLISHED, SHMETER_CLAIMED };
    struct shmeter_state *state = world_state();
    struct shmeter_attachment *attachment = shmeter_meter_attachment(world.meter);
    const struct shmeter_binding *binding = shmeter_family_binding(world.counters);
    struct shmeter_values joined;
    uint64_t hash;
    uint32_t i;

    arrange_lost_rooms();
    for (i = 0; i < 4; i++) {
        struct shmeter_series_record *record;
        struct shmeter_probe probe;
        struct shmeter_key key;
        shmeter_counter_add(shmeter_counter_of(world.counters, values[i]), 3);
        shmeter_values_join(&joined, &values[i], 1);
        key = shmeter_series_key(binding, &joined);
        probe = shmeter_registry_probe(attachment, &key);
        record = shmeter_arena_series(attachment, probe.seen);
        hash = record->hash;
        if (i > 1 && (!shmeter_index_mark(attachment, (uint32_t)probe.seen) || !shmeter_index_unlink(attachment, hash)))
            world_fail("the index");
        record->state = SHMETER_STATE(left[i], SHMETER_STATE_EPOCH(record->state));
        if (i)
            shmeter_reuse_count(attachment, record, (uint32_t)probe.seen, 0);
    }
    rooms_quiescent();
    memcpy(&state->limbo_taken, &state->limbo_put, sizeof state->limbo_taken);
}

/* Nobody else is attached: what this process has said is all that there was to say. */
static void
arrange_alone(void)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(world.meter);

    rooms_leave(world.counters, "a");
    world_state()->reuse.pressure = SHMETER_GRACE_PRESSURE;
    shmeter_sys_unmap((void *)attachment->epoch_pages, SHMETER_EPOCH_PAGES);
}

static void
arrange_waiting(void)
{
    rooms_leave(world.counters, "a");
    world_state()->reuse.pressure = SHMETER_GRACE_PRESSURE;
}

/* Series of the counters go when nobody updates them for ten seconds, and none has been looked at. */
static void
arrange_idle(void)
{
    const struct shmeter_binding *binding = shmeter_family_binding(world.counters);

    shmeter_lifetime_declare(binding->attachment, binding->record, binding->unit, 10);
    world_state()->reuse.looked = 1000000; /* later than now: by a clock that went wrong */
}

/* Two looks, the second one much later. */
static void
run_expire(void)
{
    shmeter_expire(world.meter);
    shmeter_idle_sweep(shmeter_meter_attachment(world.meter), 100000);
}

/* A family is at its limit. */
static void
arrange_full(void)
{
    world.few = world_family("crash_few_total",
                             (struct shmeter_desc){ .type = SHMETER_COUNTER, .max_series = 1, .evict = 1 });
    shmeter_counter_add(shmeter_counter_of(world.few, "old"), 3);
}

static void
run_evict(void)
{
    shmeter_counter_of(world.few, "new");
}

static void
run_quiescent(void)
{
    shmeter_quiescent(world.meter);
}

#endif
