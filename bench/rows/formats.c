/*
 * A whole scrape in each format and coding, from the segment to the bytes that are sent, compared with copying these
 * bytes; for 100,000 counters also with client_golang (go.c). Two lanes, one thread.
 */
#include <stdio.h>
#include <string.h>

#include "bench/rows/fill.h"
#include "bench/rows/scrape.h"
#include "bench/rows/tables.h"
#include "formats/encode.h"

struct size {
    const char *key; /* names are KEY-FORMAT, KEY-FORMAT-gzip, KEY-FORMAT-copy */
    struct fill fill;
    int is_compared; /* with client_golang */
};

static void
put(struct bench_run *run, const struct size *size, const char *format, const char *suffix, double value)
{
    char name[96];
    snprintf(name, sizeof name, "%s-%s%s", size->key, format, suffix);
    run_put(run, name, value);
}

static void
measure_format(struct bench_run *run, const struct size *size, const struct encoder *encoder)
{
    double n = size->fill.series_n, copy, plain = scrape_measure_as(run, encoder, 0, &copy);
    double compressed = scrape_measure_as(run, encoder, 1, NULL);
    put(run, size, encoder->name, "", plain / n);
    put(run, size, encoder->name, "-gzip", compressed / n);
    put(run, size, encoder->name, "-copy", copy / n);
    if (!size->is_compared)
        return;
    put(run, size, encoder->name, "-vs-go", plain / n);
    put(run, size, encoder->name, "-gzip-vs-go", compressed / n);
}

static void
measure_formats(struct bench_run *run, const struct bench_row *row)
{
    static const struct encoder *const encoders[] = { &encode_text, &encode_openmetrics, &encode_protobuf };
    const struct size *size = row->argument;
    char path[256];
    snprintf(path, sizeof path, "%s", run_segment(run, size->key));
    int error = fill_apart(path, &size->fill);
    if (error) {
        run_note(run, "%s was not measured: no segment could be filled: %s.", size->key, strerror(-error));
    } else {
        scrape_open(path);
        for (size_t i = 0; i < ROWS_N(encoders); i++)
            measure_format(run, size, encoders[i]);
        scrape_close();
    }
    run_segment_remove(run, size->key);
}

static const struct size sizes[] = {
    { "counters-1k", { .series_n = 1000, .cpu_lanes = 2 }, 0 },
    { "counters-10k", { .series_n = 10000, .cpu_lanes = 2 }, 0 },
    { "counters-100k", { .series_n = 100000, .cpu_lanes = 2 }, 1 },
    { "histograms-1k", { .histograms = 1, .series_n = 1000, .cpu_lanes = 2 }, 0 },
    { "histograms-10k", { .histograms = 1, .series_n = 10000, .cpu_lanes = 2 }, 0 },
    { "exponential-1k", { .histograms = 1, .exponential = 1, .series_n = 1000, .cpu_lanes = 2 }, 0 },
};

#define ROW(idx, name_, words, flags_, ...)                                                                       \
    {                                                                                                             \
        .section = "formats", .name = name_, .what = words, .unit = "ns/series", .flags = BENCH_HEAVY | (flags_), \
        .measure = measure_formats, .argument = &sizes[idx], __VA_ARGS__                                          \
    }

/* plain, gzip: designators of targets, or nothing. */
#define FORMAT(idx, key, format, words, flags_, plain, gzip)                                  \
    ROW(idx, key "-" format, words ", " format "; floor: memcpy of it", flags_,               \
        .floor = key "-" format "-copy" plain),                                               \
        ROW(idx, key "-" format "-gzip", words ", " format ", gzip; floor: the same", flags_, \
            .floor = key "-" format "-copy" gzip),                                            \
        ROW(idx, key "-" format "-copy", words ", memcpy of " format, (flags_) | BENCH_HIDDEN, .floor = NULL)

#define FORMATS(idx, key, words, flags_)                                      \
    FORMAT(idx, key, "text", words, flags_, NO_TARGET, NO_TARGET),            \
        FORMAT(idx, key, "openmetrics", words, flags_, NO_TARGET, NO_TARGET), \
        FORMAT(idx, key, "protobuf", words, flags_, NO_TARGET, NO_TARGET)

#define AGAINST_GO(idx, key, format, words, flags_, limit)                                               \
    ROW(idx, key "-" format "-vs-go", words ", " format "; floor: client_golang", (flags_) | BENCH_PEER, \
        .floor = "go-" key "-" format limit)

#define NO_TARGET
#define PLAIN_TARGET , .max_value = 25
#define GZIP_TARGET  , .max_value = 100
#define GO_TARGET    , .max_ratio = 0.02

const struct bench_row formats_rows[] = {
    FORMATS(0, "counters-1k", "1,000 counters", 0),
    FORMATS(1, "counters-10k", "10,000 counters", BENCH_LARGE),
    FORMAT(2, "counters-100k", "text", "100,000 counters", BENCH_LARGE, PLAIN_TARGET, GZIP_TARGET),
    FORMAT(2, "counters-100k", "openmetrics", "100,000 counters", BENCH_LARGE, PLAIN_TARGET, GZIP_TARGET),
    FORMAT(2, "counters-100k", "protobuf", "100,000 counters", BENCH_LARGE, PLAIN_TARGET, GZIP_TARGET),
    AGAINST_GO(2, "counters-100k", "text", "100,000 counters", BENCH_LARGE, GO_TARGET),
    AGAINST_GO(2, "counters-100k", "text-gzip", "100,000 counters", BENCH_LARGE, GO_TARGET),
    AGAINST_GO(2, "counters-100k", "openmetrics", "100,000 counters", BENCH_LARGE, GO_TARGET),
    AGAINST_GO(2, "counters-100k", "openmetrics-gzip", "100,000 counters", BENCH_LARGE, GO_TARGET),
    AGAINST_GO(2, "counters-100k", "protobuf", "100,000 counters", BENCH_LARGE, GO_TARGET),
    AGAINST_GO(2, "counters-100k", "protobuf-gzip", "100,000 counters", BENCH_LARGE, GO_TARGET),
    FORMATS(3, "histograms-1k", "1,000 histograms", 0),
    FORMATS(4, "histograms-10k", "10,000 histograms", BENCH_LARGE),
    FORMATS(5, "exponential-1k", "1,000 exponential histograms", 0),
};
const size_t formats_rows_n = ROWS_N(formats_rows);
