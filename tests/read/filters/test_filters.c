/*
 * Metric names that settings leave out: which they are, that they are counted, and what expressions may not do.
 */
#include "tests/read/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct image_series
add(struct image *image, enum shmeter_type type, const char *name)
{
    const struct image_family family = { .type = type, .mode = SHMETER_SUM, .name = name };

    return image_series(image, image_family(image, &family), NULL);
}

/* Counters shop_a_total, shop_b_total, other_total, and a gauge shop_g without a value. */
static void
make(struct image *image)
{
    image_make(image, NULL);
    image_own(image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    *image_cpu(image, 0, add(image, SHMETER_COUNTER, "shop_a_total").cell) = 1;
    *image_cpu(image, 0, add(image, SHMETER_COUNTER, "shop_b_total").cell) = 2;
    *image_cpu(image, 0, add(image, SHMETER_COUNTER, "other_total").cell) = 3;
    add(image, SHMETER_GAUGE, "shop_g");
}

/* Opens and scrapes with an expression in allow and one in deny; NULL none. */
static void
scrape(struct scene *scene, const struct image *image, const char *allow, const char *deny)
{
    const char *name = image->path;
    const struct settings_spec settings = {
        .match = name, .allow = &allow, .allow_n = allow != NULL, .deny = &deny, .deny_n = deny != NULL
    };

    scene_open_with(scene, &name, 1, &settings);
    scene_scrape(scene);
}

static uint64_t
filtered(const struct scene *scene)
{
    return store_status(scene->store, 0)->series_filtered;
}

static void
only_allowed_names_are_exposed_and_the_rest_is_counted(void **state)
{
    struct image image;
    struct scene scene;
    (void)state;

    make(&image);
    scrape(&scene, &image, "shop_.*", NULL);
    assert_sample(&scene, "shop_a_total", "", 1);
    assert_sample(&scene, "shop_b_total", "", 2);
    assert_absent(&scene, "other_total", "");
    assert_int_equal(filtered(&scene), 1);
    assert_int_equal(scene.exposition->model->conflicts, 0);
    scene_close(&scene);
    image_free(&image);
}

static void
denied_names_are_left_out_even_when_they_are_allowed(void **state)
{
    struct image image;
    struct scene scene;
    (void)state;

    make(&image);
    scrape(&scene, &image, "shop_.*", "shop_b_.*|shop_g");
    assert_int_equal(scene.parsed.samples_n, 1);
    assert_sample(&scene, "shop_a_total", "", 1);
    assert_int_equal(filtered(&scene), 3); /* the gauge too, though it has no value */
    image_gauge(&image, 0, 0)->value = image_stored(4);
    scene_scrape(&scene);
    assert_absent(&scene, "shop_g", "");
    assert_int_equal(filtered(&scene), 3);
    scene_close(&scene);
    image_free(&image);
}

static void
an_expression_is_about_the_whole_name(void **state)
{
    static const char *const none[] = { "shop", "shop_a", "a_total", "^shop", "total$", "hop_a_tota" };
    static const char *const whole[] = { "shop_a_total",
                                         "^shop_a_total$",
                                         "shop_a|shop_a_total",
                                         ".*",
                                         "shop_(a|c)_total",
                                         "shop_[a-z]_[[:lower:]]{5}",
                                         "shop_.*?",
                                         "(?i)SHOP_A_TOTAL",
                                         "\\w+",
                                         "\\pL+_a_\\pL+",
                                         "shop_[\\x61]_total" };
    struct image image;
    struct scene scene;
    size_t i;
    (void)state;

    make(&image);
    for (i = 0; i < sizeof none / sizeof *none; i++) {
        scrape(&scene, &image, NULL, none[i]);
        assert_sample(&scene, "shop_a_total", "", 1);
        scene_close(&scene);
    }
    for (i = 0; i < sizeof whole / sizeof *whole; i++) {
        scrape(&scene, &image, NULL, whole[i]);
        assert_absent(&scene, "shop_a_total", "");
        scene_close(&scene);
    }
    image_free(&image);
}

static void
a_prefix_is_no_part_of_the_name_that_is_matched(void **state)
{
    const char *const allow = "shop_a_total";
    struct image image;
    struct scene scene;
    const char *name;
    (void)state;

    make(&image);
    name = image.path;
    scene_open_with(&scene, &name, 1,
                    &(struct settings_spec){ .match = name, .prefix = "x_", .allow = &allow, .allow_n = 1 });
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 1);
    assert_sample(&scene, "x_shop_a_total", "", 1);
    scene_close(&scene);
    image_free(&image);
}

static void
new_names_are_judged_when_they_appear(void **state)
{
    struct image image;
    struct scene scene;
    (void)state;

    make(&image);
    scrape(&scene, &image, NULL, "late_.*");
    add(&image, SHMETER_COUNTER, "late_total");
    *image_cpu(&image, 0, add(&image, SHMETER_COUNTER, "later_total").cell) = 9;
    scene_scrape(&scene);
    assert_absent(&scene, "late_total", "");
    assert_sample(&scene, "later_total", "", 9);
    assert_int_equal(filtered(&scene), 1);
    scene_close(&scene);
    image_free(&image);
}

static void
thousands_of_names_are_filtered_and_forgotten_by_a_reload(void **state)
{
    enum { NAMES = 4000 };
    const char *const deny = "n[0-9]*[13579]_total|other.*"; /* the odd ones */
    struct image image;
    struct scene scene;
    char name[32];
    const char *path;
    int i;
    (void)state;

    image_make(&image, &(struct image_sizes){ .record_chunks = 64 });
    for (i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%d_total", i);
        *image_cpu(&image, 0, add(&image, SHMETER_COUNTER, name).cell) = (uint64_t)i;
    }
    scrape(&scene, &image, NULL, deny);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, NAMES / 2);
    assert_int_equal(filtered(&scene), NAMES / 2);
    assert_int_equal(model_series_n(scene.exposition->model), NAMES / 2); /* what is left out costs the model nothing */
    path = image.path;
    scene_configure(&scene, &path, 1, NULL);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, NAMES);
    assert_int_equal(filtered(&scene), 0);
    scene_close(&scene);
    image_free(&image);
}

/* ---- what an expression may not be ---- */

static void
refused(const char *expression, const char *wanted)
{
    const char *const two[] = { "fine", expression };
    const struct settings_spec allow = { .match = "shop", .allow = two, .allow_n = 2 };
    const struct settings_spec deny = { .match = "shop", .deny = two, .deny_n = 2 };
    struct settings_list *list = settings_new();
    struct report report = { 0 };

    assert_int_equal(settings_add(list, &allow, &report), -22);
    if (!strstr(report.text, wanted))
        fail_msg("\"%s\" does not say \"%s\"", report.text, wanted);
    assert_int_equal(report.field, SETTINGS_ALLOW);
    assert_int_equal(report.item, 1);
    report = (struct report){ 0 };
    assert_int_equal(settings_add(list, &deny, &report), -22);
    assert_int_equal(report.field, SETTINGS_DENY);
    assert_int_equal(report.item, 1);
    settings_free(list);
}

static void
wrong_expressions_are_refused_with_a_sentence(void **state)
{
    char text[514];
    (void)state;

    refused("", "is empty");
    refused("a(b", "expression \"a(b\" is no regular expression: missing )");
    refused("[a", "no regular expression");
    refused("*", "no regular expression");
    refused("a**", "no regular expression");
    refused("\xff", "no regular expression: invalid UTF-8");
    refused("(a*)\\1", "back reference");
    refused("a{2001}", "repeats too much: more than 1000 times");
    refused("(a{45}){45}", "repeats too much");
    refused("a{1,2001}", "repeats too much");
    refused("a{99999999999999999999}", "repeats too much");
    refused("\\pL{100}", "expression \"\\pL{100}\" is too large for the 1024 KiB that it may take");
    refused("\\C", "a single byte");
    memset(text, 'a', 513);
    text[513] = 0;
    refused(text, "longer than 512 bytes");
}

/* A backtracking matcher would take longer than the universe lasts, and one that copies what is repeated all memory. */
static void
expressions_that_look_expensive_are_taken_and_work(void **state)
{
    static const char *const fine[] = { "(a?)+",
                                        "a??",
                                        "(a|a)*b",
                                        "(a*b?)*",
                                        "((a{0,4}))+",
                                        "(|ab)*",
                                        "(^$)*",
                                        "(((((((((((a+)+)+)+)+)+)+)+)+)+)+)",
                                        "(a|b)*a(a|b){20}",
                                        "(a|aa)+b",
                                        "((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))",
                                        "(a{25}){40}",
                                        "(x+x+)+y",
                                        "[0-9{999}]x\\{999}",
                                        "a\\\\{2}" };
    const struct settings_spec segment = { .match = "shop", .deny = fine, .deny_n = sizeof fine / sizeof *fine };
    struct settings_list *list = settings_new();
    struct report report = { 0 };
    char name[1001];
    (void)state;

    if (settings_add(list, &segment, &report))
        fail_msg("%s", report.text);
    memset(name, 'a', 1000);
    name[1000] = 0;
    assert_false(settings_allow(settings_of(list, "shop"), name)); /* (a?)+ */
    name[999] = 'c';
    assert_true(settings_allow(settings_of(list, "shop"), name));
    memset(name, 'x', 999);
    name[999] = 'z';
    assert_true(settings_allow(settings_of(list, "shop"), name));
    settings_free(list);
}

static void
too_many_expressions_are_refused(void **state)
{
    const char *many[65];
    const struct settings_spec segment = { .match = "shop", .deny = many, .deny_n = 65 };
    struct settings_list *list = settings_new();
    struct report report = { 0 };
    int i;
    (void)state;

    for (i = 0; i < 65; i++)
        many[i] = "a";
    assert_int_equal(settings_add(list, &segment, &report), -22);
    assert_non_null(strstr(report.text, "deny has more than 64 expressions"));
    settings_free(list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_allowed_names_are_exposed_and_the_rest_is_counted),
        cmocka_unit_test(denied_names_are_left_out_even_when_they_are_allowed),
        cmocka_unit_test(an_expression_is_about_the_whole_name),
        cmocka_unit_test(a_prefix_is_no_part_of_the_name_that_is_matched),
        cmocka_unit_test(new_names_are_judged_when_they_appear),
        cmocka_unit_test(thousands_of_names_are_filtered_and_forgotten_by_a_reload),
        cmocka_unit_test(wrong_expressions_are_refused_with_a_sentence),
        cmocka_unit_test(expressions_that_look_expensive_are_taken_and_work),
        cmocka_unit_test(too_many_expressions_are_refused),
    };
    return cmocka_run_group_tests_name("filters", tests, NULL, NULL);
}
