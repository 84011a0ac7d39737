/* Counters, histograms and timers: the time of one update, with the handle in places where programs keep it. */
#include <time.h>

#include "bench/rows/subjects.h"
#include "bench/rows/tables.h"

/* Not static: the compiler has to load the handle each time, as from a program's global variable. */
struct shmeter_counter updates_global_counter;
struct shmeter_histogram updates_global_histogram;

static void
loop_inc(uint64_t n)
{
    struct shmeter_counter counter = subjects.counter;
    for (uint64_t i = 0; i < n; i++)
        shmeter_counter_inc(counter);
}

static void
loop_inc_global(uint64_t n)
{
    updates_global_counter = subjects.counter;
    for (uint64_t i = 0; i < n; i++) {
        SUBJECT_BARRIER();
        shmeter_counter_inc(updates_global_counter);
    }
}

static void
loop_add(uint64_t n)
{
    struct shmeter_counter counter = subjects.counter;
    for (uint64_t i = 0; i < n; i++)
        shmeter_counter_add(counter, i);
}

/* On one series each update waits for the one before; on four series in turn it does not. */
static void
loop_inc_four(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        shmeter_counter_inc(subjects.four[i % 4]);
}

static void
loop_f64(uint64_t n)
{
    struct shmeter_counter_f64 counter = subjects.fractions;
    for (uint64_t i = 0; i < n; i++)
        shmeter_counter_f64_add(counter, 0.5);
}

static void
loop_observe(uint64_t n)
{
    struct shmeter_histogram histogram = subjects.histogram;
    for (uint64_t i = 0; i < n; i++)
        shmeter_histogram_observe(histogram, floors_values[i % FLOORS_VALUES]);
}

static void
loop_observe_global(uint64_t n)
{
    updates_global_histogram = subjects.histogram;
    for (uint64_t i = 0; i < n; i++) {
        SUBJECT_BARRIER();
        shmeter_histogram_observe(updates_global_histogram, floors_values[i % FLOORS_VALUES]);
    }
}

static void
loop_observe_same(uint64_t n)
{
    struct shmeter_histogram histogram = subjects.histogram;
    for (uint64_t i = 0; i < n; i++)
        shmeter_histogram_observe(histogram, 0.03);
}

static void
loop_observe_exponential(uint64_t n)
{
    struct shmeter_histogram histogram = subjects.exponential;
    for (uint64_t i = 0; i < n; i++)
        shmeter_histogram_observe(histogram, floors_values[i % FLOORS_VALUES]);
}

static void
loop_timer(uint64_t n)
{
    struct shmeter_histogram histogram = subjects.histogram;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t start = shmeter_ticks(subjects.meter);
        SUBJECT_BARRIER();
        shmeter_histogram_observe_since(histogram, start);
    }
}

static void
loop_ticks(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t ticks = shmeter_ticks(subjects.meter);
        __asm__ __volatile__("" : : "r"(ticks));
    }
}

/*
 * Waits until the segment is a second old: until then each conversion of ticks reads another clock to measure the
 * ratio.
 */
static void
measure_timer(struct bench_run *run, const struct bench_row *row)
{
    const uint64_t settled_ns = 1100000000;
    subjects_set_up(run);
    uint64_t age_ns = measure_wall_ns() - subjects.opened_ns;
    if (age_ns < settled_ns) {
        struct timespec rest = { .tv_sec = (time_t)((settled_ns - age_ns) / 1000000000),
                                 .tv_nsec = (long)((settled_ns - age_ns) % 1000000000) };
        nanosleep(&rest, NULL);
    }
    subject_measure(run, row);
}

#define COUNTERS   "counters"
#define HISTOGRAMS "histograms"
#define SHARED     "shared lanes"

const struct bench_row updates_rows[] = {
    SUBJECT_ROW(COUNTERS, "counter-inc", "inc, handle in a local variable", loop_inc, 0, .floor = "xadd",
                .max_ratio = 0.5),
    SUBJECT_ROW(COUNTERS, "counter-inc-global", "inc, handle in a global variable", loop_inc_global, 0, .floor = "xadd",
                .max_ratio = 0.5),
    SUBJECT_ROW(COUNTERS, "counter-inc-vs-go", "the same; floor: client_golang's Inc", loop_inc_global, 0,
                .floor = "go-inc", .flags = BENCH_PEER | BENCH_LARGE),
    SUBJECT_ROW(COUNTERS, "counter-add", "add of n", loop_add, 0, .floor = "xadd", .max_ratio = 0.5),
    SUBJECT_ROW(COUNTERS, "counter-inc-four", "inc, four series in turn, handles in an array", loop_inc_four, 0,
                .floor = "xadd", .max_ratio = 0.5),
    SUBJECT_ROW(COUNTERS, "counter-inc-two", "inc, two processes on one series; floor: one", loop_inc, 1,
                .floor = "counter-inc", .max_ratio = 1.3, .flags = BENCH_TWO),
    SUBJECT_ROW(COUNTERS, "counter-f64-add", "add of a double", loop_f64, 0, .floor = "cas-f64"),
    SUBJECT_ROW(COUNTERS, "counter-f64-add-two", "add of a double, two processes; floor: one", loop_f64, 1,
                .floor = "counter-f64-add", .flags = BENCH_TWO),

    SUBJECT_ROW(HISTOGRAMS, "histogram-observe", "observe, 16 bounds, values over all buckets", loop_observe, 0,
                .floor = "atomic-histogram", .max_ratio = 0.8),
    SUBJECT_ROW(HISTOGRAMS, "histogram-observe-global", "the same, handle in a global variable", loop_observe_global, 0,
                .floor = "atomic-histogram", .max_ratio = 0.8),
    SUBJECT_ROW(HISTOGRAMS, "histogram-observe-vs-go", "the same; floor: client_golang's Observe", loop_observe_global,
                0, .floor = "go-observe", .flags = BENCH_PEER | BENCH_LARGE),
    SUBJECT_ROW(HISTOGRAMS, "histogram-observe-two", "observe, two processes on one series; floor: one", loop_observe,
                1, .floor = "histogram-observe", .max_ratio = 1.3, .flags = BENCH_TWO),
    SUBJECT_ROW(HISTOGRAMS, "histogram-observe-same", "observe, always the same value", loop_observe_same, 0,
                .floor = "atomic-histogram"),
    SUBJECT_ROW(HISTOGRAMS, "histogram-exponential", "observe, exponential buckets of schema 3",
                loop_observe_exponential, 0, .floor = "atomic-histogram"),
    { .section = HISTOGRAMS,
      .name = "histogram-timer",
      .what = "ticks and observe_since, as around a request",
      .unit = "ns",
      .floor = "clock-pair",
      .measure = measure_timer,
      .argument = &(const struct subject_loop){ loop_timer, 0 } },
    SUBJECT_ROW(HISTOGRAMS, "ticks", "ticks alone", loop_ticks, 0, .floor = NULL),

    SUBJECT_ROW(SHARED, "shared-lane-inc", "counter inc without restartable sequences", loop_inc, 0,
                .flags = BENCH_SHARED_LANE),
    SUBJECT_ROW(SHARED, "shared-lane-inc-two", "the same, two processes on one series", loop_inc, 1,
                .flags = BENCH_SHARED_LANE),
    SUBJECT_ROW(SHARED, "shared-lane-observe", "histogram observe without restartable sequences", loop_observe, 0,
                .flags = BENCH_SHARED_LANE),
    SUBJECT_ROW(SHARED, "shared-lane-observe-two", "the same, two processes on one series", loop_observe, 1,
                .flags = BENCH_SHARED_LANE),
};
const size_t updates_rows_n = ROWS_N(updates_rows);
