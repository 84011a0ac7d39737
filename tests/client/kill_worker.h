/*
 * The workers of kill_ledger.c: what they update, and the ledger in which they say so. The ledger is anonymous memory apart from
 * the segment. Each update of a quantity is bracketed: `begun` grows before it and `finished` after it, so that a worker that
 * is killed anywhere leaves its update in doubt and all others certain.
 */
#ifndef SHMETER_TESTS_CLIENT_KILL_WORKER_H
#define SHMETER_TESTS_CLIENT_KILL_WORKER_H

#include <stddef.h>
#include <stdint.h>

#define WORKERS 8u

/* Quantities: what only ever grows, in whole units. */
enum {
    COUNTERS = 6,
    FRACTIONS = 4, /* units of 1/8                                                                        */
    HISTOGRAMS = 4,
    CLASSIC = 2, /* of the histograms; the others are exponential                                      */
    BUCKETS = 9, /* at most, per histogram                                                             */
    DYNAMIC = 48,
    AT_COUNTERS = 0,
    AT_FRACTIONS = AT_COUNTERS + COUNTERS,
    AT_HISTOGRAMS = AT_FRACTIONS + FRACTIONS,
    AT_DYNAMIC = AT_HISTOGRAMS + HISTOGRAMS * BUCKETS,
    AT_SUM = AT_DYNAMIC + DYNAMIC, /* a gauge of the mode SUM that is only added to                     */
    QUANTITIES = AT_SUM + 1
};

#define FRACTION_UNIT 0.125
#define MODES         11u /* enum shmeter_mode */

/* The gauges' values: `next` is stored before a set or add, `now` after it. NaN: not set yet. */
struct held {
    double now, next;
};

struct worker_ledger {
    uint32_t quiet; /* the pause that this worker keeps                                                   */
    uint32_t started;
    uint64_t begun[QUANTITIES], finished[QUANTITIES]; /* of all workers that ever had this place          */
    struct held held[MODES];                          /* of the one that has it                           */
};

struct ledger {
    uint32_t pause; /* not 0: workers make no update, say so in `quiet`, and wait                         */
    struct worker_ledger workers[WORKERS];
};

/* Histogram h's buckets without +Inf's line for an exponential one; the one value that is observed into each. */
uint32_t kill_buckets_n(uint32_t histogram);
double kill_bucket_value(uint32_t histogram, uint32_t bucket);
const char *kill_bucket_bound(uint32_t histogram, uint32_t bucket); /* as in the label le                 */
const char *kill_mode_name(uint32_t mode);                          /* the gauge is kill_gauge_NAME         */

struct shmeter;

/* Opens the segment and all families. */
struct shmeter *kill_worker_open(const char *segment, const char *worker);

/* Updates until it is killed. */
_Noreturn void kill_worker_run(struct ledger *ledger, uint32_t place, uint64_t seed);

#endif
