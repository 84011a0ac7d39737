/*
 * A scrape against the model: every sample, every loss, every worker. What differs is printed, and the program aborts.
 */
#ifndef SHMETER_TESTS_FUZZ_API_COMPARE_H
#define SHMETER_TESTS_FUZZ_API_COMPARE_H

#include <stddef.h>

#include "expo/status.h"
#include "tests/fuzz/api_model.h"

void api_compare(const struct api_model *model, const char *text, size_t len, const struct segment_status *status);

#endif
