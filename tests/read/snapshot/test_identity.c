/*
 * The producer decides which series are different: values that differ in any byte stay two series in every format, and
 * no counter goes back. Bytes that no producer leaves (not UTF-8) are repaired by the reader, and series that become
 * equal by that are added up.
 */
#include "tests/read/fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };

/* Every character that a format might take for something else. */
static const char *const pairs[][2] = {
    { "/a\x01", "/a\x02" },
    { "\x1b[31m", "\x1b[32m" },
    { "\x7f", "" },
    { "\xc2\x80", "\xc2\x9f" },
    { "\xc2\x85", "\n" },
    { "\t", " " },
    { "\r", "\r\n" },
    { "a ", "a" },
    { "\x0b", "\x0c" },
    { "\x1c", "\x1d" },
    { "\xe2\x80\xa8", "\xe2\x80\xa9" },
    { "\xef\xbf\xbd", "\x1f" },
    { "\xef\xbb\xbf", "" },
    { "A", "a" },
    { "\\n", "\n" },
    { "\\\\", "\\" },
    { "\"", "\\\"" },
    { "e\xcc\x81", "\xc3\xa9" },
    { "1.0", "1" },
    { "+Inf", "Inf" },
};

static void
values_that_differ_in_anything_are_two_series(void **state)
{
    const size_t pairs_n = sizeof pairs / sizeof *pairs;
    struct image_series series[sizeof pairs / sizeof *pairs][2];
    char labels[32];
    struct fixture f;
    uint32_t i, k, round;
    (void)state;

    for (i = 0; i < pairs_n; i++) { /* a segment for each: a value stands in several pairs */
        uint32_t family;
        fixture_start(&f, NULL);
        family = image_family(&f.image, &counter);
        for (k = 0; k < 2; k++) {
            series[i][k] = fixture_series(&f.image, family, pairs[i][k]);
            *image_cpu(&f.image, 0, series[i][k].cell) = k ? 1 : 100;
            for (round = 0; round < 2; round++) {
                scene_scrape(&f.scene);
                assert_int_equal(f.scene.parsed.samples_n, k + 1);
                snprintf(labels, sizeof labels, "a=%s,", pairs[i][0]);
                assert_sample(&f.scene, "t_total", labels, 100);
            }
        }
        snprintf(labels, sizeof labels, *pairs[i][1] ? "a=%s," : "%s", pairs[i][1]); /* an empty value is no label */
        assert_sample(&f.scene, "t_total", labels, 1);
        assert_int_equal(f.scene.exposition->model->conflicts, 0);
        fixture_stop(&f);
    }
}

static void
states_that_differ_in_anything_are_two_states(void **state)
{
    static const struct image_family family = {
        .type = SHMETER_STATESET, .mode = SHMETER_LATEST, .name = "s", .states = { "off\x01", "off\x02", "off" }
    };
    struct image_series series;
    struct fixture f;
    (void)state;

    fixture_start(&f, NULL);
    series = image_series(&f.image, image_family(&f.image, &family), NULL);
    image_common(&f.image, series.cell)->value = image_stored(1);
    image_common(&f.image, series.cell)->aux = 1;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 3);
    assert_sample(&f.scene, "s", "s=off\x01,", 0);
    assert_sample(&f.scene, "s", "s=off\x02,", 1);
    assert_sample(&f.scene, "s", "s=off,", 0);
    fixture_stop(&f);
}

/* Two states of one name would be two samples of one series. */
static void
a_stateset_with_two_states_of_one_name_is_left_out(void **state)
{
    static const struct image_family families[] = {
        { .type = SHMETER_STATESET, .mode = SHMETER_LATEST, .name = "same", .states = { "b", "a", "b" } },
        { .type = SHMETER_STATESET, .mode = SHMETER_LATEST, .name = "repaired", .states = { "x\xff", "x\xfe" } },
        { .type = SHMETER_STATESET, .mode = SHMETER_LATEST, .name = "fine", .states = { "x\xff", "x" } },
    };
    struct fixture f;
    uint32_t i;
    (void)state;

    fixture_start(&f, NULL);
    for (i = 0; i < 3; i++)
        image_series(&f.image, image_family(&f.image, &families[i]), NULL);
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->families_damaged, 2);
    assert_int_equal(f.scene.parsed.samples_n, 2);
    fixture_stop(&f);
}

/* A damaged segment: no producer leaves such bytes. */
static void
what_becomes_the_same_by_a_repair_adds_up(void **state)
{
    static const char *const values[] = { "x\xff", "x\xfe", "x\xef\xbf\xbd", "x\xc3" };
    struct image_series series;
    struct fixture f;
    uint32_t family, i, total = 0;
    (void)state;

    fixture_start(&f, NULL);
    family = image_family(&f.image, &counter);
    for (i = 0; i < 4; i++) {
        series = fixture_series(&f.image, family, values[i]);
        *image_cpu(&f.image, 0, series.cell) = i ? 1 : 100;
        total += i ? 1 : 100;
        scene_scrape(&f.scene);
        assert_int_equal(f.scene.parsed.samples_n, 1);
        assert_sample(&f.scene, "t_total", "a=x\xef\xbf\xbd,", total);
    }
    fixture_stop(&f);
}

/* ---- the label segment ---- */

/* Files whose names differ only in what cannot be shown. */
static void
segments_whose_names_cannot_be_shown_stay_apart(void **state)
{
    static const char *const names[] = { "s\x01",
                                         "s\x02",
                                         "s\xff",
                                         "s\xfe",
                                         "s\xef\xbf\xbd",
                                         "s\xef\xbf\xbd"
                                         "01",
                                         "s" };
    enum { N = sizeof names / sizeof *names };
    struct image images[N];
    char paths[N][256], shown[N][TEXT_NAME_BYTES(256)], labels[16384];
    const char *all[N];
    struct scene scene;
    uint32_t i, k;
    (void)state;

    for (i = 0; i < N; i++) {
        image_make(&images[i], NULL);
        *image_cpu(&images[i], 0, fixture_series(&images[i], image_family(&images[i], &counter), "x").cell) = i + 1;
        snprintf(paths[i], sizeof paths[i], "%s/%s", images[0].directory, names[i]);
        assert_int_equal(rename(images[i].path, paths[i]), 0);
        text_name(shown[i], paths[i]);
        all[i] = paths[i];
        for (k = 0; k < i; k++)
            assert_string_not_equal(shown[i], shown[k]);
    }
    scene_open(&scene, all, N);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, N);
    for (i = 0; i < N; i++) {
        snprintf(labels, sizeof labels, "a=x,segment=%s,", shown[i]);
        assert_sample(&scene, "t_total", labels, i + 1);
    }
    assert_string_equal(shown[N - 1], paths[N - 1]); /* an ordinary name is its own */
    scene_close(&scene);
    for (i = 0; i < N; i++)
        unlink(paths[i]); /* all are in the folder of the first image */
    for (i = 0; i < N; i++)
        image_free(&images[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_that_differ_in_anything_are_two_series),
        cmocka_unit_test(states_that_differ_in_anything_are_two_states),
        cmocka_unit_test(a_stateset_with_two_states_of_one_name_is_left_out),
        cmocka_unit_test(what_becomes_the_same_by_a_repair_adds_up),
        cmocka_unit_test(segments_whose_names_cannot_be_shown_stay_apart),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
