/*
 * Scrapes, from a segment that another process has filled to text, compared with copying the same bytes. And the memory
 * of series, by the blocks of the file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/rows/fill.h"
#include "bench/rows/scrape.h"
#include "bench/rows/tables.h"
#include "exposition/exposition.h"
#include "formats/gzip.h"
#include "formats/plan/plan.h"

struct size {
    const char *key; /* names are scrape-KEY, scrape-KEY-take, ... */
    struct fill fill;
};

static struct exposition *exposition;
static struct buffer text, copy, packed;
static const struct encoder *encoder = &encode_text;
static struct gzip *gzip; /* NULL: no compression */

static void
loop_take(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (exposition_read(exposition, NULL, NULL))
            bench_fail("a scrape has no memory");
}

static void
loop_render(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        text.len = 0;
        packed.len = 0;
        if (exposition_render(exposition, encoder, &text) || (gzip && gzip_compress(gzip, &text, &packed)))
            bench_fail("a scrape has no memory");
    }
}

static void
loop_scrape(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        loop_take(1);
        loop_render(1);
    }
}

static void
loop_copy(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        memcpy(copy.data, text.data, text.len);
        __asm__ __volatile__("" : : "r"(copy.data) : "memory");
    }
}

void
scrape_open(const char *path)
{
    const struct store_options options = { .names = &path, .names_n = 1, .label = STORE_LABEL_NEVER };
    exposition = exposition_new(&options);
    if (!exposition)
        bench_fail("a scrape has no memory");
    loop_scrape(1);
    if (text.len == 0)
        bench_fail("a scrape of %s gave nothing: %s", path,
                   store_status_n(exposition->store) ? store_status(exposition->store, 0)->error : "");
    if (buffer_reserve(&copy, text.len))
        bench_fail("a scrape has no memory");
}

void
scrape_close(void)
{
    exposition_free(exposition);
    buffer_free(&text);
    buffer_free(&copy);
    buffer_free(&packed);
}

double
scrape_measure(struct bench_run *run)
{
    return measure_loop(run, loop_scrape);
}

static void
set_gzip(int compressed)
{
    gzip = compressed ? gzip_new() : NULL;
    if (compressed && !gzip)
        bench_fail("a scrape has no memory");
}

static void
unset_gzip(void)
{
    gzip_free(gzip);
    gzip = NULL;
}

double
scrape_measure_cold(struct bench_run *run, int compressed)
{
    double ns;
    set_gzip(compressed);
    loop_scrape(1);
    ns = measure_cold(run, loop_scrape);
    unset_gzip();
    return ns;
}

double
scrape_measure_tick(struct bench_run *run)
{
    return measure_cold(run, loop_take);
}

/* Time of rendering the whole plan anew, in ns. */
static double
plan_ns(const struct bench_run *run)
{
    double each[16];
    unsigned rounds = run->rounds < 16 ? run->rounds : 16;
    for (unsigned i = 0; i < rounds; i++) {
        struct plan *plan = plan_new(exposition->model);
        uint64_t start = measure_cpu_ns();
        if (!plan || plan_update(plan, encode_text.parts))
            bench_fail("a plan has no memory");
        each[i] = (double)(measure_cpu_ns() - start);
        plan_free(plan);
    }
    return measure_median(each, rounds);
}

double
scrape_measure_as(struct bench_run *run, const struct encoder *as, int compressed, double *copy_ns)
{
    double ns;
    encoder = as;
    set_gzip(compressed);
    loop_scrape(1);
    if (buffer_reserve(&copy, text.len))
        bench_fail("a scrape has no memory");
    ns = measure_loop(run, loop_scrape);
    if (copy_ns)
        *copy_ns = measure_loop(run, loop_copy);
    unset_gzip();
    encoder = &encode_text;
    return ns;
}

static void
put(struct bench_run *run, const struct size *size, const char *what, double value)
{
    char name[64];
    snprintf(name, sizeof name, "scrape-%s%s", size->key, what);
    run_put(run, name, value);
}

/*
 * Reports the memory of the file for each series; and the allowed memory: in each lane 8 bytes for a counter, 64 + 8
 * for each bucket of a histogram (a shared lane counts as two lanes), and 256 for the rest. Memory is allocated in
 * chunks, so the last chunk of a lane may be empty.
 */
static void
put_memory(struct bench_run *run, const struct size *size, const char *path)
{
    struct stat status;
    const struct segment_status *segment = store_status(exposition->store, 0);
    double n = size->fill.series_n, lanes = segment->cpu_lanes_n + 2.0 * segment->shared_lanes_n;
    double cell = size->fill.histograms ? 64 + 8 * 17 : 8;
    if (stat(path, &status))
        bench_fail("stat %s: %s", path, strerror(errno));
    put(run, size, "-memory", (double)status.st_blocks * 512 / n);
    put(run, size, "-memory-limit", (cell + fill_chunk_bytes() / n) * lanes + 256);
}

static void
measure_scrape(struct bench_run *run, const struct bench_row *row)
{
    const struct size *size = row->argument;
    double n = size->fill.series_n;
    char path[256];
    snprintf(path, sizeof path, "%s", run_segment(run, size->key));
    int error = fill_apart(path, &size->fill);
    if (error) {
        run_note(run, "scrape-%s was not measured: no segment could be filled: %s.", size->key, strerror(-error));
        run_segment_remove(run, size->key);
        return;
    }
    scrape_open(path);
    put(run, size, "", measure_loop(run, loop_scrape) / n);
    put(run, size, "-take", measure_loop(run, loop_take) / n);
    put(run, size, "-render", measure_loop(run, loop_render) / n);
    put(run, size, "-copy", measure_loop(run, loop_copy) / n);
    put(run, size, "-plan", plan_ns(run) / 1e6);
    put_memory(run, size, path);
    scrape_close();
    run_segment_remove(run, size->key);
}

static const struct size sizes[] = {
    { "counters-1k-2", { .series_n = 1000, .cpu_lanes = 2 } },
    { "counters-10k-2", { .series_n = 10000, .cpu_lanes = 2 } },
    { "counters-100k-2", { .series_n = 100000, .cpu_lanes = 2 } },
    { "histograms-1k-2", { .histograms = 1, .series_n = 1000, .cpu_lanes = 2 } },
    { "histograms-10k-2", { .histograms = 1, .series_n = 10000, .cpu_lanes = 2 } },
    { "counters-1k-64", { .series_n = 1000, .cpu_lanes = 64 } },
    { "counters-10k-64", { .series_n = 10000, .cpu_lanes = 64 } },
    { "counters-100k-64", { .series_n = 100000, .cpu_lanes = 64 } },
    { "histograms-1k-64", { .histograms = 1, .series_n = 1000, .cpu_lanes = 64 } },
    { "histograms-10k-64", { .histograms = 1, .series_n = 10000, .cpu_lanes = 64 } },
};

#define PART(idx, key, suffix, what_, unit_, flags_, ...)                                                \
    {                                                                                                    \
        .section = "scrape", .name = "scrape-" key suffix, .what = (what_), .unit = (unit_),             \
        .flags = BENCH_HEAVY | (flags_), .measure = measure_scrape, .argument = &sizes[idx], __VA_ARGS__ \
    }
/*
 * limits: targets of the whole scrape. flags: of all rows of this size. memory: a target, if the size is large enough.
 */
#define SCRAPE(idx, key, words, flags_, limits, memory)                                                           \
    PART(idx, key, "", words ": scrape; floor: memcpy of the text", "ns/series", flags_,                          \
         .floor = "scrape-" key "-copy" limits),                                                                  \
        PART(idx, key, "-take", "    read the segment, sum the lanes", "ns/series", flags_, .floor = NULL),       \
        PART(idx, key, "-render", "    render the text", "ns/series", flags_, .floor = "scrape-" key "-copy"),    \
        PART(idx, key, "-plan", "    prefixes of all series, once", "ms", flags_, .floor = NULL),                 \
        PART(idx, key, "-memory", "    memory, all of the file; floor: allowed", "B/series", (flags_) | (memory), \
             .floor = "scrape-" key "-memory-limit", .max_ratio = (memory) ? 0.0 : 1.0),                          \
        PART(idx, key, "-copy", "    memcpy of the text", "ns/series", (flags_) | BENCH_HIDDEN, .floor = NULL),   \
        PART(idx, key, "-memory-limit", "    memory that is allowed", "B/series", (flags_) | BENCH_HIDDEN,        \
             .floor = NULL)

#define NO_TARGET
#define TARGET , .max_value = 25

const struct bench_row scrape_rows[] = {
    SCRAPE(0, "counters-1k-2", "1,000 counters, 2 lanes", 0, NO_TARGET, BENCH_HIDDEN),
    SCRAPE(1, "counters-10k-2", "10,000 counters, 2 lanes", BENCH_LARGE, NO_TARGET, BENCH_HIDDEN),
    SCRAPE(2, "counters-100k-2", "100,000 counters, 2 lanes", BENCH_LARGE, TARGET, 0),
    SCRAPE(3, "histograms-1k-2", "1,000 histograms, 2 lanes", 0, NO_TARGET, BENCH_HIDDEN),
    SCRAPE(4, "histograms-10k-2", "10,000 histograms, 2 lanes", BENCH_LARGE, NO_TARGET, 0),
    SCRAPE(5, "counters-1k-64", "1,000 counters, 64 lanes", 0, NO_TARGET, BENCH_HIDDEN),
    SCRAPE(6, "counters-10k-64", "10,000 counters, 64 lanes", BENCH_LARGE, NO_TARGET, BENCH_HIDDEN),
    SCRAPE(7, "counters-100k-64", "100,000 counters, 64 lanes", BENCH_LARGE, NO_TARGET, 0),
    SCRAPE(8, "histograms-1k-64", "1,000 histograms, 64 lanes", 0, NO_TARGET, BENCH_HIDDEN),
    SCRAPE(9, "histograms-10k-64", "10,000 histograms, 64 lanes", BENCH_LARGE, NO_TARGET, 0),
};
const size_t scrape_rows_n = ROWS_N(scrape_rows);
