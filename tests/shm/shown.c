/*
 * Whether a series or an info is exposed: the answer, whichever process registered it, and how much of the segment is
 * read for it, counted by hooked atomics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/place.h"

#define SERIES 1000u
#define READS_OF_RECORD \
    12u /* its head, its hash, its state, its place in the index, and how far records go                     */
#define READS_OF_ONE \
    100u /* of a lookup by the index, with some collisions                                                      */

static uint64_t accesses;

static void
before_access(void)
{
    accesses++;
}

static const char *const none[] = { NULL }, *const version[] = { "version", NULL },
                         *const more[] = { "version", "commit", NULL };
static const char *const values[] = { "1", "c0ffee" }, *const others[] = { "2", "c0ffee" };

static struct shmeter *
fresh(const char *name)
{
    struct shmeter_options options;
    struct shmeter *meter;

    memset(&options, 0, sizeof options);
    options.struct_bytes = sizeof options;
    options.group = -1;
    options.max_series = 4 * SERIES;
    options.max_family_series = 2 * SERIES;
    unlink(place_path(name));
    assert_int_equal(shmeter_open(&meter, place_path(name), &options), 0);
    return meter;
}

static const struct shmeter_family *
family(struct shmeter *meter, enum shmeter_type type, const char *name, const char *const *labels)
{
    struct shmeter_desc desc;

    memset(&desc, 0, sizeof desc);
    desc.type = type;
    desc.name = name;
    desc.labels = labels;
    return shmeter_family(meter, &desc);
}

/* A family of so many series, each with some values. */
static void
fill(struct shmeter *meter, enum shmeter_type type, const char *name, uint32_t n)
{
    const struct shmeter_family *of = family(meter, type, name, version);
    char text[16];
    uint32_t i;

    for (i = 0; i < n; i++) {
        const char *const value = text;
        snprintf(text, sizeof text, "%u", i);
        if (type == SHMETER_HISTOGRAM)
            shmeter_histogram_observe(shmeter_histogram_of_v(of, &value, 1), i);
        else
            shmeter_counter_inc(shmeter_counter_of_v(of, &value, 1));
    }
}

static void
an_info_is_shown_from_its_first_use_until_it_is_hidden(void **state)
{
    struct shmeter *meter = fresh("info");
    const struct shmeter_family *plain = family(meter, SHMETER_INFO, "build_info", version);
    const struct shmeter_family *longer = family(meter, SHMETER_INFO, "build_info", more);
    (void)state;

    assert_false(shmeter_info_shown_v(plain, NULL, 0));
    shmeter_info_of_v(longer, values, 2);
    assert_true(shmeter_info_shown_v(plain, NULL, 0)); /* though another family has it */
    assert_true(shmeter_info_shown_v(plain, values, 1));
    assert_false(shmeter_info_shown_v(plain, others, 1));
    assert_false(shmeter_info_shown_v(family(meter, SHMETER_INFO, "other_info", version), NULL, 0));
    shmeter_info_hide_v(plain, values, 1);
    assert_false(shmeter_info_shown_v(plain, NULL, 0));
    shmeter_info_replace_v(plain, others, 1, 0);
    assert_true(shmeter_info_shown_v(longer, NULL, 0));
    assert_false(shmeter_info_shown_v(NULL, NULL, 0));
    assert_false(shmeter_info_shown_v(plain, values, 2)); /* it has one label */
    assert_false(shmeter_info_shown_v(family(meter, SHMETER_COUNTER, "no_info_total", none), NULL, 0));
    shmeter_close(meter);
}

static void
a_series_is_shown_from_its_first_use_until_it_is_hidden(void **state)
{
    static const char *const wrong[] = { NULL, NULL };
    struct shmeter *meter = fresh("series");
    const struct shmeter_family *counters = family(meter, SHMETER_COUNTER, "pairs_total", more);
    (void)state;

    assert_false(shmeter_shown_v(counters, values, 2));
    shmeter_counter_of_v(counters, values, 2);
    assert_true(shmeter_shown_v(counters, values, 2));
    assert_false(shmeter_shown_v(counters, others, 2)); /* and asking has not made it */
    assert_false(shmeter_shown_v(counters, others, 2));
    assert_false(shmeter_shown_v(counters, values, 1));
    assert_false(shmeter_shown_v(counters, wrong, 2));
    assert_false(shmeter_shown_v(NULL, values, 2));
    shmeter_hide_v(counters, values, 2);
    assert_false(shmeter_shown_v(counters, values, 2));
    shmeter_counter_of_v(counters, values, 2);
    assert_true(shmeter_shown_v(counters, values, 2));
    shmeter_close(meter);
    assert_false(shmeter_shown_v(NULL, NULL, 0));
}

static void
asking_for_an_info_reads_each_record_and_no_values(void **state)
{
    struct shmeter *meter = fresh("records");
    const struct shmeter_family *info = family(meter, SHMETER_INFO, "build_info", version);
    (void)state;

    fill(meter, SHMETER_COUNTER, "c_total", SERIES);
    fill(meter, SHMETER_HISTOGRAM, "h", SERIES); /* has a dozen buckets in each lane */
    accesses = 0;
    assert_false(shmeter_info_shown_v(info, NULL, 0));
    assert_in_range(accesses, 2 * 2 * SERIES, (uint64_t)READS_OF_RECORD * (2 * SERIES + 3));
    shmeter_info_of_v(info, values, 1);
    assert_true(shmeter_info_shown_v(info, NULL, 0));
    shmeter_close(meter);
}

static void
asking_for_a_series_reads_what_a_lookup_does_however_many_there_are(void **state)
{
    struct shmeter *meter = fresh("lookup");
    const struct shmeter_family *counters;
    (void)state;

    fill(meter, SHMETER_COUNTER, "c_total", SERIES);
    counters = family(meter, SHMETER_COUNTER, "c_total", version);
    accesses = 0;
    assert_true(shmeter_shown_v(counters, values, 1));
    assert_false(shmeter_shown_v(counters, values + 1, 1));
    assert_in_range(accesses, 2, 2 * READS_OF_ONE);
    shmeter_close(meter);
}

static int
run(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_info_is_shown_from_its_first_use_until_it_is_hidden),
        cmocka_unit_test(a_series_is_shown_from_its_first_use_until_it_is_hidden),
        cmocka_unit_test(asking_for_an_info_reads_each_record_and_no_values),
        cmocka_unit_test(asking_for_a_series_reads_what_a_lookup_does_however_many_there_are),
    };
    return cmocka_run_group_tests_name("shown", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("shown", run);
}
