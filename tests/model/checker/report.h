/*
 * Runs a model in a test, prints what was searched, and asserts that nothing is wrong, or that a seeded bug is found.
 */
#ifndef SHMETER_TESTS_MODEL_REPORT_H
#define SHMETER_TESTS_MODEL_REPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/model/checker/model.h"

/* --long, --trace (the way to the first violation) */
void report_arguments(int argc, char **argv);
int report_long(void);
void report_right(const struct model_case *model, enum memory memory, const char *file, int line);
/* Of a model with too many states for seeing all: nothing is wrong in so many. */
void report_bounded(const struct model_case *model, enum memory memory, uint64_t states, const char *file, int line);
void report_wrong(const struct model_case *model, enum memory memory, const char *bug, const char *file, int line);

#define expect_right(model, memory)           report_right(model, memory, __FILE__, __LINE__)
#define expect_bounded(model, memory, states) report_bounded(model, memory, states, __FILE__, __LINE__)
#define expect_wrong(model, memory, bug)      report_wrong(model, memory, bug, __FILE__, __LINE__)

#endif
