/*
 * Whether debug registers stop a child on this machine. It is not enough that they can be set: there are virtual
 * machines where they never stop a process. A child runs past them and ends, so that the probe ends in either case.
 */
#ifndef SHMETER_TESTS_CRASH_PROBE_H
#define SHMETER_TESTS_CRASH_PROBE_H

#include <stdint.h>
#include <sys/types.h>

#define PROBE_WORDS 4u

/* Whether a process may trace its children at all. */
int probe_traced(void);

/* These set registers of a stopped child and return 0, or -1. first, second: addresses of instructions, 0 for none. */
typedef int (*probe_break_fn)(pid_t child, uint64_t first, uint64_t second);
/* Words to be watched, NULL for none. */
typedef int (*probe_watch_fn)(pid_t child, uint64_t *const words[PROBE_WORDS]);

/*
 * Whether a child stops before each of two instructions, where it stands then, and no more when they are set no more.
 */
int probe_breakpoints(probe_break_fn set);

/* Whether a child stops behind a load and behind a store of a watched word, and behind no others. */
int probe_watchpoints(probe_watch_fn set);

#endif
