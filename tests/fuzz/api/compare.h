/*
 * A scrape against the model: every sample, every loss, every worker. What differs is printed, and the program aborts.
 */
#ifndef SHMETER_TESTS_FUZZ_API_COMPARE_H
#define SHMETER_TESTS_FUZZ_API_COMPARE_H

#include <stddef.h>

#include "read/snapshot/status.h"
#include "tests/fuzz/api/model.h"

/* What a reader remembers from take to take. */
struct api_reader {
    uint64_t lost;              /* updates of definitions that it has not shown */
    double slack;               /* by so much it may differ, as sums are rounded */
    int was_away[API_FAMILIES]; /* of each record */
    double before[API_RECORDS]; /* of each series: sum or count */
    uint64_t count[API_RECORDS];
};

void api_compare(const struct api_model *model, struct api_reader *reader, const char *text, size_t len,
                 const struct segment_status *status);

/* For compare*.c. series_n: that are shown, by the segment. */
void api_compare_status(const struct api_model *model, const struct api_reader *reader, uint32_t series_n,
                        const struct segment_status *status);
void api_compare_loss(const struct api_model *model, const struct api_reader *reader, const char *labels, double value);
void api_reader_looks(struct api_reader *reader, const struct api_model *model);
void api_differ(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
