/*
 * A scrape against the model: every sample, every loss, every worker. What differs is printed, and the program aborts.
 */
#ifndef SHMETER_TESTS_FUZZ_API_COMPARE_H
#define SHMETER_TESTS_FUZZ_API_COMPARE_H

#include <stddef.h>

#include "expo/status.h"
#include "tests/fuzz/api/model.h"

void api_compare(const struct api_model *model, const char *text, size_t len, const struct segment_status *status);

/* For compare*.c. series_n: that are shown, by the segment. */
void api_compare_status(const struct api_model *model, uint32_t series_n, const struct segment_status *status);
void api_compare_loss(const struct api_model *model, const char *labels, double value);
int api_is_newest(const struct api_model *model, const struct api_record *own);
void api_differ(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
