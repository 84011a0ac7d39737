/*
 * The updates: what programs do all the time. Included by runs.h.
 */
#ifndef SHMETER_TESTS_CRASH_UPDATES_H
#define SHMETER_TESTS_CRASH_UPDATES_H

#include <math.h>

#include "tests/crash/world.h"

/* ---- updates: of series that the parent has made ---- */

static void
run_counter(void)
{
    shmeter_counter_add(world.counter, 5);
}

static void
run_counter_increment(void)
{
    shmeter_counter_inc(world.counter);
}

static void
run_fraction(void)
{
    shmeter_counter_f64_add(world.fraction, 0.5);
}

static void
run_classic(void)
{
    shmeter_histogram_observe(world.classic, 1.25);
}

static void
run_exponential(void)
{
    shmeter_histogram_observe(world.exponential, 24.5);
}

/* A bound is in the bucket that it ends. */

static void
run_classic_bound(void)
{
    shmeter_histogram_observe(world.classic, 2);
}

static void
run_exponential_bound(void)
{
    shmeter_histogram_observe(world.exponential, 4);
}

/* Refused, or not quite what was asked for: counted as a loss. */

static void
run_fraction_negative(void)
{
    shmeter_counter_f64_add(world.fraction, -1);
}

static void
run_classic_nan(void)
{
    shmeter_histogram_observe(world.classic, NAN);
}

static void
run_classic_infinity(void)
{
    shmeter_histogram_observe(world.classic, INFINITY);
}

static void
run_exponential_negative(void)
{
    shmeter_histogram_observe(world.exponential, -1);
}

static void
run_exponential_above(void)
{
    shmeter_histogram_observe(world.exponential, 1000);
}

static uint64_t
cell_counter(void)
{
    return (uint64_t)(world.counter.cell - shmeter_meter_attachment(world.meter)->lanes.cpu);
}

static uint64_t
cell_fraction(void)
{
    return world.fraction.cell;
}

static uint64_t
cell_classic(void)
{
    return world.classic.cell;
}

static uint64_t
cell_exponential(void)
{
    return world.exponential.cell;
}

/* ---- gauges: in a child that has its slot ---- */

static void
begin_worker(void)
{
    if (shmeter_attach_worker(world.meter))
        world_fail("no slot");
}

#define GAUGE_RUN(mode, set_to, addend)                \
    static void run_set_##mode(void)                   \
    {                                                  \
        shmeter_gauge_set(world.gauges[mode], set_to); \
    }                                                  \
    static void run_add_##mode(void)                   \
    {                                                  \
        shmeter_gauge_add(world.gauges[mode], addend); \
    }
GAUGE_RUN(SHMETER_POOL, 3, 5)
GAUGE_RUN(SHMETER_LIVE_SUM, 5, 5)
GAUGE_RUN(SHMETER_LIVE_MIN, 5, -5)
GAUGE_RUN(SHMETER_LIVE_MAX, 50, 50)
GAUGE_RUN(SHMETER_LIVE_LATEST, 3, 3)
GAUGE_RUN(SHMETER_LIVE_ALL, 3, 4)
GAUGE_RUN(SHMETER_SUM, 5, 5)
GAUGE_RUN(SHMETER_MIN, 5, -5)
GAUGE_RUN(SHMETER_MAX, 50, 50)
GAUGE_RUN(SHMETER_LATEST, 3, 3)
GAUGE_RUN(SHMETER_ALL, 3, 4)

/* A set of the pool's value ends this share of it. */
static void
begin_share(void)
{
    begin_worker();
    shmeter_gauge_add(world.gauges[SHMETER_POOL], 1);
}

/* ---- what else programs do all the time ---- */

static void
arrange_two_labels(void)
{
    static const char *const labels[] = { "method", "status", NULL };

    world.pairs = shmeter_family(world.meter, &(struct shmeter_desc){ .type = SHMETER_COUNTER,
                                                                      .name = "crash_pairs_total",
                                                                      .help = "Of the crash tests.",
                                                                      .labels = labels });
    shmeter_counter_inc(shmeter_counter_of(world.pairs, "GET", "200"));
}

static void
run_two_labels(void)
{
    shmeter_counter_of(world.pairs, "GET", "200");
}

static void
run_ticks(void)
{
    world.ticks = shmeter_ticks(world.meter);
}

#endif
