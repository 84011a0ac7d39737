/*
 * One of the kernel's clocks as one number: CLOCK_MONOTONIC for durations and deadlines, CLOCK_REALTIME since 1970.
 * Thread-safe, async-signal-safe. Clients have shm/process/clock.h, which strict C compiles too.
 */
#ifndef SHMETER_BASE_CLOCK_H
#define SHMETER_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

uint64_t clock_ns(clockid_t clock);
double clock_seconds(clockid_t clock);

#endif
