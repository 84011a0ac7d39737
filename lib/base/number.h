/*
 * Numbers as text, and back. Locale-independent; nothing is allocated; no ending zero.
 */
#ifndef SHMETER_BASE_NUMBER_H
#define SHMETER_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_BYTES 32u /* room that any of these needs */

#ifdef __cplusplus
extern "C" {
#endif

/* Decimal digits. Returns the bytes written. */
size_t number_u64(char *out, uint64_t value);

/*
 * The shortest text that reads back as the same double (std::to_chars); whole numbers below 2^53 as integers; NaN,
 * +Inf, -Inf. Returns the bytes written.
 */
size_t number_f64(char *out, double value);

/*
 * A bound in the one spelling that all formats share: Go's %g with shortest digits, and .0 when it has neither point
 * nor exponent (OpenMetrics 1.0, "Canonical Numbers"): 0.005 0.1 1.0 10.0 1e+06 +Inf.
 */
size_t number_bound(char *out, double value);

/*
 * As prometheus_client writes numbers: as Python's repr() does, except that positive numbers from a million on have an
 * exponent, of two digits at least: 1.0 0.25 1e-05 123456.0 1.234567e+06 1e+15 1e+16 -1234567.0 -0.0 +Inf NaN.
 */
size_t number_repr(char *out, double value);

/*
 * Reads back the text of number_f64(), of len bytes, as the same double. Returns 1; or 0: the text is no number, or it
 * is out of the range of doubles.
 */
int number_read_f64(const char *text, size_t len, double *out);

#ifdef __cplusplus
}
#endif

#endif
