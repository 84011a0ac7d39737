/*
 * What a segment says to a reader at one moment: all samples of the exposition with their exact values, and its losses.
 * The library that the exporter uses reads it, from a file.
 */
#ifndef SHMETER_TESTS_CRASH_READING_H
#define SHMETER_TESTS_CRASH_READING_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct reading_sample {
    char *name; /* family{values}                                                                        */
    uint32_t words_n, integer; /* a histogram's: its sum, then its buckets                                 */
    uint64_t *words;
};

struct reading {
    uint32_t absent; /* 1: there is no such file                                                          */
    uint32_t samples_n;
    struct reading_sample *samples; /* sorted                                                             */
    uint64_t losses[STATUS_LOSSES];
    uint32_t live, dead, unknown; /* slots */
    uint64_t torn;                /* histograms that no try got whole                                     */
    char complaint[200];          /* "": the segment is sound                                               */
};

void reading_take(struct reading *reading, const char *path);
void reading_free(struct reading *reading);

/* The same by a reader that stays from one reading to the next, as an exporter does. *reader is NULL to begin with. */
struct exposition;
void reading_follow(struct reading *reading, struct exposition **reader, const char *path);
void reading_leave(struct exposition *reader);

const struct reading_sample *reading_find(const struct reading *reading, const char *name);
/* A word as a number, whatever it is; NaN when there is no such sample. */
double reading_number(const struct reading *reading, const char *name, uint32_t word);
int reading_samples_equal(const struct reading_sample *a, const struct reading_sample *b); /* NULL: absent */
int reading_equal(const struct reading *a, const struct reading *b);
/* In words: where they differ. The same memory each time. */
const char *reading_difference(const struct reading *a, const struct reading *b);

#endif
