/*
 * Several segments at once, and segments that come, go and come back.
 */
#include "tests/read/scene.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "read/file/reader.h"

static const double bounds[] = { 1, 2 };
static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family gauge = { .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "g" };
static const struct image_family histogram = {
    .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds, .bounds_n = 2
};

static struct image_series
add(struct image *image, const struct image_family *family, const char *value)
{
    return image_series(image, image_family(image, family), &value);
}

/* A segment with a counter a=x at count, a histogram with count observations of 1.5, and a gauge at count. */
static void
make(struct image *image, uint64_t count)
{
    struct image_series series;

    image_make(image, NULL);
    image_own(image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    *image_cpu(image, 0, add(image, &counter, "x").cell) = count;
    series = add(image, &histogram, NULL);
    image_shared_buckets(image, 0, series.cell)[1] = (struct shmeter_shared_bucket){ count, 1.5 * (double)count };
    image_gauge(image, 0, add(image, &gauge, NULL).cell)->value = image_stored((double)count);
}

/* Puts the second image's file in the place of the first one's, as a new start after an rm does. */
static void
put_in_place(struct image *first, struct image *second)
{
    assert_int_equal(rename(second->path, first->path), 0);
}

static void
several_names_get_the_label_segment(void **state)
{
    struct image one, two;
    struct scene scene;
    char labels[256];
    const char *names[2];
    (void)state;

    make(&one, 1);
    make(&two, 20);
    names[0] = one.path;
    names[1] = two.path;
    scene_open(&scene, names, 2);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.families_n, 3); /* each family is one block */
    snprintf(labels, sizeof labels, "a=x,segment=%s,", one.path);
    assert_sample(&scene, "t_total", labels, 1);
    snprintf(labels, sizeof labels, "a=x,segment=%s,", two.path);
    assert_sample(&scene, "t_total", labels, 20);
    scene_close(&scene);
    image_free(&one);
    image_free(&two);
}

static void
a_pattern_gets_the_label_segment_even_for_one(void **state)
{
    struct image one;
    struct scene scene;
    char pattern[128], labels[256];
    const char *name = pattern;
    (void)state;

    make(&one, 1);
    snprintf(pattern, sizeof pattern, "%s/seg*", one.directory);
    scene_open(&scene, &name, 1);
    scene_scrape(&scene);
    snprintf(labels, sizeof labels, "a=x,segment=%s,", one.path);
    assert_sample(&scene, "t_total", labels, 1);
    scene_close(&scene);
    image_free(&one);
}

static void
an_applications_own_label_segment_becomes_exported_segment(void **state)
{
    static const struct image_family family = { .type = SHMETER_COUNTER, .name = "s_total", .labels = { "segment" } };
    struct image one;
    struct scene scene;
    char labels[256];
    const char *names[2];
    (void)state;

    make(&one, 1);
    add(&one, &family, "mine");
    names[0] = one.path;
    names[1] = "/dev/shm/shmeter-absent";
    scene_open(&scene, names, 2);
    scene_scrape(&scene);
    snprintf(labels, sizeof labels, "exported_segment=mine,segment=%s,", one.path);
    assert_sample(&scene, "s_total", labels, 0);
    scene_close(&scene);
    image_free(&one);
}

static void
without_the_label_segments_are_added_up(void **state)
{
    struct store_options options = { .names_n = 2, .label = STORE_LABEL_NEVER };
    struct image one, two;
    struct scene scene = { 0 };
    const char *names[2];
    (void)state;

    make(&one, 1);
    make(&two, 20);
    names[0] = one.path;
    names[1] = two.path;
    options.names = names;
    scene_open_as(&scene, &options);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 21);
    assert_sample(&scene, "h_bucket", "le=2.0,", 21);
    assert_sample(&scene, "h_sum", "", 31.5);
    assert_sample(&scene, "g", "", 21);
    scene_close(&scene);
    image_free(&one);
    image_free(&two);
}

static void
another_type_under_one_name_is_dropped_and_counted(void **state)
{
    static const struct image_family other = { .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "t_total" };
    struct image one, two;
    struct scene scene;
    const char *names[2];
    (void)state;

    image_make(&one, NULL);
    image_make(&two, NULL);
    add(strcmp(one.path, two.path) < 0 ? &one : &two, &counter, "x");
    add(strcmp(one.path, two.path) < 0 ? &two : &one, &other, NULL);
    image_own(&one, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    image_own(&two, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    image_gauge(strcmp(one.path, two.path) < 0 ? &two : &one, 0, 0)->value = image_stored(1);
    names[0] = one.path;
    names[1] = two.path;
    scene_open(&scene, names, 2);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 1);
    assert_string_equal(scene.parsed.families[0].type, "counter");
    assert_int_equal(scene.exposition->model->conflicts, 1);
    scene_close(&scene);
    image_free(&one);
    image_free(&two);
}

static void
totals_do_not_drop_when_a_segment_is_created_again(void **state)
{
    struct image first, second;
    struct scene scene;
    (void)state;

    make(&first, 100);
    scene_open_one(&scene, first.path);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 100);
    make(&second, 3);
    put_in_place(&first, &second);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 103);
    assert_sample(&scene, "h_bucket", "le=2.0,", 103);
    assert_sample(&scene, "h_sum", "", 154.5);
    assert_sample(&scene, "g", "", 3); /* gauges are the new segment's alone */
    assert_int_equal(store_status(scene.store, 0)->generation, 2);
    *image_cpu(&first, 1, SHMETER_FIRST_CELL_OFF) += 50; /* handles from before keep the old mapping */
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 153);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
totals_survive_many_re_creations(void **state)
{
    enum { ROUNDS = 9 };
    struct image images[ROUNDS];
    struct scene scene;
    uint64_t total = 0;
    int i;
    (void)state;

    for (i = 0; i < ROUNDS; i++) {
        make(&images[i], (uint64_t)i + 1);
        if (i)
            put_in_place(&images[0], &images[i]);
        else
            scene_open_one(&scene, images[0].path);
        total += (uint64_t)i + 1;
        scene_scrape(&scene);
        assert_sample(&scene, "t_total", "a=x,", (double)total);
        assert_sample(&scene, "h_count", "", (double)total);
    }
    scene_close(&scene);
    for (i = 0; i < ROUNDS; i++)
        image_free(&images[i]);
}

static void
an_old_segment_does_not_speak_where_the_new_one_redefines(void **state)
{
    struct image_family other = counter;
    struct image first, second;
    struct scene scene;
    (void)state;

    make(&first, 100);
    scene_open_one(&scene, first.path);
    scene_scrape(&scene);
    image_make(&second, NULL);
    other.labels[0] = "b";
    add(&second, &other, "y");
    put_in_place(&first, &second);
    scene_scrape(&scene);
    assert_absent(&scene, "t_total", "a=x,");
    assert_sample(&scene, "t_total", "b=y,", 0);
    assert_sample(&scene, "h_count", "", 100); /* not redefined: it goes on */
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
a_segment_that_lost_its_name_is_served_while_workers_live(void **state)
{
    struct image image;
    struct scene scene;
    const struct segment_status *status;
    (void)state;

    make(&image, 5);
    scene_open_one(&scene, image.path);
    scene_scrape(&scene);
    unlink(image.path);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 5);
    status = store_status(scene.store, 0);
    assert_int_equal(status->readable, 1);
    assert_int_equal(status->unlinked, 1);
    image_own(&image, 0, SHMETER_SLOT_RELEASED, IMAGE_SELF, "w");
    scene_scrape(&scene);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    status = store_status(scene.store, 0);
    assert_int_equal(status->readable, 0);
    assert_int_equal(status->fault, SHMETER_READER_ABSENT);
    scene_close(&scene);
    image_free(&image);
}

static void
what_a_removed_segment_counted_comes_back_with_its_name(void **state)
{
    struct image first, second;
    struct scene scene;
    (void)state;

    make(&first, 100);
    image_own(&first, 0, SHMETER_SLOT_RELEASED, IMAGE_SELF, "w");
    scene_open_one(&scene, first.path);
    scene_scrape(&scene);
    unlink(first.path);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    make(&second, 3);
    put_in_place(&first, &second);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 103);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
a_segment_may_appear_while_watched(void **state)
{
    struct image image;
    struct scene scene;
    char hidden[128];
    (void)state;

    make(&image, 5);
    snprintf(hidden, sizeof hidden, "%s/hidden", image.directory);
    assert_int_equal(rename(image.path, hidden), 0);
    scene_open_one(&scene, image.path);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    assert_int_equal(store_status_n(scene.store), 1);
    assert_int_equal(store_status(scene.store, 0)->fault, SHMETER_READER_ABSENT);
    assert_int_equal(rename(hidden, image.path), 0);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 5);
    scene_close(&scene);
    image_free(&image);
}

static void
a_truncated_segment_is_said_to_be_unreadable_and_can_be_replaced(void **state)
{
    struct image first, second;
    struct scene scene;
    (void)state;

    make(&first, 100);
    scene_open_one(&scene, first.path);
    scene_scrape(&scene);
    assert_int_equal(ftruncate(first.fd, 8192), 0);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    assert_int_equal(store_status(scene.store, 0)->readable, 0);
    assert_int_equal(store_status(scene.store, 0)->fault, SHMETER_READER_DAMAGED);
    make(&second, 3);
    put_in_place(&first, &second);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 103);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

/* Names of workers come and go; the model must not grow with them for ever. */
static void
series_that_are_gone_for_good_are_forgotten(void **state)
{
    static const struct image_family each = { .type = SHMETER_GAUGE, .mode = SHMETER_LIVE_ALL, .name = "each" };
    struct image image;
    struct scene scene;
    char worker[32];
    uint64_t cell, most = 0;
    int i;
    (void)state;

    make(&image, 7);
    cell = add(&image, &each, NULL).cell;
    scene_open_one(&scene, image.path);
    for (i = 0; i < 10000; i++) {
        snprintf(worker, sizeof worker, "w%d", i);
        image_own(&image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, worker);
        image_gauge(&image, 0, cell)->value = image_stored(i);
        assert_int_equal(exposition_read(scene.exposition, NULL, NULL), 0);
        if (model_series_n(scene.exposition->model) > most)
            most = model_series_n(scene.exposition->model);
    }
    scene_scrape(&scene);
    assert_sample(&scene, "each", "slot=0,worker=w9999,", 9999);
    assert_sample(&scene, "t_total", "a=x,", 7);
    assert_in_range(most, 100, 5000);
    scene_close(&scene);
    image_free(&image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_names_get_the_label_segment),
        cmocka_unit_test(a_pattern_gets_the_label_segment_even_for_one),
        cmocka_unit_test(an_applications_own_label_segment_becomes_exported_segment),
        cmocka_unit_test(without_the_label_segments_are_added_up),
        cmocka_unit_test(another_type_under_one_name_is_dropped_and_counted),
        cmocka_unit_test(totals_do_not_drop_when_a_segment_is_created_again),
        cmocka_unit_test(totals_survive_many_re_creations),
        cmocka_unit_test(an_old_segment_does_not_speak_where_the_new_one_redefines),
        cmocka_unit_test(a_segment_that_lost_its_name_is_served_while_workers_live),
        cmocka_unit_test(what_a_removed_segment_counted_comes_back_with_its_name),
        cmocka_unit_test(a_segment_may_appear_while_watched),
        cmocka_unit_test(a_truncated_segment_is_said_to_be_unreadable_and_can_be_replaced),
        cmocka_unit_test(series_that_are_gone_for_good_are_forgotten),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
