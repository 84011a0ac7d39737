/*
 * Numbers as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static const char *
bound(double value)
{
    static char out[NUMBER_BYTES + 1];
    out[number_bound(out, value)] = 0;
    return out;
}

static const char *
f64(double value)
{
    static char out[NUMBER_BYTES + 1];
    out[number_f64(out, value)] = 0;
    return out;
}

static void
bounds_have_the_one_canonical_spelling(void **state)
{
    static const struct {
        double value;
        const char *text;
    } table[] = { { 0, "0.0" },
                  { -0.0, "0.0" },
                  { 0.001, "0.001" },
                  { 0.005, "0.005" },
                  { 0.1, "0.1" },
                  { 1, "1.0" },
                  { 2.5, "2.5" },
                  { 10, "10.0" },
                  { 100000, "100000.0" },
                  { 123456.789, "123456.789" },
                  { 999999, "999999.0" },
                  { 1e6, "1e+06" },
                  { 1234567, "1.234567e+06" },
                  { 1e-4, "0.0001" },
                  { 1e-5, "1e-05" },
                  { 1.5e-7, "1.5e-07" },
                  { 1e23, "1e+23" },
                  { -2, "-2.0" },
                  { 5e-324, "5e-324" },
                  { DBL_MAX, "1.7976931348623157e+308" },
                  { INFINITY, "+Inf" },
                  { -INFINITY, "-Inf" } };
    size_t i;
    (void)state;

    for (i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(bound(table[i].value), table[i].text);
}

static void
whole_doubles_are_written_as_integers(void **state)
{
    (void)state;

    assert_string_equal(f64(0), "0");
    assert_string_equal(f64(-1), "-1");
    assert_string_equal(f64(250), "250");
    assert_string_equal(f64(9007199254740991.0), "9007199254740991");
    assert_string_equal(f64(0.1), "0.1");
    assert_string_equal(f64(1.0 / 3), "0.3333333333333333");
    assert_string_equal(f64(NAN), "NaN");
    assert_string_equal(f64(-NAN), "NaN");
    assert_string_equal(f64(INFINITY), "+Inf");
    assert_string_equal(f64(-INFINITY), "-Inf");
    assert_string_equal(f64(-0.0), "-0");
}

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static void
every_double_reads_back_as_itself(void **state)
{
    uint64_t seed = 42, bits, again;
    int i;
    (void)state;

    for (i = 0; i < 300000; i++) {
        double value, back;
        bits = next_random(&seed);
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        assert_in_range(strlen(f64(value)), 1, NUMBER_BYTES);
        back = strtod(f64(value), NULL);
        memcpy(&again, &back, sizeof again);
        assert_int_equal(again, bits);
        assert_true(isinf(value) || strtod(bound(value), NULL) == value);
    }
}

static void
integers_are_written_in_full(void **state)
{
    char out[NUMBER_BYTES + 1], wanted[32];
    uint64_t seed = 7, value = 1;
    int i;
    (void)state;

    for (i = 0; i < 100000; i++) {
        value = i < 64 ? (UINT64_C(1) << i) - 1 : i < 84 ? value * 10 : next_random(&seed) >> i % 64;
        value = i == 64 ? 1 : value;
        out[number_u64(out, value)] = 0;
        snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)value);
        assert_string_equal(out, wanted);
    }
    out[number_u64(out, UINT64_MAX)] = 0;
    assert_string_equal(out, "18446744073709551615");
}

static void
numbers_are_written_as_prometheus_client_writes_them(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0, "0.0" },
        { -0.0, "-0.0" },
        { 1, "1.0" },
        { 0.25, "0.25" },
        { 1e-4, "0.0001" },
        { 1.5e-5, "1.5e-05" },
        { -1e-5, "-1e-05" },
        { 999999, "999999.0" },
        { 999999.5, "999999.5" },
        { 1e6, "1e+06" },
        { 1234567, "1.234567e+06" },
        { 1e9, "1e+09" },
        { 12345678901.5, "1.23456789015e+10" },
        { 1e15, "1e+15" },
        { 9e15, "9e+15" },
        { 1e16, "1e+16" },
        { 1e100, "1e+100" },
        { -1e6, "-1000000.0" },
        { -1234567.5, "-1234567.5" },
        { -1e15, "-1000000000000000.0" },
        { -1e16, "-1e+16" },
        { DBL_MAX, "1.7976931348623157e+308" },
        { -DBL_MIN, "-2.2250738585072014e-308" },
        { INFINITY, "+Inf" },
        { -INFINITY, "-Inf" },
        { NAN, "NaN" },
    };
    char out[NUMBER_BYTES + 1];
    size_t i;
    (void)state;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        out[number_repr(out, cases[i].value)] = 0;
        assert_string_equal(out, cases[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_have_the_one_canonical_spelling),
        cmocka_unit_test(whole_doubles_are_written_as_integers),
        cmocka_unit_test(every_double_reads_back_as_itself),
        cmocka_unit_test(integers_are_written_in_full),
        cmocka_unit_test(numbers_are_written_as_prometheus_client_writes_them),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
