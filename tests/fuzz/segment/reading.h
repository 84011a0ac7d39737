/*
 * One execution of the fuzzers that read a damaged image in place: opened, snapshot, model, plan, text; perhaps once more after more damage.
 */
#ifndef SHMETER_TESTS_FUZZ_READING_H
#define SHMETER_TESTS_FUZZ_READING_H

#include "tests/fuzz/segment/edits.h"

struct edits_specimen { /* how many there are of each; labels have values, histograms have both kinds */
    struct image_sizes sizes;
    uint32_t families, series; /* series: of each family that has labels                                      */
};

/* A segment with families of all types and modes, one after the other. */
void reading_specimen(struct edits *edits, const struct edits_specimen *wanted);

void reading_run(struct edits *edits, const uint8_t *data, size_t bytes);

#endif
