/*
 * One execution of the fuzzers that read a damaged image in place: opened, snapshot, model, plan, text; perhaps once
 * more after more damage.
 */
#ifndef SHMETER_TESTS_FUZZ_READING_H
#define SHMETER_TESTS_FUZZ_READING_H

#include "tests/fuzz/segment/edits.h"

struct reading_family {
    enum shmeter_type type;
    enum shmeter_mode mode;
    uint32_t series;
    uint32_t log_n; /* of a histogram: exponential, with so many buckets                                        */
};

/*
 * A segment with these families, one after the other, ended by one without series. Values stand in all cells. There are
 * two of them, made at their first use, without and with SHMETER_FEATURE_REUSE: that which the input asks for.
 */
struct edits *reading_specimen(struct edits both[2], const struct image_sizes *sizes,
                               const struct reading_family *families, const uint8_t *data, size_t bytes);

/* strictly: of so many inputs, the text of one goes through a strict parser. */
void reading_run(struct edits *edits, const uint8_t *data, size_t bytes, uint32_t strictly);

#endif
