/* What a snapshot reads from cells: sums over lanes, and histograms that are not torn. */
#include "tests/read/fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double bounds[] = { 0.1, 1, 2.5 };
static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family histogram = {
    .type = SHMETER_HISTOGRAM, .name = "t_seconds", .bounds = bounds, .bounds_n = 3
};

static void
counters_are_summed_over_cpu_and_shared_lanes(void **state)
{
    static const struct image_sizes sizes = { .cpu_lanes = 3, .shared_lanes = 2 };
    struct fixture f;
    struct image_series series;
    (void)state;

    fixture_start(&f, &sizes);
    series = fixture_series(&f.image, image_family(&f.image, &counter), "x");
    *image_cpu(&f.image, 0, series.cell) = 1;
    *image_cpu(&f.image, 1, series.cell) = 20;
    *image_cpu(&f.image, 2, series.cell) = 300;
    *image_shared(&f.image, 0, series.cell) = 4000;
    *image_shared(&f.image, 1, series.cell) = 50000;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=x,", 54321);
    *image_cpu(&f.image, 1, series.cell) = 21;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=x,", 54322);
    fixture_stop(&f);
}

static void
many_counters_in_many_lanes_keep_apart(void **state)
{
    static const struct image_sizes sizes = { .cpu_lanes = 5, .shared_lanes = 2 };
    struct fixture f;
    struct image_series series[300];
    char value[16];
    uint32_t family, i, lane;
    (void)state;

    fixture_start(&f, &sizes);
    family = image_family(&f.image, &counter);
    for (i = 0; i < 300; i++) {
        snprintf(value, sizeof value, "%u", i);
        series[i] = fixture_series(&f.image, family, value);
        if (i % 50 == 49)
            f.image.next_cell += 24; /* a gap, as other kinds of cells leave one */
        for (lane = 0; lane < 5; lane++)
            *image_cpu(&f.image, lane, series[i].cell) = i * 10 + lane;
        *image_shared(&f.image, 1, series[i].cell) = i;
    }
    scene_scrape(&f.scene);
    for (i = 0; i < 300; i++) {
        char labels[32];
        snprintf(labels, sizeof labels, "a=%u,", i);
        assert_sample(&f.scene, "t_total", labels, i * 50 + 10 + i);
    }
    fixture_stop(&f);
}

static void
a_sum_that_overflows_stays_at_the_largest_number(void **state)
{
    struct fixture f;
    struct image_series series;
    (void)state;

    fixture_start(&f, NULL);
    series = fixture_series(&f.image, image_family(&f.image, &counter), "x");
    *image_cpu(&f.image, 0, series.cell) = UINT64_MAX - 1;
    *image_cpu(&f.image, 1, series.cell) = 5;
    scene_scrape(&f.scene);
    assert_string_equal(f.scene.parsed.samples[0].text, "18446744073709551615");
    fixture_stop(&f);
}

static void
fractional_counters_are_summed_as_doubles(void **state)
{
    static const struct image_family family = { .type = SHMETER_COUNTER_F64, .name = "t_seconds_total" };
    struct fixture f;
    struct image_series series;
    (void)state;

    fixture_start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &family), NULL);
    *image_cpu(&f.image, 0, series.cell) = image_bits(0.25);
    *image_shared(&f.image, 0, series.cell) = image_bits(1.5);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_seconds_total", "", 1.75);
    fixture_stop(&f);
}

static void
info_is_one(void **state)
{
    static const struct image_family family = { .type = SHMETER_INFO, .name = "t_info", .labels = { "version" } };
    struct fixture f;
    (void)state;

    fixture_start(&f, NULL);
    fixture_series(&f.image, image_family(&f.image, &family), "1.2");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_info", "version=1.2,", 1);
    fixture_stop(&f);
}

/* ---- histograms ---- */

static void
a_histogram_is_cumulative_over_all_lanes(void **state)
{
    struct fixture f;
    struct image_series series;
    struct shmeter_shared_bucket *shared;
    (void)state;

    fixture_start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &histogram), NULL);
    image_histogram(&f.image, 0, series.cell)->seq = 2; /* rec[0] in force */
    image_histogram(&f.image, 0, series.cell)->rec[0] = (struct shmeter_histogram_record){ 1, 4, 3.5 };
    memcpy(image_buckets(&f.image, 0, series.cell), (uint64_t[]){ 1, 4, 0, 2 }, 32);
    shared = image_shared_buckets(&f.image, 0, series.cell);
    shared[0] = (struct shmeter_shared_bucket){ 10, 0.5 };
    shared[3] = (struct shmeter_shared_bucket){ 1, 100 };
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_seconds_bucket", "le=0.1,", 11);
    assert_sample(&f.scene, "t_seconds_bucket", "le=1.0,", 15);
    assert_sample(&f.scene, "t_seconds_bucket", "le=2.5,", 15);
    assert_sample(&f.scene, "t_seconds_bucket", "le=+Inf,", 18);
    assert_sample(&f.scene, "t_seconds_count", "", 18);
    assert_sample(&f.scene, "t_seconds_sum", "", 104);
    fixture_stop(&f);
}

/* A writer that was killed after its commit: the bucket itself is one behind. */
static void
the_record_in_force_overrides_its_bucket(void **state)
{
    struct fixture f;
    struct image_series series;
    struct shmeter_histogram_cell *cell;
    (void)state;

    fixture_start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &histogram), NULL);
    cell = image_histogram(&f.image, 1, series.cell);
    cell->seq = 7; /* odd: rec[1] */
    cell->rec[0] = (struct shmeter_histogram_record){ 0, 99, 99 };
    cell->rec[1] = (struct shmeter_histogram_record){ 2, 6, 12.5 };
    memcpy(image_buckets(&f.image, 1, series.cell), (uint64_t[]){ 1, 0, 5, 0 }, 32);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_seconds_bucket", "le=2.5,", 7);
    assert_sample(&f.scene, "t_seconds_sum", "", 12.5);
    cell->seq = 8; /* even: rec[0] */
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_seconds_bucket", "le=0.1,", 99);
    assert_sample(&f.scene, "t_seconds_bucket", "le=2.5,", 104);
    assert_sample(&f.scene, "t_seconds_sum", "", 99);
    fixture_stop(&f);
}

static void
a_record_of_a_bucket_that_does_not_exist_overrides_nothing(void **state)
{
    struct fixture f;
    struct image_series series;
    struct shmeter_histogram_cell *cell;
    (void)state;

    fixture_start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &histogram), NULL);
    cell = image_histogram(&f.image, 0, series.cell);
    cell->seq = 1;
    cell->rec[1] = (struct shmeter_histogram_record){ 4, 77, 1 };
    memcpy(image_buckets(&f.image, 0, series.cell), (uint64_t[]){ 1, 1, 1, 1 }, 32);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_seconds_count", "", 4);
    cell->rec[1].bucket = UINT64_MAX;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_seconds_count", "", 4);
    assert_sample(&f.scene, "t_seconds_sum", "", 1);
    fixture_stop(&f);
}

static void
an_exponential_histogram_shows_exact_counts_at_fewer_bounds(void **state)
{
    enum { LOG_N = 128 }; /* schema 3: 16 octaves of 8 buckets, from 2^-8 on */
    double all[LOG_N + 1];
    struct image_family family = { .type = SHMETER_HISTOGRAM,
                                   .name = "t_exp",
                                   .bounds = all,
                                   .bounds_n = LOG_N + 1,
                                   .schema = 3,
                                   .log_n = LOG_N,
                                   .first_index = -63 };
    struct fixture f;
    struct image_series series;
    struct shmeter_shared_bucket *buckets;
    double total = 0;
    int i;
    (void)state;

    all[0] = ldexp(1, -8);
    for (i = 1; i <= LOG_N; i++)
        all[i] = exp2((-63 + i - 1) / 8.0);
    fixture_start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &family), NULL);
    buckets = image_shared_buckets(&f.image, 0, series.cell);
    for (i = 0; i <= LOG_N; i++)
        buckets[i] = (struct shmeter_shared_bucket){ (uint64_t)i + 1, 1 };
    scene_scrape(&f.scene);
    for (i = 0; i <= LOG_N; i++)
        total += i + 1;
    assert_sample(&f.scene, "t_exp_count", "", total);
    assert_sample(&f.scene, "t_exp_sum", "", LOG_N + 1);
    assert_sample(&f.scene, "t_exp_bucket", "le=1.0,", 33 * 65); /* 64 log buckets and the zero bucket */
    assert_sample(&f.scene, "t_exp_bucket", "le=0.00390625,", 1);
    assert_in_range(f.scene.parsed.samples_n, 4 + 16, 4 + 40);
    fixture_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_summed_over_cpu_and_shared_lanes),
        cmocka_unit_test(many_counters_in_many_lanes_keep_apart),
        cmocka_unit_test(a_sum_that_overflows_stays_at_the_largest_number),
        cmocka_unit_test(fractional_counters_are_summed_as_doubles),
        cmocka_unit_test(info_is_one),
        cmocka_unit_test(a_histogram_is_cumulative_over_all_lanes),
        cmocka_unit_test(the_record_in_force_overrides_its_bucket),
        cmocka_unit_test(a_record_of_a_bucket_that_does_not_exist_overrides_nothing),
        cmocka_unit_test(an_exponential_histogram_shows_exact_counts_at_fewer_bounds),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
