/*
 * One store over one segment, to be scraped again and again.
 */
#ifndef SHMETER_BENCH_ROWS_SCRAPE_H
#define SHMETER_BENCH_ROWS_SCRAPE_H

#include "bench/bench.h"

/* Opens the segment at path and scrapes it once. There is one at a time. */
void scrape_open(const char *path);
void scrape_close(void);
double scrape_measure(struct bench_run *run);      /* ns for a whole scrape, text                                 */
double scrape_measure_tick(struct bench_run *run); /* reading the values alone, after seconds of other work       */
/* A whole scrape after such work, text, compressed or not. */
double scrape_measure_cold(struct bench_run *run, int compressed);

struct encoder;

/* The same in another format, compressed or not; in *copy_ns (not NULL) what copying its bytes takes. */
double scrape_measure_as(struct bench_run *run, const struct encoder *encoder, int compressed, double *copy_ns);

#endif
