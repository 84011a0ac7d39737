/*
 * Every access to bytes that another process may touch goes through here, and only this file talks
 * of memory order.
 *
 * The orders, in prose:
 *   relaxed        The access is one whole 4- or 8-byte access and nothing else. For values that
 *                  stand alone.
 *   acquire        A load: the loads and stores that follow in the program stay behind it. The
 *                  other end is a release.
 *   release        A store: everything earlier in the program is visible before it: "publish last".
 *   add, cas       Atomic read-modify-writes with full ordering. A compare-and-swap that fails
 *                  orders nothing, and says what it saw.
 *   fence_acquire  Loads before it happen before loads after it: the reader's half of an untorn
 *                  read.
 *   fence_release  Stores after it become visible after those before it, which a release store
 *                  alone does not see to: the writer's half, where it is about to write again what
 *                  readers of an older state may be reading.
 *
 * Beside each ordered access a comment names the function that has the other end ("pairs with");
 * docs/ORDERING.md has all pairs, and what breaks without each.
 *
 * Three backends give the same verbs:
 *   Concurrency Kit  x86-64, when its headers are there and SHMETER_NO_CK is not defined.
 *   __atomic         the compiler's builtins: aarch64, where an amd64 build's ck_md.h would leave
 *                    the fences out, and the sanitizers of threads and memory, which see a correct
 *                    publish through inline assembly as a race or as nothing.
 *   hooks            SHMETER_ATOMIC_HOOKS: each verb calls a function of the test's, which may
 *                    schedule, stop or lie.
 * The 16-byte compare-and-swap is always our own assembly: gcc and clang would call libatomic, and
 * its 16-byte load writes, which a read-only mapping answers with a fault. A reader therefore has
 * no 16-byte load: it reads one half, the other, and the first again.
 */
#ifndef SHMETER_SHM_ATOMIC_H
#define SHMETER_SHM_ATOMIC_H

#include <stdint.h>

#include "compiler.h"

#if (defined(SHMETER_THREAD_SANITIZER) || defined(SHMETER_MEMORY_SANITIZER)) && !defined(SHMETER_NO_CK)
#define SHMETER_NO_CK 1
#endif
#if !defined(__x86_64__) && !defined(SHMETER_NO_CK)
#define SHMETER_NO_CK 1
#endif
#if !defined(SHMETER_NO_CK) && defined(__has_include)
#if !__has_include(<ck_pr.h>)
#define SHMETER_NO_CK 1
#endif
#endif

#if defined(SHMETER_ATOMIC_HOOKS)

#ifdef __cplusplus
extern "C" {
#endif
/*
 * Supplied by the program that defines SHMETER_ATOMIC_HOOKS. bytes is 4 or 8; order is 'r'elaxed,
 * 'a'cquire or re'l'ease.
 */
uint64_t shmeter_hook_load(const void *at, int bytes, char order);
void shmeter_hook_store(void *at, uint64_t value, int bytes, char order);
uint64_t shmeter_hook_add(uint64_t *at, uint64_t n);
int shmeter_hook_cas(uint64_t *at, uint64_t *expected, uint64_t desired);
int shmeter_hook_cas16(void *at, uint64_t expected[2], uint64_t low, uint64_t high);
void shmeter_hook_fence_acquire(void);
void shmeter_hook_fence_release(void);
#ifdef __cplusplus
}
#endif

SHMETER_INLINE uint64_t
shmeter_load_relaxed(const uint64_t *at)
{
    return shmeter_hook_load(at, 8, 'r');
}

SHMETER_INLINE uint64_t
shmeter_load_acquire(const uint64_t *at)
{
    return shmeter_hook_load(at, 8, 'a');
}

SHMETER_INLINE uint32_t
shmeter_load_relaxed_32(const uint32_t *at)
{
    return (uint32_t)shmeter_hook_load(at, 4, 'r');
}

SHMETER_INLINE void
shmeter_store_relaxed(uint64_t *at, uint64_t value)
{
    shmeter_hook_store(at, value, 8, 'r');
}

SHMETER_INLINE void
shmeter_store_release(uint64_t *at, uint64_t value)
{
    shmeter_hook_store(at, value, 8, 'l');
}

/* Returns the value before. */
SHMETER_INLINE uint64_t
shmeter_add(uint64_t *at, uint64_t n)
{
    return shmeter_hook_add(at, n);
}

/* Returns 1 when *expected was there and desired is now; else 0, and *expected says what was. */
SHMETER_INLINE int
shmeter_cas(uint64_t *at, uint64_t *expected, uint64_t desired)
{
    return shmeter_hook_cas(at, expected, desired);
}

SHMETER_INLINE void
shmeter_fence_acquire(void)
{
    shmeter_hook_fence_acquire();
}

SHMETER_INLINE void
shmeter_fence_release(void)
{
    shmeter_hook_fence_release();
}

#elif !defined(SHMETER_NO_CK)

#include <ck_pr.h>

SHMETER_INLINE uint64_t
shmeter_load_relaxed(const uint64_t *at)
{
    return ck_pr_load_64(at);
}

SHMETER_INLINE uint64_t
shmeter_load_acquire(const uint64_t *at)
{
    uint64_t value = ck_pr_load_64(at);
    ck_pr_fence_acquire();
    return value;
}

SHMETER_INLINE uint32_t
shmeter_load_relaxed_32(const uint32_t *at)
{
    return ck_pr_load_32(at);
}

SHMETER_INLINE void
shmeter_store_relaxed(uint64_t *at, uint64_t value)
{
    ck_pr_store_64(at, value);
}

SHMETER_INLINE void
shmeter_store_release(uint64_t *at, uint64_t value)
{
    ck_pr_fence_release();
    ck_pr_store_64(at, value);
}

/* Returns the value before. */
SHMETER_INLINE uint64_t
shmeter_add(uint64_t *at, uint64_t n)
{
    return ck_pr_faa_64(at, n);
}

/* Returns 1 when *expected was there and desired is now; else 0, and *expected says what was. */
SHMETER_INLINE int
shmeter_cas(uint64_t *at, uint64_t *expected, uint64_t desired)
{
    uint64_t seen;
    int done = ck_pr_cas_64_value(at, *expected, desired, &seen);
    *expected = seen;
    return done;
}

SHMETER_INLINE void
shmeter_fence_acquire(void)
{
    ck_pr_fence_acquire();
}

SHMETER_INLINE void
shmeter_fence_release(void)
{
    ck_pr_fence_release();
}

#else

SHMETER_INLINE uint64_t
shmeter_load_relaxed(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

SHMETER_INLINE uint64_t
shmeter_load_acquire(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

SHMETER_INLINE uint32_t
shmeter_load_relaxed_32(const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

SHMETER_INLINE void
shmeter_store_relaxed(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
}

SHMETER_INLINE void
shmeter_store_release(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/* Returns the value before. */
SHMETER_INLINE uint64_t
shmeter_add(uint64_t *at, uint64_t n)
{
    return __atomic_fetch_add(at, n, __ATOMIC_SEQ_CST);
}

/* Returns 1 when *expected was there and desired is now; else 0, and *expected says what was. */
SHMETER_INLINE int
shmeter_cas(uint64_t *at, uint64_t *expected, uint64_t desired)
{
    return __atomic_compare_exchange_n(at, expected, desired, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * gcc's ThreadSanitizer does not know fences, and warns: what they order is shared with processes,
 * of which it knows nothing either.
 */
#if defined(SHMETER_THREAD_SANITIZER) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
SHMETER_INLINE void
shmeter_fence_acquire(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

SHMETER_INLINE void
shmeter_fence_release(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
#if defined(SHMETER_THREAD_SANITIZER) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif

/*
 * at is 16-byte aligned, 16 writable bytes. Returns 1 when {expected[0], expected[1]} was there and
 * {low, high} is now; else 0, and expected is what was there.
 */
SHMETER_INLINE int
shmeter_cas16(void *at, uint64_t expected[2], uint64_t low, uint64_t high)
{
#if defined(SHMETER_ATOMIC_HOOKS)
    return shmeter_hook_cas16(at, expected, low, high);
#elif defined(__x86_64__)
    unsigned char done;
    __asm__ __volatile__("lock cmpxchg16b (%[at])\n\tsetz %[done]"
                         : [done] "=q"(done), "+a"(expected[0]), "+d"(expected[1])
                         : [at] "r"(at), "b"(low), "c"(high)
                         : "memory", "cc");
    return done;
#else
    uint64_t seen_low, seen_high, differs;
    uint32_t failed;
    __asm__ __volatile__(
        "1: ldaxp %[seen_low], %[seen_high], [%[at]]\n"
        "   eor %[differs], %[seen_low], %[want_low]\n"
        "   eor x16, %[seen_high], %[want_high]\n"
        "   orr %[differs], %[differs], x16\n"
        "   cbnz %[differs], 2f\n"
        "   stlxp %w[failed], %[low], %[high], [%[at]]\n"
        "   cbnz %w[failed], 1b\n"
        "   b 3f\n"
        "2: stlxp %w[failed], %[seen_low], %[seen_high], [%[at]]\n" /* the pair was read as one */
        "   cbnz %w[failed], 1b\n"
        "3:\n"
        : [seen_low] "=&r"(seen_low), [seen_high] "=&r"(seen_high), [differs] "=&r"(differs), [failed] "=&r"(failed)
        : [at] "r"(at), [want_low] "r"(expected[0]), [want_high] "r"(expected[1]), [low] "r"(low), [high] "r"(high)
        : "x16", "memory", "cc");
    if (!differs)
        return 1;
    expected[0] = seen_low;
    expected[1] = seen_high;
    return 0;
#endif
}

#endif
