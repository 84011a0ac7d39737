/*
 * shmeter's Python module beside Debian's prometheus_client in multiprocess mode: bench/python/peer.py does the same
 * work with both, and prints its figures. Without both modules nothing is measured.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bench/rows/peer.h"
#include "bench/rows/tables.h"

#define PYTHON "/usr/bin/python3"

/* Whether Debian's Python has the modules that the program imports. */
static int
has_modules(void)
{
    return access(PYTHON, X_OK) == 0 && system(PYTHON " -c 'import prometheus_client, fastapi' >/dev/null 2>&1") == 0;
}

static void
measure_python(struct bench_run *run, const struct bench_row *row)
{
    char *arguments[] = {
        PYTHON, "-B", (BENCH_SOURCE "/python/peer.py"), BENCH_PACKAGE, (char *)(uintptr_t)run->directory, NULL
    };
    (void)row;
    if (access(BENCH_PACKAGE "/shmeter", X_OK) != 0 || !has_modules())
        peer_without(run, python_rows, python_rows_n,
                     "Nothing was measured in Python: that takes python3-dev when shmeter is built, "
                     "python3-prometheus-client and "
                     "python3-fastapi.");
    else
        peer_take(run, arguments);
}

#define THEIRS(name_, words, unit_)                                                                         \
    {                                                                                                       \
        .section = "python", .name = "py-client-" name_, .what = "prometheus_client, multiprocess: " words, \
        .unit = (unit_), .flags = BENCH_HEAVY | BENCH_LARGE | BENCH_HIDDEN, .measure = measure_python       \
    }
/* Targets: at most this part of prometheus_client's time, and this many ns (0: no such target). */
#define OURS(name_, words, unit_, ratio, ns)                                                                     \
    {                                                                                                            \
        .section = "python", .name = "py-" name_, .what = (words), .unit = (unit_), .floor = "py-client-" name_, \
        .max_ratio = (ratio), .max_value = (ns), .flags = BENCH_HEAVY | BENCH_LARGE, .measure = measure_python   \
    }

const struct bench_row python_rows[] = {
    THEIRS("inc", "counter.inc()", "ns"),
    THEIRS("labels-inc", "counter.labels(a, b).inc()", "ns"),
    THEIRS("observe", "histogram.observe(v)", "ns"),
    THEIRS("gauge-set", "gauge.set(v)", "ns"),
    THEIRS("gauge-inc", "gauge.inc()", "ns"),
    THEIRS("time", "with histogram.time()", "ns"),
    THEIRS("remove", "counter.labels(a).inc() and remove(a)", "ns"),
    THEIRS("scrape", "1,000 series of 64 processes", "us"),
    OURS("inc", "counter.inc()", "ns", 1.0 / 20, 40),
    OURS("labels-inc", "counter.labels(a, b).inc()", "ns", 0, 120),
    OURS("observe", "histogram.observe(v)", "ns", 0, 50),
    OURS("gauge-set", "gauge.set(v)", "ns", 0, 0),
    OURS("gauge-inc", "gauge.inc()", "ns", 0, 0),
    OURS("time", "with histogram.time()", "ns", 0, 250),
    OURS("remove", "counter.labels(a).inc() and remove(a), a new, beside 9,000", "ns", 0, 10000),
    OURS("scrape", "generate_latest, 1,000 series of 64 processes", "us", 1.0 / 500, 0),
    { .section = "python",
      .name = "py-request",
      .what = "request of the FastAPI example without the middleware",
      .unit = "ns",
      .flags = BENCH_HEAVY | BENCH_LARGE,
      .measure = measure_python },
    { .section = "python",
      .name = "py-middleware",
      .what = "what the middleware adds to it",
      .unit = "ns",
      .max_value = 3000,
      .flags = BENCH_HEAVY | BENCH_LARGE,
      .measure = measure_python },
};
const size_t python_rows_n = ROWS_N(python_rows);
