/*
 * What a snapshot makes of a segment's bytes: sums, untorn histograms, records in every state.
 */
#include "tests/expo/scene.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double bounds[] = { 0.1, 1, 2.5 };
static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family histogram = {
    .type = SHMETER_HISTOGRAM, .name = "t_seconds", .bounds = bounds, .bounds_n = 3
};

struct fixture {
    struct image image;
    struct scene scene;
};

static void
start(struct fixture *fixture, const struct image_sizes *sizes)
{
    image_make(&fixture->image, sizes);
    scene_open_one(&fixture->scene, fixture->image.path);
}

static void
stop(struct fixture *fixture)
{
    scene_close(&fixture->scene);
    image_free(&fixture->image);
}

static struct image_series
one(struct image *image, uint32_t family, const char *value)
{
    return image_series(image, family, &value);
}

static const struct segment_status *
status_of(const struct fixture *fixture)
{
    return store_status(fixture->scene.store, 0);
}

static void
counters_are_summed_over_cpu_and_shared_lanes(void **state)
{
    static const struct image_sizes sizes = { .cpu_lanes = 3, .shared_lanes = 2 };
    struct fixture f;
    struct image_series series;
    (void)state;

    start(&f, &sizes);
    series = one(&f.image, image_family(&f.image, &counter), "x");
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
    stop(&f);
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

    start(&f, &sizes);
    family = image_family(&f.image, &counter);
    for (i = 0; i < 300; i++) {
        snprintf(value, sizeof value, "%u", i);
        series[i] = one(&f.image, family, value);
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
    stop(&f);
}

static void
a_sum_that_overflows_stays_at_the_largest_number(void **state)
{
    struct fixture f;
    struct image_series series;
    (void)state;

    start(&f, NULL);
    series = one(&f.image, image_family(&f.image, &counter), "x");
    *image_cpu(&f.image, 0, series.cell) = UINT64_MAX - 1;
    *image_cpu(&f.image, 1, series.cell) = 5;
    scene_scrape(&f.scene);
    assert_string_equal(f.scene.parsed.samples[0].text, "18446744073709551615");
    stop(&f);
}

static void
fractional_counters_are_summed_as_doubles(void **state)
{
    static const struct image_family family = { .type = SHMETER_COUNTER_F64, .name = "t_seconds_total" };
    struct fixture f;
    struct image_series series;
    (void)state;

    start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &family), NULL);
    *image_cpu(&f.image, 0, series.cell) = image_bits(0.25);
    *image_shared(&f.image, 0, series.cell) = image_bits(1.5);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_seconds_total", "", 1.75);
    stop(&f);
}

static void
info_is_one(void **state)
{
    static const struct image_family family = { .type = SHMETER_INFO, .name = "t_info", .labels = { "version" } };
    struct fixture f;
    (void)state;

    start(&f, NULL);
    one(&f.image, image_family(&f.image, &family), "1.2");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_info", "version=1.2,", 1);
    stop(&f);
}

/* ---- histograms ---- */

static void
a_histogram_is_cumulative_over_all_lanes(void **state)
{
    struct fixture f;
    struct image_series series;
    struct shmeter_shared_bucket *shared;
    (void)state;

    start(&f, NULL);
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
    stop(&f);
}

/* A writer that was killed after its commit: the bucket itself is one behind. */
static void
the_record_in_force_overrides_its_bucket(void **state)
{
    struct fixture f;
    struct image_series series;
    struct shmeter_histogram_cell *cell;
    (void)state;

    start(&f, NULL);
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
    stop(&f);
}

static void
a_record_of_a_bucket_that_does_not_exist_overrides_nothing(void **state)
{
    struct fixture f;
    struct image_series series;
    struct shmeter_histogram_cell *cell;
    (void)state;

    start(&f, NULL);
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
    stop(&f);
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
    start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &family), NULL);
    buckets = image_shared_buckets(&f.image, 0, series.cell);
    for (i = 0; i <= LOG_N; i++)
        buckets[i] = (struct shmeter_shared_bucket){ (uint64_t)i + 1, 1 };
    scene_scrape(&f.scene);
    for (i = 0; i <= LOG_N; i++)
        total += i + 1;
    assert_sample(&f.scene, "t_exp_count", "", total);
    assert_sample(&f.scene, "t_exp_sum", "", LOG_N + 1);
    assert_sample(&f.scene, "t_exp_bucket", "le=1.0,", 65 * 66 / 2); /* 64 log buckets and the zero bucket */
    assert_sample(&f.scene, "t_exp_bucket", "le=0.00390625,", 1);
    assert_in_range(f.scene.parsed.samples_n, 4 + 16, 4 + 40);
    stop(&f);
}

/* ---- records ---- */

static void
hidden_and_unpublished_series_are_left_out(void **state)
{
    struct fixture f;
    struct image_series hidden, unpublished;
    uint32_t family;
    (void)state;

    start(&f, NULL);
    family = image_family(&f.image, &counter);
    one(&f.image, family, "visible");
    hidden = one(&f.image, family, "hidden");
    unpublished = one(&f.image, family, "unpublished");
    image_series_at(&f.image, hidden.unit)->state = SHMETER_HIDDEN;
    image_series_at(&f.image, unpublished.unit)->state = SHMETER_UNPUBLISHED;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_int_equal(status_of(&f)->series_hidden, 1);
    assert_int_equal(status_of(&f)->leaked_bytes, image_series_at(&f.image, unpublished.unit)->bytes);
    image_series_at(&f.image, hidden.unit)->state = SHMETER_VISIBLE;
    image_series_at(&f.image, unpublished.unit)->state = SHMETER_VISIBLE;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 3);
    assert_int_equal(status_of(&f)->leaked_bytes, 0);
    stop(&f);
}

/* A maker died before the head was written: zero; or it is slow, and the head comes later. */
static void
a_record_without_a_head_is_stepped_over_and_seen_when_it_comes(void **state)
{
    struct fixture f;
    struct image_series gap;
    uint64_t head;
    uint32_t family;
    (void)state;

    start(&f, NULL);
    family = image_family(&f.image, &counter);
    gap = one(&f.image, family, "late");
    one(&f.image, family, "after");
    memcpy(&head, image_series_at(&f.image, gap.unit), 8);
    memset(image_series_at(&f.image, gap.unit), 0, 8);
    scene_scrape(&f.scene);
    assert_absent(&f.scene, "t_total", "a=late,");
    assert_sample(&f.scene, "t_total", "a=after,", 0);
    assert_int_equal(status_of(&f)->leaked_bytes, 64);
    memcpy(image_series_at(&f.image, gap.unit), &head, 8);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=late,", 0);
    assert_int_equal(status_of(&f)->leaked_bytes, 0);
    stop(&f);
}

/* Label values come from strangers: bytes of one must not pass for a record when its maker died. */
static void
label_values_in_a_dead_makers_record_do_not_pass_for_one(void **state)
{
    struct fixture f;
    struct image_series outer, real;
    unsigned char *at;
    uint32_t family;
    char value[200];
    (void)state;

    start(&f, NULL);
    family = image_family(&f.image, &counter);
    real = one(&f.image, family, "real");
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = 0;
    outer = one(&f.image, family, value);
    at = (unsigned char *)image_series_at(&f.image, outer.unit);
    memset(at, 0, 8);
    memcpy(at + 128, image_series_at(&f.image, real.unit), 64); /* what a value might hold ... */
    memcpy(at + 128 + 56, "fake", 5);
    ((struct shmeter_series_record *)(void *)(at + 128))->cell = f.image.next_cell + 64; /* of nobody */
    ((struct shmeter_series_record *)(void *)(at + 128))->hash ^= 1; /* ... but for the hash, whose key is secret */
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "t_total", "a=real,", 0);
    assert_int_equal(status_of(&f)->series_damaged, 1);
    stop(&f);
}

static void
the_newest_definition_of_a_name_is_exposed(void **state)
{
    struct image_family other = counter;
    struct fixture f;
    (void)state;

    start(&f, NULL);
    one(&f.image, image_family(&f.image, &counter), "old");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=old,", 0);
    other.labels[0] = "b";
    one(&f.image, image_family(&f.image, &other), "new");
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "t_total", "b=new,", 0);
    assert_int_equal(status_of(&f)->families, 1);
    assert_int_equal(status_of(&f)->families_superseded, 1);
    stop(&f);
}

/* A hidden counter that came back has a second record with fresh cells. */
static void
of_two_visible_records_with_the_same_labels_the_last_one_is_exposed(void **state)
{
    struct fixture f;
    struct image_series first, second;
    uint32_t family;
    (void)state;

    start(&f, NULL);
    family = image_family(&f.image, &counter);
    first = one(&f.image, family, "x");
    second = one(&f.image, family, "x");
    *image_cpu(&f.image, 0, first.cell) = 100;
    *image_cpu(&f.image, 0, second.cell) = 3;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=x,", 3);
    assert_int_equal(status_of(&f)->series_visible, 1);
    image_series_at(&f.image, second.unit)->state = SHMETER_HIDDEN;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=x,", 100);
    image_series_at(&f.image, first.unit)->state = SHMETER_HIDDEN;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 0);
    stop(&f);
}

static void
two_series_that_share_a_cell_are_not_both_believed(void **state)
{
    struct fixture f;
    struct image_series first, second;
    uint32_t family;
    (void)state;

    start(&f, NULL);
    family = image_family(&f.image, &counter);
    first = one(&f.image, family, "x");
    second = one(&f.image, family, "y");
    image_series_at(&f.image, second.unit)->cell = first.cell;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_int_equal(status_of(&f)->series_damaged, 1);
    stop(&f);
}

static void
nothing_is_read_past_the_backed_marks(void **state)
{
    struct fixture f;
    struct image_series near, far;
    uint32_t family;
    (void)state;

    start(&f, NULL);
    family = image_family(&f.image, &counter);
    near = one(&f.image, family, "near");
    f.image.next_cell = SHMETER_CHUNK_BYTES;
    far = one(&f.image, family, "far");
    *image_cpu(&f.image, 0, near.cell) = 1;
    *image_cpu(&f.image, 0, far.cell) = 2;
    f.image.state->cells_backed.value = SHMETER_CHUNK_BYTES;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=near,", 1);
    assert_absent(&f.scene, "t_total", "a=far,");
    f.image.state->cells_backed.value = UINT64_MAX; /* a lie is held at the lane's size */
    f.image.state->records_fill.value = UINT64_MAX;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=far,", 2);
    f.image.state->records_backed.value = 0;
    one(&f.image, family, "unseen");
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 2);
    stop(&f);
}

static void
names_and_labels_that_prometheus_would_refuse_are_left_out(void **state)
{
    static const struct image_family bad[] = {
        { .type = SHMETER_COUNTER, .name = "0t_total" },
        { .type = SHMETER_COUNTER, .name = "t total" },
        { .type = SHMETER_COUNTER, .name = "" },
        { .type = SHMETER_GAUGE, .name = "up" },
        { .type = SHMETER_GAUGE, .name = "scrape_duration_seconds" },
        { .type = SHMETER_GAUGE, .name = "shmeter_slots" },
        { .type = SHMETER_COUNTER, .name = "a_total", .labels = { "__name__" } },
        { .type = SHMETER_COUNTER, .name = "b_total", .labels = { "a", "a" } },
        { .type = SHMETER_HISTOGRAM, .name = "c", .labels = { "le" }, .bounds = bounds, .bounds_n = 3 },
    };
    const char *values[] = { "1", "2" };
    struct fixture f;
    uint32_t i;
    (void)state;

    start(&f, NULL);
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        image_series(&f.image, image_family(&f.image, &bad[i]), values);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 0);
    assert_int_equal(status_of(&f)->families_damaged, sizeof bad / sizeof *bad);
    stop(&f);
}

/* One native histogram that a scraper refuses would cost it the whole scrape. */
static void
exponential_histograms_that_no_scraper_takes_are_left_out(void **state)
{
    static const double bounds[] = { 0.25, 0.5, 1 };
    static const struct image_family good = {
        .type = SHMETER_HISTOGRAM, .name = "a", .bounds = bounds, .bounds_n = 3, .log_n = 2, .first_index = -1
    };
    static const double thresholds[] = { 0, -0.25, 0.3, (double)NAN, (double)INFINITY };
    struct fixture f;
    uint32_t i, families[10];
    (void)state;

    start(&f, NULL);
    for (i = 0; i < 10; i++) {
        char name[2] = { (char)('a' + i), 0 };
        struct image_family family = good;
        family.name = name;
        families[i] = image_family(&f.image, &family);
        image_series(&f.image, families[i], NULL);
    }
    for (i = 0; i < 5; i++)
        image_family_at(&f.image, families[i])->min_value = thresholds[i];
    image_family_at(&f.image, families[5])->schema = 9;
    image_family_at(&f.image, families[6])->schema = -5;
    image_family_at(&f.image, families[7])->first_index = INT32_MAX - 1;
    image_family_at(&f.image, families[8])->first_index = INT32_MIN;
    for (i = 0; i < 10; i++)
        image_rehash(&f.image, families[i]);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.families_n, 1);
    assert_sample(&f.scene, "j_count", "", 0);
    assert_int_equal(status_of(&f)->families_damaged, 9);
    stop(&f);
}

static void
foreign_bytes_in_values_and_help_become_harmless(void **state)
{
    static const struct image_family family = {
        .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" }, .help = "Bad \xff byte, \\ and\nline\x1b[31m."
    };
    static const char help[] = "# HELP t_total Bad \xef\xbf\xbd byte, \\\\ and\\nline\xef\xbf\xbd[31m.\n";
    struct fixture f;
    (void)state;

    start(&f, NULL);
    one(&f.image, image_family(&f.image, &family), "q\"b\\n\nl\xc3\x28\x1b\xc2\x85");
    scene_scrape(&f.scene);
    assert_non_null(memmem(f.scene.text.data, f.scene.text.len, help, sizeof help - 1));
    assert_sample(&f.scene, "t_total", "a=q\"b\\n\nl\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd,", 0);
    stop(&f);
}

/* A histogram x has samples x_count: a counter of that name would collide with it. */
static void
families_whose_samples_would_collide_are_dropped_and_counted(void **state)
{
    static const struct image_family clash = { .type = SHMETER_COUNTER, .name = "t_seconds_count" };
    struct fixture f;
    (void)state;

    start(&f, NULL);
    image_series(&f.image, image_family(&f.image, &histogram), NULL);
    image_series(&f.image, image_family(&f.image, &clash), NULL);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.families_n, 1);
    assert_int_equal(store_model(f.scene.store)->conflicts, 1);
    stop(&f);
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
        cmocka_unit_test(hidden_and_unpublished_series_are_left_out),
        cmocka_unit_test(a_record_without_a_head_is_stepped_over_and_seen_when_it_comes),
        cmocka_unit_test(label_values_in_a_dead_makers_record_do_not_pass_for_one),
        cmocka_unit_test(the_newest_definition_of_a_name_is_exposed),
        cmocka_unit_test(of_two_visible_records_with_the_same_labels_the_last_one_is_exposed),
        cmocka_unit_test(two_series_that_share_a_cell_are_not_both_believed),
        cmocka_unit_test(nothing_is_read_past_the_backed_marks),
        cmocka_unit_test(names_and_labels_that_prometheus_would_refuse_are_left_out),
        cmocka_unit_test(exponential_histograms_that_no_scraper_takes_are_left_out),
        cmocka_unit_test(foreign_bytes_in_values_and_help_become_harmless),
        cmocka_unit_test(families_whose_samples_would_collide_are_dropped_and_counted),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
