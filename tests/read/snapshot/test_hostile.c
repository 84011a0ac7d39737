/*
 * Random damage in segments must neither stop the reader nor make it print anything that a strict parser of the format
 * refuses. The damage depends on a seed; a failing round prints its number, and the arguments SEED ROUNDS run others.
 */
#include "tests/read/scene.h"
#include "tests/read/specimen.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exposition/own.h"
#include "formats/exposition.pb-c.h"
#include "health/json.h"
#include "shm/layout/header.h"

static uint64_t seed = 20240607;
static uint32_t rounds_n = 20000;

static uint64_t
next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    return *random ^= *random << 17;
}

/* ---- damage ---- */

static uint64_t
strange_number(uint64_t *random, uint64_t old)
{
    switch (next(random) % 8) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return UINT64_C(1) << next(random) % 64;
    case 3:
        return (UINT64_C(1) << next(random) % 64) - 1;
    case 4:
        return old + next(random) % 9 - 4;
    case 5:
        return next(random) % 512;
    case 6:
        return old ^ UINT64_C(1) << next(random) % 64;
    default:
        return next(random);
    }
}

static void
write_number(unsigned char *at, uint64_t *random)
{
    size_t bytes = (size_t)1 << next(random) % 4;
    uint64_t value = 0;

    memcpy(&value, at, bytes);
    value = strange_number(random, value);
    memcpy(at, &value, bytes);
}

static uint64_t
target(const struct specimen *specimen, uint64_t *random)
{
    uint64_t area = next(random);

    return specimen_spot(specimen, area, next(random));
}

struct undo {
    unsigned char *pristine;
    uint64_t at[64];
    uint32_t n;
};

static void
damage(struct specimen *specimen, struct undo *undo, uint64_t *random)
{
    struct image *image = &specimen->image;
    uint32_t n = 1 + (uint32_t)(next(random) % 12), i;

    for (i = 0; i < n && undo->n < 60; i++) {
        uint64_t at = target(specimen, random);
        if (at > image->bytes - 8)
            at = image->bytes - 8;
        write_number(image->base + at, random);
        undo->at[undo->n++] = at;
    }
}

/* A hash that fits again lets the damage past the first check. */
static void
rehash(struct specimen *specimen, uint64_t *random)
{
    uint32_t i;

    for (i = 0; i < specimen->units_n; i++)
        if (next(random) % 2)
            specimen_rehash(specimen, i);
}

static void
restore(struct image *image, struct undo *undo)
{
    uint32_t i;

    for (i = 0; i < undo->n; i++)
        memcpy(image->base + undo->at[i], undo->pristine + undo->at[i], 8);
    memcpy(image->base + image->header->records_off, undo->pristine + image->header->records_off, 16384); /* hashes */
    undo->n = 0;
}

/* As strict as a scraper is with native histograms. */
static int
histogram_good(const Io__Prometheus__Client__Histogram *histogram)
{
    uint64_t buckets = 0, count = histogram->zero_count;
    int64_t each = 0;
    size_t i;

    for (i = 0; i < histogram->n_positive_span; i++) {
        buckets += histogram->positive_span[i]->length;
        if (i && histogram->positive_span[i]->offset < 1)
            return 0;
    }
    for (i = 0; i < histogram->n_positive_delta; i++) {
        each += histogram->positive_delta[i];
        count += (uint64_t)each;
        if (each < 0)
            return 0;
    }
    if (!histogram->has_schema)
        return !histogram->n_positive_span;
    return buckets == histogram->n_positive_delta && histogram->zero_threshold > 0 &&
           histogram->zero_threshold - histogram->zero_threshold == 0 && histogram->schema >= -4 &&
           histogram->schema <= 8 && (count == histogram->sample_count || histogram->sample_count > INT64_MAX);
}

static int
protobuf_good(const struct buffer *text)
{
    const uint8_t *at = (const uint8_t *)text->data, *end = at + text->len;
    int good = 1;

    while (good && at < end) {
        Io__Prometheus__Client__MetricFamily *family;
        uint64_t len = 0;
        unsigned shift = 0;
        size_t i;
        do
            len |= (uint64_t)(*at & 0x7f) << shift, shift += 7;
        while (*at++ & 0x80 && at < end);
        family = len <= (size_t)(end - at) ? io__prometheus__client__metric_family__unpack(NULL, len, at) : NULL;
        good = family && family->n_metric;
        for (i = 0; good && i < family->n_metric; i++)
            good = !family->metric[i]->histogram || histogram_good(family->metric[i]->histogram);
        if (family)
            io__prometheus__client__metric_family__free_unpacked(family, NULL);
        at += len;
    }
    return good;
}

static int
other_formats_good(struct scene *scene)
{
    struct buffer *text = &scene->text;
    int good;

    text->len = 0;
    good = !exposition_render(scene->exposition, &encode_openmetrics_created, text) && text->len >= 6 &&
           !memcmp(text->data + text->len - 6, "# EOF\n", 6);
    text->len = 0;
    return good && !exposition_render(scene->exposition, &encode_protobuf, text) && protobuf_good(text);
}

static int
scrape(struct scene *scene, uint32_t round)
{
    const struct segment_status *status;
    struct health health;
    char *json;
    int good;

    if (exposition_read(scene->exposition, own_add, scene->store))
        return 0;
    scene->text.len = 0;
    if (exposition_render(scene->exposition, &encode_text, &scene->text))
        return 0;
    strict_parse(&scene->parsed, scene->text.data ? scene->text.data : "", scene->text.len);
    if (*scene->parsed.error)
        print_error("seed %llu round %u: %s\n", (unsigned long long)seed, round, scene->parsed.error);
    good = !*scene->parsed.error;
    if (!other_formats_good(scene)) {
        print_error("seed %llu round %u: OpenMetrics or protobuf\n", (unsigned long long)seed, round);
        good = 0;
    }
    strict_free(&scene->parsed);
    memset(&scene->parsed, 0, sizeof scene->parsed);
    status = store_status(scene->store, 0);
    if (health_judge(&health, &status, 1, NULL))
        return 0;
    json = health_json_text(&health, &status, 1); /* fails where anything is not UTF-8 */
    good &= json != NULL;
    free(json);
    health_free(&health);
    return good;
}

/* With shmeter_* series; every other time with all settings that a segment can have. */
static void
open_with_own_series(struct scene *scene, const char *path, uint32_t round)
{
    static const char *const labels[] = { "method", "worker", "site" }, *const deny = ".*[37].*";
    const struct settings_spec all = { path, labels, labels, 3, "app_", 1e-9, 1, NULL, &deny, 0, 1 };
    struct store_options options = { .names = &path, .names_n = 1, .label = STORE_LABEL_ALWAYS };

    memset(scene, 0, sizeof *scene);
    options.settings = round % 2 ? scene_settings(scene, &all, 1) : NULL;
    scene_open_as(scene, &options);
}

static void
random_damage_never_stops_the_reader_nor_spoils_the_text(void **state)
{
    struct specimen specimen;
    struct image *const image = &specimen.image;
    struct undo undo = { 0 };
    uint64_t random = seed, samples = 0, each;
    uint32_t round;
    (void)state;

    specimen_make(&specimen);
    undo.pristine = malloc(image->bytes);
    memcpy(undo.pristine, image->base, image->bytes);
    for (round = 0; round < rounds_n; round++) {
        struct scene scene;
        open_with_own_series(&scene, image->path, round);
        if (next(&random) % 4 == 0)
            assert_true(scrape(&scene, round)); /* damage that comes between two scrapes */
        damage(&specimen, &undo, &random);
        if (next(&random) % 2)
            rehash(&specimen, &random);
        assert_true(scrape(&scene, round));
        samples += store_status(scene.store, 0)->series_visible;
        if (next(&random) % 8 == 0) {
            damage(&specimen, &undo, &random);
            assert_true(scrape(&scene, round));
        }
        restore(image, &undo);
        scene_close(&scene);
    }
    /* most of the segment must still have been read, or nothing was tested */
    each = rounds_n ? samples / rounds_n : 0;
    assert_true(each > specimen.units_n / 4);
    print_message("# %u rounds, %llu series a round\n", rounds_n, (unsigned long long)each);
    free(undo.pristine);
    specimen_free(&specimen);
}

/* ---- while it is read ---- */

struct hammer {
    struct specimen *specimen;
    uint64_t stop, blows;
};

static void *
strike(void *argument)
{
    struct hammer *hammer = argument;
    uint64_t random = seed ^ 99;

    while (!__atomic_load_n(&hammer->stop, __ATOMIC_RELAXED)) {
        uint64_t at = target(hammer->specimen, &random) & ~UINT64_C(7);
        if (at > hammer->specimen->image.bytes - 8)
            continue;
        __atomic_store_n((uint64_t *)(void *)(hammer->specimen->image.base + at), strange_number(&random, at),
                         __ATOMIC_RELAXED);
        __atomic_add_fetch(&hammer->blows, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void
bytes_may_change_while_they_are_read(void **state)
{
    struct specimen specimen;
    struct image *const image = &specimen.image;
    struct hammer hammer = { &specimen, 0, 0 };
    unsigned char *pristine;
    pthread_t thread;
    uint32_t round;
    (void)state;

    specimen_make(&specimen);
    pristine = malloc(image->bytes);
    memcpy(pristine, image->base, image->bytes);
    assert_int_equal(pthread_create(&thread, NULL, strike, &hammer), 0);
    for (round = 0; round < rounds_n / 10; round++) {
        struct scene scene;
        open_with_own_series(&scene, image->path, round);
        assert_true(scrape(&scene, round));
        assert_true(scrape(&scene, round));
        memcpy(image->base + image->header->records_off, pristine + image->header->records_off, 16384);
        memcpy(image->base + image->header->state_off, pristine + image->header->state_off,
               sizeof(struct shmeter_state));
        scene_close(&scene);
    }
    __atomic_store_n(&hammer.stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_true(hammer.blows > 0);
    free(pristine);
    specimen_free(&specimen);
}

struct saw {
    struct image *image;
    uint64_t turn; /* odd: cut; even: done */
    uint64_t size;
    int stop;
};

static void *
cut(void *argument)
{
    struct saw *saw = argument;
    uint64_t turn;

    while (!__atomic_load_n(&saw->stop, __ATOMIC_ACQUIRE)) {
        turn = __atomic_load_n(&saw->turn, __ATOMIC_ACQUIRE);
        if (turn % 2 == 0)
            continue;
        if (ftruncate(saw->image->fd, (off_t)saw->size))
            abort();
        __atomic_store_n(&saw->turn, turn + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* Cut somewhere while the scrape runs: wherever it was, the reader goes on and the totals never drop. */
static void
a_file_truncated_at_any_moment_is_survived(void **state)
{
    struct specimen specimen;
    struct image *const image = &specimen.image;
    struct saw saw = { image, 0, 0, 0 };
    unsigned char *pristine;
    uint64_t random = seed ^ 5;
    pthread_t thread;
    uint32_t round;
    (void)state;

    specimen_make(&specimen);
    pristine = malloc(image->bytes);
    memcpy(pristine, image->base, image->bytes);
    assert_int_equal(pthread_create(&thread, NULL, cut, &saw), 0);
    for (round = 0; round < rounds_n / 20; round++) {
        struct scene scene;
        open_with_own_series(&scene, image->path, round);
        assert_true(scrape(&scene, round));
        saw.size = next(&random) % (image->bytes / 4096) * 4096;
        __atomic_add_fetch(&saw.turn, 1, __ATOMIC_RELEASE);
        assert_true(scrape(&scene, round));
        while (__atomic_load_n(&saw.turn, __ATOMIC_ACQUIRE) % 2)
            ;
        assert_true(scrape(&scene, round));
        assert_int_equal(store_status(scene.store, 0)->readable, 0);
        assert_int_equal(ftruncate(image->fd, (off_t)image->bytes), 0);
        memcpy(image->base, pristine, image->bytes);
        scene_close(&scene);
    }
    __atomic_store_n(&saw.stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    free(pristine);
    specimen_free(&specimen);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_damage_never_stops_the_reader_nor_spoils_the_text),
        cmocka_unit_test(bytes_may_change_while_they_are_read),
        cmocka_unit_test(a_file_truncated_at_any_moment_is_survived),
    };

    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        rounds_n = (uint32_t)strtoul(argv[2], NULL, 10);
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
