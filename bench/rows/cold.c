/*
 * Scrapes and ticks with cold caches, as in production, where they are seconds apart. A tick is what the exporter does
 * once a second when it has rules: it reads all values and renders nothing.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/rows/fill.h"
#include "bench/rows/scrape.h"
#include "bench/rows/tables.h"

struct size {
    const char *key; /* names are cold-scrape-KEY, cold-scrape-KEY-gzip, tick-KEY, tick-KEY-cpu */
    struct fill fill;
};

static void
put(struct bench_run *run, const char *what, const struct size *size, const char *suffix, double value)
{
    char name[64];
    snprintf(name, sizeof name, "%s-%s%s", what, size->key, suffix);
    run_put(run, name, value);
}

static void
measure_both(struct bench_run *run, const struct bench_row *row)
{
    const struct size *size = row->argument;
    double n = size->fill.series_n;
    char path[256];
    snprintf(path, sizeof path, "%s", run_segment(run, size->key));
    int error = fill_apart(path, &size->fill);
    if (error) {
        run_note(run, "cold-scrape-%s was not measured: no segment could be filled: %s.", size->key, strerror(-error));
        run_segment_remove(run, size->key);
        return;
    }
    scrape_open(path);
    double tick = scrape_measure_tick(run);
    put(run, "cold-scrape", size, "", scrape_measure_cold(run, 0) / n);
    put(run, "cold-scrape", size, "-gzip", scrape_measure_cold(run, 1) / n);
    put(run, "tick", size, "", tick / n);
    put(run, "tick", size, "-cpu", tick / 1e9 * 100);
    scrape_close();
    run_segment_remove(run, size->key);
}

static const struct size sizes[] = {
    { "1k", { .series_n = 1000, .cpu_lanes = 2 } },
    { "100k", { .series_n = 100000, .cpu_lanes = 2 } },
};

#define ROW(idx, name_, words, unit_, flags_, ...)                                                       \
    {                                                                                                    \
        .section = "cold", .name = name_, .what = words, .unit = unit_, .flags = BENCH_HEAVY | (flags_), \
        .measure = measure_both, .argument = &sizes[idx], __VA_ARGS__                                    \
    }
/* plain, gzip: targets, or 0. */
#define ROWS(idx, key, words, flags_, plain, gzip)                                                                \
    ROW(idx, "cold-scrape-" key, words ", caches cold: scrape, text", "ns/series", flags_, .max_value = (plain)), \
        ROW(idx, "cold-scrape-" key "-gzip", words ", caches cold: scrape, text, gzip", "ns/series", flags_,      \
            .max_value = (gzip)),                                                                                 \
        ROW(idx, "tick-" key, words ", caches cold: read all values", "ns/series", flags_, .max_value = 0),       \
        ROW(idx, "tick-" key "-cpu", "    the same once a second, of one CPU", "%", flags_, .max_value = 0)

const struct bench_row cold_rows[] = {
    ROWS(0, "1k", "1,000 counters, 2 lanes", 0, 0, 0),
    ROWS(1, "100k", "100,000 counters, 2 lanes", BENCH_LARGE, 25, 100),
};
const size_t cold_rows_n = ROWS_N(cold_rows);
