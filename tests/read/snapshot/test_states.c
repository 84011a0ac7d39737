/*
 * Which series are visible, among so many that their states are not all read at each take: a change must be seen at
 * once when its producer counts it, whatever becomes of the producer, and soon when it does not.
 */
#include "tests/read/scene.h"

#include <stdio.h>

#define SERIES 2000u
#define LAST   (SERIES - 1)
#define TURN   17u /* takes in which each state is read once, at the latest */

static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };

struct fixture {
    struct image image;
    struct scene scene;
    uint32_t family;
    struct image_series series[SERIES];
};

static struct image_series
one(struct fixture *f, uint32_t number)
{
    char text[16];
    const char *value = text;

    snprintf(text, sizeof text, "%u", number);
    return image_series(&f->image, f->family, &value);
}

/* All are visible and were read once. */
static void
start(struct fixture *f, uint32_t abi_minor)
{
    static const struct image_sizes sizes = { .record_chunks = 8 };
    uint32_t i;

    image_make(&f->image, &sizes);
    f->image.header->abi_minor = abi_minor;
    image_seal(&f->image);
    f->family = image_family(&f->image, &counter);
    for (i = 0; i < SERIES; i++)
        f->series[i] = one(f, i);
    scene_open_one(&f->scene, f->image.path);
    scene_scrape(&f->scene);
    assert_int_equal(f->scene.parsed.samples_n, SERIES);
}

static void
stop(struct fixture *f)
{
    scene_close(&f->scene);
    image_free(&f->image);
}

static uint64_t *
state_of(struct fixture *f, uint32_t number)
{
    return &image_series_at(&f->image, f->series[number].unit)->state;
}

static void
begun(struct fixture *f)
{
    f->image.state->changes_begun.value++;
}

static void
done(struct fixture *f)
{
    f->image.state->changes_done.value++;
}

static uint32_t
samples(struct fixture *f)
{
    scene_scrape(&f->scene);
    assert_int_equal(store_status(f->scene.store, 0)->series_visible, f->scene.parsed.samples_n);
    return (uint32_t)f->scene.parsed.samples_n;
}

static void
a_change_that_is_counted_is_seen_at_the_next_take(void **state)
{
    static struct fixture f;
    (void)state;

    start(&f, 1);
    begun(&f);
    *state_of(&f, LAST) = SHMETER_HIDDEN;
    done(&f);
    assert_int_equal(samples(&f), SERIES - 1);
    assert_absent(&f.scene, "t_total", "a=1999,");
    assert_int_equal(samples(&f), SERIES - 1);
    begun(&f);
    *state_of(&f, LAST) = SHMETER_VISIBLE;
    done(&f);
    assert_int_equal(samples(&f), SERIES);
    stop(&f);
}

/* A take may come at any of its steps, and each step may be the last one of its producer. */
static void
a_change_is_seen_when_its_producer_dies_in_it_or_is_slow(void **state)
{
    static struct fixture f;
    (void)state;

    start(&f, 1);
    begun(&f);
    assert_int_equal(samples(&f), SERIES);
    *state_of(&f, LAST) = SHMETER_HIDDEN;
    assert_int_equal(samples(&f), SERIES - 1);
    done(&f);
    assert_int_equal(samples(&f), SERIES - 1);

    begun(&f);
    assert_int_equal(samples(&f), SERIES - 1);
    *state_of(&f, LAST) = SHMETER_VISIBLE;
    done(&f); /* the counts are those of the last take, which came too early */
    assert_int_equal(samples(&f), SERIES);

    begun(&f); /* and dies */
    *state_of(&f, LAST - 1) = SHMETER_HIDDEN;
    assert_int_equal(samples(&f), SERIES - 1);
    begun(&f); /* another one, after that death */
    assert_int_equal(samples(&f), SERIES - 1);
    *state_of(&f, LAST - 2) = SHMETER_HIDDEN;
    assert_int_equal(samples(&f), SERIES - 2);
    done(&f);
    assert_int_equal(samples(&f), SERIES - 2);
    stop(&f);
}

static void
series_that_come_later_are_seen(void **state)
{
    static struct fixture f;
    (void)state;

    start(&f, 1);
    one(&f, SERIES);
    assert_int_equal(samples(&f), SERIES + 1);
    stop(&f);
}

static void
a_producer_that_does_not_count_is_found_out_within_a_turn(void **state)
{
    static struct fixture f;
    uint32_t takes = 1;
    (void)state;

    start(&f, 1);
    *state_of(&f, LAST) = SHMETER_HIDDEN;
    while (samples(&f) == SERIES)
        assert_true(++takes <= TURN);
    *state_of(&f, LAST - 1) = SHMETER_HIDDEN; /* from now on at once */
    assert_int_equal(samples(&f), SERIES - 2);
    stop(&f);
}

static void
in_a_segment_of_the_release_before_all_states_are_read(void **state)
{
    static struct fixture f;
    (void)state;

    start(&f, 0);
    *state_of(&f, LAST) = SHMETER_HIDDEN;
    assert_int_equal(samples(&f), SERIES - 1);
    *state_of(&f, LAST - 1) = SHMETER_HIDDEN;
    assert_int_equal(samples(&f), SERIES - 2);
    stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_that_is_counted_is_seen_at_the_next_take),
        cmocka_unit_test(a_change_is_seen_when_its_producer_dies_in_it_or_is_slow),
        cmocka_unit_test(series_that_come_later_are_seen),
        cmocka_unit_test(a_producer_that_does_not_count_is_found_out_within_a_turn),
        cmocka_unit_test(in_a_segment_of_the_release_before_all_states_are_read),
    };
    return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
