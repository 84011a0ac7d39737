/*
 * Makes a stopped child leave its restartable sequence, as it is known to the kernel, which would abort the sequence
 * when the child goes on: a child that is single-stepped would never reach its end.
 */
#ifndef SHMETER_TESTS_CRASH_SEQUENCE_H
#define SHMETER_TESTS_CRASH_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/types.h>

#define SEQUENCE_POINTER 8 /* in struct rseq: the descriptor's address                                      */

/* The child is a fork of the caller, in the same thread. Returns 0, or -1 and errno. */
static inline int
sequence_leave(pid_t child)
{
    uint64_t area = (uint64_t)(uintptr_t)__builtin_thread_pointer() + (uint64_t)__rseq_offset;

    return __rseq_size && ptrace(PTRACE_POKEDATA, child, area + SEQUENCE_POINTER, 0) ? -1 : 0;
}

#endif
