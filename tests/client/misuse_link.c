/*
 * A program built with SHMETER_LINK against libshmeter.so, and one that calls the library's symbols through a
 * foreign-function interface; handles that are zeroed, detached or closed; and a process that opens and closes for
 * ever.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

#define REOPENED 10000

static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "linked_total" };
static const struct shmeter_desc fractions = { .type = SHMETER_COUNTER_F64, .name = "linked_seconds_total" };
static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "linked", .mode = SHMETER_SUM };
static const struct shmeter_desc histograms = { .type = SHMETER_HISTOGRAM, .name = "linked_seconds" };
static const char *interpreter, *foreign_script, *library;

struct handles {
    struct shmeter_counter counter;
    struct shmeter_counter_f64 fraction;
    struct shmeter_gauge gauge;
    struct shmeter_histogram histogram;
};

static struct handles
handles_of(struct shmeter *meter)
{
    struct handles h;
    h.counter = shmeter_counter_of(shmeter_family(meter, &counters));
    h.fraction = shmeter_counter_f64_of(shmeter_family(meter, &fractions));
    h.gauge = shmeter_gauge_of(shmeter_family(meter, &gauges));
    h.histogram = shmeter_histogram_of(shmeter_family(meter, &histograms));
    return h;
}

static void
update(const struct handles *h)
{
    shmeter_counter_inc(h->counter);
    shmeter_counter_f64_add(h->fraction, 0.5);
    shmeter_gauge_set(h->gauge, 2);
    shmeter_gauge_add(h->gauge, 1);
    shmeter_histogram_observe(h->histogram, 0.25);
    shmeter_histogram_observe_since(h->histogram, 0);
}

static void
a_program_linked_to_the_library_counts_exactly(void **state)
{
    const char *segment = place_path("linked");
    struct exposition *store = values_new(segment);
    struct shmeter *meter;
    struct handles h;
    int i;
    (void)state;
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    h = handles_of(meter);
    for (i = 0; i < 1000; i++)
        update(&h);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "linked_total", NULL) == 1000);
    assert_true(values_number(store, "linked_seconds_total", NULL) == 500);
    assert_true(values_number(store, "linked", NULL) == 3);
    assert_int_equal(values_count(store, "linked_seconds", NULL), 2000);
    shmeter_close(meter);
    exposition_free(store);
}

static void
a_foreign_function_interface_counts_exactly(void **state)
{
    const char *segment = place_path("foreign");
    struct exposition *store = values_new(segment);
    pid_t child = fork();
    (void)state;
    if (!child) {
        execl(interpreter, interpreter, foreign_script, library, segment, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(place_wait(child), 0);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "foreign_total", "a") == 1003);
    assert_true(values_sum(store, "foreign_seconds", NULL) == 500);
    assert_int_equal(values_count(store, "foreign_seconds", NULL), 1000);
    exposition_free(store);
}

static void
zeroed_handles_are_safe(void **state)
{
    struct handles h;
    (void)state;
    memset(&h, 0, sizeof h);
    update(&h);
    shmeter_gauge_sub(h.gauge, 1);
    h = handles_of(NULL);
    update(&h);
    shmeter_heartbeat(NULL);
    shmeter_busy(NULL);
    shmeter_idle(NULL);
    shmeter_check(NULL, "x", SHMETER_OK, "y");
    shmeter_hide_all(NULL);
    shmeter_hide_v(NULL, NULL, 0);
    shmeter_info_of_v(NULL, NULL, 0);
    shmeter_close(NULL);
    assert_true(shmeter_attach_worker(NULL) < 0);
    assert_true(shmeter_seconds_since(NULL, shmeter_ticks(NULL)) >= 0);
    assert_non_null(shmeter_error(NULL));
}

static void
updates_after_close_are_safe_and_counted_but_for_gauges(void **state)
{
    const char *segment = place_path("closed");
    struct exposition *store = values_new(segment);
    struct shmeter *meter;
    struct handles h;
    (void)state;
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    h = handles_of(meter);
    update(&h);
    shmeter_close(meter);
    shmeter_close(meter); /* once too often */
    shmeter_gauge_set(h.gauge, 100);
    update(&h);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "linked_total", NULL) == 2);
    assert_true(values_number(store, "linked_seconds_total", NULL) == 1);
    assert_int_equal(values_count(store, "linked_seconds", NULL), 4);
    assert_true(values_number(store, "linked", NULL) == 3);
    assert_int_equal(values_take(store)->slots_live, 0);
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0); /* and comes back */
    shmeter_gauge_add(h.gauge, 1);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "linked", NULL) == 4);
    assert_int_equal(values_take(store)->slots_live, 1);
    shmeter_close(meter);
    exposition_free(store);
}

static unsigned
lines_of(const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned n = 0;
    int c;
    assert_non_null(file);
    while ((c = getc(file)) != EOF)
        n += c == '\n';
    fclose(file);
    return n;
}

/* Of all mappings; neighbours can be one line of maps. */
static long
pages_mapped(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = -1;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages;
}

static unsigned
descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned n = 0;
    assert_non_null(directory);
    while (readdir(directory))
        n++;
    closedir(directory);
    return n;
}

/* Opens a segment that can be had and one that cannot, uses both, closes both. */
static void
open_and_close(const char *segment, const char *missing)
{
    struct shmeter *meter, *detached;
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counters)));
    shmeter_heartbeat(meter);
    assert_true(shmeter_open(&detached, missing, NULL) < 0);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(detached, &counters)));
    shmeter_close(detached);
    shmeter_close(meter);
}

static void
opening_and_closing_leaks_no_mapping_and_no_descriptor(void **state)
{
    const char *segment = place_path("reopened"), *missing = place_path("no/such/directory");
    struct exposition *store = values_new(segment);
    unsigned maps, fds, i;
    long pages;
    (void)state;
    open_and_close(segment, missing);
    maps = lines_of("/proc/self/maps");
    fds = descriptors();
    pages = pages_mapped();
    for (i = 0; i < REOPENED; i++)
        open_and_close(segment, missing);
    assert_int_equal(lines_of("/proc/self/maps"), maps);
    assert_int_equal(pages_mapped(), pages);
    assert_int_equal(descriptors(), fds);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "linked_total", NULL) == REOPENED + 1);
    assert_int_equal(values_take(store)->slots_live, 0);
    exposition_free(store);
}

/* As a program does whose header is of another release: it knows less of a description, or more. */
static void
a_description_of_another_release_is_taken_by_its_size(void **state)
{
    static const double bounds[] = { 1, 2 };
    struct {
        struct shmeter_desc known;
        uint64_t more[2];
    } desc = { { .type = SHMETER_HISTOGRAM, .name = "earlier_seconds", .bounds = bounds, .bounds_len = 2 }, { 0, 0 } };
    struct exposition *store = values_new(place_path("sizes"));
    struct shmeter *meter;
    (void)state;

    assert_int_equal(shmeter_open(&meter, place_path("sizes"), NULL), 0);
    desc.known.max_series = desc.known.by_pid = 0xdeadbeef; /* what stands behind a description that ends before it */
    shmeter_histogram_observe(
        shmeter_histogram_of(shmeter_family_sized(meter, &desc.known, offsetof(struct shmeter_desc, max_series))), 1.5);
    assert_string_equal(shmeter_error(meter), "");
    desc.known.max_series = desc.known.by_pid = 0;
    desc.known.name = "later_seconds";
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family_sized(meter, &desc.known, sizeof desc)), 1.5);
    assert_string_equal(shmeter_error(meter), "");
    desc.known.name = "refused_seconds";
    desc.more[1] = 1;
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family_sized(meter, &desc.known, sizeof desc)), 1.5);
    assert_non_null(strstr(shmeter_error(meter), "does not know"));
    assert_non_null(values_take(store));
    assert_int_equal(values_count(store, "earlier_seconds", NULL), 1);
    assert_int_equal(values_count(store, "later_seconds", NULL), 1);
    shmeter_close(meter);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_linked_to_the_library_counts_exactly),
        cmocka_unit_test(a_foreign_function_interface_counts_exactly),
        cmocka_unit_test(a_description_of_another_release_is_taken_by_its_size),
        cmocka_unit_test(zeroed_handles_are_safe),
        cmocka_unit_test(updates_after_close_are_safe_and_counted_but_for_gauges),
        cmocka_unit_test(opening_and_closing_leaks_no_mapping_and_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: misuse_link PYTHON FOREIGN_SCRIPT LIBSHMETER\n");
        return 2;
    }
    interpreter = argv[1];
    foreign_script = argv[2];
    library = argv[3];
    return place_run("link", body);
}
