/*
 * How many instructions the hot operations take.
 */
#ifndef SHMETER_TESTS_CRASH_COUNTS_H
#define SHMETER_TESTS_CRASH_COUNTS_H

#include "tests/crash/ops.h"

/*
 * Prints a line for each hot operation of a table: build, compiler, lanes, operation, its instructions, those that it
 * executes in libraries. Steps children; on the CPU to which this process is bound.
 */
void counts_print(const struct op_table *table);

#endif
