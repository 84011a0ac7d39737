/*
 * Several processes in one: each has its own attachments, descriptors, wiped page and identity, and one of them runs at
 * a time. An identity is a real child that sleeps, so whoever asks the kernel about it gets true answers, and its death
 * is a real SIGKILL; getpid(2) and /proc/self/stat are answered as if that child were asking. The client's system calls
 * pass through here, and what a process has mapped and opened goes when it dies.
 */
#ifndef SHMETER_TESTS_FUZZ_API_WORLD_H
#define SHMETER_TESTS_FUZZ_API_WORLD_H

#define SHMETER_SYS_HOOKS
#define SHMETER_CLAIM_RETRY_NS UINT64_C(0) /* who has found no slot looks for one at each use */
#if defined(API_SEEDED)                    /* seeds.py */
#include "api_seeded.h"
#else
#include "shmeter.h"
#endif

/* Of a segment's file; the file is removed by world_end(), the folder when this program ends, however it does. */
const char *world_path(void);

/* A process is to run: it begins, as one that has opened nothing, where there was none. Returns its pid. */
int world_run(int process);

/* Its meter; NULL until world_open() was called. */
struct shmeter *world_meter(int process);

/*
 * Opens the segment once more. with_rseq 0: a process that begins has no restartable sequences. Returns what
 * shmeter_open() did.
 */
int world_open(int process, const struct shmeter_options *options, int with_rseq);

/* kill -9. */
void world_kill(int process);

/* Goes on as a child, whose pid is returned; *parent_pid lives on and does nothing any more, until world_kill_pid(). */
int world_fork(int process, int *parent_pid);
void world_kill_pid(int pid);

/* All of them die, and the segment goes. */
void world_end(void);

#endif
