/*
 * Every double and every integer reads back as itself, by strtod(3), strtoull(3) and number_read_f64(), in what is
 * written as a value and as a bound; and a value of -0 has its sign.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Any NaN is as good as another. */
static int
is_same(double a, double b, int is_signed)
{
    return (a == b && (!is_signed || !signbit(a) == !signbit(b))) || (a != a && b != b);
}

static void
must_read_back(const char *text, size_t len, double value, int is_signed)
{
    char ended[NUMBER_BYTES + 1], *end;
    double back;

    if (len <= NUMBER_BYTES) {
        memcpy(ended, text, len);
        ended[len] = 0;
        back = strtod(ended, &end);
        if (end == ended + len && is_same(back, value, is_signed) &&
            (!is_signed || (number_read_f64(text, len, &back) && is_same(back, value, 1))))
            return;
    }
    fprintf(stderr, "%a was written as %.*s\n", value, (int)len, text);
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char text[NUMBER_BYTES];
    uint64_t bits = 0;
    double value;
    size_t len;

    memcpy(&bits, data, bytes < sizeof bits ? bytes : sizeof bits);
    memcpy(&value, &bits, sizeof value);
    len = number_f64(text, value);
    must_read_back(text, len, value, 1);
    len = number_bound(text, value);
    must_read_back(text, len, value, 0);
    if (value == value && !memchr(text, '.', len) && !memchr(text, 'e', len) && !memchr(text, 'I', len))
        abort(); /* a bound that OpenMetrics would spell otherwise */
    len = number_u64(text, bits);
    if (len > NUMBER_BYTES - 1)
        abort();
    text[len] = 0;
    if (strtoull(text, NULL, 10) != bits)
        abort();
    return 0;
}
