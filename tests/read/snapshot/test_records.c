/*
 * What a snapshot makes of records in every state: published, hidden, unfinished, redefined, damaged.
 */
#include "tests/read/fixture.h"

#include <math.h>
#include <string.h>

static const double bounds[] = { 0.1, 1, 2.5 };
static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family histogram = {
    .type = SHMETER_HISTOGRAM, .name = "t_seconds", .bounds = bounds, .bounds_n = 3
};

static void
hidden_and_unpublished_series_are_left_out(void **state)
{
    struct fixture f;
    struct image_series hidden, unpublished;
    uint32_t family;
    (void)state;

    fixture_start(&f, NULL);
    family = image_family(&f.image, &counter);
    fixture_series(&f.image, family, "visible");
    hidden = fixture_series(&f.image, family, "hidden");
    unpublished = fixture_series(&f.image, family, "unpublished");
    image_series_at(&f.image, hidden.unit)->state = SHMETER_HIDDEN;
    image_series_at(&f.image, unpublished.unit)->state = SHMETER_UNPUBLISHED;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_int_equal(fixture_status(&f)->series_hidden, 1);
    assert_int_equal(fixture_status(&f)->leaked_bytes, image_series_at(&f.image, unpublished.unit)->bytes);
    image_series_at(&f.image, hidden.unit)->state = SHMETER_VISIBLE;
    image_series_at(&f.image, unpublished.unit)->state = SHMETER_VISIBLE;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 3);
    assert_int_equal(fixture_status(&f)->leaked_bytes, 0);
    fixture_stop(&f);
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

    fixture_start(&f, NULL);
    family = image_family(&f.image, &counter);
    gap = fixture_series(&f.image, family, "late");
    fixture_series(&f.image, family, "after");
    memcpy(&head, image_series_at(&f.image, gap.unit), 8);
    memset(image_series_at(&f.image, gap.unit), 0, 8);
    scene_scrape(&f.scene);
    assert_absent(&f.scene, "t_total", "a=late,");
    assert_sample(&f.scene, "t_total", "a=after,", 0);
    assert_int_equal(fixture_status(&f)->leaked_bytes, 64);
    memcpy(image_series_at(&f.image, gap.unit), &head, 8);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=late,", 0);
    assert_int_equal(fixture_status(&f)->leaked_bytes, 0);
    fixture_stop(&f);
}

/* The head of a record of several units comes late: while it was missing, each unit was remembered by itself. */
static void
a_long_record_whose_head_comes_late_leaves_no_leak_behind(void **state)
{
    struct image_family wordy = counter;
    struct image_series late;
    struct fixture f;
    uint64_t heads[2], *head;
    uint32_t family, i;
    char value[200];
    (void)state;

    fixture_start(&f, NULL);
    wordy.help = "A sentence that is so long that the record of this family takes up several units, as most of them "
                 "do. Of those "
                 "that follow its first one none has a head, and none ever will.";
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = 0;
    family = image_family(&f.image, &wordy);
    late = fixture_series(&f.image, family, value);
    for (i = 0; i < 2; i++) {
        head = (uint64_t *)(void *)(i ? (void *)image_series_at(&f.image, late.unit)
                                      : image_family_at(&f.image, family));
        heads[i] = *head;
        assert_true((uint32_t)heads[i] > 3 * SHMETER_UNIT_BYTES);
        *head = 0;
    }
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->leaked_bytes, (uint32_t)heads[0] + (uint32_t)heads[1]);
    *(uint64_t *)(void *)image_family_at(&f.image, family) = heads[0];
    image_series_at(&f.image, late.unit)->state = SHMETER_UNPUBLISHED;
    *(uint64_t *)(void *)image_series_at(&f.image, late.unit) = heads[1];
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->leaked_bytes, (uint32_t)heads[1]); /* a record that is being made */
    image_series_at(&f.image, late.unit)->state = SHMETER_VISIBLE;
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->leaked_bytes, 0);
    assert_int_equal(fixture_status(&f)->series_visible, 1);
    fixture_stop(&f);
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

    fixture_start(&f, NULL);
    family = image_family(&f.image, &counter);
    real = fixture_series(&f.image, family, "real");
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = 0;
    outer = fixture_series(&f.image, family, value);
    at = (unsigned char *)image_series_at(&f.image, outer.unit);
    memset(at, 0, 8);
    memcpy(at + 128, image_series_at(&f.image, real.unit), 64); /* what a value might hold ... */
    memcpy(at + 128 + 56, "fake", 5);
    ((struct shmeter_series_record *)(void *)(at + 128))->cell = f.image.next_cell + 64; /* of nobody */
    ((struct shmeter_series_record *)(void *)(at + 128))->hash ^= 1; /* ... but for the hash, whose key is secret */
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "t_total", "a=real,", 0);
    assert_int_equal(fixture_status(&f)->series_damaged, 1);
    fixture_stop(&f);
}

static void
a_family_whose_hash_is_wrong_is_counted_and_left_out_until_it_is_right(void **state)
{
    struct image_family other = counter;
    struct fixture f;
    uint32_t good, bad;
    (void)state;

    fixture_start(&f, NULL);
    other.name = "other_total";
    good = image_family(&f.image, &counter);
    bad = image_family(&f.image, &other);
    fixture_series(&f.image, good, "v");
    fixture_series(&f.image, bad, "v");
    image_family_at(&f.image, bad)->hash ^= 1;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "t_total", "a=v,", 0);
    assert_int_equal(fixture_status(&f)->families_damaged, 1);
    image_family_at(&f.image, bad)->hash ^= 1; /* it was being written */
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=v,", 0);
    assert_sample(&f.scene, "other_total", "a=v,", 0);
    assert_int_equal(fixture_status(&f)->families_damaged, 0);
    fixture_stop(&f);
}

static void
a_mode_or_more_labels_than_there_can_be_are_damage(void **state)
{
    struct image_family family = counter;
    struct fixture f;
    uint32_t families[3], i;
    (void)state;

    fixture_start(&f, NULL);
    for (i = 0; i < 3; i++) {
        char name[] = "a_total";
        name[0] = (char)('a' + i);
        family.name = name;
        families[i] = image_family(&f.image, &family);
        fixture_series(&f.image, families[i], "v");
    }
    image_family_at(&f.image, families[0])->mode = SHMETER_MODES;
    image_family_at(&f.image, families[1])->labels_n = SHMETER_MAX_LABELS + 1;
    for (i = 0; i < 2; i++)
        image_rehash(&f.image, families[i]);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "c_total", "a=v,", 0);
    assert_int_equal(fixture_status(&f)->families_damaged, 2);
    fixture_stop(&f);
}

static void
the_newest_definition_of_a_name_is_exposed(void **state)
{
    struct image_family other = counter;
    struct fixture f;
    (void)state;

    fixture_start(&f, NULL);
    fixture_series(&f.image, image_family(&f.image, &counter), "old");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=old,", 0);
    other.labels[0] = "b";
    fixture_series(&f.image, image_family(&f.image, &other), "new");
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "t_total", "b=new,", 0);
    assert_int_equal(fixture_status(&f)->families, 1);
    assert_int_equal(fixture_status(&f)->families_superseded, 1);
    fixture_stop(&f);
}

/* A hidden counter that came back has a second record with fresh cells. */
static void
of_two_visible_records_with_the_same_labels_the_last_one_is_exposed(void **state)
{
    struct fixture f;
    struct image_series first, second;
    uint32_t family;
    (void)state;

    fixture_start(&f, NULL);
    family = image_family(&f.image, &counter);
    first = fixture_series(&f.image, family, "x");
    second = fixture_series(&f.image, family, "x");
    *image_cpu(&f.image, 0, first.cell) = 100;
    *image_cpu(&f.image, 0, second.cell) = 3;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=x,", 3);
    assert_int_equal(fixture_status(&f)->series_visible, 1);
    image_series_at(&f.image, second.unit)->state = SHMETER_HIDDEN;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=x,", 100);
    image_series_at(&f.image, first.unit)->state = SHMETER_HIDDEN;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 0);
    fixture_stop(&f);
}

static void
two_series_that_share_a_cell_are_not_both_believed(void **state)
{
    struct fixture f;
    struct image_series first, second;
    uint32_t family;
    (void)state;

    fixture_start(&f, NULL);
    family = image_family(&f.image, &counter);
    first = fixture_series(&f.image, family, "x");
    second = fixture_series(&f.image, family, "y");
    image_series_at(&f.image, second.unit)->cell = first.cell;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_int_equal(fixture_status(&f)->series_damaged, 1);
    fixture_stop(&f);
}

static void
nothing_is_read_past_the_backed_marks(void **state)
{
    struct fixture f;
    struct image_series near, far;
    uint32_t family;
    (void)state;

    fixture_start(&f, NULL);
    family = image_family(&f.image, &counter);
    near = fixture_series(&f.image, family, "near");
    f.image.next_cell = SHMETER_CHUNK_BYTES;
    far = fixture_series(&f.image, family, "far");
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
    fixture_series(&f.image, family, "unseen");
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 2);
    fixture_stop(&f);
}

static void
names_and_labels_that_prometheus_would_refuse_are_left_out(void **state)
{
    static const struct image_family bad[] = {
        { .type = SHMETER_COUNTER, .name = "t\x7f_total" },
        { .type = SHMETER_COUNTER, .name = "t\ntotal" },
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

    fixture_start(&f, NULL);
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        image_series(&f.image, image_family(&f.image, &bad[i]), values);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 0);
    assert_int_equal(fixture_status(&f)->families_damaged, sizeof bad / sizeof *bad);
    fixture_stop(&f);
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

    fixture_start(&f, NULL);
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
    assert_int_equal(fixture_status(&f)->families_damaged, 9);
    fixture_stop(&f);
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

    fixture_start(&f, NULL);
    fixture_series(&f.image, image_family(&f.image, &family), "q\"b\\n\nl\xc3\x28\x1b\xc2\x85");
    scene_scrape(&f.scene);
    assert_non_null(memmem(f.scene.text.data, f.scene.text.len, help, sizeof help - 1));
    assert_sample(&f.scene, "t_total", "a=q\"b\\n\nl\xef\xbf\xbd(\x1b\xc2\x85,", 0);
    fixture_stop(&f);
}

/* A histogram x has samples x_count: a counter of that name would collide with it. */
static void
families_whose_samples_would_collide_are_dropped_and_counted(void **state)
{
    static const struct image_family clash = { .type = SHMETER_COUNTER, .name = "t_seconds_count" };
    struct fixture f;
    (void)state;

    fixture_start(&f, NULL);
    image_series(&f.image, image_family(&f.image, &histogram), NULL);
    image_series(&f.image, image_family(&f.image, &clash), NULL);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.families_n, 1);
    assert_int_equal(f.scene.exposition->model->conflicts, 1);
    fixture_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_and_unpublished_series_are_left_out),
        cmocka_unit_test(a_record_without_a_head_is_stepped_over_and_seen_when_it_comes),
        cmocka_unit_test(a_long_record_whose_head_comes_late_leaves_no_leak_behind),
        cmocka_unit_test(label_values_in_a_dead_makers_record_do_not_pass_for_one),
        cmocka_unit_test(a_family_whose_hash_is_wrong_is_counted_and_left_out_until_it_is_right),
        cmocka_unit_test(a_mode_or_more_labels_than_there_can_be_are_damage),
        cmocka_unit_test(the_newest_definition_of_a_name_is_exposed),
        cmocka_unit_test(of_two_visible_records_with_the_same_labels_the_last_one_is_exposed),
        cmocka_unit_test(two_series_that_share_a_cell_are_not_both_believed),
        cmocka_unit_test(nothing_is_read_past_the_backed_marks),
        cmocka_unit_test(names_and_labels_that_prometheus_would_refuse_are_left_out),
        cmocka_unit_test(exponential_histograms_that_no_scraper_takes_are_left_out),
        cmocka_unit_test(foreign_bytes_in_values_and_help_become_harmless),
        cmocka_unit_test(families_whose_samples_would_collide_are_dropped_and_counted),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
