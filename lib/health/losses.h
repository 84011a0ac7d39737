/*
 * Which losses have grown recently, by comparing the status of segments from one reading to the next. Readings may be
 * far apart; growth between two of them has the time of the later one.
 */
#ifndef SHMETER_HEALTH_LOSSES_H
#define SHMETER_HEALTH_LOSSES_H

#include <stdint.h>

#include "health/health.h"

#define LOSSES_SECONDS 300.0 /* so long after a loss the verdict is degraded                                */

struct losses_segment;

struct losses {
    struct losses_segment **segments; /* in order of name                                                   */
    uint32_t segments_n;
    double now;       /* of the last look                                                                  */
    uint64_t real_ns; /* likewise; 0: there was none                                                        */
};

/*
 * now: seconds of a clock that never goes back; real_ns: since 1970. 0 or -ENOMEM. What was there at the first look is
 * no new loss.
 */
int losses_look(struct losses *losses, const struct segment_status *const *statuses, uint32_t statuses_n, double now,
                uint64_t real_ns);

/* Adds a reason for each kind of loss that has grown. statuses: those of the last look. 0 or -ENOMEM. */
int losses_judge(const struct losses *losses, const struct segment_status *const *statuses, uint32_t statuses_n,
                 struct health *health);
void losses_free(struct losses *losses);

#endif
