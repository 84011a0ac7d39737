/*
 * exporter/web/rate.h: how many requests pass in a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exporter/web/rate.h"

#define MS 1000000u

static void
a_burst_passes_and_then_one_in_each_interval(void **state)
{
    struct rate rate = { 0, 0, 0 };
    uint64_t now_ns = 5000 * (uint64_t)MS;
    uint32_t i, passed_n = 0;

    (void)state;
    rate_configure(&rate, 10 * MS, 3);
    for (i = 0; i < 3; i++)
        assert_true(rate_take(&rate, now_ns));
    assert_false(rate_take(&rate, now_ns));
    assert_false(rate_take(&rate, now_ns + 10 * MS - 1));
    assert_true(rate_take(&rate, now_ns + 10 * MS));
    assert_false(rate_take(&rate, now_ns + 10 * MS));
    now_ns += 1000 * MS;
    for (i = 0; i < 1000; i++) /* for a second, ten times too many; two of the burst are extra */
        passed_n += (uint32_t)rate_take(&rate, now_ns + i * MS);
    assert_int_equal(passed_n, 100 + 2);
}

static void
without_an_interval_everything_passes(void **state)
{
    struct rate rate = { 0, 0, 0 };
    uint32_t i;

    (void)state;
    for (i = 0; i < 1000; i++)
        assert_true(rate_take(&rate, 1));
}

static void
the_same_rate_again_gives_no_new_burst(void **state)
{
    struct rate rate = { 0, 0, 0 };

    (void)state;
    rate_configure(&rate, 10 * MS, 1);
    assert_true(rate_take(&rate, 1));
    rate_configure(&rate, 10 * MS, 1);
    assert_false(rate_take(&rate, 1));
    rate_configure(&rate, 10 * MS, 2);
    assert_true(rate_take(&rate, 1));
}

static void
the_largest_numbers_do_not_overflow(void **state)
{
    struct rate rate = { 0, 0, 0 };
    uint32_t i, passed_n = 0;

    (void)state;
    rate_configure(&rate, 3600000000000u, 1000000);
    for (i = 0; i < 1000010; i++)
        passed_n += (uint32_t)rate_take(&rate, 1000000000000u);
    assert_int_equal(passed_n, 1000000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_one_in_each_interval),
        cmocka_unit_test(without_an_interval_everything_passes),
        cmocka_unit_test(the_same_rate_again_gives_no_new_burst),
        cmocka_unit_test(the_largest_numbers_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
