/*
 * What conditions and summaries ask of series: extremes of each, parts of histograms, groups: lib/health/rules/rules.h.
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

/* ---- each series for itself ---- */

static void
extremes_are_those_of_the_series(void **state)
{
    static const struct {
        const char *condition;
        double wanted;
    } cases[] = {
        { "min(rate(shop_total[1m])) > 1e9", 1 },
        { "max(rate(shop_total[1m])) > 1e9", 3 },
        { "avg(rate(shop_total[1m])) > 1e9", 2 },
        { "count(rate(shop_total[1m])) > 1e9", 3 },
        { "sum(rate(shop_total{a!~\"x|w\"}[1m])) > 1e9", 5 },
        { "sum(rate(shop_total{a=~\"[xy]\"}[1m])) > 1e9", 3 },
        { "sum(rate(shop_total{a=\"z\"}[1m])) > 1e9", 3 },
        { "sum(rate(shop_total{b=\"\"}[1m])) > 1e9", 6 },
        { "sum(delta(shop_level[1m])) > 1e9", -60 },
        { "min(delta(shop_level[10m])) > 1e9", -200 },
        { "max(max_over_time(shop_level[1m])) > 1e9", 1000 },
        { "min(max_over_time(shop_level[1m])) > 1e9", 859 },
        { "min(min_over_time(shop_level[1m])) > 1e9", 800 },
        { "sum(avg_over_time(shop_level[1m])) > 1e9", 1829.5 },
        { "avg(shop_level) > 1e9", 900 },
        { "max(shop_level) > 1e9", 1000 },
    };
    struct scene scene;
    size_t k;
    uint32_t i;

    (void)state;
    for (k = 0; k < sizeof cases / sizeof *cases; k++) {
        scene_begin(&scene);
        scene_rule(&scene, cases[k].condition, 0);
        for (i = 0; i <= 200; i++) {
            scene_u64(&scene, MODEL_COUNTER, "shop_total", "x", i);
            scene_u64(&scene, MODEL_COUNTER, "shop_total", "y", 7 + 2 * i);
            scene_u64(&scene, MODEL_COUNTER, "shop_total", "z", 3 * i);
            scene_f64(&scene, MODEL_GAUGE, "shop_level", "x", 1000 - (double)i);
            scene_f64(&scene, MODEL_GAUGE, "shop_level", "y", 1000);
            scene_tick(&scene, 1);
        }
        scene_near(scene_status(&scene).value, cases[k].wanted);
        scene_end(&scene);
    }
}

/* ---- histograms ---- */

static void
the_parts_of_a_histogram_can_be_asked_for(void **state)
{
    static const double bounds[] = { 0.1, 0.5, 1 };
    static const struct {
        const char *condition;
        double wanted;
    } cases[] = {
        { "sum(increase(shop_seconds_count[1m])) > 1e9", 60 * 10 * 2 },
        { "sum(rate(shop_seconds_sum[1m])) / sum(rate(shop_seconds_count[1m])) > 1e9", 0.25 },
        { "sum(rate(shop_seconds_bucket{le=\"0.5\"}[1m])) > 1e9", 6 * 2 },
        { "sum(rate(shop_seconds_bucket{le=\"+Inf\",a=\"x\"}[1m])) > 1e9", 10 },
        { "histogram_count(sum(rate(shop_seconds[1m]))) > 1e9", 20 },
        { "histogram_sum(sum(rate(shop_seconds[1m]))) > 1e9", 5 },
        { "histogram_quantile(0.5, sum(rate(shop_seconds{a=\"y\"}[1m]))) > 1e9", 0.1 + 0.4 * (5 - 1) / 5 },
        { "histogram_quantile(0.95, sum by (le) (rate(shop_seconds_bucket[1m]))) > 1e9", 1 },
        { "histogram_quantile(-1, sum by (le) (rate(shop_seconds_bucket[1m]))) < 0", -INFINITY },
        { "histogram_quantile(2, sum(rate(shop_seconds[1m]))) > 0", INFINITY },
        { "sum(shop_seconds_count) > 1e9", 2 * 10 * 101 },
    };
    struct scene scene;
    size_t k;
    uint64_t i;

    (void)state;
    for (k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct rule_status status;
        scene_begin(&scene);
        scene_rule(&scene, cases[k].condition, 0);
        for (i = 1; i <= 101; i++) {
            const uint64_t counts[] = { i, 5 * i, 3 * i, i };
            scene_histogram(&scene, "shop_seconds", "x", bounds, 3, 2.5 * (double)i, counts);
            scene_histogram(&scene, "shop_seconds", "y", bounds, 3, 2.5 * (double)i, counts);
            scene_tick(&scene, 1);
        }
        status = scene_status(&scene);
        if (isinf(cases[k].wanted))
            assert_true(isinf(status.value) && (status.value > 0) == (cases[k].wanted > 0) &&
                        status.state == RULE_FIRING);
        else
            scene_near(status.value, cases[k].wanted);
        scene_end(&scene);
    }
}

static void
an_exponential_histogram_has_its_own_buckets_and_coarse_ones(void **state)
{
    uint64_t counts[1 + 8] = { 0 };
    struct scene scene;
    uint32_t i;

    (void)state;
    scene_begin(&scene);
    /* buckets end at 2^(k/2): bucket 1 is (2^-0.5, 1], bucket 3 (2^0.5, 2] */
    scene_rule(&scene,
               "histogram_quantile(0.75, sum(rate(shop_seconds[1m]))) > "
               "histogram_quantile(0.75, sum by (le) (rate(shop_seconds_bucket[1m])))",
               0);
    for (i = 0; i < 10; i++) {
        scene_exponential(&scene, "shop_seconds", "x", 1, 0, 8, i, counts);
        scene_tick(&scene, 1);
        counts[1] += 2;
        counts[3] += 2;
    }
    scene_near(scene_status(&scene).value, sqrt(2) + (2 - sqrt(2)) / 2);
    scene_near(scene_status(&scene).threshold, sqrt(2) + (2 - sqrt(2)) / 2);
    scene_end(&scene);
}

static void
different_buckets_are_not_mixed(void **state)
{
    static const double one[] = { 1, 2 }, other[] = { 1, 3 };
    struct scene scene;
    uint64_t i;

    (void)state;
    scene_begin(&scene);
    scene_rule(&scene,
               "histogram_quantile(0.5, sum(rate(shop_seconds[10s]))) < histogram_count(sum(rate(shop_seconds[10s])))",
               0);
    for (i = 0; i < 20; i++) {
        const uint64_t counts[] = { i, 0, 0 }, still[] = { i < 5 ? i : 5, 0, 0 };
        scene_histogram(&scene, "shop_seconds", "x", one, 2, 1, counts);
        scene_histogram(&scene, "shop_seconds", "y", other, 2, 1, still);
        scene_tick(&scene, 1);
        if (i == 8) {
            assert_true(isnan(scene_status(&scene).value));
            assert_non_null(strstr(scene_status(&scene).problem, "different buckets"));
        }
    }
    scene_near(scene_status(&scene).value, 0.5); /* the other one's observations are out of the window */
    scene_near(scene_status(&scene).threshold, 1);
    scene_end(&scene);
}

static void
groups_in_which_nothing_happens_any_more_give_way(void **state)
{
    static const double bounds[] = { 1 };
    static const char *const by[] = { "a" };
    const struct summary_spec summary = { "shop_seconds", by, 1, 10, 0 };
    const struct rules_spec spec = { NULL, 0, &summary, 1 };
    struct summary_result result;
    struct scene scene;
    uint32_t i, k;
    char a[32];

    (void)state;
    scene_begin(&scene);
    scene_rules(&scene, &spec);
    for (i = 0; i < 100; i++) { /* 40 values of a label live at a time; of 2,000 in all */
        for (k = 0; k < 40; k++) {
            const uint64_t counts[] = { i, 1 };
            snprintf(a, sizeof a, "%u", i / 2 * 40 + k);
            scene_histogram(&scene, "shop_seconds", a, bounds, 1, 1, counts);
        }
        scene_tick(&scene, 6);
        if (i % 2)
            model_clear(scene.model);
    }
    assert_int_equal(rules_summary(scene.rules, 0, &result), 0);
    assert_int_equal(result.left_out_n, 0);
    assert_in_range(result.rows_n, 40, 80);
    scene_near(result.rows[result.rows_n - 1].count, 1);
    summary_free(&result);
    scene_end(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extremes_are_those_of_the_series),
        cmocka_unit_test(the_parts_of_a_histogram_can_be_asked_for),
        cmocka_unit_test(an_exponential_histogram_has_its_own_buckets_and_coarse_ones),
        cmocka_unit_test(different_buckets_are_not_mixed),
        cmocka_unit_test(groups_in_which_nothing_happens_any_more_give_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
