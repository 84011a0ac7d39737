/*
 * Stops a child right behind its n-th access to one of up to four words, by the CPU's debug registers: at full speed, and as it is
 * outside of a debugger once it is let go. x86-64, and ptrace must be allowed.
 */
#ifndef SHMETER_TESTS_CLIENT_WATCH_H
#define SHMETER_TESTS_CLIENT_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#define WATCH_WORDS 4u

/* Why children cannot be watched here; NULL: they can. */
const char *watch_why_not(void);

/* In the child: waits for its parent's watch_run(). */
void watch_me(void);

/*
 * Lets the child go on until its n-th access, reads too, to the words (8-byte aligned, as the child has them), and then stands stopped by
 * SIGSTOP, untraced. Returns 0; or -1 when it came to watch_end() before, and goes on.
 */
int watch_run(pid_t child, uint64_t *const words[WATCH_WORDS], uint32_t n);

/* In the child: what follows is not watched. */
void watch_end(void);

/* SIGCONT, without a wait. */
void watch_continue(pid_t child);

#endif
