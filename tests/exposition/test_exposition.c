/*
 * One scrape from segments to text, and what a program adds to it.
 */
#include "tests/read/scene.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exposition/own.h"
#include "tests/read/fixture.h"

#define TRIES_MOST 10u /* in one reading: what goes on for longer goes on for ever */

static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family other = { .type = SHMETER_COUNTER, .name = "other_total", .labels = { "a" } };
static const struct model_metric added = { MODEL_GAUGE, "added", "What the program has added.", NULL, NULL };

/* A segment with so many series of 1. */
static void
make(struct image *image, const struct image_family *of, uint32_t series_n)
{
    uint32_t family, i;
    char value[16];

    image_make(image, NULL);
    family = image_family(image, of);
    for (i = 0; i < series_n; i++) {
        snprintf(value, sizeof value, "%u", i);
        *image_cpu(image, 0, fixture_series(image, family, value).cell) = 1;
    }
}

static void
render(struct scene *scene)
{
    scene->text.len = 0;
    assert_int_equal(exposition_render(scene->exposition, &encode_text, &scene->text), 0);
    strict_free(&scene->parsed);
    strict_parse(&scene->parsed, scene->text.data ? scene->text.data : "", scene->text.len);
    assert_string_equal(scene->parsed.error, "");
}

/* Adds what it finds in the model: how many series have a value. */
static int
add_count(void *argument, struct model *model)
{
    uint32_t *calls_n = argument;

    (*calls_n)++;
    return model_put_u64(model, &added, NULL, model_present_n(model));
}

static void
what_the_program_adds_stands_beside_what_was_read(void **state)
{
    struct image image;
    struct scene scene;
    uint32_t calls_n = 0;
    (void)state;

    make(&image, &counter, 3);
    scene_open_one(&scene, image.path);
    assert_int_equal(exposition_read(scene.exposition, add_count, &calls_n), 0);
    render(&scene);
    assert_int_equal(calls_n, 1);
    assert_sample(&scene, "added", "", 3);
    assert_sample(&scene, "t_total", "a=2,", 1);
    assert_int_equal(exposition_read(scene.exposition, NULL, NULL), 0);
    render(&scene);
    assert_absent(&scene, "added", "");
    assert_sample(&scene, "t_total", "a=2,", 1);
    scene_close(&scene);
    image_free(&image);
}

static void
one_reading_may_be_rendered_many_times(void **state)
{
    struct buffer first = { NULL, 0, 0 };
    struct image image;
    struct scene scene;
    (void)state;

    make(&image, &counter, 3);
    scene_open_one(&scene, image.path);
    scene_scrape(&scene);
    first = scene.text;
    memset(&scene.text, 0, sizeof scene.text);
    assert_int_equal(exposition_render(scene.exposition, &encode_openmetrics, &scene.text), 0);
    render(&scene);
    assert_int_equal(scene.text.len, first.len);
    assert_memory_equal(scene.text.data, first.data, first.len);
    buffer_free(&first);
    scene_close(&scene);
    image_free(&image);
}

static void
a_look_at_the_status_leaves_the_model_as_it_is(void **state)
{
    struct image image;
    struct scene scene;
    (void)state;

    make(&image, &counter, 3);
    scene_open_one(&scene, image.path);
    scene_scrape(&scene);
    fixture_series(&image, image_family(&image, &other), "x");
    assert_int_equal(store_take(scene.store, SNAPSHOT_STATUS), 0);
    assert_int_equal(store_status(scene.store, 0)->series_visible, 4);
    render(&scene);
    assert_sample(&scene, "t_total", "a=0,", 1);
    assert_absent(&scene, "other_total", "a=x,");
    scene_close(&scene);
    image_free(&image);
}

/* As if memory for what is added were there only without the segment that has t_total. */
static int
add_beside(void *argument, struct model *model)
{
    const struct model_family *family = model_find(model, counter.name);
    uint32_t *refused_n = argument;

    if (!family || !family->present_n || *refused_n > TRIES_MOST)
        return model_put_u64(model, &added, NULL, 1);
    (*refused_n)++;
    return -ENOMEM;
}

static void
a_segment_is_given_up_for_memory_that_what_is_added_lacks(void **state)
{
    struct image heavy, light;
    struct scene scene;
    const char *names[2];
    char labels[256];
    uint32_t refused_n = 0, i;
    (void)state;

    make(&heavy, &counter, 300);
    make(&light, &other, 1);
    names[0] = heavy.path;
    names[1] = light.path;
    scene_open(&scene, names, 2);
    assert_int_equal(exposition_read(scene.exposition, add_beside, &refused_n), 0);
    assert_in_range(refused_n, 1, TRIES_MOST);
    render(&scene);
    snprintf(labels, sizeof labels, "a=0,segment=%s,", light.path);
    assert_sample(&scene, "other_total", labels, 1);
    assert_sample(&scene, "added", "", 1);
    assert_int_equal(scene.parsed.samples_n, 2);
    for (i = 0; i < 2; i++)
        assert_int_equal(store_status(scene.store, i)->readable,
                         !strcmp(store_status(scene.store, i)->name, light.path));
    scene_scrape(&scene); /* another reading tries it again */
    assert_int_equal(scene.parsed.samples_n, 301);
    scene_close(&scene);
    image_free(&heavy);
    image_free(&light);
}

static int
add_nothing_fits(void *argument, struct model *model)
{
    uint32_t *calls_n = argument;
    (void)model;

    return ++*calls_n > TRIES_MOST ? 0 : -ENOMEM;
}

static void
when_nothing_is_left_to_give_up_there_is_no_memory(void **state)
{
    struct image images[6];
    const char *names[6];
    struct scene scene;
    uint32_t calls_n = 0, i;
    (void)state;

    for (i = 0; i < 6; i++) {
        make(&images[i], &counter, 3);
        names[i] = images[i].path;
    }
    scene_open(&scene, names, 6);
    assert_int_equal(exposition_read(scene.exposition, add_nothing_fits, &calls_n), -ENOMEM);
    assert_int_equal(calls_n, 7); /* with all of them, and with one less each time */
    scene_scrape(&scene);         /* and there may be memory again */
    assert_int_equal(scene.parsed.samples_n, 6 * 3);
    scene_close(&scene);
    for (i = 0; i < 6; i++)
        image_free(&images[i]);
}

static void
the_store_tells_of_itself(void **state)
{
    struct image image;
    struct scene scene;
    char labels[256];
    (void)state;

    make(&image, &counter, 3);
    image_own(&image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    image_own(&image, 1, SHMETER_SLOT_LIVE, IMAGE_DEAD, "d");
    image.state->losses[SHMETER_LOSS_GAUGE_REFUSED].value = 11;
    scene_open_one(&scene, image.path);
    scene.with_own = 1;
    scene_scrape(&scene);
    assert_sample(&scene, "shmeter_segments", "", 1);
    assert_sample(&scene, "shmeter_conflicting_series", "", 0);
    snprintf(labels, sizeof labels, "segment=%s,", image.path);
    assert_sample(&scene, "shmeter_segment_readable", labels, 1);
    assert_sample(&scene, "shmeter_series", labels, 3);
    assert_sample(&scene, "shmeter_series_capacity", labels, 1000);
    assert_sample(&scene, "shmeter_segment_created_timestamp_seconds", labels, 1700000000);
    snprintf(labels, sizeof labels, "kind=gauge_refused,segment=%s,", image.path);
    assert_sample(&scene, "shmeter_lost_total", labels, 11);
    snprintf(labels, sizeof labels, "segment=%s,state=used,", image.path);
    assert_sample(&scene, "shmeter_slots", labels, 1);
    snprintf(labels, sizeof labels, "segment=%s,state=dead,", image.path);
    assert_sample(&scene, "shmeter_slots", labels, 1);
    snprintf(labels, sizeof labels, "segment=%s,state=free,", image.path);
    assert_sample(&scene, "shmeter_slots", labels, 2);
    unlink(image.path);
    image_own(&image, 0, SHMETER_SLOT_RELEASED, IMAGE_SELF, "w");
    scene_scrape(&scene);
    scene_scrape(&scene);
    snprintf(labels, sizeof labels, "segment=%s,", image.path);
    assert_sample(&scene, "shmeter_segment_readable", labels, 0);
    scene_close(&scene);
    image_free(&image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_program_adds_stands_beside_what_was_read),
        cmocka_unit_test(one_reading_may_be_rendered_many_times),
        cmocka_unit_test(a_look_at_the_status_leaves_the_model_as_it_is),
        cmocka_unit_test(a_segment_is_given_up_for_memory_that_what_is_added_lacks),
        cmocka_unit_test(when_nothing_is_left_to_give_up_there_is_no_memory),
        cmocka_unit_test(the_store_tells_of_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
