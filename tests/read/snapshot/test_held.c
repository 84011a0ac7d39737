/*
 * Work and memory depend on the memory of the file, whatever its header and marks say: sums have no gaps, holes are not
 * read, and parts without memory count as zeroes.
 */
#include "tests/read/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "read/snapshot/internal.h"
#include "shm/machine/hash.h"

static const double bounds[] = { 0.1, 1, 2.5 };
static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total", .labels = { "a" } };
static const struct image_family fraction = { .type = SHMETER_COUNTER_F64, .name = "f_total", .labels = { "a" } };
static const struct image_family histogram = {
    .type = SHMETER_HISTOGRAM, .name = "t_seconds", .labels = { "a" }, .bounds = bounds, .bounds_n = 3
};
static const struct image_family gauge = {
    .type = SHMETER_GAUGE, .mode = SHMETER_LIVE_ALL, .name = "g", .labels = { "a" }
};
static const struct image_family latest = { .type = SHMETER_GAUGE, .mode = SHMETER_LATEST, .name = "l" };

static uint64_t
blocks(const struct image *image)
{
    struct stat file;

    assert_int_equal(fstat(image->fd, &file), 0);
    return (uint64_t)file.st_blocks;
}

static uint64_t
address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * 4096u;
}

/* ---- memory ---- */

/* In a process of its own, which may take so many bytes besides the mapping. */
static int
scraped_within(struct image *image, uint64_t bytes, double wanted)
{
    pid_t child = fork();
    int status;

    if (!child) {
        const struct rlimit limit = { address_space() + image->bytes + bytes, RLIM_INFINITY };
        struct scene scene;
        scene_open_one(&scene, image->path);
        if (setrlimit(RLIMIT_AS, &limit) || exposition_read(scene.exposition, NULL, NULL) ||
            exposition_render(scene.exposition, &encode_text, &scene.text))
            _exit(1);
        strict_parse(&scene.parsed, scene.text.data ? scene.text.data : "", scene.text.len);
        _exit(scene_value(&scene, "t_total", "a=x,") == wanted ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
a_cell_at_the_end_of_a_lane_of_a_gigabyte_costs_what_a_cell_costs(void **state)
{
    static const struct image_sizes sizes = { .lane_shift = 30, .cpu_lanes = 1 };
    struct image_series series;
    struct image image;
    (void)state;

    image_make(&image, &sizes);
    image.next_cell = (UINT64_C(1) << 30) - 8;
    series = fixture_series(&image, image_family(&image, &counter), "x");
    *image_cpu(&image, 0, series.cell) = 7;
    *image_shared(&image, 0, series.cell) = 5;
    assert_int_equal(scraped_within(&image, 16u << 20, 12), 0);
    image_free(&image);
}

/* A record of 64 bytes stands for a thousand lines, and its cell need not have memory: only marks say that it has. */
static void
what_all_series_take_is_bounded_by_what_the_file_has(void **state)
{
    static const struct image_sizes sizes = { .lane_shift = 24, .cpu_lanes = 1, .record_chunks = 8 };
    static double many[1000];
    const struct image_family wide = {
        .type = SHMETER_HISTOGRAM, .name = "w", .labels = { "a" }, .bounds = many, .bounds_n = 1000
    };
    const uint64_t series_n = 1000;
    struct fixture f;
    uint64_t at;
    uint32_t unit, i;
    char value[8];
    (void)state;

    fixture_start(&f, &sizes);
    for (i = 0; i < 1000; i++)
        many[i] = i;
    unit = image_family(&f.image, &wide);
    for (i = 0; i < series_n; i++) {
        snprintf(value, sizeof value, "%u", i);
        fixture_series(&f.image, unit, value);
    }
    scene_scrape(&f.scene);
    assert_true(f.scene.text.len < (UINT64_C(16) << 20) + 64 * 512 * blocks(&f.image));
    assert_true(fixture_status(&f)->series_visible > 0);
    assert_true(fixture_status(&f)->series_over > 0);
    assert_int_equal(fixture_status(&f)->series_visible + fixture_status(&f)->series_over, series_n);
    for (at = 0; at < 8200 * series_n; at += 4096) { /* with the memory that a client gives them, all are shown */
        *image_cpu(&f.image, 0, at) = 0;
        *image_shared(&f.image, 0, at) = 0;
        *image_shared(&f.image, 0, at + 2048) = 0;
    }
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->series_over, 0);
    assert_int_equal(fixture_status(&f)->series_visible, series_n);
    fixture_stop(&f);
}

/* ---- holes ---- */

static void
marks_that_lie_give_no_memory_to_holes(void **state)
{
    static const struct image_sizes sizes = {
        .lane_shift = 22, .cpu_lanes = 8, .record_chunks = 512, .gauges = 4096, .slots = 1000
    };
    struct fixture f;
    struct image_series far, wide, set, last, common;
    uint64_t before, page;
    uint32_t family, gauges, i;
    (void)state;

    fixture_start(&f, &sizes);
    family = image_family(&f.image, &counter);
    fixture_series(&f.image, family, "near");
    f.image.next_cell = 1u << 21;
    far = fixture_series(&f.image, family, "far");
    wide = fixture_series(&f.image, image_family(&f.image, &histogram), "wide");
    gauges = image_family(&f.image, &gauge);
    set = fixture_series(&f.image, gauges, "set");
    f.image.next_gauge = 4000;
    common = image_series(&f.image, image_family(&f.image, &latest), NULL);
    last = fixture_series(&f.image, gauges, "last");
    for (i = 0; i < 4; i++) {
        image_own(&f.image, i, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
        image_slot(&f.image, i)->backed = UINT64_MAX;
    }
    for (i = 4; i < 20; i++) { /* whose blocks have nothing */
        *image_slot(&f.image, i) = *image_slot(&f.image, 0);
        image_slot(&f.image, i)->owner = SHMETER_OWNER(SHMETER_SLOT_LIVE, 1, getpid());
    }
    f.image.state->records_fill.value = f.image.state->records_backed.value = UINT64_MAX;
    f.image.state->cells_fill.value = f.image.state->cells_backed.value = UINT64_MAX;
    before = blocks(&f.image);
    for (i = 0; i < 3; i++)
        scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=far,", 0);
    assert_sample(&f.scene, "t_seconds_count", "a=wide,", 0);
    assert_int_equal(fixture_status(&f)->slots_live, 20);
    assert_int_equal(fixture_status(&f)->slots_free, 980);
    assert_int_equal(blocks(&f.image), before);
    assert_true(fixture_status(&f)->leaked_bytes <= 512 * before); /* holes are nobody's */
    /* What gets memory is seen, wherever it is. */
    *image_cpu(&f.image, 5, far.cell) = 9;
    *image_shared(&f.image, 0, far.cell) = 1;
    image_shared_buckets(&f.image, 0, wide.cell)[1].count = 4;
    image_gauge(&f.image, 2, set.cell)->value = image_stored(1.5);
    image_gauge(&f.image, 7, last.cell)->value = image_stored(2.5);
    *image_common(&f.image, common.cell) = (struct shmeter_gauge_cell){ image_stored(-1), 7 };
    page = f.image.header->records_bytes / 2 / SHMETER_UNIT_BYTES;
    f.image.next_unit = page + 3;
    fixture_series(&f.image, family, "late");
    f.image.state->records_fill.value = UINT64_MAX;
    before = blocks(&f.image);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t_total", "a=far,", 10);
    assert_sample(&f.scene, "t_total", "a=late,", 0);
    assert_sample(&f.scene, "t_seconds_count", "a=wide,", 4);
    assert_sample(&f.scene, "g", "a=set,slot=2,worker=w,", 1.5);
    assert_sample(&f.scene, "g", "a=last,slot=7,", 2.5);
    assert_sample(&f.scene, "l", "", -1);
    assert_int_equal(blocks(&f.image), before);
    fixture_stop(&f);
}

/* A header is all that such a file has. */
static void
a_file_with_a_header_only_is_read_and_gets_no_memory(void **state)
{
    static const struct image_sizes sizes = {
        .lane_shift = 26, .cpu_lanes = 64, .record_chunks = 4096, .gauges = 65536, .slots = 16384
    };
    struct fixture f;
    uint64_t before;
    (void)state;

    image_make(&f.image, &sizes);
    assert_int_equal(
        fallocate(f.image.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, (off_t)f.image.bytes - 4096), 0);
    scene_open_one(&f.scene, f.image.path);
    before = blocks(&f.image);
    scene_scrape(&f.scene);
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->readable, 1);
    assert_int_equal(fixture_status(&f)->slots_free, 16384);
    assert_int_equal(fixture_status(&f)->cells_used, 0);
    assert_int_equal(blocks(&f.image), before);
    fixture_stop(&f);
}

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * A gauge's record has 64 bytes and a slot's word too: a file of few MiB says that there are a thousand million values.
 */
static void
values_that_slots_only_claim_to_have_cost_no_time(void **state)
{
    static const struct image_sizes sizes = { .slots = 16384, .gauges = 1u << 17, .record_chunks = 210 };
    static const struct image_family sum = {
        .type = SHMETER_GAUGE, .mode = SHMETER_SUM, .name = "s", .labels = { "a" }
    };
    struct image_series series = { 0, 0 };
    struct fixture f;
    uint32_t unit, i;
    char value[8];
    double begun, plain;
    (void)state;

    fixture_start(&f, &sizes);
    unit = image_family(&f.image, &sum);
    for (i = 0; i < 100000; i++) {
        snprintf(value, sizeof value, "%u", i);
        series = fixture_series(&f.image, unit, value);
    }
    begun = cpu_seconds();
    scene_scrape(&f.scene);
    plain = cpu_seconds() - begun;
    for (i = 0; i < 16384; i++)
        image_slot(&f.image, i)->backed = UINT64_MAX;
    begun = cpu_seconds();
    scene_scrape(&f.scene);
    assert_true(cpu_seconds() - begun <
                8 * plain); /* plain: a scrape that learns all series. 0.1 of it; each value: 400 */
    assert_int_equal(fixture_status(&f)->series_visible, 100000);
    image_gauge(&f.image, 4711, series.cell)->value = image_stored(2); /* what gets memory is seen */
    image_gauge(&f.image, 16383, series.cell)->aux = image_stored(3);
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "s", "a=99999,", 5);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    fixture_stop(&f);
}

static void
gauges_are_read_in_whatever_order_they_were_registered(void **state)
{
    static const struct image_sizes sizes = { .gauges = 4096 };
    static const uint64_t cells[] = { 700, 3, 4095, 255, 256, 0 };
    struct image_series series[6];
    struct fixture f;
    uint32_t unit, i;
    char value[8], label[16];
    (void)state;

    fixture_start(&f, &sizes);
    unit = image_family(
        &f.image, &(struct image_family){ .type = SHMETER_GAUGE, .mode = SHMETER_MAX, .name = "m", .labels = { "a" } });
    image_own(&f.image, 1, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    for (i = 0; i < 6; i++) {
        snprintf(value, sizeof value, "%u", i);
        f.image.next_gauge = cells[i];
        series[i] = fixture_series(&f.image, unit, value);
        image_gauge(&f.image, 1, series[i].cell)->value = image_stored(i);
        scene_scrape(&f.scene);
    }
    for (i = 0; i < 6; i++) {
        snprintf(label, sizeof label, "a=%u,", i);
        assert_sample(&f.scene, "m", label, i);
    }
    fixture_stop(&f);
}

/* ---- the same sums with holes and without ---- */

static uint64_t
next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    return *random ^= *random << 17;
}

static void
count_in(struct image *image, const struct image_family *family, uint64_t cell, uint32_t lane, uint64_t *random)
{
    const uint64_t n = 1 + next(random) % 1000;
    uint32_t bucket = (uint32_t)(next(random) % (family->bounds_n + 1));

    if (family->type == SHMETER_HISTOGRAM && lane < 3) {
        image_histogram(image, lane, cell)->seq = n;
        image_histogram(image, lane, cell)->rec[n & 1] = (struct shmeter_histogram_record){ bucket, n, 0.5 };
        image_buckets(image, lane, cell)[(bucket + 1) % (family->bounds_n + 1)] = n * 3;
    } else if (family->type == SHMETER_HISTOGRAM) {
        image_shared_buckets(image, 0, cell)[bucket] = (struct shmeter_shared_bucket){ n, 0.25 };
    } else {
        *(lane < 3 ? image_cpu(image, lane, cell)
                   : image_shared(image, 0, cell)) = family->type == SHMETER_COUNTER ? n : image_bits((double)n);
    }
}

static void
fill(struct image *image, uint64_t seed, int whole)
{
    static const struct image_sizes sizes = { .lane_shift = 20, .cpu_lanes = 3, .shared_lanes = 1 };
    static double many[900];
    struct image_family wide = histogram;
    const struct image_family *families[4] = { &counter, &fraction, &histogram, &wide };
    uint64_t random = seed, at;
    uint32_t units[4], i, lane;
    char value[16];

    for (i = 0; i < 900; i++)
        many[i] = i;
    wide.name = "w_seconds";
    wide.bounds = many;
    wide.bounds_n = 900;
    image_make(image, &sizes);
    for (at = 0; whole && at < image->bytes; at += 4096)
        __atomic_fetch_add(image->base + at, 0, __ATOMIC_RELAXED);
    for (i = 0; i < 4; i++)
        units[i] = image_family(image, families[i]);
    for (i = 0; i < 80; i++) {
        uint32_t which = (uint32_t)(next(&random) % 4);
        struct image_series series;
        image->next_cell += next(&random) % 3 * (next(&random) % 1000) * 8;
        snprintf(value, sizeof value, "%u", i);
        series = fixture_series(image, units[which], value);
        for (lane = 0; lane < 4; lane++)
            if (next(&random) % 3)
                count_in(image, families[which], series.cell, lane, &random);
    }
}

static void
lanes_with_holes_add_up_to_what_whole_ones_do(void **state)
{
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 40; seed++) {
        struct fixture f, whole;
        uint64_t before;
        fill(&f.image, seed, 0);
        fill(&whole.image, seed, 1);
        scene_open_one(&f.scene, f.image.path);
        scene_open_one(&whole.scene, whole.image.path);
        before = blocks(&f.image);
        scene_scrape(&f.scene);
        scene_scrape(&whole.scene);
        assert_int_equal(f.scene.parsed.samples_n, whole.scene.parsed.samples_n);
        assert_int_equal(f.scene.text.len, whole.scene.text.len);
        assert_memory_equal(f.scene.text.data, whole.scene.text.data, whole.scene.text.len);
        assert_int_equal(blocks(&f.image), before);
        assert_true(blocks(&whole.image) > 2 * before);
        fixture_stop(&f);
        fixture_stop(&whole);
    }
}

/* ---- keys ---- */

/* Of the nonce's choice the label values would all have one hash, and of the units' choice all families. */
static void
nobody_chooses_where_things_are_in_the_readers_tables(void **state)
{
    static const struct image_sizes sizes = { .record_chunks = 8 };
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;
    struct snapshot *snapshot;
    struct image image;
    uint32_t unit, i, same = 0;
    char value[16];
    (void)state;

    image_make(&image, &sizes);
    image.header->nonce[1] = SHMETER_HASH_A;
    image_seal(&image);
    unit = image_family(&image, &counter);
    for (i = 0; i < 1000; i++) {
        snprintf(value, sizeof value, "%u", i);
        fixture_series(&image, unit, value);
    }
    assert_int_equal(shmeter_reader_open(&reader, image.path, NULL, &error), 0);
    snapshot = snapshot_new(reader);
    assert_int_equal(snapshot_take(snapshot, SNAPSHOT_ALL), 0);
    assert_int_equal(snapshot->labels.used, 1000);
    for (i = 1; i < snapshot->labels.entries_n; i++)
        same += snapshot->labels.entries[i].number && snapshot->labels.entries[i - 1].number &&
                snapshot->labels.entries[i].hash == snapshot->labels.entries[i - 1].hash;
    assert_true(same < 10);
    assert_true(snapshot->key != image.header->nonce[0] && snapshot->key != image.header->nonce[1]);
    assert_int_not_equal(snapshot_hash(snapshot, 1), shmeter_hash_word(0, 1) >> 32);
    snapshot_free(snapshot);
    image_free(&image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_at_the_end_of_a_lane_of_a_gigabyte_costs_what_a_cell_costs),
        cmocka_unit_test(what_all_series_take_is_bounded_by_what_the_file_has),
        cmocka_unit_test(marks_that_lie_give_no_memory_to_holes),
        cmocka_unit_test(a_file_with_a_header_only_is_read_and_gets_no_memory),
        cmocka_unit_test(values_that_slots_only_claim_to_have_cost_no_time),
        cmocka_unit_test(gauges_are_read_in_whatever_order_they_were_registered),
        cmocka_unit_test(lanes_with_holes_add_up_to_what_whole_ones_do),
        cmocka_unit_test(nobody_chooses_where_things_are_in_the_readers_tables),
    };
    return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
