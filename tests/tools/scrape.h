/*
 * Scrapes one segment within this process, through the same library as the exporter, and finds samples by their text.
 * Whatever goes wrong ends the program: a test that cannot read has nothing to say.
 */
#ifndef SHMETER_TESTS_TOOLS_SCRAPE_H
#define SHMETER_TESTS_TOOLS_SCRAPE_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct scrape;

struct scrape *scrape_open(const char *segment);
void scrape_close(struct scrape *scrape);
void scrape_take(struct scrape *scrape);

/*
 * The value of one sample of the last take, written as the exposition has it: name{label="value"}. NaN: no such sample.
 */
double scrape_value(const struct scrape *scrape, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How many samples begin like this. */
uint32_t scrape_count(const struct scrape *scrape, const char *beginning);

/* Of the segment at the last take. */
const struct segment_status *scrape_status(const struct scrape *scrape);

/* The slot that a process holds, or -1. */
int scrape_slot(const struct scrape *scrape, uint32_t pid);

#endif
