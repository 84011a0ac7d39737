/*
 * A directory of the test's own under /dev/shm, gone when the program ends (also by a signal such as SIGTERM), and
 * children that do not outlive it.
 */
#ifndef SHMETER_TESTS_TOOLS_SCRATCH_H
#define SHMETER_TESTS_TOOLS_SCRATCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The path of a file in the directory, which is made at the first call. The same memory each time. */
const char *scratch_path(const char *file);

/* How many files are in the directory. */
uint32_t scratch_files(void);
void scratch_remove(const char *file);

/* fork(2), the child being killed when this process ends. Never fails. */
pid_t scratch_fork(void);

/* Waits for the child; returns its exit code, or 128 and the signal's number. */
int scratch_wait(pid_t pid);

/* Whether a child has died that nobody has waited for. */
int scratch_mourns(void);

/* Memory that this process and its children share; zero. */
void *scratch_shared(size_t bytes);

/*
 * Waits until *word is at least wanted (others store it), however long they take: 0, or -1 when a child dies meanwhile.
 */
int scratch_until(const uint32_t *word, uint32_t wanted);

uint64_t scratch_random(uint64_t *state); /* splitmix64 */

#endif
