/*
 * Steps of true length and windows over them: lib/health/rules/history.h.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "health/rules/history.h"

struct fixture {
    struct history history;
    struct history_extent extent;
    enum history_join join;
    struct history_column column;
    double now, window, since;
};

static struct fixture *
begin(double window, enum history_join join)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->window = window;
    fixture->join = join;
    fixture->extent = history_extent_of(window);
    fixture->now = fixture->since = 1000;
    assert_int_equal(history_read(&fixture->history, fixture->now), 0);
    return fixture;
}

static void
end(struct fixture *fixture)
{
    history_column_free(&fixture->column);
    free(fixture);
}

static void
put(struct fixture *fixture, double seconds, double value)
{
    fixture->now += seconds;
    assert_int_equal(history_read(&fixture->history, fixture->now), 0);
    assert_int_equal(history_put(&fixture->history, &fixture->extent, fixture->join, &fixture->column, value), 0);
}

static struct history_window
window_of(const struct fixture *fixture)
{
    return history_window_of(&fixture->history, fixture->window, fixture->since);
}

static double
joined(const struct fixture *fixture)
{
    struct history_window window = window_of(fixture);

    return history_join_steps(&fixture->history, &fixture->column, &fixture->extent, &window, fixture->join);
}

static void
near(double a, double b, const char *what)
{
    if (!(fabs(a - b) <= 1e-6 * (fabs(b) + 1)))
        fail_msg("%s: %.10g, wanted %.10g", what, a, b);
}

static void
a_steady_rate_is_exact_in_every_window_at_every_second(void **state)
{
    static const double windows[] = { 1, 2.5, 5, 119, 120, 121, 300, 1800, 3600 };
    uint32_t i, k;

    (void)state;
    for (i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct fixture *fixture = begin(windows[i], HISTORY_SUM);
        for (k = 1; k <= 8000; k++) {
            put(fixture, 1, 3);
            near(window_of(fixture).covered_seconds, k < windows[i] ? k : windows[i], "covered");
            near(joined(fixture), 3 * (k < windows[i] ? k : windows[i]), "sum");
        }
        end(fixture);
    }
}

static void
an_increase_leaves_a_short_window_after_its_time(void **state)
{
    struct fixture *fixture = begin(60, HISTORY_SUM);
    uint32_t k;

    (void)state;
    put(fixture, 1, 7);
    for (k = 1; k < 60; k++) {
        near(joined(fixture), 7, "inside");
        put(fixture, 1, 0);
    }
    near(joined(fixture), 7, "at the end");
    put(fixture, 1, 0);
    near(joined(fixture), 0, "outside");
    end(fixture);
}

static void
an_increase_leaves_a_long_window_within_ten_seconds_of_its_time(void **state)
{
    struct fixture *fixture = begin(600, HISTORY_SUM);
    double before = 7;
    uint32_t k;

    (void)state;
    for (k = 0; k < 33; k++)
        put(fixture, 1, 0);
    put(fixture, 1, 7);
    for (k = 1; k < 620; k++) {
        put(fixture, 1, 0);
        assert_true(joined(fixture) <= before);
        before = joined(fixture);
        if (k <= 590)
            near(before, 7, "inside");
    }
    near(before, 0, "outside");
    end(fixture);
}

static void
late_readings_make_long_steps_and_no_wrong_rate(void **state)
{
    static const double windows[] = { 30, 120, 300, 3600 };
    uint32_t i, k, seed = 1;

    (void)state;
    for (i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct fixture *fixture = begin(windows[i], HISTORY_SUM);
        for (k = 0; k < 5000; k++) {
            double step = 0.91;
            seed = seed * 1103515245u + 12345u;
            if (seed >> 16 & 1)
                step += (double)(seed >> 20 & 255) / 100;
            if (k % 700 == 650)
                step = 400; /* the machine slept */
            put(fixture, step, 5 * step);
            near(joined(fixture) / window_of(fixture).covered_seconds, 5, "rate");
        }
        end(fixture);
    }
}

static void
a_gap_is_spread_over_its_length(void **state)
{
    struct fixture *fixture = begin(60, HISTORY_SUM);
    uint32_t k;

    (void)state;
    for (k = 0; k < 100; k++)
        put(fixture, 1, 1);
    put(fixture, 600, 6000);
    near(window_of(fixture).covered_seconds, 60, "covered");
    near(joined(fixture), 600, "the last tenth of the gap");
    end(fixture);
}

static void
a_reading_that_comes_too_early_or_from_the_past_is_none(void **state)
{
    struct fixture *fixture = begin(60, HISTORY_SUM);

    (void)state;
    assert_int_equal(history_read(&fixture->history, 1000.5), -1);
    assert_int_equal(history_read(&fixture->history, 900), -1);
    assert_int_equal(history_read(&fixture->history, NAN), -1);
    assert_int_equal(fixture->history.readings_n, 1);
    assert_int_equal(history_read(&fixture->history, 1000.95), 0);
    end(fixture);
}

static void
extremes_and_means_are_those_of_the_values_in_the_window(void **state)
{
    static const double windows[] = { 10, 100, 300, 1800 };
    static double values[4000];
    enum history_join join;
    uint32_t i, k, n, seed = 3;

    (void)state;
    for (i = 0; i < sizeof windows / sizeof *windows; i++)
        for (join = HISTORY_MINIMUM; join <= HISTORY_MEAN; join++) {
            struct fixture *fixture = begin(windows[i], join);
            for (k = 1; k < 4000; k++) {
                double least = INFINITY, most = -INFINITY, sum = 0, wanted, got;
                uint32_t from, marked = k - k % 10;
                seed = seed * 1103515245u + 12345u;
                values[k] = (float)(seed >> 8) / 1000;
                put(fixture, 1, values[k]);
                if (k < 2 * windows[i] || k % 10 != 7)
                    continue;
                /* A long window begins at a mark: it has the tens that are whole in it. */
                from = windows[i] <= HISTORY_SHORT ? k - (uint32_t)windows[i]
                                                   : marked - ((uint32_t)windows[i] - (k - marked)) / 10 * 10;
                for (n = from + 1; n <= k; n++) {
                    least = values[n] < least ? values[n] : least;
                    most = values[n] > most ? values[n] : most;
                    sum += values[n];
                }
                wanted = join == HISTORY_MINIMUM ? least : join == HISTORY_MAXIMUM ? most : sum / (k - from);
                got = joined(fixture);
                near(got, wanted, "extreme or mean");
            }
            end(fixture);
        }
}

static void
a_column_that_begins_later_covers_what_it_knows(void **state)
{
    static const double windows[] = { 60, 300 };
    uint32_t i, k;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct fixture *fixture = begin(windows[i], HISTORY_SUM);
        for (k = 0; k < 777; k++) {
            fixture->now += 1;
            assert_int_equal(history_read(&fixture->history, fixture->now), 0);
        }
        fixture->since = fixture->now;
        near(window_of(fixture).covered_seconds, 0, "nothing is known");
        for (k = 1; k < 700; k++) {
            put(fixture, 1, 2);
            near(window_of(fixture).covered_seconds, k < windows[i] ? k : windows[i], "covered");
            near(joined(fixture), 2 * window_of(fixture).covered_seconds, "sum");
        }
        end(fixture);
    }
}

static void
nothing_costs_nothing(void **state)
{
    struct fixture *sum = begin(3600, HISTORY_SUM), *least = begin(60, HISTORY_MINIMUM);
    uint32_t k;

    (void)state;
    for (k = 0; k < 5000; k++) {
        put(sum, 1, 0);
        put(least, 1, NAN);
    }
    assert_null(sum->column.steps);
    assert_null(least->column.steps);
    near(joined(sum), 0, "sum of nothing");
    assert_true(isnan(joined(least)));
    end(sum);
    end(least);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_rate_is_exact_in_every_window_at_every_second),
        cmocka_unit_test(an_increase_leaves_a_short_window_after_its_time),
        cmocka_unit_test(an_increase_leaves_a_long_window_within_ten_seconds_of_its_time),
        cmocka_unit_test(late_readings_make_long_steps_and_no_wrong_rate),
        cmocka_unit_test(a_gap_is_spread_over_its_length),
        cmocka_unit_test(a_reading_that_comes_too_early_or_from_the_past_is_none),
        cmocka_unit_test(extremes_and_means_are_those_of_the_values_in_the_window),
        cmocka_unit_test(a_column_that_begins_later_covers_what_it_knows),
        cmocka_unit_test(nothing_costs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
