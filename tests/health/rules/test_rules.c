/*
 * Rules on values that a test sets, with a clock that it turns: lib/health/rules/rules.h.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* ---- states ---- */

static void
a_rule_fires_when_it_has_held_for_long_enough(void **state)
{
    struct scene scene;
    uint32_t i;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(shop_active) > 3", 5);
    scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 3);
    scene_tick(&scene, 1);
    assert_int_equal(scene_status(&scene).state, RULE_INACTIVE);
    scene_near(scene_status(&scene).value, 3);
    scene_near(scene_status(&scene).threshold, 3);
    scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 4);
    for (i = 0; i < 5; i++) {
        scene_tick(&scene, 1);
        assert_int_equal(scene_status(&scene).state, RULE_PENDING);
        scene_near(scene_status(&scene).since_seconds, i);
    }
    scene_tick(&scene, 1);
    assert_int_equal(scene_status(&scene).state, RULE_FIRING);
    scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 2);
    scene_tick(&scene, 1);
    assert_int_equal(scene_status(&scene).state, RULE_INACTIVE);
    assert_true(isnan(scene_status(&scene).since_seconds));
    scene_end(&scene);
}

static void
a_break_begins_the_wait_anew(void **state)
{
    struct scene scene;
    uint32_t i;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(shop_active) > 3", 10);
    for (i = 0; i < 100; i++) {
        scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", i % 10 == 9 ? 0 : 9);
        scene_tick(&scene, 1);
        assert_int_not_equal(scene_status(&scene).state, RULE_FIRING);
    }
    scene_end(&scene);
}

static void
a_rule_without_for_fires_at_once_and_is_a_reason(void **state)
{
    const struct rule_spec rules[] = { { "many", "sum(shop_active) >= 1", 0, STATUS_DEGRADED, "so many" },
                                       { "more", "sum(shop_active) >= 2", 0, STATUS_FAILING, NULL },
                                       { "most", "sum(shop_active) >= 3", 0, STATUS_FAILING, NULL } };
    const struct rules_spec spec = { rules, 3, NULL, 0 };
    struct health health = { 0 };
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene_rules(&scene, &spec);
    scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 2);
    scene_tick(&scene, 1);
    assert_int_equal(rules_judge(scene.rules, &health), 0);
    assert_int_equal(health.reasons_n, 2);
    assert_int_equal(health.verdict, STATUS_FAILING);
    assert_string_equal(health.reasons[0].what, "more");
    assert_string_equal(health.reasons[1].what, "many");
    assert_string_equal(health_check_name(health.reasons[1].check), "rule");
    assert_string_equal(health.reasons[1].message, "rule many: so many: 2 >= 1, for 0 s");
    scene_near(health.reasons[1].value, 2);
    scene_near(health.reasons[1].threshold, 1);
    health_free(&health);
    scene_end(&scene);
}

/* ---- what is not there ---- */

static void
without_data_there_is_no_value_and_nothing_fires(void **state)
{
    static const char *const conditions[] = {
        "sum(shop_active) >= 0", "count(shop_active) == 0",  "sum(rate(shop_total[5m])) < 1",
        "sum(shop_active) != 1", "1 - sum(shop_active) < 2", "histogram_quantile(0.5, sum(rate(shop_seconds[5m]))) < 1",
    };
    struct scene scene;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        scene_begin(&scene);
        scene_rule(&scene, conditions[i], 0);
        scene_tick(&scene, 1);
        scene_tick(&scene, 1);
        assert_int_equal(scene_status(&scene).state, RULE_INACTIVE);
        assert_true(isnan(scene_status(&scene).value) || isnan(scene_status(&scene).threshold));
        assert_non_null(scene_status(&scene).problem);
        scene_end(&scene);
    }
}

static void
nan_compares_to_nothing_and_infinity_to_all(void **state)
{
    static const struct {
        const char *condition;
        enum rule_state wanted;
    } cases[] = {
        { "sum(shop_nothing) / sum(shop_nothing) > 0", RULE_INACTIVE },
        { "sum(shop_nothing) / sum(shop_nothing) <= 0", RULE_INACTIVE },
        { "sum(shop_nothing) / sum(shop_nothing) != 0", RULE_FIRING },
        { "sum(shop_active) / sum(shop_nothing) > 1e300", RULE_FIRING },
        { "-sum(shop_active) / sum(shop_nothing) < -1e300", RULE_FIRING },
    };
    struct scene scene;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene_begin(&scene);
        scene_rule(&scene, cases[i].condition, 0);
        scene_f64(&scene, MODEL_GAUGE, "shop_nothing", "x", 0);
        scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 1);
        scene_tick(&scene, 1);
        assert_int_equal(scene_status(&scene).state, cases[i].wanted);
        scene_end(&scene);
    }
}

static void
a_hidden_series_does_not_count(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(shop_active) > 0", 0);
    scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 1);
    scene_f64(&scene, MODEL_GAUGE, "shop_active", "y", 2);
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 3);
    scene_hide(&scene, "shop_active", "x");
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 2);
    scene_hide(&scene, "shop_active", "y");
    scene_tick(&scene, 1);
    assert_true(isnan(scene_status(&scene).value));
    scene_end(&scene);
}

static void
a_histogram_is_no_number_and_a_name_nobody_has_is_said(void **state)
{
    static const double bounds[] = { 1 };
    static const uint64_t counts[] = { 1, 2 };
    static const struct {
        const char *condition, *problem;
    } cases[] = { { "sum(shop_seconds) > 0", "_count" },
                  { "sum(shop_second) > 0", "no metric of this name" },
                  { "histogram_count(sum(rate(shop_active[5m]))) > 0", "no histogram" },
                  { "sum(rate(shop_seconds_bucket{le=\"2\"}[5m])) > 0", "no series" },
                  { "sum(rate(shop_active_bucket{le=\"2\"}[5m])) > 0", "no histogram" } };
    struct scene scene;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene_begin(&scene);
        scene_rule(&scene, cases[i].condition, 0);
        scene_histogram(&scene, "shop_seconds", "x", bounds, 1, 1, counts);
        scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 1);
        scene_tick(&scene, 1);
        scene_tick(&scene, 1);
        if (!scene_status(&scene).problem || !strstr(scene_status(&scene).problem, cases[i].problem))
            fail_msg("%s: %s", cases[i].condition, scene_status(&scene).problem);
        scene_end(&scene);
    }
}

/* ---- counters ---- */

static void
resets_are_found_at_full_precision(void **state)
{
    const uint64_t large = UINT64_C(1) << 60;
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(increase(shop_total[1m])) > 1e9", 0);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", large);
    scene_tick(&scene, 1);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", large + 3); /* the same double */
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 3);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 5); /* a reset */
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 8);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 7);
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 10);
    scene_end(&scene);
}

static void
a_series_that_was_not_known_counts_from_its_first_value(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(increase(shop_total[1m])) > 1e9", 0);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1000);
    scene_tick(&scene, 1);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1001);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "y", 5000);
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 1);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "y", 5002);
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 3);
    scene_end(&scene);
}

static void
a_series_that_was_created_meanwhile_counts_from_zero(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(increase(shop_total[1m])) > 1e9", 0);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1000);
    scene_tick(&scene, 1);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "y", 5000);
    scene_series(&scene, "shop_total", "y")->created_ns = scene.real_ns + 500000000;
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "z", 70);
    scene_series(&scene, "shop_total", "z")->created_ns = scene.real_ns - 60 * UINT64_C(1000000000);
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 5000);
    scene_end(&scene);
}

static void
an_absent_counter_goes_on_from_where_it_was(void **state)
{
    struct scene scene;
    uint32_t i;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(increase(shop_total[1m])) > 1e9", 0);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1000);
    scene_tick(&scene, 1);
    scene_hide(&scene, "shop_total", "x");
    for (i = 0; i < 300; i++)
        scene_tick(&scene, 1);
    assert_true(isnan(scene_status(&scene).value));
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1004);
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 4);
    scene_end(&scene);
}

static void
an_idle_series_is_hidden_but_its_value_is_known(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(increase(shop_total[1m])) > 1e9", 0);
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1000);
    scene_hide(&scene, "shop_total", "x");
    scene_series(&scene, "shop_total", "x")->idle = 1;
    scene_tick(&scene, 1);
    scene_tick(&scene, 1);
    assert_true(isnan(scene_status(&scene).value));
    scene_series(&scene, "shop_total", "x")->idle = 0;
    scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1007);
    scene_tick(&scene, 1);
    scene_near(scene_status(&scene).value, 7);
    scene_end(&scene);
}

static void
rates_are_of_true_seconds_after_a_gap(void **state)
{
    struct scene scene;
    uint64_t value = 0;
    uint32_t i;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "max(rate(shop_total[5m])) > sum(rate(shop_total[1m]))", 0);
    for (i = 0; i < 400; i++) {
        double step = i == 200 ? 1000 : i % 7 ? 1 : 3;
        value += (uint64_t)step * 6;
        scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", value);
        scene_tick(&scene, step);
        if (i > 0) {
            scene_near(scene_status(&scene).value, 6);
            scene_near(scene_status(&scene).threshold, 6);
        }
    }
    scene_end(&scene);
}

static void
known_series_survive_a_new_epoch_of_the_model(void **state)
{
    static const char *const conditions[] = { "sum(increase(shop_total[10m])) > 1e9",
                                              "max(increase(shop_total[10m])) > 1e9" };
    struct scene scene;
    uint32_t i, k;

    (void)state;
    for (k = 0; k < 2; k++) {
        scene_begin(&scene);
        scene_rule(&scene, conditions[k], 0);
        for (i = 0; i < 200; i++) {
            if (i % 50 == 49)
                model_clear(scene.model);
            if (i % 50 == 49 && i % 100 == 99) /* in another order */
                scene_u64(&scene, MODEL_COUNTER, "shop_total", "y", 500);
            scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 1000 + i);
            scene_u64(&scene, MODEL_COUNTER, "shop_total", "y", 500);
            scene_tick(&scene, 1);
        }
        scene_near(scene_status(&scene).value, 199);
        model_clear(scene.model);
        scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 10); /* something was left out: no reset */
        scene_tick(&scene, 1);
        scene_near(scene_status(&scene).value, 199);
        scene_end(&scene);
    }
}

/* ---- reloads ---- */

static void
a_reload_keeps_what_is_unchanged(void **state)
{
    const struct rule_spec before[] = { { "a", "sum(rate(shop_total[5m])) > 1", 10, STATUS_DEGRADED, NULL },
                                        { "b", "sum(rate(shop_total[1m])) > 1", 0, STATUS_DEGRADED, NULL } };
    const struct rule_spec after[] = { { "c", "max(rate(shop_total[5m])) > 1", 0, STATUS_DEGRADED, NULL },
                                       { "a", "sum(rate(shop_total[5m])) > 1", 10, STATUS_FAILING, "now" } };
    const struct rules_spec specs[] = { { before, 2, NULL, 0 }, { after, 2, NULL, 0 } };
    struct rule_status status;
    struct scene scene;
    uint32_t i;

    (void)state;
    scene_begin(&scene);
    scene_rules(&scene, &specs[0]);
    for (i = 0; i < 100; i++) {
        scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 2 * i);
        scene_tick(&scene, 1);
    }
    scene_rules(&scene, &specs[1]);
    model_clear(scene.model); /* as a reload of the segments' settings does */
    rules_status(scene.rules, 1, &status);
    assert_int_equal(status.state, RULE_FIRING);
    for (; i < 110; i++) {
        scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", 20 * i);
        scene_tick(&scene, 1);
        rules_status(scene.rules, 1, &status);
        assert_int_equal(status.state, RULE_FIRING);
        assert_int_equal(status.severity, STATUS_FAILING);
    }
    scene_near(status.value, (20 * 109) / 109.0);
    rules_status(scene.rules, 0, &status);
    scene_near(status.value, 20); /* it knows nine seconds */
    scene_end(&scene);
}

static void
rules_that_went_away_come_back_without_their_past(void **state)
{
    const struct rules_spec none = { NULL, 0, NULL, 0 };
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene, "sum(shop_active) > 1", 0);
    scene_f64(&scene, MODEL_GAUGE, "shop_active", "x", 2);
    scene_tick(&scene, 1);
    scene_rules(&scene, &none);
    assert_int_equal(rules_n(scene.rules), 0);
    scene_tick(&scene, 1);
    scene_rule(&scene, "sum(shop_active) > 1", 0);
    assert_int_equal(scene_status(&scene).state, RULE_INACTIVE);
    scene_tick(&scene, 1);
    assert_int_equal(scene_status(&scene).state, RULE_FIRING);
    scene_end(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_fires_when_it_has_held_for_long_enough),
        cmocka_unit_test(a_break_begins_the_wait_anew),
        cmocka_unit_test(a_rule_without_for_fires_at_once_and_is_a_reason),
        cmocka_unit_test(without_data_there_is_no_value_and_nothing_fires),
        cmocka_unit_test(nan_compares_to_nothing_and_infinity_to_all),
        cmocka_unit_test(a_hidden_series_does_not_count),
        cmocka_unit_test(a_histogram_is_no_number_and_a_name_nobody_has_is_said),
        cmocka_unit_test(resets_are_found_at_full_precision),
        cmocka_unit_test(a_series_that_was_not_known_counts_from_its_first_value),
        cmocka_unit_test(a_series_that_was_created_meanwhile_counts_from_zero),
        cmocka_unit_test(an_absent_counter_goes_on_from_where_it_was),
        cmocka_unit_test(an_idle_series_is_hidden_but_its_value_is_known),
        cmocka_unit_test(rates_are_of_true_seconds_after_a_gap),
        cmocka_unit_test(known_series_survive_a_new_epoch_of_the_model),
        cmocka_unit_test(a_reload_keeps_what_is_unchanged),
        cmocka_unit_test(rules_that_went_away_come_back_without_their_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
