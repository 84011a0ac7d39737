/*
 * The vocabulary that producers and readers share. The numbers stand in segments: they never change.
 */
#ifndef SHMETER_SHM_TYPES_H
#define SHMETER_SHM_TYPES_H

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

enum shmeter_health { SHMETER_OK, SHMETER_DEGRADED, SHMETER_FAILING };

#endif
