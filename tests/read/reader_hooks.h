/*
 * The hooked accesses that a reader never makes: each ends the program. A program has its own loads and stores.
 * Included by one file of a program that is compiled with SHMETER_ATOMIC_HOOKS.
 */
#ifndef SHMETER_TESTS_READ_READER_HOOKS_H
#define SHMETER_TESTS_READ_READER_HOOKS_H

#include <stdlib.h>

#include "shm/machine/atomic.h"

uint64_t
shmeter_hook_add(uint64_t *at, uint64_t n)
{
    (void)at, (void)n;
    abort();
}

int
shmeter_hook_cas(uint64_t *at, uint64_t *expected, uint64_t desired)
{
    (void)at, (void)expected, (void)desired;
    abort();
}

int
shmeter_hook_cas16(void *at, uint64_t expected[2], uint64_t low, uint64_t high)
{
    (void)at, (void)expected, (void)low, (void)high;
    abort();
}

void
shmeter_hook_fence_acquire(void)
{
}

void
shmeter_hook_fence_release(void)
{
}

#endif
