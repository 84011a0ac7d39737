/*
 * Each of the eleven modes, over workers that live, have died, have released their slots, or are in another namespace.
 */
#include "tests/read/scene.h"

#include <math.h>
#include <string.h>

/* Slots: 0 lives, 1 died, 2 was released, 3 lives, 4 was never used. */
struct fixture {
    struct image image;
    struct scene scene;
    uint64_t cell;
};

static void
start(struct fixture *f, enum shmeter_mode mode)
{
    static const struct image_sizes sizes = { .slots = 6 };
    struct image_family family = { .type = SHMETER_GAUGE, .mode = mode, .name = "g" };

    image_make(&f->image, &sizes);
    image_own(&f->image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "zero");
    image_own(&f->image, 1, SHMETER_SLOT_LIVE, IMAGE_DEAD, "one");
    image_own(&f->image, 2, SHMETER_SLOT_RELEASED, IMAGE_SELF, "two");
    image_own(&f->image, 3, SHMETER_SLOT_LIVE, IMAGE_SELF, "three");
    f->cell = image_series(&f->image, image_family(&f->image, &family), NULL).cell;
    scene_open_one(&f->scene, f->image.path);
}

static void
stop(struct fixture *f)
{
    scene_close(&f->scene);
    image_free(&f->image);
}

static void
set(struct fixture *f, uint32_t slot, double value, uint64_t aux)
{
    *image_gauge(&f->image, slot, f->cell) = (struct shmeter_gauge_cell){ image_stored(value), aux };
}

static void
expect(struct fixture *f, double wanted)
{
    scene_scrape(&f->scene);
    assert_sample(&f->scene, "g", "", wanted);
}

/* With every slot at a value of its own. */
static void
set_all(struct fixture *f)
{
    set(f, 0, 4, 0);
    set(f, 1, 100, 0);
    set(f, 2, -50, 0);
    set(f, 3, -3, 0);
}

static void
a_gauge_that_was_never_set_has_no_sample(void **state)
{
    enum shmeter_mode mode;
    (void)state;

    for (mode = SHMETER_POOL; mode <= SHMETER_ALL; mode++) {
        struct fixture f;
        start(&f, mode);
        scene_scrape(&f.scene);
        assert_int_equal(f.scene.parsed.samples_n, 0);
        stop(&f);
    }
}

static void
pool_is_the_last_set_and_the_shares_of_the_living_since(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_POOL);
    set(&f, 0, 2, 0); /* shares from before any set */
    set(&f, 1, 10, 0);
    set(&f, 3, 1, 0);
    expect(&f, 3);
    *image_common(&f.image, f.cell) = (struct shmeter_gauge_cell){ image_stored(100), 7 };
    expect(&f, 100); /* all shares are of an earlier epoch */
    set(&f, 0, 2, 7);
    set(&f, 1, 10, 7); /* dead: what it never gave back is not in use any more */
    set(&f, 2, 20, 7);
    set(&f, 3, -5, 7);
    expect(&f, 97);
    set(&f, 3, -5, 8);
    expect(&f, 102);
    stop(&f);
}

static void
live_sum_min_and_max_leave_the_dead_out(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LIVE_SUM);
    set_all(&f);
    expect(&f, 1);
    stop(&f);
    start(&f, SHMETER_LIVE_MIN);
    set_all(&f);
    expect(&f, -3);
    stop(&f);
    start(&f, SHMETER_LIVE_MAX);
    set_all(&f);
    expect(&f, 4);
    stop(&f);
}

static void
live_latest_is_the_living_workers_last_word(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LIVE_LATEST);
    set(&f, 0, 1, 500);
    set(&f, 1, 2, 900);
    set(&f, 2, 3, 950);
    set(&f, 3, 4, 400);
    expect(&f, 1);
    set(&f, 3, 4, 501);
    expect(&f, 4);
    stop(&f);
}

static void
live_all_has_one_series_per_living_worker(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LIVE_ALL);
    set_all(&f);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 2);
    assert_sample(&f.scene, "g", "slot=0,worker=zero,", 4);
    assert_sample(&f.scene, "g", "slot=3,worker=three,", -3);
    stop(&f);
}

static void
sum_min_and_max_keep_the_dead_and_what_was_folded(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_SUM);
    set_all(&f);
    image_gauge(&f.image, 3, f.cell)->aux = image_stored(1000); /* of earlier owners of slot 3 */
    expect(&f, 1051);
    image_gauge(&f.image, 0, f.cell)->value = 0; /* freshly claimed: unset, with a base */
    image_gauge(&f.image, 0, f.cell)->aux = image_stored(0.5);
    expect(&f, 1047.5);
    stop(&f);
    start(&f, SHMETER_MIN);
    set_all(&f);
    expect(&f, -50);
    image_gauge(&f.image, 0, f.cell)->aux = image_stored(-60);
    expect(&f, -60);
    stop(&f);
    start(&f, SHMETER_MAX);
    set_all(&f);
    expect(&f, 100);
    image_gauge(&f.image, 0, f.cell)->aux = image_stored(101);
    expect(&f, 101);
    stop(&f);
}

static void
latest_is_the_last_word_of_all_and_of_the_common_block(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LATEST);
    set(&f, 0, 1, 500);
    set(&f, 1, 2, 900); /* dead */
    expect(&f, 2);
    set(&f, 2, 3, 901);
    expect(&f, 3);
    *image_common(&f.image, f.cell) = (struct shmeter_gauge_cell){ image_stored(9), 1000 };
    expect(&f, 9);
    stop(&f);
}

static void
all_keeps_each_workers_value_until_its_slot_is_reused(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_ALL);
    set_all(&f);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 4);
    assert_sample(&f.scene, "g", "slot=1,worker=one,", 100);
    assert_sample(&f.scene, "g", "slot=2,worker=two,", -50);
    image_own(&f.image, 1, SHMETER_SLOT_CLAIMING, IMAGE_SELF, "new"); /* the value is still the old owner's */
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 3);
    image_own(&f.image, 1, SHMETER_SLOT_LIVE, IMAGE_SELF, "new");
    set(&f, 1, 7, 0);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "g", "slot=1,worker=new,", 7);
    assert_absent(&f.scene, "g", "slot=1,worker=one,");
    stop(&f);
}

static void
a_label_of_the_application_called_worker_becomes_exported_worker(void **state)
{
    static const struct image_family family = {
        .type = SHMETER_GAUGE, .mode = SHMETER_ALL, .name = "h", .labels = { "worker" }
    };
    struct fixture f;
    const char *values[] = { "mine" };
    (void)state;

    start(&f, SHMETER_ALL);
    f.cell = image_series(&f.image, image_family(&f.image, &family), values).cell;
    set(&f, 0, 1, 0);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "h", "exported_worker=mine,slot=0,worker=zero,", 1);
    stop(&f);
}

static void
a_foreign_worker_without_a_lock_leaves_the_live_gauges(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LIVE_SUM);
    set_all(&f);
    image_own(&f.image, 3, SHMETER_SLOT_LIVE, IMAGE_FOREIGN, "three");
    expect(&f, 4);
    stop(&f);
}

static void
a_claiming_worker_is_not_live_yet(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LIVE_SUM);
    set_all(&f);
    image_own(&f.image, 3, SHMETER_SLOT_CLAIMING, IMAGE_SELF, "three");
    expect(&f, 4);
    stop(&f);
}

static void
values_are_bits_and_nan_stays_nan(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LIVE_LATEST);
    set(&f, 0, -0.0, 5);
    scene_scrape(&f.scene);
    assert_string_equal(f.scene.parsed.samples[0].text, "-0");
    set(&f, 0, NAN, 6);
    scene_scrape(&f.scene);
    assert_string_equal(f.scene.parsed.samples[0].text, "NaN");
    set(&f, 0, -INFINITY, 7);
    scene_scrape(&f.scene);
    assert_string_equal(f.scene.parsed.samples[0].text, "-Inf");
    stop(&f);
}

static void
gauge_cells_past_a_slots_backed_mark_are_not_read(void **state)
{
    struct fixture f;
    (void)state;

    start(&f, SHMETER_LIVE_SUM);
    set_all(&f);
    image_slot(&f.image, 3)->backed = f.image.header->gauges_off + 8;
    expect(&f, 4);
    image_slot(&f.image, 3)->backed = UINT64_MAX; /* a lie is held at the block's size */
    expect(&f, 1);
    stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gauge_that_was_never_set_has_no_sample),
        cmocka_unit_test(pool_is_the_last_set_and_the_shares_of_the_living_since),
        cmocka_unit_test(live_sum_min_and_max_leave_the_dead_out),
        cmocka_unit_test(live_latest_is_the_living_workers_last_word),
        cmocka_unit_test(live_all_has_one_series_per_living_worker),
        cmocka_unit_test(sum_min_and_max_keep_the_dead_and_what_was_folded),
        cmocka_unit_test(latest_is_the_last_word_of_all_and_of_the_common_block),
        cmocka_unit_test(all_keeps_each_workers_value_until_its_slot_is_reused),
        cmocka_unit_test(a_label_of_the_application_called_worker_becomes_exported_worker),
        cmocka_unit_test(a_foreign_worker_without_a_lock_leaves_the_live_gauges),
        cmocka_unit_test(a_claiming_worker_is_not_live_yet),
        cmocka_unit_test(values_are_bits_and_nan_stays_nan),
        cmocka_unit_test(gauge_cells_past_a_slots_backed_mark_are_not_read),
    };
    return cmocka_run_group_tests_name("gauges", tests, NULL, NULL);
}
