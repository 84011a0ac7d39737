/*
 * Numbers in the spelling of Python's repr() and, from a million on, of Go: 1.0 0.25 1e-05 123456.0 1.234567e+06 +Inf NaN. The digits are
 * expo's, the shortest that read back as the same double.
 */
#include "view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"

#define DIGITS 20

/* 0.DIGITS * 10^point, or negative. */
struct decimal {
    char digits[DIGITS + 1];
    int digits_n, point, negative;
};

static size_t
put_text(char *out, const char *text)
{
    memcpy(out, text, strlen(text));
    return strlen(text);
}

static struct decimal
take_apart(double value)
{
    struct decimal decimal = { .digits_n = 0 };
    char text[NUMBER_BYTES + 1], *at = text;
    int seen_point = 0, exponent = 0;

    text[number_bound(text, value)] = 0; /* digits in the shortest form, wherever the exponent is */
    decimal.negative = *at == '-';
    for (at += decimal.negative; *at && *at != 'e'; at++) {
        if (*at == '.') {
            seen_point = 1;
            continue;
        }
        if (*at != '0' || decimal.digits_n)
            decimal.digits[decimal.digits_n++] = *at;
        else if (seen_point)
            exponent--; /* a zero between the point and the first digit */
        if (!seen_point && decimal.digits_n)
            decimal.point++;
    }
    if (*at == 'e')
        exponent += (int)strtol(at + 1, NULL, 10);
    decimal.point += exponent;
    while (decimal.digits_n > 1 && decimal.digits[decimal.digits_n - 1] == '0')
        decimal.digits_n--;
    return decimal;
}

/* Digits with a point behind the first one, if there are more. */
static size_t
put_mantissa(char *out, const struct decimal *decimal)
{
    size_t at = 0;

    out[at++] = decimal->digits[0];
    if (decimal->digits_n == 1)
        return at;
    out[at++] = '.';
    memcpy(out + at, decimal->digits + 1, (size_t)decimal->digits_n - 1);
    return at + (size_t)decimal->digits_n - 1;
}

static size_t
put_fixed(char *out, const struct decimal *decimal)
{
    size_t at = 0;
    int i;

    if (decimal->point <= 0) {
        at = put_text(out, "0.");
        for (i = decimal->point; i < 0; i++)
            out[at++] = '0';
    }
    for (i = 0; i < decimal->digits_n || i < decimal->point; i++) {
        if (i && i == decimal->point)
            out[at++] = '.';
        out[at++] = i < decimal->digits_n ? decimal->digits[i] : '0';
    }
    return decimal->point >= decimal->digits_n ? at + put_text(out + at, ".0") : at;
}

static size_t
put_decimal(char *out, const struct decimal *decimal)
{
    size_t at = 0;

    if (decimal->negative)
        out[at++] = '-';
    else if (decimal->point > 6 &&
             decimal->point <= 16) { /* the exponent of Go, with a zero before it whatever its length */
        at = put_mantissa(out, decimal);
        return at + (size_t)snprintf(out + at, VIEW_NUMBER_BYTES - at, "e+0%d", decimal->point - 1);
    }
    if (decimal->point > -4 && decimal->point <= 16)
        return at + put_fixed(out + at, decimal);
    at += put_mantissa(out + at, decimal);
    return at + (size_t)snprintf(out + at, VIEW_NUMBER_BYTES - at, "e%+03d", decimal->point - 1);
}

size_t
view_number(char *out, double value)
{
    struct decimal decimal;
    size_t len;

    if (!isfinite(value))
        return put_text(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
    if (value == 0)
        return put_text(out, signbit(value) ? "-0.0" : "0.0");
    if (value > 0 && value < 1e6 && value == (double)(uint64_t)value) {
        len = number_u64(out, (uint64_t)value);
        return len + put_text(out + len, ".0");
    }
    decimal = take_apart(value);
    return put_decimal(out, &decimal);
}
