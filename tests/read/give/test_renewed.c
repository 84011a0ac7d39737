/*
 * A segment that is created again: what the old one has counted is added to what the new one has, wherever the two definitions would be
 * added up in one segment.
 */
#include "tests/expo/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct image_family xy = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "x", "y" } },
                                 yx = { .type = SHMETER_COUNTER,
                                        .name = "t_total",
                                        .help = "Other words.",
                                        .labels = { "y", "x" } },
                                 fraction = { .type = SHMETER_COUNTER_F64, .name = "t_total", .labels = { "x", "y" } },
                                 other = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "x" } };

/* The name's owner, first, and what is put in its place. */
struct renewed {
    struct image first, next[3];
    uint32_t next_n;
    struct scene scene;
};

/* Counts count in a series whose label values are its label names. Returns the family's unit. */
static uint32_t
count_in(struct image *image, const struct image_family *family, double count)
{
    const uint32_t unit = image_family(image, family);
    const struct image_series series = image_series(image, unit, family->labels);

    *image_cpu(image, 0, series.cell) = family->type == SHMETER_COUNTER ? (uint64_t)count : image_bits(count);
    return unit;
}

static void
start(struct renewed *renewed)
{
    image_make(&renewed->first, NULL);
    scene_open_one(&renewed->scene, renewed->first.path);
    renewed->next_n = 0;
}

/* A new segment, which is empty, has the name. */
static struct image *
renew(struct renewed *renewed)
{
    struct image *image = &renewed->next[renewed->next_n++];

    image_make(image, NULL);
    assert_int_equal(rename(image->path, renewed->first.path), 0);
    return image;
}

static void
expect(struct renewed *renewed, double total)
{
    scene_scrape(&renewed->scene);
    assert_sample(&renewed->scene, "t_total", "x=x,y=y,", total);
    assert_int_equal(renewed->scene.parsed.samples_n, 1);
    assert_int_equal(store_model(renewed->scene.store)->conflicts, 0);
}

static void
end(struct renewed *renewed)
{
    uint32_t i;

    scene_close(&renewed->scene);
    for (i = 0; i < renewed->next_n; i++)
        image_free(&renewed->next[i]);
    image_free(&renewed->first);
}

static void
definitions_that_fit_add_up_over_segments_too(void **state)
{
    static const struct image_family *const all[] = { &xy, &yx, &fraction };
    struct renewed renewed;
    uint32_t i, k, m;
    (void)state;

    for (i = 0; i < 3; i++)
        for (k = 0; k < 3; k++)
            for (m = 0; m < 3; m++) {
                start(&renewed);
                count_in(&renewed.first, all[i], 100);
                expect(&renewed, 100);
                count_in(renew(&renewed), all[k], 20);
                expect(&renewed, 120);
                count_in(renew(&renewed), all[m], 3);
                expect(&renewed, 123);
                expect(&renewed, 123);
                end(&renewed);
            }
}

static void
a_definition_that_comes_after_the_first_scrape_is_found(void **state)
{
    static const struct image_family *const all[] = { &xy, &yx, &fraction };
    struct renewed renewed;
    struct image *image;
    uint32_t i, k;
    (void)state;

    for (i = 0; i < 3; i++)
        for (k = 0; k < 3; k++) {
            start(&renewed);
            count_in(&renewed.first, all[i], 100);
            expect(&renewed, 100);
            image = renew(&renewed);
            expect(&renewed, 100);
            count_in(image, all[k], 20);
            expect(&renewed, 120);
            count_in(image, all[(i + k) % 3], 3); /* joins, or is joined */
            expect(&renewed, 123);
            *image_cpu(&renewed.first, 0, SHMETER_FIRST_CELL_OFF) = i == 2 ? image_bits(107) : 107;
            expect(&renewed, 130);
            end(&renewed);
        }
}

static void
what_was_added_up_in_the_old_segment_stays_added_up(void **state)
{
    struct renewed renewed;
    (void)state;

    start(&renewed);
    count_in(&renewed.first, &xy, 100);
    count_in(&renewed.first, &fraction, 20.5);
    count_in(&renewed.first, &yx, 3);
    expect(&renewed, 123.5);
    count_in(renew(&renewed), &yx, 1);
    expect(&renewed, 124.5);
    renew(&renewed);
    expect(&renewed, 124.5);
    end(&renewed);
}

/* A release that failed to start was the last one to open the name. */
static void
what_was_in_force_in_the_old_segment_stays_so_when_its_workers_end(void **state)
{
    struct renewed renewed;
    struct image *first = &renewed.first;
    struct shmeter_slot_block *block;
    uint32_t running;
    (void)state;

    start(&renewed);
    running = count_in(first, &xy, 100);
    count_in(first, &other, 1);
    first->state->opens.value = 1;
    image_own(first, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    block = image_block(first, 0);
    block->opened[0] = SHMETER_OPENED_ENTRY(running, 1);
    block->opened_of = image_slot(first, 0)->owner;
    expect(&renewed, 100);
    count_in(renew(&renewed), &xy, 20);
    expect(&renewed, 120);
    image_slot(first, 0)->owner = SHMETER_OWNER(SHMETER_SLOT_RELEASED, 1, getpid());
    expect(&renewed, 120);
    expect(&renewed, 120);
    end(&renewed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(definitions_that_fit_add_up_over_segments_too),
        cmocka_unit_test(a_definition_that_comes_after_the_first_scrape_is_found),
        cmocka_unit_test(what_was_added_up_in_the_old_segment_stays_added_up),
        cmocka_unit_test(what_was_in_force_in_the_old_segment_stays_so_when_its_workers_end),
    };
    return cmocka_run_group_tests_name("renewed", tests, NULL, NULL);
}
