/*
 * Stops a child right behind its n-th access to one of up to four words, and lets it go on as if nothing had been.
 *
 * Two implementations. watch.c stops a program as it is compiled, by ptrace on x86-64: by the CPU's debug registers,
 * behind loads and stores; and where these stop nobody by single steps, behind the accesses that change a word.
 * watch_hooks.c is for a build with SHMETER_ATOMIC_HOOKS on any machine: behind each of the header's accesses, loads
 * too.
 */
#ifndef SHMETER_TESTS_SHM_WATCH_H
#define SHMETER_TESTS_SHM_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#define WATCH_WORDS 4u

/* Why children cannot be watched here; NULL: they can. */
const char *watch_why_not(void);

/* As on a machine where debug registers stop nobody. */
void watch_without_debug_registers(void);

/* Whether children stop behind loads too. */
int watch_sees_loads(void);

/*
 * Before the child is forked: its n-th access to the words (8-byte aligned, as the child has them; NULL for none)
 * counts.
 */
void watch_for(uint64_t *const words[WATCH_WORDS], uint32_t n);

/* In the child: waits for its parent's watch_run(). */
void watch_me(void);

/*
 * Lets the child go on until that access, behind which it stands stopped by SIGSTOP, untraced. Returns 0; or -1 when it
 * came to watch_end() before, and there is no child any more.
 */
int watch_run(pid_t child);

/* In the child: what follows is not watched. */
void watch_end(void);

/* SIGCONT, without a wait. */
void watch_continue(pid_t child);

#endif
