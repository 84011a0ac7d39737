/*
 * Numbers in the spelling of Python's repr() and, from a million on, of Go: 1.0 0.25 1e-05 123456.0 1.234567e+06 +Inf NaN.
 */
#include "view.h"

#include <math.h>
#include <stdio.h>

#include "expo/number.h"

#define GO_EXPONENT_FROM 1e6 /* positive numbers with more than six digits before the point have an exponent */

static size_t
put_special(char *out, double value)
{
    const char *text = isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

    memcpy(out, text, strlen(text));
    return strlen(text);
}

/* digits: of a number from a million on, as repr() has them. The exponent has a zero in front, whatever its length. */
static size_t
put_exponent(char *out, const char *digits, size_t len, size_t point)
{
    size_t at = 0;

    out[at++] = digits[0];
    out[at++] = '.';
    memcpy(out + at, digits + 1, point - 1);
    at += point - 1;
    memcpy(out + at, digits + point + 1, len - point - 1);
    at += len - point - 1;
    while (at && (out[at - 1] == '0' || out[at - 1] == '.'))
        at--;
    return at + (size_t)snprintf(out + at, VIEW_NUMBER_BYTES - at, "e+0%zu", point - 1);
}

size_t
view_number(char *out, double value)
{
    size_t len, point;
    char *digits;

    if (!isfinite(value))
        return put_special(out, value);
    if (value >= 0 && value < GO_EXPONENT_FROM && value == (double)(uint64_t)value && !signbit(value)) {
        len = number_u64(out, (uint64_t)value);
        memcpy(out + len, ".0", 2);
        return len + 2;
    }
    digits = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (!digits) {
        PyErr_Clear();
        return put_special(out, NAN);
    }
    len = strlen(digits);
    point = strcspn(digits, ".");
    if (value > 0 && point < len && point > 6) {
        len = put_exponent(out, digits, len, point);
    } else {
        memcpy(out, digits, len);
    }
    PyMem_Free(digits);
    return len;
}
