/*
 * One store over one segment, to be scraped again and again.
 */
#ifndef SHMETER_BENCH_SCRAPE_H
#define SHMETER_BENCH_SCRAPE_H

#include "bench/bench.h"

/* Opens the segment at path and scrapes it once. There is one at a time. */
void scrape_open(const char *path);
void scrape_close(void);
double scrape_measure(struct bench_run *run); /* ns for a whole scrape */

#endif
