/*
 * Counts are added if the buckets are the same. A classic bucket of an exponential histogram is a sum of its own
 * buckets.
 */
#include "health/rules/distribution.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/quantile.h"

static const char mixed[] = "the series have different buckets: choose those of one kind by a label";

void
distribution_begin(struct distribution *distribution)
{
    memset(distribution, 0, sizeof *distribution);
}

void
distribution_free(struct distribution *distribution)
{
    free(distribution->counts);
    memset(distribution, 0, sizeof *distribution);
}

int
distribution_add(struct distribution *distribution, const struct term *term, const struct history *history,
                 const struct term_group *group)
{
    uint32_t n = group->layout->buckets_n, i;
    double *counts = malloc((n + 1) * sizeof *counts), count = 0;

    if (!counts)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        count += counts[i] = term_increase(term, history, group, 1 + i);
    distribution->sum += term_increase(term, history, group, 0);
    distribution->count += count;
    if (!(count > 0)) {
        free(counts);
    } else if (!distribution->layout) {
        distribution->layout = group->layout;
        distribution->counts = counts;
    } else {
        distribution->is_mixed |= distribution->layout != group->layout;
        for (i = 0; i < n && !distribution->is_mixed; i++)
            distribution->counts[i] += counts[i];
        free(counts);
    }
    return 0;
}

/* The counts between the classic bounds, and above the last one. The caller frees them. */
static double *
classic_counts(const struct distribution *distribution)
{
    const struct term_layout *layout = distribution->layout;
    double *counts = calloc(layout->classic_n + 1, sizeof *counts);
    uint32_t i, bucket = 0;

    for (i = 0; counts && i <= layout->classic_n; i++)
        for (; bucket < (i < layout->classic_n ? layout->ends[i] : layout->buckets_n); bucket++)
            counts[i] += distribution->counts[bucket];
    return counts;
}

static double
classic_quantile(const struct distribution *distribution, double q)
{
    double *counts = classic_counts(distribution), out;

    if (!counts)
        return NAN;
    out = quantile_classic(q, distribution->layout->bounds, distribution->layout->classic_n, counts);
    free(counts);
    return out;
}

double
distribution_quantile(const struct distribution *distribution, double q, enum distribution_view view,
                      const char **problem)
{
    static const double nothing[1];
    const struct term_layout *layout = distribution->layout;

    *problem = distribution->is_mixed ? mixed : NULL;
    if (distribution->is_mixed)
        return NAN;
    if (!layout)
        return quantile_classic(q, NULL, 0, nothing);
    if (!layout->exponential || view == DISTRIBUTION_CLASSIC)
        return classic_quantile(distribution, q);
    return quantile_native(q, layout->schema, layout->first_index, layout->log_n, layout->zero_threshold,
                           distribution->counts);
}

/* Apdex of an exponential histogram, where the end of every bucket is a bound. */
static double
native_apdex(const struct distribution *distribution, double target)
{
    const struct term_layout *layout = distribution->layout;
    double *bounds = calloc(layout->log_n + 1, sizeof *bounds), *counts = calloc(layout->log_n + 2, sizeof *counts),
           out;
    uint32_t i;

    if (!bounds || !counts) {
        free(bounds);
        free(counts);
        return NAN;
    }
    bounds[0] = layout->zero_threshold;
    for (i = 0; i < layout->log_n; i++)
        bounds[1 + i] = quantile_native_bound(layout->schema, layout->first_index, i);
    memcpy(counts, distribution->counts, (layout->log_n + 1) * sizeof *counts);
    out = quantile_apdex(target, bounds, layout->log_n + 1, counts);
    free(bounds);
    free(counts);
    return out;
}

double
distribution_apdex(const struct distribution *distribution, double target, const char **problem)
{
    const struct term_layout *layout = distribution->layout;
    double out;

    *problem = distribution->is_mixed ? mixed : NULL;
    if (distribution->is_mixed || !layout)
        return NAN;
    out = layout->exponential ? native_apdex(distribution, target)
                              : quantile_apdex(target, layout->bounds, layout->classic_n, distribution->counts);
    if (isnan(out))
        *problem = "Apdex needs buckets that end at the target and at four times the target";
    return out;
}
