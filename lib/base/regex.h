/*
 * Regular expressions of RE2's dialect, which is PromQL's too (https://github.com/google/re2/wiki/Syntax). Matching
 * takes a time that is linear in the text, whatever the expression is.
 */
#ifndef SHMETER_BASE_REGEX_H
#define SHMETER_BASE_REGEX_H

#include "base/report.h"

#define REGEX_BYTES        512u       /* of an expression's text; a longer one is refused */
#define REGEX_MEMORY_BYTES (1u << 20) /* of a compiled expression, with the matcher's cache */
#define REGEX_REPEATS      1000u      /* RE2's limit for a repetition; nested repetitions are multiplied */

#ifdef __cplusplus
extern "C" {
#endif

struct regex;

/*
 * Compiles an expression of UTF-8; . is any character, also a newline, as in Prometheus 3. Returns 0 and *out, -EINVAL
 * and a sentence that names the expression, or -ENOMEM. Thread-safe.
 */
int regex_new(struct regex **out, const char *expression, struct report *report);
void regex_free(struct regex *regex); /* NULL is fine */

/*
 * Whether the expression matches the whole text: 1 or 0; or -ENOMEM, because matching allocates, within
 * REGEX_MEMORY_BYTES. Thread-safe, also on one expression.
 */
int regex_matches(const struct regex *regex, const char *text);

#ifdef __cplusplus
}
#endif

#endif
