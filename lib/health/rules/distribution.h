/*
 * What the histograms of a term have observed in its window, added up over all or some of its groups. It knows neither
 * models nor time.
 */
#ifndef SHMETER_HEALTH_RULES_DISTRIBUTION_H
#define SHMETER_HEALTH_RULES_DISTRIBUTION_H

#include <stdint.h>

#include "health/rules/term/term.h"

struct distribution {
    double count, sum;                /* increases */
    const struct term_layout *layout; /* NULL: nothing was observed */
    uint32_t is_mixed;                /* 1: buckets have different bounds; then counts is meaningless */
    double *counts;                   /* layout->buckets_n; not cumulative */
};

/* Begin with an empty distribution, then add groups of one term. 0 or -ENOMEM. Free with distribution_free(). */
void distribution_begin(struct distribution *distribution);
int distribution_add(struct distribution *distribution, const struct term *term, const struct history *history,
                     const struct term_group *group);
void distribution_free(struct distribution *distribution);

enum distribution_view {
    DISTRIBUTION_OWN,    /* exponential buckets as a native histogram's, others as classic ones */
    DISTRIBUTION_CLASSIC /* the classic buckets of the text formats */
};

/*
 * NaN: as in quantile.h, when buckets are mixed, or without memory. *problem becomes a sentence if the reason for NaN
 * needs one, else NULL.
 */
double distribution_quantile(const struct distribution *distribution, double q, enum distribution_view view,
                             const char **problem);
double distribution_apdex(const struct distribution *distribution, double target, const char **problem);

#endif
