/*
 * Kills a process at every instruction of each operation of the client.
 *
 * Without --long: every boundary of every operation of the first build and of the last one's updates and look-ups, real
 * kills and pairs at a share of them (all pairs of an operation that is named). With it: all builds, all kills and
 * pairs, and the instructions of the restartable sequences again and again. Prints for each operation how many
 * instructions it has, as its caller would count them, and how many different states of the segment it leaves behind.
 */
#ifndef SHMETER_TESTS_CRASH_CRASH_H
#define SHMETER_TESTS_CRASH_CRASH_H

#include "tests/crash/ops.h"

/*
 * The whole program: arguments [--long | --count] [--without-debug-registers] [--without-deaths] [--cpu=N] [--pairs=N]
 * [--rounds=N] [BUILD [OPERATION]]. --without-debug-registers: as on a machine where they stop nobody.
 * --without-deaths: steps only show where to kill and to stop, and the states between them are not read. --pairs: of so
 * many pairs one is tried, 0 for none. --rounds: so often an update is killed at each instruction of its sequence.
 * Returns its exit code: 0, 1 when a test failed, 77 when nothing can be counted here.
 */
int crash_main(const struct op_table *const *tables, uint32_t tables_n, int argc, char **argv);

#endif
