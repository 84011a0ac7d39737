/*
 * One snapshot given to several models: a giving remembers the places in one model, and does not change the snapshot.
 */
#include "tests/read/fixture.h"

#include <stdio.h>
#include <string.h>

#include "read/file/reader.h"
#include "read/give/give.h"
#include "read/snapshot/contents.h"

#define NOW_NS 1000u

static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family fraction = { .type = SHMETER_COUNTER_F64, .name = "t_total", .labels = { "a" } };
static const struct image_family stateset = {
    .type = SHMETER_STATESET, .mode = SHMETER_LATEST, .name = "s", .states = { "off", "on" }
};

struct world {
    struct image image;
    uint32_t family;
    struct snapshot *snapshot;
    struct giving *giving;
    struct segment_status counts;
};

static void
add(struct world *world, const char *value, uint64_t count)
{
    *image_cpu(&world->image, 0, fixture_series(&world->image, world->family, value).cell) = count;
}

static void
begin(struct world *world)
{
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;

    memset(world, 0, sizeof *world);
    image_make(&world->image, NULL);
    world->family = image_family(&world->image, &counter);
    add(world, "x", 5);
    assert_int_equal(shmeter_reader_open(&reader, world->image.path, NULL, &error), 0);
    world->snapshot = snapshot_new(reader);
    assert_int_equal(snapshot_take(world->snapshot, SNAPSHOT_ALL), 0);
    world->giving = giving_new(world->snapshot);
    assert_non_null(world->giving);
}

static void
end(struct world *world)
{
    giving_free(world->giving);
    snapshot_free(world->snapshot);
    image_free(&world->image);
}

static void
give(struct world *world, struct model *model)
{
    const struct giving_target target = { .now_ns = NOW_NS, .counts = &world->counts };

    model_begin(model);
    assert_int_equal(giving_give(world->giving, model, &target), 0);
}

/* The sum of a family's present series, of which there are n. */
static double
total(const struct model *model, const char *name, uint32_t n)
{
    const struct model_family *family = model_find(model, name);
    double sum = 0;
    uint32_t i;

    assert_non_null(family);
    assert_int_equal(family->present_n, n);
    for (i = 0; i < family->series_n; i++)
        sum += family->series[i].present ? model_number(model, &family->series[i]) : 0;
    return sum;
}

static void
a_reading_may_be_given_to_one_model_and_then_to_another(void **state)
{
    struct model *one = model_new(), *other = model_new();
    struct world world;
    uint32_t i;
    (void)state;

    begin(&world);
    for (i = 0; i < 3; i++) {
        give(&world, one);
        assert_true(total(one, "t_total", 1) == 5);
        give(&world, other);
        assert_true(total(other, "t_total", 1) == 5);
    }
    assert_int_equal(model_series_n(one), 1);
    assert_int_equal(model_series_n(other), 1);
    end(&world);
    model_free(one);
    model_free(other);
}

static void
what_the_reading_has_found_since_is_given_too(void **state)
{
    struct model *model = model_new();
    struct world world;
    char value[16];
    uint32_t i;
    (void)state;

    begin(&world);
    give(&world, model);
    for (i = 0; i < 100; i++) {
        snprintf(value, sizeof value, "%u", i);
        add(&world, value, 1);
    }
    image_series(&world.image, image_family(&world.image, &stateset), NULL);
    give(&world, model); /* what was read is what was read */
    assert_true(total(model, "t_total", 1) == 5);
    assert_int_equal(snapshot_take(world.snapshot, SNAPSHOT_ALL), 0);
    give(&world, model);
    assert_true(total(model, "t_total", 101) == 105);
    assert_true(total(model, "s", 2) == 1);
    end(&world);
    model_free(model);
}

static void
a_model_that_begins_anew_gets_all_of_it_again(void **state)
{
    struct model *model = model_new();
    struct world world;
    (void)state;

    begin(&world);
    image_series(&world.image, image_family(&world.image, &stateset), NULL);
    assert_int_equal(snapshot_take(world.snapshot, SNAPSHOT_ALL), 0);
    give(&world, model);
    model_clear(model);
    assert_null(model_find(model, "t_total"));
    give(&world, model);
    assert_true(total(model, "t_total", 1) == 5);
    assert_true(total(model, "s", 2) == 1);
    end(&world);
    model_free(model);
}

static void
two_givings_of_one_reading_add_up_in_a_model(void **state)
{
    struct segment_status counts;
    const struct giving_target target = { .now_ns = NOW_NS, .counts = &counts };
    struct model *model = model_new();
    struct giving *second;
    struct world world;
    (void)state;

    memset(&counts, 0, sizeof counts);
    begin(&world);
    second = giving_new(world.snapshot);
    give(&world, model);
    assert_int_equal(giving_give(second, model, &target), 0);
    assert_true(total(model, "t_total", 1) == 10);
    assert_int_equal(snapshot_contents(world.snapshot).sums[0], 5);
    giving_free(second);
    end(&world);
    model_free(model);
}

/* Integers that fractions join are counted in doubles from then on. */
static void
another_definition_is_looked_for_in_the_model_anew(void **state)
{
    struct model *model = model_new();
    struct world world;
    uint32_t family;
    double half = 0.5;
    (void)state;

    begin(&world);
    image_family_at(&world.image, world.family)->opened = 1; /* later than the other one: it stays in force */
    give(&world, model);
    assert_true(total(model, "t_total", 1) == 5);
    family = image_family(&world.image, &fraction);
    memcpy(image_cpu(&world.image, 0, fixture_series(&world.image, family, "x").cell), &half, sizeof half);
    assert_int_equal(snapshot_take(world.snapshot, SNAPSHOT_ALL), 0);
    give(&world, model);
    if (model->conflicts) { /* with what is there of integers, which the model's owner would end */
        model_clear(model);
        give(&world, model);
    }
    assert_int_equal(model->conflicts, 0);
    assert_true(total(model, "t_total", 1) == 5.5);
    end(&world);
    model_free(model);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_may_be_given_to_one_model_and_then_to_another),
        cmocka_unit_test(what_the_reading_has_found_since_is_given_too),
        cmocka_unit_test(a_model_that_begins_anew_gets_all_of_it_again),
        cmocka_unit_test(another_definition_is_looked_for_in_the_model_anew),
        cmocka_unit_test(two_givings_of_one_reading_add_up_in_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
