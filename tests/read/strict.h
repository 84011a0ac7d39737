/*
 * A strict parser of text 0.0.4, written from the specification and not from the encoder: everything a scraper might
 * let pass or silently repair is an error here.
 */
#ifndef SHMETER_TESTS_READ_STRICT_H
#define SHMETER_TESTS_READ_STRICT_H

#include <stddef.h>
#include <stdint.h>

struct strict_sample {
    char *name;
    char *labels; /* sorted, unescaped: name=value, each followed by a byte 255 */
    char *le;     /* value of le, NULL none */
    double value;
    char *text; /* of the value, as it was written */
    size_t family;
};

struct strict_family {
    char *name, *type;
};

struct strict {
    struct strict_sample *samples;
    size_t samples_n;
    struct strict_family *families;
    size_t families_n;
    char error[256]; /* "" when all is well */
};

/*
 * Parses len bytes. Checks: UTF-8, line ends, one HELP and one TYPE per name before its samples, all lines of a family
 * together, names, escapes, numbers, no two samples alike, histograms: le ascending, counts ascending, +Inf there and
 * equal to _count, _sum there; summaries: _sum and _count, and no quantiles.
 */
void strict_parse(struct strict *out, const char *text, size_t len);
void strict_free(struct strict *parsed);

/*
 * The value of name{labels} (labels as in strict_sample.labels, with , instead of byte 255: "a=1,b=2,"); NaN when
 * absent.
 */
double strict_value(const struct strict *parsed, const char *name, const char *labels);

#endif
