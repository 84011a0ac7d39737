/*
 * Where a stopped child shall stop next: by debug registers, or where these stop nobody by breakpoint instructions in
 * its own copy of the code. Either way it stops before the instruction is executed, with all its registers as they are
 * there, and within a restartable sequence as the kernel sees it.
 */
#ifndef SHMETER_TESTS_CRASH_BREAKPOINTS_H
#define SHMETER_TESTS_CRASH_BREAKPOINTS_H

#include <stdint.h>
#include <sys/types.h>

#define BREAKPOINTS 2u

struct breakpoints {
    uint64_t at[BREAKPOINTS];   /* addresses; 0: none                                                         */
    uint64_t code[BREAKPOINTS]; /* the word of the child's code that a breakpoint instruction was written into   */
};

/* From now on by debug registers, or by breakpoint instructions, without a look at what debug registers do. */
void breakpoints_choose(int registers);

/* Whether debug registers are used. The first call finds out whether they stop anybody. */
int breakpoints_by_registers(void);

/* Returns 0, or -1 and errno, as do the others. 0 as an address: none. The child has none before. */
int breakpoints_set(struct breakpoints *breakpoints, pid_t pid, uint64_t first, uint64_t second);

/* For a child that has stopped by a trap: it stands at the instruction, and there are no breakpoints any more. */
int breakpoints_clear(struct breakpoints *breakpoints, pid_t pid);

#endif
