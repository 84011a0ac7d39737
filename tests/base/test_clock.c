/*
 * The kernel's clocks as numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static uint64_t
by_hand(clockid_t clock)
{
    struct timespec now;

    assert_int_equal(clock_gettime(clock, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
a_clock_is_read_in_nanoseconds_and_in_seconds(void **state)
{
    static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
    size_t i;
    (void)state;

    for (i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        const uint64_t before = by_hand(clocks[i]), ns = clock_ns(clocks[i]);
        const double seconds = clock_seconds(clocks[i]);
        const uint64_t after = by_hand(clocks[i]);
        assert_in_range(ns, before, after);
        assert_true(seconds >= (double)before / 1e9 - 1e-6 && seconds <= (double)after / 1e9 + 1e-6);
    }
    assert_true(clock_seconds(CLOCK_REALTIME) > 1.7e9); /* later than 2023 */
    assert_true(clock_ns(CLOCK_REALTIME) > UINT64_C(1700000000000000000));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_is_read_in_nanoseconds_and_in_seconds),
    };
    return cmocka_run_group_tests_name("base clock", tests, NULL, NULL);
}
