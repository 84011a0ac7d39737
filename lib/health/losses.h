/*
 * Finds losses that have grown recently, by comparing the status of segments from one reading to the next. Readings may
 * be far apart; growth between two readings has the time of the later one.
 */
#ifndef SHMETER_HEALTH_LOSSES_H
#define SHMETER_HEALTH_LOSSES_H

#include <stdint.h>

#include "health/health.h"

#define LOSSES_SECONDS 300.0 /* how long after a loss the verdict stays degraded */

struct losses_segment;

struct losses {
    struct losses_segment **segments; /* in order of name */
    uint32_t segments_n;
    double now;       /* time of the last reading */
    uint64_t real_ns; /* likewise, since 1970; 0: there was none */
};

/*
 * To be called at each reading. now: seconds of a clock that never goes back; real_ns: since 1970. Losses that a
 * segment has at the first call do not count as new. 0 or -ENOMEM.
 */
int losses_look(struct losses *losses, const struct segment_status *const *statuses, uint32_t statuses_n, double now,
                uint64_t real_ns);

/* Adds a reason for each kind of loss that has grown. statuses: those of the last losses_look(). 0 or -ENOMEM. */
int losses_judge(const struct losses *losses, const struct segment_status *const *statuses, uint32_t statuses_n,
                 struct health *health);
void losses_free(struct losses *losses);

#endif
