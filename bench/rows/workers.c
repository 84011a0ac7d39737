/* Whether the time of a scrape depends on the number of processes: the same series, written by one worker and by 64. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/rows/fill.h"
#include "bench/rows/scrape.h"
#include "bench/rows/tables.h"

static void
measure_workers(struct bench_run *run, const struct bench_row *row)
{
    const unsigned *workers_n = row->argument;
    const struct fill fill = { .series_n = 10000 };
    struct fill_workers workers;
    char path[256];
    snprintf(path, sizeof path, "%s", run_segment(run, row->name));
    int error = fill_apart(path, &fill);
    if (error)
        bench_fail("no segment could be filled: %s", strerror(-error));
    fill_workers_start(&workers, *workers_n, path, &fill);
    scrape_open(path);
    run_put(run, row->name, scrape_measure(run) / fill.series_n);
    scrape_close();
    fill_workers_end(&workers);
    unlink(path);
}

static const unsigned one = 1, many = 64;

#define WORKERS "workers"

const struct bench_row workers_rows[] = {
    { .section = WORKERS,
      .name = "scrape-workers-1",
      .what = "scrape of 10,000 counters, 1 live worker",
      .unit = "ns/series",
      .flags = BENCH_HEAVY | BENCH_LARGE,
      .measure = measure_workers,
      .argument = &one },
    { .section = WORKERS,
      .name = "scrape-workers-64",
      .what = "scrape of 10,000 counters, 64 live workers; floor: 1",
      .unit = "ns/series",
      .floor = "scrape-workers-1",
      .max_ratio = 1.3, /* counts as equal */
      .flags = BENCH_HEAVY | BENCH_LARGE,
      .measure = measure_workers,
      .argument = &many },
};
const size_t workers_rows_n = ROWS_N(workers_rows);
