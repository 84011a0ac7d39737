/*
 * Clocks for cold paths and timers. "Ticks" are the CPU's constant-rate counter where it is one that all CPUs share
 * (shmeter_clock_kind), else nanoseconds of CLOCK_MONOTONIC; which of them is decided by whoever creates the segment.
 */
#ifndef SHMETER_SHM_CLOCK_H
#define SHMETER_SHM_CLOCK_H

#include <time.h>

#include "../layout/layout.h"
#include "../machine/sys.h"

#ifdef __cplusplus
extern "C" {
#endif
/* The vDSO's clock by libc's name: strict -std=c11 hides its declaration. */
extern int shmeter_libc_clock_gettime_(int clock, struct timespec *out) __asm__("clock_gettime");
#ifdef __cplusplus
}
#endif

SHMETER_LOCAL uint64_t
shmeter_clock_ns_of(int clock)
{
    struct timespec now = { 0, 0 };
    shmeter_libc_clock_gettime_(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC in nanoseconds. */
SHMETER_LOCAL uint64_t
shmeter_clock_ns(void)
{
    return shmeter_clock_ns_of(SHMETER_CLOCK_MONOTONIC);
}

/* CLOCK_BOOTTIME in nanoseconds: CLOCK_MONOTONIC and how long the machine was suspended. */
SHMETER_LOCAL uint64_t
shmeter_clock_boot_ns(void)
{
    return shmeter_clock_ns_of(SHMETER_CLOCK_BOOTTIME);
}

/* CLOCK_REALTIME in nanoseconds. */
SHMETER_LOCAL uint64_t
shmeter_clock_real_ns(void)
{
    return shmeter_clock_ns_of(SHMETER_CLOCK_REALTIME);
}

/* CPU time of this process, user and system, of all threads, in nanoseconds. One system call. */
SHMETER_LOCAL uint64_t
shmeter_clock_cpu_ns(void)
{
    return shmeter_clock_ns_of(SHMETER_CLOCK_PROCESS_CPU);
}

SHMETER_INLINE uint64_t
shmeter_clock_counter(void)
{
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
#else
    uint64_t value;
    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#endif
}

/* kind: enum shmeter_ticks_kind. Async-signal-safe, no system call. */
SHMETER_INLINE uint64_t
shmeter_clock_ticks(uint32_t kind)
{
    return kind == SHMETER_TICKS_COUNTER ? shmeter_clock_counter() : shmeter_clock_ns();
}

/*
 * Whether the counter may serve: the architecture says it is invariant, and the kernel trusts it as its clock source.
 */
SHMETER_LOCAL uint32_t
shmeter_clock_kind(void)
{
#if defined(__x86_64__)
    char source[32];
    uint32_t a = 0x80000000u, b, c, d;
    __asm__ __volatile__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    if (a < 0x80000007u)
        return SHMETER_TICKS_MONOTONIC_NS;
    a = 0x80000007u;
    __asm__ __volatile__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    if (!(d & (1u << 8)))
        return SHMETER_TICKS_MONOTONIC_NS;
    if (shmeter_sys_slurp("/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof source) <
        4)
        return SHMETER_TICKS_MONOTONIC_NS;
    return source[0] == 't' && source[1] == 's' && source[2] == 'c' && source[3] == '\n' ? SHMETER_TICKS_COUNTER
                                                                                         : SHMETER_TICKS_MONOTONIC_NS;
#else
    return SHMETER_TICKS_COUNTER; /* the architecture's generic timer: one rate, all CPUs */
#endif
}

#endif
