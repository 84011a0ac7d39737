/*
 * The atomics of a program that is compiled with SHMETER_ATOMIC_HOOKS, for tests in which one thread at a time runs:
 * each does what it does without hooks, after before_access(), which the program has. Included by one file of a
 * program.
 */
#ifndef SHMETER_TESTS_SHM_HOOKED_H
#define SHMETER_TESTS_SHM_HOOKED_H

#include <stdint.h>

static void before_access(void);

uint64_t
shmeter_hook_load(const void *at, int bytes, char order)
{
    (void)order;
    before_access();
    return bytes == 8 ? __atomic_load_n((const uint64_t *)at, __ATOMIC_SEQ_CST)
                      : __atomic_load_n((const uint32_t *)at, __ATOMIC_SEQ_CST);
}

void
shmeter_hook_store(void *at, uint64_t value, int bytes, char order)
{
    (void)order;
    before_access();
    if (bytes == 8)
        __atomic_store_n((uint64_t *)at, value, __ATOMIC_SEQ_CST);
    else
        __atomic_store_n((uint32_t *)at, (uint32_t)value, __ATOMIC_SEQ_CST);
}

uint64_t
shmeter_hook_add(uint64_t *at, uint64_t n)
{
    before_access();
    return __atomic_fetch_add(at, n, __ATOMIC_SEQ_CST);
}

int
shmeter_hook_cas(uint64_t *at, uint64_t *expected, uint64_t desired)
{
    before_access();
    return __atomic_compare_exchange_n(at, expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Nobody else runs, so that two halves are as good as one. */
int
shmeter_hook_cas16(void *at, uint64_t expected[2], uint64_t low, uint64_t high)
{
    uint64_t *words = (uint64_t *)at;

    before_access();
    if (words[0] != expected[0] || words[1] != expected[1]) {
        expected[0] = words[0];
        expected[1] = words[1];
        return 0;
    }
    words[0] = low;
    words[1] = high;
    return 1;
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
