/*
 * Workers that are killed: what they update, and the ledger in which they say so. The ledger is anonymous memory apart
 * from the segment. Each update of a quantity is bracketed: `begun` grows before it and `finished` after it, so that a
 * worker that is killed anywhere leaves its update in doubt and all others certain. Between the ledger and the update
 * some workers linger, before it or behind it, and `stage` says where: killed there, their update is as certain as all
 * others, not made or made.
 */
#ifndef SHMETER_TESTS_KILL_WORKER_H
#define SHMETER_TESTS_KILL_WORKER_H

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

/* What a worker is told to do once; it answers by ORDER_NONE when it has. */
enum order {
    ORDER_NONE,
    ORDER_LEAVE,  /* close and end                                                                        */
    ORDER_REOPEN, /* close, and open everything again                                                     */
    ORDER_FORK,   /* let a child make updates, and wait for it                                            */
    ORDER_HIDE    /* hide a gauge and get it again                                                        */
};

enum stage { STAGE_OUTSIDE, STAGE_BEFORE, STAGE_INSIDE, STAGE_BEHIND };

struct worker_ledger {
    uint32_t quiet; /* the pause that this worker keeps                                                   */
    uint32_t started;
    uint32_t order; /* enum order */
    uint32_t stage; /* enum stage: of the update of the quantity `at`                          */
    uint64_t made;  /* updates by all workers that ever had this place                                    */
    uint32_t at;    /* what the ledger has of it if the update is not made, and if it is made: */
    uint64_t if_not, if_done;
    uint64_t begun[QUANTITIES], finished[QUANTITIES]; /* of all workers that ever had this place          */
    struct held held[MODES];                          /* of the one that has it                           */
};

/* What workers do wrong on purpose: one update of many, so that all else looks as it should. */
enum seeded {
    SEEDED_NOTHING,
    SEEDED_LOST,    /* not made                                                                           */
    SEEDED_DOUBLED, /* made twice                                                                         */
    SEEDED_LATE,    /* made with the next one                                                             */
    SEEDED_SPLIT,   /* a load and a store, outside of any sequence                                        */
    SEEDED_TORN,    /* an observation's count, and later its sum                                          */
    SEEDED_N
};

struct ledger {
    uint32_t pause;   /* not 0: workers make no update, say so in `quiet`, and wait                        */
    uint32_t seeded;  /* enum seeded */
    uint32_t rest_us; /* workers sleep for so long after some updates; 0: they do not                      */
    struct worker_ledger workers[WORKERS];
};

/* Histogram h's buckets without +Inf's line for an exponential one; the one value that is observed into each. */
uint32_t kill_buckets_n(uint32_t histogram);
double kill_bucket_value(uint32_t histogram, uint32_t bucket);
const char *kill_bucket_bound(uint32_t histogram, uint32_t bucket); /* as in the label le                 */
const char *kill_mode_name(uint32_t mode);                          /* the gauge is kill_gauge_NAME         */

/* Opens the segment and all families. Both texts stay. */
void kill_worker_open(const char *segment, const char *worker);

/*
 * Of one number of the family kill_dynamic_total, and of the gauge that workers hide. Ask for them again before an
 * update.
 */
void kill_worker_hide_dynamic(uint32_t number);
void kill_worker_hide_gauge(void);

/* Updates until it is killed or told to leave. */
_Noreturn void kill_worker_run(struct ledger *ledger, uint32_t place, uint64_t seed);

/* The worker is dead: takes its last update out of doubt where its stage allows it. */
void kill_worker_resolve(struct worker_ledger *own);

#endif
