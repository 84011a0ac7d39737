/* What a process does once: creating a segment, attaching to it, and its first updates after a fork. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/rows/fill.h"
#include "bench/rows/subjects.h"
#include "bench/rows/tables.h"

#define ROUNDS_MAX 15u

static int
open_body(double *ns, const void *path)
{
    struct shmeter *meter;
    uint64_t start = measure_cpu_ns();
    int error = shmeter_open(&meter, path, NULL);
    *ns = (double)(measure_cpu_ns() - start);
    return -error;
}

/* A forked child each time, because one process has one attachment to a segment. */
static void
measure_open(struct bench_run *run, const struct bench_row *row)
{
    char path[256];
    double each[ROUNDS_MAX];
    int create = strcmp(row->name, "open-create") == 0;
    unsigned rounds = run->rounds < ROUNDS_MAX ? run->rounds : ROUNDS_MAX;
    snprintf(path, sizeof path, "%s", run_segment(run, row->name));
    if (!create && fill_apart(path, &(const struct fill){ .series_n = FILL_FAMILY_SERIES }))
        bench_fail("cannot make a segment to attach to");
    for (unsigned i = 0; i < rounds; i++) {
        int error = measure_fork(open_body, path, &each[i], 1);
        if (error)
            bench_fail("cannot open %s: %s", path, strerror(error));
        if (create)
            unlink(path);
    }
    unlink(path);
    run_put(run, row->name, measure_median(each, rounds) / 1000);
}

enum { FIRST_COUNTER, SECOND_COUNTER, FIRST_GAUGE, FIRST_N };

static int
first_body(double *ns, const void *argument)
{
    uint64_t at[FIRST_N + 1];
    (void)argument;
    at[0] = measure_cpu_ns();
    shmeter_counter_inc(subjects.counter);
    at[1] = measure_cpu_ns();
    shmeter_counter_inc(subjects.counter);
    at[2] = measure_cpu_ns();
    shmeter_gauge_set(subjects.gauges[SHMETER_LIVE_SUM], 1);
    at[3] = measure_cpu_ns();
    for (unsigned i = 0; i < FIRST_N; i++)
        ns[i] = (double)(at[i + 1] - at[i]);
    shmeter_close(subjects.meter); /* so that the slot is free for the next child */
    return 0;
}

/* The first update less the second one, so that the time of reading the clock is not counted. */
static void
measure_first(struct bench_run *run, const struct bench_row *row)
{
    double ns[FIRST_N], counters[ROUNDS_MAX], gauges[ROUNDS_MAX];
    unsigned rounds = run->rounds < ROUNDS_MAX ? run->rounds : ROUNDS_MAX;
    (void)row;
    subjects_set_up(run);
    for (unsigned i = 0; i < rounds; i++) {
        measure_fork(first_body, NULL, ns, FIRST_N);
        counters[i] = (ns[FIRST_COUNTER] > ns[SECOND_COUNTER] ? ns[FIRST_COUNTER] - ns[SECOND_COUNTER] : 1) / 1000;
        gauges[i] = (ns[FIRST_GAUGE] > ns[SECOND_COUNTER] ? ns[FIRST_GAUGE] - ns[SECOND_COUNTER] : 1) / 1000;
    }
    run_put(run, "fork-first-counter", measure_median(counters, rounds));
    run_put(run, "fork-first-gauge", measure_median(gauges, rounds));
}

#define START "once in a process"

const struct bench_row start_rows[] = {
    { .section = START,
      .name = "open-create",
      .what = "shmeter_open that creates the segment",
      .unit = "us",
      .measure = measure_open },
    { .section = START,
      .name = "open-attach",
      .what = "shmeter_open of a segment with 1,000 series",
      .unit = "us",
      .measure = measure_open },
    { .section = START,
      .name = "fork-first-counter",
      .what = "first counter inc after fork: page fault",
      .unit = "us",
      .measure = measure_first },
    { .section = START,
      .name = "fork-first-gauge",
      .what = "first gauge set after fork: claims a slot",
      .unit = "us",
      .measure = measure_first },
};
const size_t start_rows_n = ROWS_N(start_rows);
