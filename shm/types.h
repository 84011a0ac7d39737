/*
 * The vocabulary that producers and readers share. The numbers stand in segments: they never change.
 */
#ifndef SHMETER_SHM_TYPES_H
#define SHMETER_SHM_TYPES_H

#include "compiler.h"

enum shmeter_type {
    SHMETER_COUNTER,     /* uint64_t, only grows                                                           */
    SHMETER_COUNTER_F64, /* double, only grows                                                             */
    SHMETER_GAUGE,
    SHMETER_HISTOGRAM, /* explicit bounds, or exponential buckets                                          */
    SHMETER_INFO,      /* constant 1; the labels are the message                                           */
    SHMETER_SUMMARY,   /* count and sum of observations: a histogram of one bucket; since ABI 1.2           */
    SHMETER_STATESET   /* one of named states; since ABI 1.2                                               */
};
#define SHMETER_TYPES (SHMETER_STATESET + 1)

/* How one gauge series is made from what the workers set. */
enum shmeter_mode {
    SHMETER_POOL,     /* set replaces the pool's value, add changes this worker's live share of it       */
    SHMETER_LIVE_SUM, /* LIVE: combined over the workers that are alive                                  */
    SHMETER_LIVE_MIN,
    SHMETER_LIVE_MAX,
    SHMETER_LIVE_LATEST, /* the value set last                                                             */
    SHMETER_LIVE_ALL,    /* one series per live worker, labels worker and slot                              */
    SHMETER_SUM,         /* the same five, where the dead keep their last value                             */
    SHMETER_MIN,
    SHMETER_MAX,
    SHMETER_LATEST,
    SHMETER_ALL
};
#define SHMETER_MODES 11

/* Whether a series' value is an integer in each lane, all of which are added up. */
SHMETER_INLINE int
shmeter_type_counter(uint32_t type)
{
    return type == SHMETER_COUNTER;
}

/* Whether it is a double there. */
SHMETER_INLINE int
shmeter_type_counter_f64(uint32_t type)
{
    return type == SHMETER_COUNTER_F64;
}

/* Whether it is one of both. */
SHMETER_INLINE int
shmeter_type_counts(uint32_t type)
{
    return shmeter_type_counter(type) || shmeter_type_counter_f64(type);
}

/* Whether it is in a gauge cell: a stateset's is the number of its state, the latest one set. */
SHMETER_INLINE int
shmeter_type_gauge(uint32_t type)
{
    return type == SHMETER_GAUGE || type == SHMETER_STATESET;
}

/* Whether it is in a histogram cell. */
SHMETER_INLINE int
shmeter_type_histogram(uint32_t type)
{
    return type == SHMETER_HISTOGRAM || type == SHMETER_SUMMARY;
}

enum shmeter_health { SHMETER_OK, SHMETER_DEGRADED, SHMETER_FAILING };

#endif
