/* One store of one segment, which is scraped repeatedly. */
#ifndef SHMETER_BENCH_ROWS_SCRAPE_H
#define SHMETER_BENCH_ROWS_SCRAPE_H

#include "bench/bench.h"

/* Opens the segment at path and scrapes it once. Only one may be open at a time. */
void scrape_open(const char *path);
void scrape_close(void);
double scrape_measure(struct bench_run *run);      /* ns of a whole scrape as text */
double scrape_measure_tick(struct bench_run *run); /* ns of reading the values only, with cold caches */
/* ns of a whole scrape as text, with cold caches, compressed or not. */
double scrape_measure_cold(struct bench_run *run, int compressed);

struct encoder;

/* ns of a whole scrape in another format, compressed or not. *copy_ns (unless NULL): ns of copying its bytes. */
double scrape_measure_as(struct bench_run *run, const struct encoder *encoder, int compressed, double *copy_ns);

#endif
