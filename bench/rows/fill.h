/*
 * Segments full of series, and workers that have slots, for measurements of lookups and scrapes. fill.c uses only the
 * public header; files that read segments include this one, because they cannot include shmeter.h.
 */
#ifndef SHMETER_BENCH_ROWS_FILL_H
#define SHMETER_BENCH_ROWS_FILL_H

#include <stdint.h>
#include <sys/types.h>

#define FILL_PATH_BYTES    32u
#define FILL_FAMILY_SERIES 1000u /* series of one family */

struct fill {
    int histograms;     /* 1: histograms of 16 bounds, else counters */
    int exponential;    /* with histograms: 160 log buckets instead (schema 3 over 20 powers of two) */
    uint32_t series_n;  /* in families of FILL_FAMILY_SERIES */
    uint32_t cpu_lanes; /* 0: one for each CPU of the machine */
};

struct shmeter_family;
struct fill_store;

/* Makes the segment and its series, each with a value, and stays attached until fill_close(). Returns 0 or -errno. */
int fill_open(struct fill_store **store, const char *path, const struct fill *fill);
void fill_close(struct fill_store *store);
const struct shmeter_family *fill_family(const struct fill_store *store, uint32_t series);
/* The two label values of a series. */
const char *fill_method(uint32_t series);
const char *fill_path(char text[FILL_PATH_BYTES], uint32_t series);

/* Bytes by which a lane's memory grows. */
uint32_t fill_chunk_bytes(void);

/* The same in a forked child, which then ends: this process has no mapping of the segment. Returns 0 or -errno. */
int fill_apart(const char *path, const struct fill *fill);

/* Starts processes that attach as workers, set gauges, add to series and then wait until fill_workers_end(). */
struct fill_workers {
    pid_t pids[256];
    unsigned n;
    int hold; /* the workers end when it is closed */
};
void fill_workers_start(struct fill_workers *workers, unsigned n, const char *path, const struct fill *fill);
void fill_workers_end(struct fill_workers *workers);

#endif
