/*
 * Which definition of a name is exposed, from lists of any bytes: what a slot's list says counts only where it is its
 * living owner's, and never leads astray.
 */
#include "health/health.h"
#include "tests/read/fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double bounds_a[] = { 1, 2 }, bounds_b[] = { 1, 3, 10 };
static const struct image_family
    family_a = { .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds_a, .bounds_n = 2 },
    family_b = { .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds_b, .bounds_n = 3 };

struct world { /* two definitions of h, each with one observation, and one slot */
    struct fixture f;
    uint32_t a, b;
    struct image_series in_a, in_b;
};

static void
world_start(struct world *world)
{
    fixture_start(&world->f, NULL);
    world->a = image_family(&world->f.image, &family_a);
    world->b = image_family(&world->f.image, &family_b);
    world->in_a = image_series(&world->f.image, world->a, NULL);
    world->in_b = image_series(&world->f.image, world->b, NULL);
    image_shared_buckets(&world->f.image, 0, world->in_a.cell)[0].count = 1;
    image_shared_buckets(&world->f.image, 0, world->in_b.cell)[0].count = 1;
    image_own(&world->f.image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
}

/* The slot's owner has a list, of these entries. */
static void
list(struct image *image, uint32_t slot, uint32_t n, const uint64_t *entries)
{
    struct shmeter_slot_block *block = image_block(image, slot);

    memset(block->opened, 0, sizeof block->opened);
    memcpy(block->opened, entries, n * sizeof *entries);
    block->opened_of = image_slot(image, slot)->owner;
}

#define list_of(image, slot, ...)                                                                 \
    list((image), (slot), (uint32_t)(sizeof(const uint64_t[]){ __VA_ARGS__ } / sizeof(uint64_t)), \
         (const uint64_t[]){ __VA_ARGS__ })
#define entry SHMETER_OPENED_ENTRY

static void
expect_a(struct world *world)
{
    scene_scrape(&world->f.scene);
    assert_sample(&world->f.scene, "h_count", "", 1);
    assert_int_equal(world->f.scene.parsed.samples_n, 5);
}

static void
expect_b(struct world *world)
{
    scene_scrape(&world->f.scene);
    assert_sample(&world->f.scene, "h_count", "", 1);
    assert_int_equal(world->f.scene.parsed.samples_n, 6);
}

static void
a_list_counts_where_it_is_its_living_owners(void **state)
{
    struct world world;
    struct image *image = &world.f.image;
    (void)state;

    world_start(&world);
    image->state->opens.value = 9;
    expect_b(&world); /* registered last */
    list_of(image, 0, entry(world.a, 1));
    expect_a(&world);
    image_block(image, 0)->opened_of ^= 1u << 8; /* another generation's */
    expect_b(&world);
    image_block(image, 0)->opened_of ^= 1u << 8;
    expect_a(&world);
    image_own(image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "old"); /* a claimant that knows no lists */
    expect_b(&world);
    list_of(image, 0, entry(world.a, 1));
    expect_a(&world);
    image_slot(image, 0)->owner = SHMETER_OWNER(SHMETER_SLOT_RELEASED, 2, getpid());
    expect_b(&world);
    image_own(image, 1, SHMETER_SLOT_LIVE, IMAGE_DEAD, "dead");
    list_of(image, 1, entry(world.a, 1));
    expect_b(&world);
    image_own(image, 2, SHMETER_SLOT_CLAIMING, IMAGE_SELF, "claims");
    list_of(image, 2, entry(world.a, 1));
    expect_b(&world);
    image_own(image, 3, SHMETER_SLOT_LIVE, IMAGE_SELF, "lives");
    list_of(image, 3, entry(world.a, 1));
    image_slot(image, 3)->backed = sizeof(struct shmeter_slot_block) - 8; /* what is behind it has no memory */
    expect_b(&world);
    image_slot(image, 3)->backed = image->header->ring_off;
    expect_a(&world);
    fixture_stop(&world.f);
}

static void
what_is_listed_is_judged_by_the_number_of_its_open(void **state)
{
    struct world world;
    struct image *image = &world.f.image;
    (void)state;

    world_start(&world);
    image->state->opens.value = 9;
    image_own(image, 1, SHMETER_SLOT_LIVE, IMAGE_SELF, "v");
    list_of(image, 0, entry(world.a, 2));
    list_of(image, 1, entry(world.b, 1));
    expect_a(&world);
    list_of(image, 1, entry(world.b, 1), entry(world.b, 3)); /* twice: the later one counts */
    expect_b(&world);
    list_of(image, 1, entry(world.b, 0), entry(world.a, 4)); /* a place that is free */
    expect_a(&world);
    list_of(image, 1, 0, entry(world.b, 5)); /* behind the end */
    expect_a(&world);
    image->state->opens.value = (UINT64_C(1) << 32) + 2; /* the numbers begin anew */
    list_of(image, 0, entry(world.a, 1));
    list_of(image, 1, entry(world.b, UINT32_MAX));
    expect_a(&world);
    list_of(image, 0, entry(world.a, UINT32_MAX - 1));
    expect_b(&world);
    image->state->opens.value = 0; /* later than all there were: no harm */
    scene_scrape(&world.f.scene);
    fixture_stop(&world.f);
}

static void
without_a_list_the_last_open_of_all_decides(void **state)
{
    struct world world;
    struct image *image = &world.f.image;
    (void)state;

    world_start(&world);
    image_family_at(image, world.a)->opened = 7;
    expect_a(&world); /* producers of before do not number their opens */
    image_family_at(image, world.b)->opened = 8;
    expect_b(&world);
    image_family_at(image, world.a)->opened = UINT64_C(1) << 32;
    expect_a(&world);
    image_family_at(image, world.b)->opened = UINT64_C(1) << 32;
    expect_b(&world); /* the newest record */
    fixture_stop(&world.f);
}

static void
entries_that_lead_to_no_family_are_passed_by(void **state)
{
    uint64_t all[SHMETER_OPENED];
    struct world world;
    struct image *image = &world.f.image;
    uint32_t i;
    (void)state;

    world_start(&world);
    image->state->opens.value = 9;
    for (i = 0; i < SHMETER_OPENED; i++)
        all[i] = entry(i % 3 ? i * 0x1234567u : world.in_a.unit, i + 1);
    all[SHMETER_OPENED - 1] = entry(world.a, 1); /* a list without an end has the array's */
    list(image, 0, SHMETER_OPENED, all);
    image_block(image, 0)->reserved_c[0] = entry(world.b, 2);
    expect_a(&world);
    memset(all, 0xff, sizeof all);
    list(image, 0, SHMETER_OPENED, all);
    expect_b(&world);
    fixture_stop(&world.f);
}

/* ---- change at run time ---- */

/* A name that clashes with another one for good does not keep a definition away that comes into force. */
static void
a_change_is_seen_at_once_beside_other_conflicts(void **state)
{
    static const struct image_family clashing = { .type = SHMETER_COUNTER, .name = "k_count" },
                                     summary = { .type = SHMETER_SUMMARY, .name = "k" };
    struct world world;
    struct image *image = &world.f.image;
    uint64_t epoch;
    uint32_t i;
    (void)state;

    world_start(&world);
    image->state->opens.value = 1000;
    image_series(image, image_family(image, &clashing), NULL);
    image_series(image, image_family(image, &summary), NULL);
    for (i = 0; i < 9; i++)
        scene_scrape(&world.f.scene);
    assert_int_not_equal(world.f.scene.exposition->model->conflicts, 0);
    for (i = 1; i < 200; i++) {
        list_of(image, 0, entry(i % 2 ? world.a : world.b, i));
        scene_scrape(&world.f.scene);
        assert_sample(&world.f.scene, "h_count", "", 1);
        assert_int_equal(world.f.scene.parsed.samples_n, 1 + (i % 2 ? 5 : 6));
        assert_in_range(model_series_n(world.f.scene.exposition->model), 2, 3); /* it forgets the other one */
    }
    epoch = world.f.scene.exposition->model->epoch;
    for (i = 0; i < 3; i++)
        scene_scrape(&world.f.scene);
    assert_in_range(world.f.scene.exposition->model->epoch - epoch, 0, 2);
    fixture_stop(&world.f);
}

/* A counter that becomes a fractional one, and one again, keeps what it has counted. */
static void
counters_keep_their_total_when_a_fractional_one_joins(void **state)
{
    static const struct image_family whole = { .type = SHMETER_COUNTER, .name = "c_total", .labels = { "a" } },
                                     fractional = { .type = SHMETER_COUNTER_F64, .name = "c_total", .labels = { "a" } };
    struct fixture f;
    struct image_series series;
    uint32_t families[2];
    (void)state;

    fixture_start(&f, NULL);
    families[0] = image_family(&f.image, &whole);
    series = fixture_series(&f.image, families[0], "x");
    *image_cpu(&f.image, 0, series.cell) = 7;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "c_total", "a=x,", 7);
    families[1] = image_family(&f.image, &fractional);
    series = fixture_series(&f.image, families[1], "x");
    *image_cpu(&f.image, 0, series.cell) = image_bits(0.5);
    fixture_series(&f.image, families[1], "y");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "c_total", "a=x,", 7.5);
    assert_sample(&f.scene, "c_total", "a=y,", 0);
    assert_int_equal(f.scene.parsed.samples_n, 2);
    image_family_at(&f.image, families[0])->opened = 5;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "c_total", "a=x,", 7.5);
    assert_int_equal(f.scene.parsed.samples_n, 2);
    assert_int_equal(fixture_status(&f)->families, 1);
    assert_int_equal(fixture_status(&f)->families_superseded, 0);
    fixture_stop(&f);
}

/* ---- how much is told ---- */

static void
of_many_superseded_definitions_some_are_told_and_all_are_counted(void **state)
{
    static const struct image_sizes sizes = { .record_chunks = 8 };
    enum { NAMES = 90 };
    uint64_t all[2][NAMES];
    struct fixture f;
    struct health health;
    const struct segment_status *status;
    uint32_t i, losses = 0;
    (void)state;

    fixture_start(&f, &sizes);
    for (i = 0; i < NAMES; i++) {
        char name[16];
        struct image_family family = { .type = SHMETER_COUNTER, .name = name };
        snprintf(name, sizeof name, "n%u_total", i);
        all[0][i] = entry(image_family(&f.image, &family), i + 1);
        family.labels[0] = "a";
        all[1][i] = entry(image_family(&f.image, &family), NAMES + i + 1);
    }
    f.image.state->opens.value = 2 * NAMES;
    for (i = 0; i < 2; i++) {
        image_own(&f.image, i, SHMETER_SLOT_LIVE, IMAGE_SELF, i ? "new" : "old");
        list(&f.image, i, NAMES, all[i]);
    }
    scene_scrape(&f.scene);
    status = fixture_status(&f);
    assert_int_equal(status->families_superseded, NAMES);
    assert_int_equal(status->superseded_n, NAMES);
    assert_int_equal(status->superseded_len, 64);
    assert_int_equal(health_judge(&health, &status, 1, NULL), 0);
    assert_int_equal(health.verdict, STATUS_DEGRADED);
    for (i = 0; i < health.reasons_n; i++)
        if (health.reasons[i].check == HEALTH_LOSSES) {
            assert_string_equal(health.reasons[i].slot->worker, "old");
            losses++;
        }
    assert_int_equal(losses, 64);
    health_free(&health);
    fixture_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_counts_where_it_is_its_living_owners),
        cmocka_unit_test(what_is_listed_is_judged_by_the_number_of_its_open),
        cmocka_unit_test(without_a_list_the_last_open_of_all_decides),
        cmocka_unit_test(entries_that_lead_to_no_family_are_passed_by),
        cmocka_unit_test(a_change_is_seen_at_once_beside_other_conflicts),
        cmocka_unit_test(counters_keep_their_total_when_a_fractional_one_joins),
        cmocka_unit_test(of_many_superseded_definitions_some_are_told_and_all_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
