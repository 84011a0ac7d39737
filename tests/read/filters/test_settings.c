/*
 * Settings of segments: which are refused and why, and the labels and prefixes that they add.
 */
#include "tests/read/scene.h"

#include <stdio.h>
#include <string.h>

static const char *const site[] = { "site" };
static const char *const berlin[] = { "berlin" };
static const double bounds[] = { 1, 2 };

static struct image_series
add(struct image *image, const struct image_family *family, const char *const *values)
{
    return image_series(image, image_family(image, family), values);
}

/* A segment with a counter a=x at 5, a histogram with 3 observations of 1.5, a gauge at 7 of the one worker w. */
static void
make(struct image *image)
{
    static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
    static const struct image_family gauge = { .type = SHMETER_GAUGE, .mode = SHMETER_LIVE_ALL, .name = "g" };
    static const struct image_family histogram = {
        .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds, .bounds_n = 2
    };
    const char *const x = "x";

    image_make(image, NULL);
    image_own(image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    *image_cpu(image, 0, add(image, &counter, &x).cell) = 5;
    image_shared_buckets(image, 0, add(image, &histogram, NULL).cell)[1] = (struct shmeter_shared_bucket){ 3, 4.5 };
    image_gauge(image, 0, add(image, &gauge, NULL).cell)->value = image_stored(7);
}

static void
open_with(struct scene *scene, const struct image *image, struct settings_spec settings)
{
    const char *name = image->path;

    settings.match = name;
    scene_open_with(scene, &name, 1, &settings);
}

static void
close_both(struct scene *scene, struct image *image)
{
    scene_close(scene);
    image_free(image);
}

/* ---- what is refused ---- */

static void
refused(struct settings_spec spec, enum settings_field field, uint32_t item, const char *wanted)
{
    struct settings_list *list = settings_new();
    struct report report = { 0 };

    if (!spec.match)
        spec.match = "shop";
    assert_int_equal(settings_add(list, &spec, &report), -22);
    if (!strstr(report.text, wanted))
        fail_msg("\"%s\" does not say \"%s\"", report.text, wanted);
    assert_int_equal(report.field, field);
    assert_int_equal(report.item, item);
    assert_null(settings_of(list, "shop"));
    settings_free(list);
}

static void
refused_label(const char *name, const char *value, const char *wanted)
{
    const char *const names[] = { "fine", name }, *const values[] = { "x", value };

    refused((struct settings_spec){ .label_names = names, .label_values = values, .labels_n = 2 }, SETTINGS_LABEL, 1,
            wanted);
}

static void
labels_that_cannot_be_added_are_refused_with_a_sentence(void **state)
{
    static const char *const twice[] = { "a", "a" };
    const char *many[17];
    char names[17][8], value[1026];
    (void)state;

    refused_label("le", "1", "label \"le\" is reserved");
    refused_label("quantile", "1", "label \"quantile\" is reserved");
    refused_label("segment", "x", "label \"segment\" is reserved");
    refused_label("__name__", "x", "no valid label name");
    refused_label("", "x", "no valid label name");
    refused_label("a-b", "x", "no valid label name");
    refused_label("a", "", "has no value");
    refused_label("a", "\xff", "UTF-8");
    refused_label("a", "\x01", "UTF-8");
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = 0;
    refused_label("a", value, "longer than 1024 bytes");
    refused((struct settings_spec){ .label_names = twice, .label_values = twice, .labels_n = 2 }, SETTINGS_LABEL, 1,
            "given twice");
    for (int i = 0; i < 17; i++) {
        snprintf(names[i], sizeof names[i], "l%d", i);
        many[i] = names[i];
    }
    refused((struct settings_spec){ .label_names = many, .label_values = many, .labels_n = 17 }, SETTINGS_WHOLE, 0,
            "more than 16 labels");
}

static void
prefixes_names_and_times_that_cannot_be_are_refused(void **state)
{
    char long_prefix[66];
    (void)state;

    memset(long_prefix, 'x', 65);
    long_prefix[65] = 0;
    refused((struct settings_spec){ .match = "" }, SETTINGS_WHOLE, 0, "no segment is named");
    refused((struct settings_spec){ .prefix = "1_" }, SETTINGS_PREFIX, 0, "cannot begin a metric name");
    refused((struct settings_spec){ .prefix = "a-" }, SETTINGS_PREFIX, 0, "cannot begin a metric name");
    refused((struct settings_spec){ .prefix = "shmeter_" }, SETTINGS_PREFIX, 0, "reserved");
    refused((struct settings_spec){ .prefix = "scrape_" }, SETTINGS_PREFIX, 0, "reserved");
    refused((struct settings_spec){ .prefix = long_prefix }, SETTINGS_PREFIX, 0, "longer than 64 bytes");
    refused((struct settings_spec){ .idle_seconds = -1 }, SETTINGS_IDLE, 0, "idle time-out");
    refused((struct settings_spec){ .idle_seconds = __builtin_nan("") }, SETTINGS_IDLE, 0, "idle time-out");
    refused((struct settings_spec){ .idle_seconds = __builtin_inf() }, SETTINGS_IDLE, 0, "idle time-out");
}

static void
usable_settings_are_not_refused(void **state)
{
    static const char *const names[] = { "site", "job", "_x" }, *const values[] = { "Zürich", "two\nlines", "\"" };
    const struct settings_spec spec = { .match = "shop-*",
                                        .label_names = names,
                                        .label_values = values,
                                        .labels_n = 3,
                                        .prefix = "up",
                                        .idle_seconds = 3600 };
    struct settings_list *list = settings_new();
    struct report report = { 0 };
    (void)state;

    assert_int_equal(settings_add(list, &spec, &report), 0);
    assert_string_equal(report.text, "");
    settings_free(list);
}

static void
what_is_refused_leaves_the_list_as_it_was(void **state)
{
    static const char *const expressions[] = { "shop_.*", "(" };
    const struct settings_spec first = { .match = "shop-a", .prefix = "a_" }, second = { .match = "shop-*" };
    const struct settings_spec label = { .match = "*", .label_names = site, .label_values = site, .labels_n = 17 };
    const struct settings_spec deny = {
        .match = "*", .allow = expressions, .allow_n = 1, .deny = expressions, .deny_n = 2
    };
    struct settings_list *list = settings_new();
    struct report report = { 0 };
    (void)state;

    assert_int_equal(settings_add(list, &first, &report), 0);
    assert_int_equal(settings_add(list, &label, &report), -22);
    report = (struct report){ 0 };
    assert_int_equal(settings_add(list, &deny, &report), -22);
    assert_int_equal(report.field, SETTINGS_DENY);
    assert_int_equal(report.item, 1);
    assert_null(settings_of(list, "shop-b"));
    assert_int_equal(settings_add(list, &second, &report), 0);
    assert_string_equal(settings_of(list, "shop-a")->prefix, "a_");
    assert_string_equal(settings_of(list, "shop-b")->match, "shop-*");
    settings_number(list, 7);
    assert_true(settings_of(list, "shop-a")->id != settings_of(list, "shop-b")->id);
    assert_int_equal(settings_of(list, "shop-a")->id >> 32, 7);
    settings_free(list);
}

/* ---- labels ---- */

static void
every_series_of_the_segment_gets_the_labels(void **state)
{
    struct image image;
    struct scene scene;
    (void)state;

    make(&image);
    open_with(&scene, &image, (struct settings_spec){ .label_names = site, .label_values = berlin, .labels_n = 1 });
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,site=berlin,", 5);
    assert_sample(&scene, "h_bucket", "site=berlin,le=2.0,", 3);
    assert_sample(&scene, "h_sum", "site=berlin,", 4.5);
    assert_sample(&scene, "g", "site=berlin,slot=0,worker=w,", 7);
    assert_int_equal(scene.exposition->model->conflicts, 0);
    assert_int_equal(store_status(scene.store, 0)->labels_left_out, 0);
    close_both(&scene, &image);
}

static void
label_values_are_escaped(void **state)
{
    const char *const value = "a\"b\\c\nd\xf0\x9f\x98\x80";
    struct image image;
    struct scene scene;
    (void)state;

    make(&image);
    open_with(&scene, &image, (struct settings_spec){ .label_names = site, .label_values = &value, .labels_n = 1 });
    scene_scrape(&scene);
    assert_sample(&scene, "h_sum", "site=a\"b\\c\nd\xf0\x9f\x98\x80,", 4.5);
    close_both(&scene, &image);
}

static void
a_label_that_a_metric_has_itself_stays_and_the_added_one_is_counted(void **state)
{
    static const struct image_family own = { .type = SHMETER_COUNTER, .name = "s_total", .labels = { "site", "b" } };
    static const char *const names[] = { "b", "site", "c" }, *const added[] = { "B", "berlin", "C" };
    const char *const mine[] = { "mine", "y" };
    struct image image;
    struct scene scene;
    (void)state;

    make(&image);
    *image_cpu(&image, 0, add(&image, &own, mine).cell) = 2;
    open_with(&scene, &image, (struct settings_spec){ .label_names = names, .label_values = added, .labels_n = 3 });
    scene_scrape(&scene);
    assert_sample(&scene, "s_total", "b=y,c=C,site=mine,", 2);
    assert_sample(&scene, "t_total", "a=x,b=B,c=C,site=berlin,", 5);
    assert_int_equal(store_status(scene.store, 0)->labels_left_out, 2);
    scene_scrape(&scene);
    assert_int_equal(store_status(scene.store, 0)->labels_left_out, 2);
    close_both(&scene, &image);
}

static void
labels_of_the_exporters_own_stay_too(void **state)
{
    static const struct image_family own = { .type = SHMETER_COUNTER, .name = "s_total", .labels = { "segment" } };
    static const char *const names[] = { "worker", "exported_segment" }, *const added[] = { "W", "E" };
    const char *const mine = "mine", *paths[2] = { NULL, "/dev/shm/shmeter-absent" };
    const struct settings_spec settings = {
        .match = "/dev/shm/*/*", .label_names = names, .label_values = added, .labels_n = 2
    };
    struct image image;
    struct scene scene;
    char labels[256];
    (void)state;

    make(&image);
    add(&image, &own, &mine);
    paths[0] = image.path;
    scene_open_with(&scene, paths, 2, &settings);
    scene_scrape(&scene);
    snprintf(labels, sizeof labels, "exported_segment=E,segment=%s,slot=0,worker=w,", image.path);
    assert_sample(&scene, "g", labels, 7);
    snprintf(labels, sizeof labels, "exported_segment=mine,segment=%s,worker=W,", image.path);
    assert_sample(&scene, "s_total", labels, 0);
    assert_int_equal(store_status(scene.store, 1)->labels_left_out, 2);
    close_both(&scene, &image);
}

static void
the_first_entry_that_matches_counts(void **state)
{
    static const char *const values[] = { "first", "second" };
    struct settings_spec settings[3] = {
        { .match = "elsewhere", .prefix = "wrong_" },
        { .match = "/dev/shm/*/seg*", .label_names = site, .label_values = &values[0], .labels_n = 1 },
        { .label_names = site, .label_values = &values[1], .labels_n = 1 },
    };
    struct store_options options = { .names_n = 1 };
    struct image image;
    struct scene scene = { 0 };
    const char *name;
    (void)state;

    make(&image);
    name = settings[2].match = image.path;
    options.names = &name;
    options.settings = scene_settings(&scene, settings, 3);
    scene_open_as(&scene, &options);
    scene_scrape(&scene);
    assert_sample(&scene, "h_sum", "site=first,", 4.5);
    close_both(&scene, &image);
}

/* ---- prefix ---- */

static void
the_prefix_goes_before_each_name(void **state)
{
    struct image image;
    struct scene scene;
    (void)state;

    make(&image);
    open_with(&scene, &image, (struct settings_spec){ .prefix = "app_" });
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.families_n, 3);
    assert_sample(&scene, "app_t_total", "a=x,", 5);
    assert_sample(&scene, "app_h_bucket", "le=2.0,", 3);
    assert_sample(&scene, "app_g", "slot=0,worker=w,", 7);
    close_both(&scene, &image);
}

static void
a_name_that_a_prefix_makes_reserved_is_left_out_and_counted(void **state)
{
    static const struct image_family p = { .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "p" };
    static const struct image_family c = { .type = SHMETER_COUNTER, .name = "p_total" };
    struct image image;
    struct scene scene;
    (void)state;

    image_make(&image, NULL);
    image_own(&image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    image_gauge(&image, 0, add(&image, &p, NULL).cell)->value = image_stored(1);
    add(&image, &c, NULL);
    open_with(&scene, &image, (struct settings_spec){ .prefix = "u" });
    scene_scrape(&scene);
    assert_absent(&scene, "up", "");
    assert_sample(&scene, "up_total", "", 0);
    assert_int_equal(scene.exposition->model->conflicts, 1);
    close_both(&scene, &image);
}

static void
the_stores_own_series_have_neither_prefix_nor_labels(void **state)
{
    struct settings_spec settings = { .prefix = "app_", .label_names = site, .label_values = berlin, .labels_n = 1 };
    struct store_options options = { .names_n = 1 };
    struct image image;
    struct scene scene = { 0 };
    char labels[256];
    const char *name;
    (void)state;

    make(&image);
    name = settings.match = image.path;
    options.names = &name;
    options.settings = scene_settings(&scene, &settings, 1);
    scene_open_as(&scene, &options);
    scene.with_own = 1;
    scene_scrape(&scene);
    snprintf(labels, sizeof labels, "segment=%s,", image.path);
    assert_sample(&scene, "shmeter_series", labels, 3);
    assert_sample(&scene, "shmeter_labels_left_out", labels, 0);
    assert_sample(&scene, "app_h_sum", "site=berlin,", 4.5);
    close_both(&scene, &image);
}

/* ---- several segments ---- */

static void
segments_with_different_settings_share_one_model(void **state)
{
    static const char *const munich[] = { "munich" };
    struct settings_spec settings[2] = {
        { .label_names = site, .label_values = berlin, .labels_n = 1 },
        { .label_names = site, .label_values = munich, .labels_n = 1 },
    };
    struct store_options options = { .names_n = 2, .label = STORE_LABEL_NEVER };
    struct image one, two;
    struct scene scene = { 0 };
    const char *names[2];
    (void)state;

    make(&one);
    make(&two);
    names[0] = settings[0].match = one.path;
    names[1] = settings[1].match = two.path;
    options.names = names;
    options.settings = scene_settings(&scene, settings, 2);
    scene_open_as(&scene, &options);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.families_n, 3); /* one block each */
    assert_sample(&scene, "t_total", "a=x,site=berlin,", 5);
    assert_sample(&scene, "t_total", "a=x,site=munich,", 5);
    settings[1] = settings[0];
    settings[1].match = two.path;
    options.settings = scene_settings(&scene, settings, 2);
    assert_int_equal(exposition_configure(scene.exposition, &options), 0);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,site=berlin,", 10);
    settings[1].labels_n = 0;
    settings[1].prefix = "h_";
    options.settings = scene_settings(&scene, settings, 2);
    assert_int_equal(exposition_configure(scene.exposition, &options), 0);
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,site=berlin,", 5);
    assert_sample(&scene, "h_t_total", "a=x,", 5);
    assert_int_equal(scene.parsed.families_n, 6);
    scene_close(&scene);
    image_free(&one);
    image_free(&two);
}

static void
a_prefix_that_leads_to_another_type_is_a_conflict(void **state)
{
    static const struct image_family gauge = { .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "total" };
    struct settings_spec settings = { .prefix = "t_" };
    struct store_options options = { .names_n = 2 };
    struct image images[2];
    struct scene scene = { 0 };
    const char *names[2];
    int later;
    (void)state;

    make(&images[0]);
    make(&images[1]);
    later = strcmp(images[0].path, images[1].path) < 0; /* the one that is given first has its names first */
    image_gauge(&images[later], 0, add(&images[later], &gauge, NULL).cell)->value = image_stored(1);
    names[0] = images[0].path;
    names[1] = images[1].path;
    settings.match = images[later].path;
    options.names = names;
    options.settings = scene_settings(&scene, &settings, 1);
    scene_open_as(&scene, &options);
    scene_scrape(&scene);
    assert_int_equal(scene.exposition->model->conflicts, 1);
    assert_int_equal(model_find(scene.exposition->model, "t_total")->type, MODEL_COUNTER);
    scene_close(&scene);
    image_free(&images[0]);
    image_free(&images[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_that_cannot_be_added_are_refused_with_a_sentence),
        cmocka_unit_test(prefixes_names_and_times_that_cannot_be_are_refused),
        cmocka_unit_test(usable_settings_are_not_refused),
        cmocka_unit_test(what_is_refused_leaves_the_list_as_it_was),
        cmocka_unit_test(every_series_of_the_segment_gets_the_labels),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(a_label_that_a_metric_has_itself_stays_and_the_added_one_is_counted),
        cmocka_unit_test(labels_of_the_exporters_own_stay_too),
        cmocka_unit_test(the_first_entry_that_matches_counts),
        cmocka_unit_test(the_prefix_goes_before_each_name),
        cmocka_unit_test(a_name_that_a_prefix_makes_reserved_is_left_out_and_counted),
        cmocka_unit_test(the_stores_own_series_have_neither_prefix_nor_labels),
        cmocka_unit_test(segments_with_different_settings_share_one_model),
        cmocka_unit_test(a_prefix_that_leads_to_another_type_is_a_conflict),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
