/*
 * From the fuzzer's bytes to arguments of calls: mostly ones that make sense together, some that do not.
 */
#ifndef SHMETER_TESTS_FUZZ_API_INPUT_H
#define SHMETER_TESTS_FUZZ_API_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/api/model.h"

struct input {
    const uint8_t *data;
    size_t left;
};

/* 0 when there are none left. */
uint8_t input_byte(struct input *input);

/* Any double; one that may be added up in any order without a surprise; what a counter grows by. */
double input_f64(struct input *input);
double input_addend(struct input *input);
uint64_t input_count(struct input *input);

/* Both valid until the next call of the same function. labels_n: as many as the family has, mostly. */
void input_desc(struct input *input, struct api_desc *out);
void input_values(struct input *input, uint32_t labels_n, struct api_values *out);

#endif
