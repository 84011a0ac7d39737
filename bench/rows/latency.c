/*
 * The 99.9th percentile of single updates. Reading the clock takes longer than an update, so it is read around batches
 * of 8. The time of a batch is an upper bound for each of its updates, and a slow update counts 8 times.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/rows/subjects.h"
#include "bench/rows/tables.h"

#define BATCH     8u
#define TICKS_MAX 65536u /* longer batches count as so many ticks */

static uint32_t *batches; /* batches[n]: how many batches took n ticks */

static void
count(uint64_t ticks)
{
    batches[ticks < TICKS_MAX ? ticks : TICKS_MAX - 1]++;
}

#define BATCH_LOOP(name, handle_type, handle_from, update)                     \
    static void name(uint64_t n)                                               \
    {                                                                          \
        handle_type handle = (handle_from);                                    \
        for (uint64_t i = 0; i < n; i++) {                                     \
            uint64_t start = shmeter_ticks(subjects.meter);                    \
            for (unsigned k = 0; k < BATCH; k++) {                             \
                double value = floors_values[(i * BATCH + k) % FLOORS_VALUES]; \
                (void)value;                                                   \
                update;                                                        \
                SUBJECT_BARRIER();                                             \
            }                                                                  \
            count(shmeter_ticks(subjects.meter) - start);                      \
        }                                                                      \
    }

BATCH_LOOP(batches_empty, struct shmeter_counter, subjects.counter, (void)handle)
BATCH_LOOP(batches_inc, struct shmeter_counter, subjects.counter, shmeter_counter_inc(handle))
BATCH_LOOP(batches_observe, struct shmeter_histogram, subjects.histogram, shmeter_histogram_observe(handle, value))
BATCH_LOOP(batches_set, struct shmeter_gauge, subjects.gauges[SHMETER_LIVE_SUM], shmeter_gauge_set(handle, value))
BATCH_LOOP(batches_add, struct shmeter_gauge, subjects.gauges[SHMETER_POOL], shmeter_gauge_add(handle, value))

/* The number of ticks that a share of all batches did not exceed. */
static double
quantile(double share, uint64_t n)
{
    uint64_t seen = 0, ticks = 0;
    while (ticks < TICKS_MAX - 1 && (double)(seen += batches[ticks]) < share * (double)n)
        ticks++;
    return (double)ticks;
}

static void
run_batches(measure_loop_fn *loop, uint64_t n)
{
    loop(1000);
    memset(batches, 0, TICKS_MAX * sizeof *batches);
    loop(n);
}

static void
measure_latency(struct bench_run *run, const struct bench_row *row)
{
    const struct subject_loop *subject = row->argument;
    uint64_t n = run->quick ? 20000 : 2000000;
    subjects_set_up(run);
    batches = calloc(TICKS_MAX, sizeof *batches);
    if (!batches)
        bench_fail("no memory");
    run_batches(batches_empty, n);
    double empty = quantile(0.5, n);
    uint64_t wall = measure_wall_ns(), ticks = shmeter_ticks(subjects.meter);
    run_batches(subject->loop, n);
    double ns_per_tick = (double)(measure_wall_ns() - wall) / (double)(shmeter_ticks(subjects.meter) - ticks);
    double slow = quantile(0.999, n);
    run_put(run, row->name, (slow > empty ? slow - empty : 1) * ns_per_tick);
    free(batches);
}

#define LATENCY_ROW(name_, what_, loop_)                                                          \
    {                                                                                             \
        .section = "slow end", .name = (name_), .what = (what_), .unit = "ns", .max_value = 1000, \
        .measure = measure_latency, .argument = &(const struct subject_loop)                      \
        {                                                                                         \
            (loop_), 0                                                                            \
        }                                                                                         \
    }

const struct bench_row latency_rows[] = {
    LATENCY_ROW("p999-counter-inc", "p99.9 of counter inc (time of 8 together)", batches_inc),
    LATENCY_ROW("p999-histogram-observe", "p99.9 of histogram observe (time of 8 together)", batches_observe),
    LATENCY_ROW("p999-gauge-set", "p99.9 of gauge set, LIVE_SUM (time of 8 together)", batches_set),
    LATENCY_ROW("p999-gauge-add", "p99.9 of gauge add, POOL (time of 8 together)", batches_add),
};
const size_t latency_rows_n = ROWS_N(latency_rows);
