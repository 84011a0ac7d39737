/*
 * Prometheus' interpolations. Prometheus also repairs cumulative counts that decrease; counts of single buckets need no
 * repair.
 */
#include "health/rules/quantile.h"

#include <math.h>

static double
total_of(const double *counts, uint32_t n)
{
    double total = 0;
    uint32_t i;

    for (i = 0; i < n; i++)
        total += counts[i];
    return total;
}

/* Whether the result is known without the buckets; then it is *out. */
static int
is_decided(double q, double total, double *out)
{
    if (isnan(q))
        *out = NAN;
    else if (q < 0 || q > 1)
        *out = q < 0 ? -INFINITY : INFINITY;
    else if (!(total > 0))
        *out = NAN;
    else
        return 0;
    return 1;
}

double
quantile_classic(double q, const double *bounds, uint32_t bounds_n, const double *counts)
{
    double total = total_of(counts, bounds_n + 1), rank = q * total, below = 0, start, out;
    uint32_t i;

    if (is_decided(q, total, &out))
        return out;
    if (!bounds_n)
        return NAN;
    for (i = 0; i < bounds_n && below + counts[i] < rank; i++)
        below += counts[i];
    if (i == bounds_n)
        return bounds[bounds_n - 1];
    if (i == 0 && bounds[0] <= 0)
        return bounds[0];
    start = i ? bounds[i - 1] : 0;
    return start + (bounds[i] - start) * ((rank - below) / counts[i]);
}

double
quantile_native_bound(int32_t schema, int32_t first_index, uint32_t i)
{
    return exp2(ldexp((double)first_index + i, -schema));
}

double
quantile_native(double q, int32_t schema, int32_t first_index, uint32_t log_n, double zero_threshold,
                const double *counts)
{
    double total = total_of(counts, log_n + 1), rank = q * total, below = 0, low, high, out;
    uint32_t i, last = 0;

    if (is_decided(q, total, &out))
        return out;
    for (i = 0; i <= log_n; i++) { /* empty buckets are skipped */
        if (!(counts[i] > 0))
            continue;
        last = i;
        if (below + counts[i] >= rank)
            break;
        below += counts[i];
    }
    low = last ? quantile_native_bound(schema, first_index - 1, last - 1) : 0;
    high = last ? quantile_native_bound(schema, first_index, last - 1) : zero_threshold;
    if (i > log_n) /* rounding may leave a rest behind the last bucket */
        return high;
    return low + (high - low) * ((rank - below) / counts[last]);
}

/* The number of observations <= target; -1: no bucket ends at target. */
static double
below_target(double target, const double *bounds, uint32_t bounds_n, const double *counts)
{
    double below = 0;
    uint32_t i;

    for (i = 0; i < bounds_n; i++) {
        below += counts[i];
        if (fabs(bounds[i] - target) <= 1e-9 * target)
            return below;
    }
    return -1;
}

double
quantile_apdex(double target, const double *bounds, uint32_t bounds_n, const double *counts)
{
    double total = total_of(counts, bounds_n + 1), satisfied = below_target(target, bounds, bounds_n, counts);
    double tolerated = below_target(4 * target, bounds, bounds_n, counts);

    if (!(total > 0) || satisfied < 0 || tolerated < 0)
        return NAN;
    return (satisfied + tolerated) / 2 / total;
}
