/*
 * What a term's histograms have observed in its window, all of them or some groups of them together. It knows neither
 * models nor time.
 */
#ifndef SHMETER_HEALTH_RULES_DISTRIBUTION_H
#define SHMETER_HEALTH_RULES_DISTRIBUTION_H

#include <stdint.h>

#include "health/rules/term/term.h"

struct distribution {
    double count, sum;                /* increases                                                           */
    const struct term_layout *layout; /* NULL: nothing was observed                                          */
    uint32_t is_mixed;                /* 1: in buckets of different bounds; then counts mean nothing            */
    double *counts;                   /* layout->buckets_n; not cumulative                                     */
};

/* Nothing. Then groups of one term are added, each 0 or -ENOMEM. Free with distribution_free(). */
void distribution_begin(struct distribution *distribution);
int distribution_add(struct distribution *distribution, const struct term *term, const struct history *history,
                     const struct term_group *group);
void distribution_free(struct distribution *distribution);

enum distribution_view {
    DISTRIBUTION_OWN,    /* exponential buckets as a native histogram, others as classic ones                   */
    DISTRIBUTION_CLASSIC /* the classic buckets of the text formats                                            */
};

/*
 * NaN: see quantile.h, and when it is mixed. problem becomes a sentence where NaN needs one, else NULL. Without memory
 * NaN too.
 */
double distribution_quantile(const struct distribution *distribution, double q, enum distribution_view view,
                             const char **problem);
double distribution_apdex(const struct distribution *distribution, double target, const char **problem);

#endif
