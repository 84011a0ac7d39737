/*
 * The walk over records against makers that write between any two of its loads, and against what makers leave behind:
 * the real walk with hooked loads. No series is missed for longer than it is written, and none is invented.
 */
#include "tests/read/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "read/snapshot/walk.c"
#include "tests/read/reader_hooks.h"

/* ---- what happens at a load ---- */

static uint64_t loads, at_load; /* at_load 0: never */
static void (*then)(void);

uint64_t
shmeter_hook_load(const void *at, int bytes, char order)
{
    uint64_t value = 0;

    (void)order;
    if (++loads == at_load)
        then();
    memcpy(&value, at, (size_t)bytes);
    return value;
}

void
shmeter_hook_store(void *at, uint64_t value, int bytes, char order)
{
    (void)order;
    memcpy(at, &value, (size_t)bytes);
}

static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family spare_family = { .type = SHMETER_COUNTER, .name = "spare_total", .help = "Lost." };

/* ---- a spare record that is written again ---- */

static struct image *image;
static uint32_t spare;
static unsigned char before[256], after[256]; /* the record as it is found, and as its maker makes it */
static uint32_t after_bytes;

/* In a maker's order: the state, the rest, the head, and the state again. steps: of so many words, and the last two. */
static void
write_again(uint64_t steps)
{
    unsigned char *record = (unsigned char *)image_series_at(image, spare);
    const uint64_t unpublished = SHMETER_UNPUBLISHED, visible = SHMETER_VISIBLE;
    uint64_t i;

    for (i = 0; i < steps && i <= after_bytes / 8; i++) {
        if (i == 0)
            memcpy(record + 8, &unpublished, 8);
        else if (i == after_bytes / 8 - 1)
            memcpy(record, after, 8);
        else if (i == after_bytes / 8)
            memcpy(record + 8, &visible, 8);
        else
            memcpy(record + 8 + 8 * i, after + 8 + 8 * i, 8);
    }
}

static uint64_t first_steps;

static void
write_some(void)
{
    write_again(first_steps);
}

static void
write_all(void)
{
    write_again(UINT64_MAX);
}

/* A family's record that lost the race for its name, and the series that its maker makes of it. */
static void
make_spare(struct fixture *f)
{
    struct image_series made;
    uint32_t family;

    image = &f->image;
    family = image_family(image, &counter);
    spare = image_family(image, &spare_family);
    image_family_at(image, spare)->state = SHMETER_UNPUBLISHED;
    memcpy(before, image_family_at(image, spare), sizeof before);
    made = fixture_series(image, family, "made of the spare, and long enough that it has some words");
    after_bytes = image_series_at(image, made.unit)->bytes;
    memcpy(after, image_series_at(image, made.unit), after_bytes);
    assert_true(((struct shmeter_family_record *)(void *)before)->bytes >= after_bytes);
    memcpy(after, before, 4); /* it is as long as it was */
    memset(image_series_at(image, made.unit), 0, after_bytes);
    image->state->records_fill.value -= after_bytes;
}

static void
a_spare_record_that_is_written_under_the_walk_is_seen(void **state)
{
    struct fixture f;
    uint64_t most;
    (void)state;

    fixture_start(&f, NULL);
    make_spare(&f);
    at_load = 0;
    loads = 0;
    scene_scrape(&f.scene);
    most = loads;
    assert_int_equal(f.scene.parsed.samples_n, 0);
    scene_close(&f.scene);
    assert_true(most > 10);
    for (at_load = 1; at_load <= most + 1; at_load++) {
        memcpy(image_family_at(image, spare), before, sizeof before);
        scene_open_one(&f.scene, image->path);
        then = write_all;
        loads = 0;
        scene_scrape(&f.scene);
        assert_int_equal(fixture_status(&f)->families_damaged + fixture_status(&f)->series_damaged, 0);
        if (at_load > most)
            write_all();
        scene_scrape(&f.scene);
        assert_sample(&f.scene, "t_total", "a=made of the spare, and long enough that it has some words,", 0);
        assert_int_equal(f.scene.parsed.samples_n, 1);
        assert_int_equal(fixture_status(&f)->families_damaged + fixture_status(&f)->series_damaged, 0);
        assert_int_equal(fixture_status(&f)->leaked_bytes, 0);
        scene_close(&f.scene);
    }
    at_load = 0;
    scene_open_one(&f.scene, image->path);
    fixture_stop(&f);
}

/* Its maker stops anywhere, at any load, for a take or two, and goes on. */
static void
a_maker_that_pauses_anywhere_delays_its_own_series_only(void **state)
{
    struct fixture f;
    uint64_t k;
    (void)state;

    fixture_start(&f, NULL);
    make_spare(&f);
    fixture_series(image, 1, "other"); /* of the family at unit 1 */
    scene_close(&f.scene);
    for (first_steps = 0; first_steps <= after_bytes / 8; first_steps++)
        for (k = 1; k < 40; k++) {
            memcpy(image_family_at(image, spare), before, sizeof before);
            scene_open_one(&f.scene, image->path);
            then = write_some;
            loads = 0;
            at_load = k;
            scene_scrape(&f.scene);
            at_load = 0;
            assert_sample(&f.scene, "t_total", "a=other,", 0);
            scene_scrape(&f.scene);
            assert_sample(&f.scene, "t_total", "a=other,", 0);
            write_all();
            scene_scrape(&f.scene);
            assert_int_equal(f.scene.parsed.samples_n, 2);
            assert_int_equal(fixture_status(&f)->families_damaged + fixture_status(&f)->series_damaged, 0);
            scene_close(&f.scene);
        }
    scene_open_one(&f.scene, image->path);
    fixture_stop(&f);
}

/* ---- text that looks like a head ---- */

/* At a unit of a record without a head: a head of so many bytes, of the kind. */
static void
leave_text(struct fixture *f, uint32_t family, uint32_t bytes, uint32_t kind, uint64_t state)
{
    char value[200];
    struct image_series dead;
    unsigned char *at;

    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    dead = fixture_series(&f->image, family, value);
    at = (unsigned char *)image_series_at(&f->image, dead.unit);
    memset(at, 0, 8);
    memcpy(at + 64, &bytes, 4);
    memcpy(at + 68, &kind, 4);
    memcpy(at + 72, &state, 8);
}

/* A worker was killed before it wrote its record's head, and label values of strangers stand there. */
static void
the_text_of_an_unfinished_record_is_no_step(void **state)
{
    static const uint32_t lengths[] = { 64, 128, 4096, 16384 };
    static const struct image_sizes sizes = { .record_chunks = 8 };
    uint32_t i, k, kind, family, early;
    uint64_t shown;
    char value[16], wanted[24];
    (void)state;

    for (i = 0; i < 4; i++)
        for (kind = 1; kind < 3; kind++)
            for (early = 0, shown = 0; shown < 6; early = !early, shown += !early) {
                struct fixture f;
                fixture_start(&f, &sizes);
                family = image_family(&f.image, &counter);
                leave_text(&f, family, lengths[i], kind, shown);
                if (early) /* when it is the last one, so that the head reaches past the end */
                    scene_scrape(&f.scene);
                for (k = 0; k < 300; k++) {
                    snprintf(value, sizeof value, "%u", k);
                    fixture_series(&f.image, family, value);
                    if (early ? k % 10 : k != 299)
                        continue;
                    scene_scrape(&f.scene);
                    snprintf(wanted, sizeof wanted, "a=%u,", k);
                    assert_sample(&f.scene, "t_total", wanted, 0);
                    assert_int_equal(f.scene.parsed.samples_n, k + 1);
                }
                fixture_stop(&f);
            }
}

/* What was taken for damage when it was half written is a series once it is whole. */
static void
a_record_set_aside_as_damaged_is_looked_at_again(void **state)
{
    struct fixture f;
    struct image_series late;
    (void)state;

    fixture_start(&f, NULL);
    late = fixture_series(&f.image, image_family(&f.image, &counter), "late");
    image_series_at(&f.image, late.unit)->hash ^= 1;
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->series_damaged, 1);
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->series_damaged, 1);
    image_series_at(&f.image, late.unit)->hash ^= 1;
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=late,", 0);
    assert_int_equal(fixture_status(&f)->series_damaged, 0);
    assert_int_equal(fixture_status(&f)->leaked_bytes, 0);
    fixture_stop(&f);
}

/* ---- how much is looked at again ---- */

/*
 * 256 KiB without a head, then as much of heads that claim 16 KiB each: a take loads some of it only, and what comes is
 * seen all the same.
 */
static void
a_take_looks_at_some_of_what_is_unfinished(void **state)
{
    static const struct image_sizes sizes = { .record_chunks = 160 };
    struct fixture f;
    uint64_t most, unit, end, rounds;
    uint32_t family;
    (void)state;

    fixture_start(&f, &sizes);
    family = image_family(&f.image, &counter);
    fixture_series(&f.image, family, "first");
    end = f.image.header->records_bytes / SHMETER_UNIT_BYTES - 300;
    for (unit = f.image.next_unit; unit < end; unit++)
        *(uint64_t *)(void *)image_series_at(&f.image, (uint32_t)unit) = unit < end / 2
                                                                             ? UINT64_C(0x0101010101010101)
                                                                             : (uint64_t)SHMETER_KIND_SERIES << 32 |
                                                                                   16384;
    f.image.next_unit = end;
    fixture_series(&f.image, family, "last");
    for (rounds = 0; rounds < 100; rounds++) {
        loads = 0;
        scene_scrape(&f.scene);
        most = 8 * (uint64_t)PENDING_MOST + 3 * (uint64_t)SNAPSHOT_WASTE_BYTES / 8 + end * 4;
        assert_true(loads < most); /* all heads together claim 256 times the arena */
        if (scene_value(&f.scene, "t_total", "a=last,") == 0)
            break;
    }
    assert_true(rounds < 100);
    scene_scrape(&f.scene);
    loads = 0;
    scene_scrape(&f.scene);
    assert_true(loads < 8 * (uint64_t)PENDING_MOST + 3 * (uint64_t)SNAPSHOT_WASTE_BYTES / 8);
    fixture_series(&f.image, family, "later");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=later,", 0);
    /* One of those that are pending is finished: it is seen when its turn comes. */
    unit = end / 4;
    memcpy(image_series_at(&f.image, (uint32_t)unit), image_series_at(&f.image, (uint32_t)f.image.next_unit - 1), 64);
    memcpy((char *)image_series_at(&f.image, (uint32_t)unit) + 56, "fresh", 6);
    image_series_at(&f.image, (uint32_t)unit)->cell = f.image.next_cell;
    image_rehash(&f.image, (uint32_t)unit);
    for (rounds = 0; rounds < 40; rounds++) {
        scene_scrape(&f.scene);
        if (scene_value(&f.scene, "t_total", "a=fresh,") == 0)
            break;
    }
    assert_true(rounds < 40);
    fixture_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spare_record_that_is_written_under_the_walk_is_seen),
        cmocka_unit_test(a_maker_that_pauses_anywhere_delays_its_own_series_only),
        cmocka_unit_test(the_text_of_an_unfinished_record_is_no_step),
        cmocka_unit_test(a_record_set_aside_as_damaged_is_looked_at_again),
        cmocka_unit_test(a_take_looks_at_some_of_what_is_unfinished),
    };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
