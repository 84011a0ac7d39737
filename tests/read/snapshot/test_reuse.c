/*
 * Records that become other series while a reader looks at them from time to time: it shows what is
 * there, with what was counted since it is, in memory that does not grow.
 */
#include "tests/read/scene.h"

#include <stdio.h>
#include <string.h>

#include "shm/layout/words.h"
#include "shm/machine/hash.h"

static const struct image_family
    one = { .type = SHMETER_COUNTER, .name = "one_total", .labels = { "a" } },
    two = { .type = SHMETER_COUNTER, .name = "two_total", .labels = { "b" } },
    level = { .type = SHMETER_GAUGE, .mode = SHMETER_POOL, .name = "level", .labels = { "a" } },
    most = { .type = SHMETER_GAUGE, .mode = SHMETER_LIVE_MAX, .name = "most", .labels = { "a" } };

struct fixture {
    struct image image;
    struct scene scene;
    uint32_t one, two, level, most;
};

static void
start(struct fixture *f)
{
    static const struct image_sizes sizes = { .reuses = 1 };

    image_make(&f->image, &sizes);
    f->one = image_family(&f->image, &one);
    f->two = image_family(&f->image, &two);
    f->level = image_family(&f->image, &level);
    f->most = image_family(&f->image, &most);
    scene_open_one(&f->scene, f->image.path);
}

static void
stop(struct fixture *f)
{
    scene_close(&f->scene);
    image_free(&f->image);
}

static struct image_series
make(struct fixture *f, uint32_t family, const char *value)
{
    return image_series(&f->image, family, &value);
}

/* As a producer: counted before and after. */
static void
leave(struct fixture *f, struct image_series series)
{
    struct shmeter_series_record *record = image_series_at(&f->image, series.unit);

    f->image.state->changes_begun.value++;
    record->state = SHMETER_STATE(SHMETER_LIMBO, SHMETER_STATE_EPOCH(record->state));
    f->image.state->changes_done.value++;
}

/* The record of one that has left becomes another series, which is published and not counted. */
static void
become(struct fixture *f, struct image_series series, uint32_t family, const char *value)
{
    struct shmeter_series_record *record = image_series_at(&f->image, series.unit);

    record->family = family;
    record->values_bytes = (uint32_t)strlen(value) + 1;
    memcpy(record + 1, value, record->values_bytes);
    image_rehash(&f->image, series.unit);
    record->state = SHMETER_STATE(SHMETER_VISIBLE, SHMETER_STATE_EPOCH(record->state) + 1);
}

static void
a_record_is_the_series_that_it_has_become(void **state)
{
    struct fixture f;
    struct image_series series;
    (void)state;

    start(&f);
    series = make(&f, f.one, "x");
    *image_cpu(&f.image, 1, series.cell) = 5;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "one_total", "a=x,", 5);
    leave(&f, series);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 0);
    *image_cpu(&f.image, 1, series.cell) = 0;
    become(&f, series, f.two, "y");
    *image_cpu(&f.image, 0, series.cell) = 2;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "two_total", "b=y,", 2);
    leave(&f, series); /* and back between two takes */
    become(&f, series, f.one, "x");
    *image_cpu(&f.image, 0, series.cell) = 1;
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "one_total", "a=x,", 1);
    stop(&f);
}

static void
a_gauge_has_the_mode_of_what_its_record_has_become(void **state)
{
    struct fixture f;
    struct image_series series;
    (void)state;

    start(&f);
    image_own(&f.image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    series = make(&f, f.level, "x");
    image_common(&f.image, series.cell)->value = image_stored(4);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "level", "a=x,", 4);
    leave(&f, series);
    become(&f, series, f.most, "x");
    image_gauge(&f.image, 0, series.cell)->value = image_stored(9);
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_sample(&f.scene, "most", "a=x,", 9); /* the pool's value is not a part of it */
    stop(&f);
}

/* A series comes back in another record, before or behind its old one, which the reader has not looked at since. */
static void
a_series_is_shown_once_wherever_it_has_gone(void **state)
{
    struct fixture f;
    struct image_series first, second;
    uint32_t turn;
    (void)state;

    start(&f);
    first = make(&f, f.one, "x");
    second = make(&f, f.one, "y");
    scene_scrape(&f.scene);
    leave(&f, second);
    for (turn = 0; turn < 10; turn++) {
        leave(&f, first);
        *image_cpu(&f.image, 0, second.cell) = turn;
        become(&f, second, f.one, "x");
        scene_scrape(&f.scene);
        assert_int_equal(f.scene.parsed.samples_n, 1);
        assert_sample(&f.scene, "one_total", "a=x,", turn);
        leave(&f, second);
        *image_cpu(&f.image, 0, first.cell) = 100 + turn;
        become(&f, first, f.one, "x");
        scene_scrape(&f.scene);
        assert_int_equal(f.scene.parsed.samples_n, 1);
        assert_sample(&f.scene, "one_total", "a=x,", 100 + turn);
    }
    stop(&f);
}

/* What a record cannot become, because it has another kind of cell, or another cell. */
static void
a_record_that_became_what_it_cannot_be_is_left_out(void **state)
{
    struct fixture f;
    struct image_series series;
    (void)state;

    start(&f);
    series = make(&f, f.one, "x");
    scene_scrape(&f.scene);
    leave(&f, series);
    become(&f, series, f.level, "x");
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 0);
    assert_int_equal(store_status(f.scene.store, 0)->series_damaged, 1);
    image_series_at(&f.image, series.unit)->cell += 8;
    leave(&f, series);
    become(&f, series, f.two, "x");
    scene_scrape(&f.scene);
    assert_int_equal(f.scene.parsed.samples_n, 0);
    assert_int_equal(store_status(f.scene.store, 0)->series_damaged, 1);
    image_series_at(&f.image, series.unit)->cell -= 8;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "two_total", "b=x,", 0);
    assert_int_equal(store_status(f.scene.store, 0)->series_damaged, 0);
    stop(&f);
}

/* ---- many, for long ---- */

static uint64_t
next(uint64_t *random)
{
    return *random = shmeter_hash_word(*random, 1);
}

#define RECORDS 40u

struct role { /* what a record is */
    struct image_series series;
    uint32_t there, name, of_two, count;
};

static int
is_taken(const struct role *roles, uint32_t of_two, uint32_t name)
{
    uint32_t i;

    for (i = 0; i < RECORDS; i++)
        if (roles[i].there && roles[i].of_two == of_two && roles[i].name == name)
            return 1;
    return 0;
}

static void
change(struct fixture *f, struct role *roles, uint64_t *random)
{
    struct role *role = &roles[next(random) % RECORDS];
    char value[16];

    if (role->there && next(random) % 2) {
        role->count++;
        *image_cpu(&f->image, 0, role->series.cell) = role->count;
    } else if (role->there) {
        leave(f, role->series);
        role->there = 0;
    } else {
        role->name = (uint32_t)(next(random) % 60);
        role->of_two = (uint32_t)(next(random) % 2);
        if (is_taken(roles, role->of_two, role->name))
            return;
        role->there = 1;
        role->count = 0;
        *image_cpu(&f->image, 0, role->series.cell) = 0;
        snprintf(value, sizeof value, "%u", role->name);
        become(f, role->series, role->of_two ? f->two : f->one, value);
    }
}

static void
records_that_become_others_for_long_are_what_they_are_each_time(void **state)
{
    struct role roles[RECORDS];
    struct fixture f;
    uint64_t random = 7;
    uint32_t turn, i, n;
    char label[32];
    (void)state;

    start(&f);
    memset(roles, 0, sizeof roles);
    for (i = 0; i < RECORDS; i++) {
        snprintf(label, sizeof label, "first %u", i);
        roles[i].series = make(&f, f.one, label);
        leave(&f, roles[i].series);
    }
    for (turn = 0; turn < 2000; turn++) {
        for (n = (uint32_t)(next(&random) % 20); n; n--)
            change(&f, roles, &random);
        scene_scrape(&f.scene);
        for (i = n = 0; i < RECORDS; i++) {
            if (!roles[i].there)
                continue;
            n++;
            snprintf(label, sizeof label, "%s=%u,", roles[i].of_two ? "b" : "a", roles[i].name);
            assert_sample(&f.scene, roles[i].of_two ? "two_total" : "one_total", label, roles[i].count);
        }
        assert_int_equal(f.scene.parsed.samples_n, n);
    }
    stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_the_series_that_it_has_become),
        cmocka_unit_test(a_gauge_has_the_mode_of_what_its_record_has_become),
        cmocka_unit_test(a_series_is_shown_once_wherever_it_has_gone),
        cmocka_unit_test(a_record_that_became_what_it_cannot_be_is_left_out),
        cmocka_unit_test(records_that_become_others_for_long_are_what_they_are_each_time),
    };

    return cmocka_run_group_tests_name("read reuse", tests, NULL, NULL);
}
