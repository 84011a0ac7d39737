/*
 * Repeated operations leak nothing: opens and closes, families, refusals, segments that cannot be opened or are created
 * again, series that are hidden and come back. After some rounds the address space, the private memory, the descriptors
 * and the fill levels of the segment stay constant, to the byte.
 */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"

#define WARM    1500u /* more than there are slots and series */
#define ROUNDS  3000u
#define THREADS 4u

struct footprint {
    uint64_t address_space_pages, descriptors;
    uint64_t chunk, chunk_used; /* of private memory */
    uint64_t records, cells, gauges;
};

static struct shmeter *meter;
static char opens_path[256], garbage_path[256];
static const char *const labels[] = { "l", NULL };
static const struct shmeter_desc counts = { .type = SHMETER_COUNTER, .name = "counts_total", .labels = labels };
static const struct shmeter_desc sizes = { .type = SHMETER_HISTOGRAM, .name = "sizes", .labels = labels };
static const struct shmeter_desc other_sizes = { .type = SHMETER_SUMMARY, .name = "sizes", .labels = labels };
static const struct shmeter_desc live = { .type = SHMETER_GAUGE, .name = "live", .mode = SHMETER_LIVE_SUM };

static const struct shmeter_options small = { .struct_bytes = sizeof small,
                                              .group = -1,
                                              .lane_bytes = 65536,
                                              .max_series = 64,
                                              .max_slots = 4,
                                              .max_gauges = 8,
                                              .ring_bytes = 4096,
                                              .cpu_lanes = 2,
                                              .shared_lanes = 1 };

static uint64_t
descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t n = 0;

    assert_non_null(folder);
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

static struct footprint
footprint(void)
{
    const struct shmeter_heap_chunk *chunk = (const void *)(uintptr_t)shmeter_process_v3.heap;
    const struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    struct footprint out = { 0 };
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    out.address_space_pages = pages;
    out.descriptors = descriptors();
    out.chunk = shmeter_process_v3.heap;
    out.chunk_used = chunk ? chunk->used : 0;
    if (attachment && attachment->base) {
        out.records = attachment->state->records_fill.value;
        out.cells = attachment->state->cells_fill.value;
        out.gauges = attachment->state->gauges_fill.value;
    }
    return out;
}

static void
expect_flat(void (*round)(uint32_t number))
{
    struct footprint before, after;
    uint32_t i;

    footprint(); /* what stdio takes */
    for (i = 0; i < WARM; i++)
        round(i);
    before = footprint();
    for (; i < WARM + ROUNDS; i++)
        round(i);
    after = footprint();
    assert_int_equal(after.address_space_pages, before.address_space_pages);
    assert_int_equal(after.descriptors, before.descriptors);
    assert_int_equal(after.chunk, before.chunk);
    assert_int_equal(after.chunk_used, before.chunk_used);
    assert_int_equal(after.records, before.records);
    assert_int_equal(after.cells, before.cells);
    assert_int_equal(after.gauges, before.gauges);
}

static void
open_small(const char *name)
{
    assert_int_equal(shmeter_open(&meter, place_path(name), &small), 0);
}

static void
close_and_remove(const char *name)
{
    shmeter_close(meter);
    meter = NULL;
    unlink(place_path(name));
}

/* ---- opens ---- */

static void
open_set_and_close(uint32_t number)
{
    struct shmeter *own;

    if (shmeter_open(&own, opens_path, NULL))
        abort();
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(own, &live)), number);
    shmeter_check(own, "disk", SHMETER_OK, "fine");
    shmeter_heartbeat(own);
    shmeter_close(own);
}

static void
opening_and_closing_takes_nothing(void **state)
{
    (void)state;
    expect_flat(open_set_and_close);
}

static void
open_in_vain(uint32_t number)
{
    const char *const paths[] = { garbage_path, "bad name!", "/dev/shm/no/directory/segment" };
    struct shmeter *own;

    if (!shmeter_open(&own, paths[number % 3], &small))
        abort();
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(own, &counts), "v"));
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(own, &sizes), "v"), 1);
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(own, &live)), 1);
    shmeter_check(own, "disk", SHMETER_OK, "fine");
    shmeter_attach_worker(own);
    shmeter_close(own);
}

static void
write_garbage(const char *name)
{
    FILE *file = fopen(place_path(name), "we");

    assert_non_null(file);
    fputs("no segment", file);
    fclose(file);
}

static void
opening_in_vain_takes_nothing(void **state)
{
    (void)state;
    write_garbage("garbage");
    expect_flat(open_in_vain);
}

static void
look_up_a_new_one(uint32_t number)
{
    char value[16];

    snprintf(value, sizeof value, "%u", number); /* past max_series most go to __overflow__ */
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counts), value));
}

/*
 * What has the segment's name by now is none, or another user's, or may be written by all: lookups look at it, and stay
 * where they are.
 */
static void
a_successor_that_cannot_be_had_takes_nothing(void **state)
{
    (void)state;
    open_small("successor");
    unlink(place_path("successor"));
    write_garbage("successor");
    expect_flat(look_up_a_new_one);
    assert_int_equal(chmod(place_path("successor"), 0666), 0);
    expect_flat(look_up_a_new_one);
    close_and_remove("successor");
}

/* ---- families ---- */

static void
open_families(uint32_t number)
{
    static const char *const reserved[] = { "__l", NULL };
    static const struct shmeter_desc bad = { .type = SHMETER_COUNTER, .name = "bad_total", .labels = reserved };
    static const struct shmeter_desc info = { .type = SHMETER_INFO, .name = "info", .labels = labels };

    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &sizes), "v"), number);
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &other_sizes), "v"), number);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &bad), "v"));
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counts))); /* the number of values is wrong */
    shmeter_info_replace_v(shmeter_family(meter, &info), (const char *const[]){ number % 2 ? "a" : "b" }, 1, 0);
    shmeter_family_forget(meter, "sizes");
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &other_sizes), "v"), number);
    shmeter_family_forget(meter, "sizes");
}

static void
families_opened_refused_and_given_up_take_nothing(void **state)
{
    (void)state;
    open_small("families");
    expect_flat(open_families);
    assert_non_null(strstr(shmeter_error(meter), "counts_total"));
    close_and_remove("families");
}

static void
hide_and_come_back(uint32_t number)
{
    const struct shmeter_family *family = shmeter_family(meter, &live);

    shmeter_gauge_set(shmeter_gauge_of(family), number);
    shmeter_hide_all(family);
}

static void
a_gauge_that_is_hidden_and_comes_back_takes_nothing(void **state)
{
    (void)state;
    open_small("hide");
    expect_flat(hide_and_come_back);
    close_and_remove("hide");
}

/* ---- what is used up ---- */

static const struct shmeter_family *refused;

static void
look_up_in_vain(uint32_t number)
{
    char value[200];

    memset(value, 'v', sizeof value);
    snprintf(value + number % 150, sizeof value - 150, "%u", number); /* records of many sizes */
    shmeter_counter_inc(shmeter_counter_of(refused, value));
}

static void
look_up_histogram_in_vain(uint32_t number)
{
    char value[200];

    memset(value, 'v', sizeof value);
    snprintf(value + number % 150, sizeof value - 150, "%u", number);
    shmeter_histogram_observe(shmeter_histogram_of(refused, value), 1);
}

static void
a_family_that_found_the_index_full_takes_nothing(void **state)
{
    char name[32];
    uint32_t i;

    (void)state;
    open_small("index");
    for (i = 0; !*shmeter_error(meter); i++) {
        struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = name, .labels = labels };
        assert_true(i < 100000);
        snprintf(name, sizeof name, "f%u_total", i);
        refused = shmeter_family(meter, &desc);
    }
    assert_non_null(strstr(shmeter_error(meter), "no room for the family"));
    expect_flat(look_up_in_vain);
    close_and_remove("index");
}

/* Histograms until no cell is left for one of them; a counter's would be there. */
static void
a_series_that_found_the_cells_used_up_takes_nothing(void **state)
{
    static double many[1000];
    static const struct shmeter_desc wide = {
        .type = SHMETER_HISTOGRAM, .name = "wide", .labels = labels, .bounds = many, .bounds_len = 1000
    };
    char value[16];
    uint32_t i;

    (void)state;
    for (i = 0; i < 1000; i++)
        many[i] = i;
    open_small("cells");
    refused = shmeter_family(meter, &wide);
    for (i = 0; !*shmeter_error(meter); i++) {
        assert_true(i < 1000);
        snprintf(value, sizeof value, "%u", i);
        shmeter_histogram_observe(shmeter_histogram_of(refused, value), 1);
    }
    assert_non_null(strstr(shmeter_error(meter), "no room for a series"));
    expect_flat(look_up_histogram_in_vain);
    close_and_remove("cells");
}

static void
a_series_that_found_the_records_used_up_takes_nothing(void **state)
{
    (void)state;
    open_small("records");
    shmeter_meter_attachment(meter)->state->records_fill.value = shmeter_meter_attachment(meter)->header.records_bytes;
    refused = shmeter_family(meter, &counts);
    expect_flat(look_up_in_vain);
    close_and_remove("records");
}

/* ---- threads ---- */

static pthread_barrier_t barrier;

static void *
do_everything(void *argument)
{
    uint32_t i;

    (void)argument;
    pthread_barrier_wait(&barrier); /* all have their stacks */
    for (i = 0; i < ROUNDS; i++) {
        open_set_and_close(i);
        open_in_vain(i);
        open_families(i);
        shmeter_check(meter, "threads", (enum shmeter_health)(i % 3), "one of them");
    }
    return NULL;
}

static void
run_threads(void)
{
    pthread_t threads[THREADS];
    uint32_t i;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, do_everything, NULL), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* How many pieces there are depends on how many threads hold one at a time, not on how often. */
static void
threads_take_no_more_than_they_hold_at_one_time(void **state)
{
    struct footprint before, after;

    (void)state;
    open_small("threads");
    run_threads(); /* stacks are kept by libc */
    before = footprint();
    run_threads();
    after = footprint();
    assert_int_equal(after.records, before.records);
    assert_in_range(after.address_space_pages, 0, before.address_space_pages + 64);
    close_and_remove("threads");
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_and_closing_takes_nothing),
        cmocka_unit_test(opening_in_vain_takes_nothing),
        cmocka_unit_test(a_successor_that_cannot_be_had_takes_nothing),
        cmocka_unit_test(families_opened_refused_and_given_up_take_nothing),
        cmocka_unit_test(a_gauge_that_is_hidden_and_comes_back_takes_nothing),
        cmocka_unit_test(a_family_that_found_the_index_full_takes_nothing),
        cmocka_unit_test(a_series_that_found_the_cells_used_up_takes_nothing),
        cmocka_unit_test(a_series_that_found_the_records_used_up_takes_nothing),
        cmocka_unit_test(threads_take_no_more_than_they_hold_at_one_time),
    };

    snprintf(opens_path, sizeof opens_path, "%s", place_path("opens"));
    snprintf(garbage_path, sizeof garbage_path, "%s", place_path("garbage"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("leaks", body);
}
