/*
 * A clock that stands still, in the place of shm/process/clock.h: what a model does depends on no time.
 */
#ifndef SHMETER_TESTS_MODEL_STILL_CLOCK_H
#define SHMETER_TESTS_MODEL_STILL_CLOCK_H

#define SHMETER_SHM_CLOCK_H

static inline uint64_t
shmeter_clock_ns(void)
{
    return 1000;
}

static inline uint64_t
shmeter_clock_cpu_ns(void)
{
    return 0;
}

static inline uint64_t
shmeter_clock_boot_ns(void)
{
    return shmeter_clock_ns();
}

static inline uint64_t
shmeter_clock_real_ns(void)
{
    return 1000;
}

static inline uint64_t
shmeter_clock_counter(void)
{
    return 1000;
}

static inline uint64_t
shmeter_clock_ticks(uint32_t kind)
{
    (void)kind;
    return 1000;
}

static inline uint32_t
shmeter_clock_kind(void)
{
    return 0;
}

#endif
