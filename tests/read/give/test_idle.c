/*
 * Series that no process updates any more: they are left out after the time-out, and come back with their whole value.
 * The test moves the clock.
 */
#include "tests/read/scene.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static const double bounds[] = { 1, 2 };
static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family counter_f64 = { .type = SHMETER_COUNTER_F64, .name = "f_total" };
static const struct image_family histogram = {
    .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds, .bounds_n = 2
};
static const struct image_family gauge = { .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "g" };
static const struct image_family each = { .type = SHMETER_GAUGE, .mode = SHMETER_ALL, .name = "each" };
static const struct image_family info = { .type = SHMETER_INFO, .name = "i_info" };

struct cells {
    uint64_t x, y, f, h, g, each;
};

static uint64_t
add(struct image *image, const struct image_family *family)
{
    return image_series(image, image_family(image, family), NULL).cell;
}

/*
 * One of each: t_total a=x at 1 and a=y at 2, f_total at 1.5, one observation of 1.5 in h, g at 4, each at 5, i_info.
 */
static void
make(struct image *image, struct cells *cells)
{
    const char *const x = "x", *const y = "y";
    uint32_t family;

    image_make(image, NULL);
    image_own(image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    family = image_family(image, &counter);
    cells->x = image_series(image, family, &x).cell;
    cells->y = image_series(image, family, &y).cell;
    cells->f = add(image, &counter_f64);
    cells->h = add(image, &histogram);
    cells->g = add(image, &gauge);
    cells->each = add(image, &each);
    add(image, &info);
    *image_cpu(image, 0, cells->x) = 1;
    *image_cpu(image, 0, cells->y) = 2;
    *image_cpu(image, 0, cells->f) = image_bits(1.5);
    image_shared_buckets(image, 0, cells->h)[1] = (struct shmeter_shared_bucket){ 1, 1.5 };
    image_gauge(image, 0, cells->g)->value = image_stored(4);
    image_gauge(image, 0, cells->each)->value = image_stored(5);
}

/* Ten seconds' time-out. */
static struct settings_spec
ten(const char *name, uint32_t gauges)
{
    return (struct settings_spec){ .match = name, .idle_seconds = 10, .idle_gauges = gauges };
}

static void
open_ten(struct scene *scene, const char *name, uint32_t gauges)
{
    const struct settings_spec settings = ten(name, gauges);

    scene_clock_ns = 1000 * SECOND;
    scene_open_with(scene, &name, 1, &settings);
}

static void
scrape_after(struct scene *scene, uint64_t ns)
{
    scene_clock_ns += ns;
    scene_scrape(scene);
}

static uint64_t
idle(const struct scene *scene)
{
    return store_status(scene->store, 0)->series_idle;
}

static void
what_has_not_changed_for_the_time_out_leaves(void **state)
{
    struct image image;
    struct cells cells;
    struct scene scene;
    (void)state;

    make(&image, &cells);
    open_ten(&scene, image.path, 0);
    scene_scrape(&scene); /* seen for the first time: that is a change */
    assert_sample(&scene, "t_total", "a=x,", 1);
    scrape_after(&scene, 10 * SECOND - 1);
    assert_sample(&scene, "t_total", "a=x,", 1);
    assert_int_equal(idle(&scene), 0);
    *image_cpu(&image, 1, cells.y) += 1;
    scrape_after(&scene, 1);
    assert_absent(&scene, "t_total", "a=x,");
    assert_absent(&scene, "f_total", "");
    assert_absent(&scene, "h_count", "");
    assert_absent(&scene, "h_bucket", "le=+Inf,");
    assert_sample(&scene, "t_total", "a=y,", 3);
    assert_sample(&scene, "g", "", 4); /* gauges stay */
    assert_sample(&scene, "each", "slot=0,worker=w,", 5);
    assert_sample(&scene, "i_info", "", 1);
    assert_int_equal(idle(&scene), 3);
    scrape_after(&scene, 10 * SECOND);
    assert_absent(&scene, "t_total", "a=y,");
    assert_int_equal(idle(&scene), 4);
    scene_close(&scene);
    image_free(&image);
}

static void
what_moves_again_is_back_with_its_whole_value(void **state)
{
    struct image image;
    struct cells cells;
    struct scene scene;
    (void)state;

    make(&image, &cells);
    open_ten(&scene, image.path, 0);
    scene_scrape(&scene);
    scrape_after(&scene, 60 * SECOND);
    assert_absent(&scene, "t_total", "a=x,");
    *image_cpu(&image, 1, cells.x) = 6;
    *image_cpu(&image, 1, cells.f) = image_bits(0.25);
    image_shared_buckets(&image, 0, cells.h)[0] = (struct shmeter_shared_bucket){ 1, 0 }; /* 0: the sum stays */
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 7);
    assert_absent(&scene, "t_total", "a=y,");
    assert_sample(&scene, "f_total", "", 1.75);
    assert_sample(&scene, "h_count", "", 2);
    assert_sample(&scene, "h_sum", "", 1.5);
    assert_int_equal(idle(&scene), 1);
    scrape_after(&scene, 9 * SECOND);
    assert_sample(&scene, "t_total", "a=x,", 7);
    scrape_after(&scene, SECOND);
    assert_absent(&scene, "t_total", "a=x,");
    scene_close(&scene);
    image_free(&image);
}

static void
gauges_leave_only_where_it_is_asked_for(void **state)
{
    struct image image;
    struct cells cells;
    struct scene scene;
    (void)state;

    make(&image, &cells);
    open_ten(&scene, image.path, 1);
    scene_scrape(&scene);
    scrape_after(&scene, 10 * SECOND);
    assert_absent(&scene, "g", "");
    assert_absent(&scene, "each", "slot=0,worker=w,");
    assert_sample(&scene, "i_info", "", 1); /* never */
    assert_int_equal(idle(&scene), 6);
    image_gauge(&image, 0, cells.each)->value = image_stored(-0.0);
    image_gauge(&image, 0, cells.g)->value = 0; /* unset, ... */
    scene_scrape(&scene);
    assert_sample(&scene, "each", "slot=0,worker=w,", 0);
    assert_true(signbit(scene_value(&scene, "each", "slot=0,worker=w,")));
    assert_int_equal(idle(&scene), 4);
    image_gauge(&image, 0, cells.g)->value = image_stored(4); /* ... and set to what it was: something new */
    scene_scrape(&scene);
    assert_sample(&scene, "g", "", 4);
    scene_close(&scene);
    image_free(&image);
}

static void
the_next_worker_in_a_slot_is_a_new_series(void **state)
{
    struct image image;
    struct cells cells;
    struct scene scene;
    (void)state;

    make(&image, &cells);
    open_ten(&scene, image.path, 1);
    scene_scrape(&scene);
    scrape_after(&scene, 10 * SECOND);
    assert_absent(&scene, "each", "slot=0,worker=w,");
    image_slot(&image, 0)->owner ^= SHMETER_SLOT_LIVE ^
                                    SHMETER_SLOT_RELEASED; /* says goodbye: no update of what it left */
    scene_scrape(&scene);
    assert_absent(&scene, "each", "slot=0,worker=w,");
    image_own(&image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "v");
    scene_scrape(&scene);
    assert_sample(&scene, "each", "slot=0,worker=v,", 5);
    scene_close(&scene);
    image_free(&image);
}

static void
without_a_time_out_everything_stays(void **state)
{
    struct image image;
    struct cells cells;
    struct scene scene;
    const char *name;
    (void)state;

    make(&image, &cells);
    name = image.path;
    scene_open(&scene, &name, 1);
    scene_scrape(&scene);
    scrape_after(&scene, 1000000 * SECOND);
    assert_sample(&scene, "t_total", "a=x,", 1);
    assert_int_equal(idle(&scene), 0);
    scene_close(&scene);
    image_free(&image);
}

/* ---- with what came before ---- */

static void
totals_of_a_segment_created_again_are_whole_though_the_old_part_is_idle(void **state)
{
    struct image first, second;
    struct cells cells, again;
    struct scene scene;
    (void)state;

    make(&first, &cells);
    *image_cpu(&first, 0, cells.x) = 100;
    open_ten(&scene, first.path, 0);
    scene_scrape(&scene);
    make(&second, &again);
    assert_int_equal(rename(second.path, first.path), 0);
    scrape_after(&scene, 11 * SECOND); /* the old one's part is idle, the new one's was never seen */
    assert_sample(&scene, "t_total", "a=x,", 101);
    assert_sample(&scene, "h_count", "", 2);
    scrape_after(&scene, 11 * SECOND);
    assert_absent(&scene, "t_total", "a=x,");
    assert_int_equal(idle(&scene), 4);   /* each once, though two segments have it */
    *image_cpu(&first, 1, cells.x) += 5; /* a worker of the old one */
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 106);
    assert_int_equal(idle(&scene), 3);
    scrape_after(&scene, 11 * SECOND);
    *image_cpu(&second, 1, again.x) += 5;
    scene_scrape(&scene);
    assert_sample(&scene, "t_total", "a=x,", 111);
    scene_close(&scene);
    image_free(&first);
    image_free(&second);
}

static void
clocks_go_on_over_a_reload_and_stop_when_the_time_out_is_taken_away(void **state)
{
    struct image image;
    struct cells cells;
    struct scene scene;
    struct settings_spec settings;
    const char *name;
    (void)state;

    make(&image, &cells);
    name = image.path;
    open_ten(&scene, name, 0);
    scene_scrape(&scene);
    scrape_after(&scene, 9 * SECOND);
    settings = ten(name, 0);
    settings.prefix = "p_";
    scene_configure(&scene, &name, 1, &settings);
    scrape_after(&scene, SECOND);
    assert_absent(&scene, "p_t_total", "a=x,"); /* ten seconds, and not one */
    assert_sample(&scene, "p_g", "", 4);
    settings.idle_seconds = 20;
    scene_configure(&scene, &name, 1, &settings);
    scene_scrape(&scene);
    assert_sample(&scene, "p_t_total", "a=x,", 1);
    scene_configure(&scene, &name, 1, NULL);
    scrape_after(&scene, 20 * SECOND);
    assert_sample(&scene, "t_total", "a=x,", 1);
    settings = ten(name, 0);
    scene_configure(&scene, &name, 1, &settings);
    scene_scrape(&scene); /* seen for the first time again */
    assert_sample(&scene, "t_total", "a=x,", 1);
    scene_close(&scene);
    image_free(&image);
}

/* The model forgets series that are gone; those that are idle are not. */
static void
many_idle_series_do_not_make_the_model_begin_anew(void **state)
{
    enum { SERIES = 6000 };
    struct image image;
    struct scene scene;
    char value[16];
    const char *const at = value;
    uint32_t family, i;
    uint64_t epoch, cell = 0;
    (void)state;

    image_make(&image, &(struct image_sizes){ .lane_shift = 17, .record_chunks = 64 });
    family = image_family(&image, &counter);
    for (i = 0; i < SERIES; i++) {
        snprintf(value, sizeof value, "%u", i);
        cell = image_series(&image, family, &at).cell;
    }
    open_ten(&scene, image.path, 0);
    scene_scrape(&scene);
    epoch = scene.exposition->model->epoch;
    for (i = 0; i < 3; i++) {
        scrape_after(&scene, 10 * SECOND);
        assert_int_equal(scene.parsed.samples_n, i > 0);
        assert_int_equal(idle(&scene), SERIES - (i > 0));
        (*image_cpu(&image, 0, cell))++;
    }
    assert_int_equal(scene.exposition->model->epoch, epoch);
    scene_close(&scene);
    image_free(&image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_not_changed_for_the_time_out_leaves),
        cmocka_unit_test(what_moves_again_is_back_with_its_whole_value),
        cmocka_unit_test(gauges_leave_only_where_it_is_asked_for),
        cmocka_unit_test(the_next_worker_in_a_slot_is_a_new_series),
        cmocka_unit_test(without_a_time_out_everything_stays),
        cmocka_unit_test(totals_of_a_segment_created_again_are_whole_though_the_old_part_is_idle),
        cmocka_unit_test(clocks_go_on_over_a_reload_and_stop_when_the_time_out_is_taken_away),
        cmocka_unit_test(many_idle_series_do_not_make_the_model_begin_anew),
    };
    return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
