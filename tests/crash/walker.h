/*
 * Processes that each make an operation's world once, walk through the operation once, and then do what tests ask for.
 */
#ifndef SHMETER_TESTS_CRASH_WALKER_H
#define SHMETER_TESTS_CRASH_WALKER_H

#include "tests/crash/death.h"

struct walk {
    const struct op_table *table;
    const struct op *op;
    const struct shape *shape; /* walks of two shapes differ by this pointer                                     */
    int cpu;                   /* that its children run on                                                  */
    int reads;                 /* of stage_walk()                                                           */
};

/* What a test does with what was walked through. It ends the process when something is wrong. */
typedef void (*walker_fn)(struct stage *stage);

/*
 * Has the process of a walk do something; it is another one than the last call's when the walk is another, or when that
 * process has ended. Each has seen no segment before. result: shared memory, to which the walk adds when it is made.
 * Returns 0, or the exit code of a process that has ended.
 */
int walker_run(const struct walk *walk, walker_fn run, struct result *result);

/* Ends the last call's process. */
void walker_end(void);

#endif
