/*
 * A segment that is created again: what the old one has counted is added to what the new one has, wherever the two
 * definitions would be added up in one segment. And names that come and go.
 */
#include "tests/read/fixture.h"
#include "tests/tools/compared.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
    assert_int_equal(renewed->scene.exposition->model->conflicts, 0);
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

static size_t
bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* ---- many of them ---- */

static const double bounds[] = { 1, 2 };
static const struct image_family observed = { .type = SHMETER_HISTOGRAM,
                                              .name = "h",
                                              .labels = { "x" },
                                              .bounds = bounds,
                                              .bounds_n = 2 },
                                 parts = { .type = SHMETER_COUNTER_F64, .name = "f_total" },
                                 once = { .type = SHMETER_COUNTER, .name = "once_total", .labels = { "round" } };

/* The round-th segment: one of everything, and each third time a series that no other one has. */
static void
fill(struct image *image, uint32_t round)
{
    char number[16];
    const char *const value = number;
    struct image_series series;

    count_in(image, round >= 40 && round < 45 ? &other : round % 2 ? &yx : &xy, 1);
    count_in(image, &parts, 0.5);
    series = image_series(image, image_family(image, &observed), observed.labels);
    image_shared_buckets(image, 0, series.cell)[round % 3] = (struct shmeter_shared_bucket){ 2, 3 };
    image->state->losses[SHMETER_LOSS_SERIES_REFUSED].value = 7;
    if (round % 3)
        return;
    snprintf(number, sizeof number, "%u", round);
    series = image_series(image, image_family(image, &once), &value);
    *image_cpu(image, 0, series.cell) = 100 + round;
}

static void
expect_round(const struct scene *scene, uint32_t round)
{
    char label[32];
    uint32_t i;

    if (round < 40)
        assert_sample(scene, "t_total", "x=x,y=y,", round + 1);
    else if (round < 45)
        assert_absent(scene, "t_total", "x=x,y=y,");
    else
        assert_sample(scene, "t_total", "x=x,y=y,", round - 4);
    if (round >= 40 && round < 45)
        assert_sample(scene, "t_total", "x=x,", round - 39);
    else
        assert_absent(scene, "t_total", "x=x,");
    assert_sample(scene, "f_total", "", (round + 1) / 2.);
    assert_sample(scene, "h_count", "x=x,", 2 * (round + 1));
    assert_sample(scene, "h_sum", "x=x,", 3 * (round + 1));
    assert_sample(scene, "h_bucket", "x=x,le=1.0,", 2 * (round / 3 + 1));
    for (i = 0; i <= round; i += 3) {
        snprintf(label, sizeof label, "round=%u,", i);
        assert_sample(scene, "once_total", label, 100 + i);
    }
    assert_int_equal(store_status(scene->store, 0)->losses_before[SHMETER_LOSS_SERIES_REFUSED], 7 * round);
    assert_int_equal(scene->exposition->model->conflicts, 0);
}

static void
a_name_costs_what_its_series_cost_however_often_it_is_created_again(void **state)
{
    struct image first, next;
    struct scene scene;
    uint32_t round;
    size_t before = 0;
    (void)state;

    for (round = 0; round < 90; round++) {
        image_make(round ? &next : &first, NULL);
        fill(round ? &next : &first, round);
        if (round)
            assert_int_equal(rename(next.path, first.path), 0);
        else
            scene_open_one(&scene, first.path);
        scene_scrape(&scene);
        expect_round(&scene, round);
        if (round)
            image_free(&next);
        if (round == 30)
            before = bytes_in_use();
    }
    assert_true(bytes_in_use() < before + 200000); /* a segment that was replaced takes 15,000 by itself */
    scene_close(&scene);
    image_free(&first);
}

/* ---- names ---- */

/* Empty files of one folder, whose names nobody has had before. round: makes them others. */
static void
make_names(const char *folder, uint32_t n, uint32_t round, int make)
{
    char path[256];
    uint32_t i;

    for (i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%0100u.%u", folder, round, i);
        if (make)
            assert_true(close(open(path, O_CREAT | O_EXCL | O_RDWR, 0600)) == 0);
        else
            unlink(path);
    }
}

static void
names_that_are_gone_leave_nothing_and_many_cost_what_each_does(void **state)
{
    char folder[64], pattern[80];
    const char *const names[] = { pattern };
    struct scene scene;
    uint64_t compared;
    uint32_t round, n;
    size_t before = 0;
    (void)state;

    snprintf(folder, sizeof folder, "/dev/shm/shmeter-test-%d-XXXXXX", (int)getpid());
    assert_non_null(mkdtemp(folder));
    snprintf(pattern, sizeof pattern, "%s/*", folder);
    scene_open(&scene, names, 1);
    for (round = 0; round < 20; round++) {
        make_names(folder, 100, round, 1);
        scene_scrape(&scene);
        n = store_status_n(scene.store);
        make_names(folder, 100, round, 0);
        assert_int_equal(n, 100);
        scene_scrape(&scene);
        assert_int_equal(store_status_n(scene.store), 0);
        if (round == 4)
            before = bytes_in_use();
    }
    assert_true(bytes_in_use() < before + 100000);
    make_names(folder, 20000, round, 1);
    compared = compared_n;
    assert_int_equal(store_take(scene.store, SNAPSHOT_STATUS), 0);
    compared = compared_n - compared;
    make_names(folder, 20000, round, 0);
    rmdir(folder);
    assert_int_equal(store_status_n(scene.store), 20000);
    assert_in_range(compared, 20000, 100 * 20000); /* each with each: 200,000,000 */
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(definitions_that_fit_add_up_over_segments_too),
        cmocka_unit_test(a_definition_that_comes_after_the_first_scrape_is_found),
        cmocka_unit_test(what_was_added_up_in_the_old_segment_stays_added_up),
        cmocka_unit_test(what_was_in_force_in_the_old_segment_stays_so_when_its_workers_end),
        cmocka_unit_test(a_name_costs_what_its_series_cost_however_often_it_is_created_again),
        cmocka_unit_test(names_that_are_gone_leave_nothing_and_many_cost_what_each_does),
    };
    return cmocka_run_group_tests_name("renewed", tests, NULL, NULL);
}
