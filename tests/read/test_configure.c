/*
 * A store whose options are replaced while it watches: what is kept, what is closed, and what a bad set of options
 * does.
 */
#include "tests/read/scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total" };

/* A segment with a counter t_total. */
static uint64_t
make(struct image *image, uint64_t count)
{
    uint64_t cell;

    image_make(image, NULL);
    image_own(image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    cell = image_series(image, image_family(image, &counter), NULL).cell;
    *image_cpu(image, 0, cell) = count;
    return cell;
}

static void
put_in_place(struct image *first, struct image *second)
{
    assert_int_equal(rename(second->path, first->path), 0);
}

static struct settings_spec
prefixed(const char *match, const char *prefix)
{
    return (struct settings_spec){ .match = match, .prefix = prefix };
}

/* Descriptors of this process that lead to a file. */
static int
descriptors_of(const char *path)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    char link[300], target[512];
    int n = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory))) {
        ssize_t len;
        snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        len = readlink(link, target, sizeof target - 1);
        if (len < 0)
            continue;
        target[len] = 0;
        n += !strcmp(target, path);
    }
    closedir(directory);
    return n;
}

static void
totals_of_a_replaced_segment_survive_a_reload(void **state)
{
    struct image first, second;
    struct scene scene;
    struct settings_spec settings;
    const char *name;
    (void)state;

    make(&first, 100);
    name = first.path;
    scene_open_one(&scene, name);
    scene_scrape(&scene);
    make(&second, 3);
    put_in_place(&first, &second);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "", 103);
    scene_configure(&scene, &name, 1, NULL);
    assert_int_equal(store_status_n(scene.store), 0); /* until the next take */
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "", 103);
    assert_int_equal(store_status(scene.store, 0)->generation, 2);
    settings = prefixed(name, "p_");
    scene_configure(&scene, &name, 1, &settings);
    scene_scrape(&scene);
    assert_sample(&scene, "p_t_total", "", 103);
    assert_absent(&scene, "t_total", "");
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
a_reload_in_the_middle_of_a_re_creation_loses_nothing(void **state)
{
    struct image first, second;
    struct scene scene;
    struct settings_spec settings;
    uint64_t cell;
    const char *name;
    (void)state;

    cell = make(&first, 100);
    name = first.path;
    scene_open_one(&scene, name);
    scene_scrape(&scene);
    unlink(first.path); /* rm --force ... */
    scene_configure(&scene, &name, 1, NULL);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "", 100);
    make(&second, 3); /* ... and a new start, while a worker counts in the old one */
    put_in_place(&first, &second);
    *image_cpu(&first, 1, cell) += 10;
    settings = prefixed(name, "p_");
    scene_configure(&scene, &name, 1, &settings);
    scene_scrape(&scene);
    assert_sample(&scene, "p_t_total", "", 113);
    *image_cpu(&first, 1, cell) += 10;
    scene_configure(&scene, &name, 1, NULL);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "", 123);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
a_segment_that_nobody_names_any_more_is_closed(void **state)
{
    struct image one, two;
    struct scene scene;
    const char *names[2];
    char labels[256];
    (void)state;

    make(&one, 1);
    make(&two, 20);
    names[0] = one.path;
    names[1] = two.path;
    scene_open(&scene, names, 2);
    scene_scrape(&scene);
    assert_int_equal(descriptors_of(two.path), 2); /* the image's and the store's */
    scene_configure(&scene, names, 1, NULL);
    assert_int_equal(descriptors_of(two.path), 1);
    scene_scrape(&scene);
    assert_int_equal(store_status_n(scene.store), 1);
    assert_int_equal(scene.parsed.samples_n, 1);
    assert_sample(&scene, "t_total", "", 1); /* one name: no label */
    scene_configure(&scene, names, 2, NULL);
    scene_scrape(&scene);
    snprintf(labels, sizeof labels, "segment=%s,", two.path);
    assert_sample(&scene, "t_total", labels, 20);
    scene_close(&scene);
    assert_int_equal(descriptors_of(one.path), 1);
    image_free(&one);
    image_free(&two);
}

static void
a_segment_stays_open_when_a_pattern_takes_its_names_place(void **state)
{
    struct image first, second;
    struct scene scene;
    char pattern[128], labels[256];
    const char *name = pattern;
    (void)state;

    make(&first, 100);
    snprintf(pattern, sizeof pattern, "%s/seg*", first.directory);
    scene_open_one(&scene, first.path);
    scene_scrape(&scene);
    make(&second, 3);
    put_in_place(&first, &second);
    scene_scrape(&scene);
    scene_configure(&scene, &name, 1, NULL);
    scene_scrape(&scene);
    snprintf(labels, sizeof labels, "segment=%s,", first.path);
    assert_sample(&scene, "t_total", labels, 103);
    unlink(first.path); /* gone, but for what is remembered of it: it was asked for by its pattern only */
    image_own(&second, 0, SHMETER_SLOT_RELEASED, IMAGE_SELF, "w");
    image_own(&first, 0, SHMETER_SLOT_RELEASED, IMAGE_SELF, "w");
    scene_scrape(&scene);
    scene_scrape(&scene);
    assert_int_equal(store_status_n(scene.store), 0);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
a_segment_of_an_owner_who_is_not_accepted_any_more_is_closed(void **state)
{
    uint32_t stranger = (uint32_t)getuid() + 1;
    struct store_options options = { .names_n = 1, .owners = &stranger, .owners_n = 1 };
    struct image image;
    struct scene scene;
    const char *name;
    (void)state;

    make(&image, 5);
    name = image.path;
    options.names = &name;
    scene_open_one(&scene, name);
    scene_scrape(&scene);
    assert_int_equal(exposition_configure(scene.exposition, &options), 0);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    assert_int_equal(store_status(scene.store, 0)->readable, 0);
    assert_int_equal(descriptors_of(image.path), 1);
    scene_close(&scene);
    image_free(&image);
}

static void
what_a_stranger_counted_before_is_not_exposed_once_strangers_are_not_accepted(void **state)
{
    uint32_t self = (uint32_t)getuid();
    struct store_options options = { .names_n = 1, .owners = &self, .owners_n = 1 };
    struct image first, second;
    struct scene scene;
    const char *name;
    (void)state;

    make(&first, 5);
    if (chown(first.path, self + 1, (gid_t)-1)) {
        image_free(&first);
        skip(); /* root may */
    }
    name = first.path;
    options.names = &name;
    scene_open_one(&scene, name);
    scene_scrape(&scene);
    make(&second, 7);
    put_in_place(&first, &second);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "", 12);
    assert_int_equal(exposition_configure(scene.exposition, &options), 0);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "", 7);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
what_was_given_to_the_store_may_be_freed(void **state)
{
    char *name = NULL, *prefix = strdup("p_"), *label = strdup("l"), *value = strdup("v"), *deny = strdup("x.*");
    struct image image;
    struct scene scene;
    struct settings_spec settings;
    (void)state;

    make(&image, 5);
    name = strdup(image.path);
    settings = (struct settings_spec){ .match = name,
                                       .prefix = prefix,
                                       .label_names = (const char *const *)&label,
                                       .label_values = (const char *const *)&value,
                                       .labels_n = 1,
                                       .deny = (const char *const *)&deny,
                                       .deny_n = 1 };
    scene_open_one(&scene, image.path);
    scene_configure(&scene, (const char *const *)&name, 1, &settings);
    memset(name, 'x', strlen(name));
    memset(prefix, 'x', strlen(prefix));
    memset(label, 'x', strlen(label));
    memset(value, 'x', strlen(value));
    memset(deny, '(', strlen(deny));
    free(name);
    free(prefix);
    free(label);
    free(value);
    free(deny);
    scene_scrape(&scene);
    assert_sample(&scene, "p_t_total", "l=v,", 5);
    scene_close(&scene);
    image_free(&image);
}

/* ---- the cost of conflicts ---- */

/*
 * What is left out may be so on account of something that is gone, so the model is begun anew when the number of such
 * series changes. Where it changes for ever, that must not be at each take.
 */
static void
conflicts_that_change_with_every_take_do_not_begin_the_model_anew_each_time(void **state)
{
    enum { TAKES = 200 };
    static const struct image_family other = {
        .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "total", .labels = { "a" }
    };
    struct settings_spec settings;
    struct image images[2];
    struct scene scene;
    const char *names[2];
    char value[16];
    const char *const at = value;
    uint64_t epoch;
    uint32_t family, i;
    int later;
    (void)state;

    image_make(&images[0], &(struct image_sizes){ .gauges = 1024 });
    image_make(&images[1], &(struct image_sizes){ .gauges = 1024 });
    later = strcmp(images[0].path, images[1].path) < 0;
    image_series(&images[!later], image_family(&images[!later], &counter), NULL);
    family = image_family(&images[later], &other); /* whose prefix makes it t_total, a counter's name */
    image_own(&images[later], 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    names[0] = images[0].path;
    names[1] = images[1].path;
    settings = prefixed(images[later].path, "t_");
    scene_open_with(&scene, names, 2, &settings);
    scene_scrape(&scene);
    epoch = scene.exposition->model->epoch;
    for (i = 0; i < TAKES; i++) {
        struct image_series series;
        snprintf(value, sizeof value, "%u", i);
        series = image_series(&images[later], family, &at);
        image_gauge(&images[later], 0, series.cell)->value = image_stored(1);
        scene_scrape(&scene);
        assert_int_equal(scene.exposition->model->conflicts, i + 1);
    }
    assert_in_range(scene.exposition->model->epoch - epoch, 1, 8); /* 1, 2, 4 ... takes apart */
    scene_close(&scene);
    image_free(&images[0]);
    image_free(&images[1]);
}

/* A release that changes a name's type: its conflict is with what is gone, and goes at once. */
static void
a_conflict_with_what_is_gone_goes_at_once(void **state)
{
    static const struct image_family other = { .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "t_total" };
    struct image first, second;
    struct scene scene;
    (void)state;

    make(&first, 100);
    scene_open_one(&scene, first.path);
    scene_scrape(&scene);
    image_make(&second, NULL);
    image_own(&second, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    image_gauge(&second, 0, image_series(&second, image_family(&second, &other), NULL).cell)->value = image_stored(7);
    put_in_place(&first, &second);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "", 7);
    assert_int_equal(scene.exposition->model->conflicts, 0);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_of_a_replaced_segment_survive_a_reload),
        cmocka_unit_test(a_reload_in_the_middle_of_a_re_creation_loses_nothing),
        cmocka_unit_test(a_segment_that_nobody_names_any_more_is_closed),
        cmocka_unit_test(a_segment_stays_open_when_a_pattern_takes_its_names_place),
        cmocka_unit_test(a_segment_of_an_owner_who_is_not_accepted_any_more_is_closed),
        cmocka_unit_test(what_a_stranger_counted_before_is_not_exposed_once_strangers_are_not_accepted),
        cmocka_unit_test(what_was_given_to_the_store_may_be_freed),
        cmocka_unit_test(conflicts_that_change_with_every_take_do_not_begin_the_model_anew_each_time),
        cmocka_unit_test(a_conflict_with_what_is_gone_goes_at_once),
    };
    return cmocka_run_group_tests_name("configure", tests, NULL, NULL);
}
