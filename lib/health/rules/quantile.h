/*
 * Quantiles and Apdex of histograms that are counts in buckets. Pure; it knows neither model nor time.
 *
 * Counts are doubles, not cumulative: increases over some time.
 */
#ifndef SHMETER_HEALTH_RULES_QUANTILE_H
#define SHMETER_HEALTH_RULES_QUANTILE_H

#include <stdint.h>

/*
 * histogram_quantile() of Prometheus for classic buckets (promql/quantile.go, bucketQuantile): counts[i] observations
 * are <= bounds[i] and above the bound before; counts[bounds_n] are above all bounds. Interpolates linearly between
 * bounds, and from 0 to the first bound if that is positive. A quantile above the highest bound is the highest bound.
 * NaN for q NaN, -Inf for q < 0, +Inf for q > 1; else NaN without observations or without bounds.
 */
double quantile_classic(double q, const double *bounds, uint32_t bounds_n, const double *counts);

/*
 * The same for a native histogram without negative values (histogramQuantile of Prometheus 2.42: linear within a
 * bucket): counts[0] are in the zero bucket, from 0 to zero_threshold; bucket 1 + i ends at 2^((first_index + i) *
 * 2^-schema).
 */
double quantile_native(double q, int32_t schema, int32_t first_index, uint32_t log_n, double zero_threshold,
                       const double *counts);

/* The upper bound of log bucket i of a native histogram. */
double quantile_native_bound(int32_t schema, int32_t first_index, uint32_t i);

/*
 * Apdex(target): (satisfied + tolerating / 2) / all, where satisfied is <= target and tolerating <= 4 * target. NaN
 * without observations, and when no bucket ends at the target or at four times the target (within 1e-9 of it), because
 * the result would be a guess.
 */
double quantile_apdex(double target, const double *bounds, uint32_t bounds_n, const double *counts);

#endif
