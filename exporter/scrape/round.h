/*
 * One reading of the segments, the verdict on them, and the documents that show both. It belongs to the scraper's
 * thread and knows neither queues nor HTTP.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_ROUND_H
#define SHMETER_EXPORTER_SCRAPE_ROUND_H

#include <stdint.h>

#include "exporter/scrape/document.h"
#include "exporter/scrape/traffic.h"
#include "exporter/settings/config.h"

/* The options that a reload does not change. */
struct round_options {
    const uint32_t *owners;
    uint32_t owners_n;
    const char *telemetry_path; /* for links on the page */
    uint32_t spare_fds;         /* descriptors that segments must leave */
    struct traffic *traffic;    /* of the HTTP side, for its series; NULL: none */
};

struct round;

/*
 * Takes ownership of config. The data of options must outlive the round. NULL: no memory, and config is still the
 * caller's.
 */
struct round *round_new(const struct round_options *options, struct config *config);
void round_free(struct round *round);

/*
 * Replaces the settings and takes ownership of config. Returns 0; or -errno: nothing has changed, and config is still
 * the caller's.
 */
int round_configure(struct round *round, struct config *config);

/*
 * For the exporter's own series: whether the last reload succeeded, and when the last successful one was (since 1970).
 */
struct round_reload {
    int is_good;
    double good_seconds;
};

void round_note_reload(struct round *round, const struct round_reload *reload);

/* Reads the segments, with their values when metrics are wanted, and judges. Returns 0 or -ENOMEM. */
int round_read(struct round *round, int with_values);

/*
 * round_tick_at(): when rules and summaries are to be evaluated next, in ns of CLOCK_MONOTONIC; 0: there are none.
 * round_tick() evaluates them, which replaces the last reading: no document can be made until the next round_read(). It
 * returns 0 or -ENOMEM.
 */
uint64_t round_tick_at(const struct round *round);
int round_tick(struct round *round);

/* A few numbers of the last reading. */
struct round_summary {
    uint32_t segments_n, readable_n;
    uint64_t series_n; /* exposed series of segments */
};

void round_summary(const struct round *round, struct round_summary *out);

/* Makes an uncompressed document of the last reading; appends to its body. Returns 0 or -ENOMEM. */
int round_make(struct round *round, struct document *document);

/* Makes a compressed document of a plain one. Returns 0 or -ENOMEM. */
int round_compress(struct round *round, const struct document *plain, struct document *document);

/* Counts a request that was answered, for the exporter's own series. */
void round_count(struct round *round, const struct wanted *wanted);

#endif
