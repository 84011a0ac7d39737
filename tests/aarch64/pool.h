/*
 * What the pool of pool.c counts, for watch.c, which checks it: names, and the value that is observed into each bucket.
 */
#ifndef SHMETER_TESTS_AARCH64_POOL_H
#define SHMETER_TESTS_AARCH64_POOL_H

#define POOL_COUNTER     "pool_counter_total"
#define POOL_FRACTION    "pool_fraction_total"
#define POOL_CLASSIC     "pool_classic"
#define POOL_EXPONENTIAL "pool_exponential"

#define POOL_ADDEND          3 /* to the counter, each time                                                  */
#define POOL_FRACTION_ADDEND 0.125

#define POOL_BUCKETS 9 /* the exponential histogram's; the classic one has 5                            */
static const double pool_bounds[4] = { 1, 2, 4, 8 };
static const double pool_classic_values[5] = { 0.5, 1.5, 3, 6.25, 16 };
static const double pool_exponential_values[POOL_BUCKETS] = { 0.5, 1.5, 3, 6, 12, 24.5, 48, 96, 192 };

#endif
