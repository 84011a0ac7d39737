/*
 * Limits that are reached, and families that cannot be had: the program is told, in one true sentence, once for each
 * family and limit, and learns of each family whether it counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/sentence.h"
#include "tests/tools/values.h"

static const char *const labels[] = { "a", NULL };

static struct shmeter *
open_meter(const char *name, struct shmeter_options options)
{
    struct shmeter *meter;

    assert_int_equal(shmeter_open(&meter, place_path(name), &options), 0);
    assert_string_equal(shmeter_error(meter), "");
    return meter;
}

static uint64_t
said(const struct shmeter *meter)
{
    return shmeter_load_relaxed(&meter->messages_n);
}

/* Looks up n label sets of a counter, from this number on, and counts each. */
static void
count_sets(const struct shmeter_family *family, uint32_t from, uint32_t n)
{
    char value[16];

    for (; n--; from++) {
        snprintf(value, sizeof value, "%u", from);
        shmeter_counter_inc(shmeter_counter_of(family, value));
    }
}

static void
each_metric_without_labels_that_has_no_room_is_told_of(void **state)
{
    struct shmeter *meter = open_meter("unlabelled", (struct shmeter_options)SHMETER_OPTIONS(.max_series = 256));
    struct exposition *store = values_new(place_path("unlabelled"));
    struct shmeter_desc desc = { .type = SHMETER_COUNTER };
    char name[32];
    uint32_t i, told = 0;
    (void)state;

    for (i = 0; i < 300; i++) {
        const struct shmeter_family *family;
        uint64_t before = said(meter);
        snprintf(name, sizeof name, "limit_%u_total", i);
        desc.name = name;
        family = shmeter_family(meter, &desc);
        assert_int_equal(shmeter_family_result(family), 0);
        shmeter_counter_inc(shmeter_counter_of(family));
        if (said(meter) != before) {
            expect_sentence(meter, name, "the segment has all the series that it may");
            expect_sentence(meter, name, "not exposed, and counts in this process alone");
            told++;
        }
        before = said(meter);
        shmeter_counter_inc(shmeter_counter_of(family));
        assert_int_equal(said(meter), before);
        values_take(store);
        assert_int_equal(model_find(store->model, name) != NULL, i < 256);
    }
    assert_int_equal(told, 44);
    shmeter_close(meter);
    exposition_free(store);
}

static void
each_limit_is_told_of_once_for_a_family(void **state)
{
    static const struct shmeter_desc first = { .type = SHMETER_COUNTER, .name = "first_total", .labels = labels },
                                     second = { .type = SHMETER_COUNTER, .name = "second_total", .labels = labels };
    struct shmeter *meter = open_meter(
        "labelled", (struct shmeter_options)SHMETER_OPTIONS(.max_series = 64, .max_family_series = 10));
    struct exposition *store = values_new(place_path("labelled"));
    const struct shmeter_family *family = shmeter_family(meter, &first);
    uint64_t before;
    (void)state;

    count_sets(family, 0, 10);
    assert_string_equal(shmeter_error(meter), "");
    count_sets(family, 10, 90);
    assert_int_equal(said(meter), 1);
    expect_sentence(meter, "first_total", "the family has all the series that it may");
    expect_sentence(meter, "first_total", "counts in the series whose label values are __overflow__");
    family = shmeter_family(meter, &second);
    before = said(meter);
    count_sets(family, 0, 30);
    assert_int_equal(said(meter), before + 1);
    expect_sentence(meter, "second_total", "the family has all");
    values_take(store);
    assert_true(values_number(store, "first_total", "__overflow__") == 90);
    assert_true(values_number(store, "second_total", "__overflow__") == 20);
    shmeter_close(meter);
    exposition_free(store);
}

/* Another process has gone past the limit before: this one is told too. */
static void
each_process_is_told(void **state)
{
    static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "common_total", .labels = labels };
    struct shmeter_options options = SHMETER_OPTIONS(.max_family_series = 10);
    uint32_t i;
    (void)state;

    for (i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (!pid) {
            struct shmeter *meter = open_meter("processes", options);
            count_sets(shmeter_family(meter, &desc), 100 * i, 30);
            expect_sentence(meter, "common_total", "the family has all the series");
            _exit(said(meter) != 1);
        }
        assert_int_equal(place_wait(pid), 0);
    }
}

static void
gauges_that_are_used_up_are_told_of(void **state)
{
    static const struct shmeter_desc labelled = { .type = SHMETER_GAUGE, .name = "many", .labels = labels },
                                     alone = { .type = SHMETER_GAUGE, .name = "alone" };
    struct shmeter *meter = open_meter("gauges", (struct shmeter_options)SHMETER_OPTIONS(.max_gauges = 4));
    const struct shmeter_family *family = shmeter_family(meter, &labelled);
    char value[16];
    uint32_t i;
    (void)state;

    for (i = 0; i < 20; i++) {
        snprintf(value, sizeof value, "%u", i);
        shmeter_gauge_set(shmeter_gauge_of(family, value), 1);
    }
    expect_sentence(meter, "many", "the segment is used up");
    expect_sentence(meter, "many", "__overflow__");
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &alone)), 1);
    expect_sentence(meter, "alone", "in this process alone");
    shmeter_close(meter);
}

static void
a_program_learns_of_each_family_whether_it_counts(void **state)
{
    static const struct shmeter_desc bad = { .type = SHMETER_COUNTER, .name = "bad\tname" },
                                     good = { .type = SHMETER_COUNTER, .name = "good_total" },
                                     other = { .type = SHMETER_GAUGE, .name = "good_total" },
                                     third = { .type = SHMETER_GAUGE, .name = "third" };
    struct shmeter *meter = open_meter("families", (struct shmeter_options)SHMETER_OPTIONS(.mode = 0600)), *detached;
    const struct shmeter_family *family;
    (void)state;

    assert_int_equal(shmeter_family_result(shmeter_family(meter, &bad)), -EINVAL);
    expect_sentence(meter, "bad", "no metric name");
    assert_int_equal(shmeter_family_result(shmeter_family(meter, &good)), 0);
    assert_string_equal(shmeter_error(meter), "");
    family = shmeter_family(meter, &other);
    assert_int_equal(shmeter_family_result(family), -EEXIST);
    expect_sentence(meter, "good_total", "another type");
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &good), "too many")); /* another error, which stays */
    expect_sentence(meter, "good_total", "number of label values");
    assert_int_equal(shmeter_family_result(shmeter_family(meter, &third)), 0);
    expect_sentence(meter, "good_total", "number of label values");
    shmeter_family_forget(meter, "good_total");
    assert_int_equal(shmeter_family_result(shmeter_family(meter, &other)), 0);
    assert_int_equal(shmeter_family_result(NULL), -ENOMEM);
    shmeter_close(meter);

    assert_int_not_equal(shmeter_open(&detached, "no such name", NULL), 0);
    family = shmeter_family(detached, &good);
    assert_int_equal(shmeter_family_result(family), -ENOTCONN);
    expect_sentence(detached, "no such name", "no segment's name");
}

static void
families_for_which_there_is_no_room_say_so_until_there_is_one_that_has_it(void **state)
{
    struct shmeter *meter = open_meter("full", (struct shmeter_options)SHMETER_OPTIONS(.max_series = 1));
    struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "kept_total" };
    const struct shmeter_family *first = shmeter_family(meter, &desc), *family;
    char name[190];
    uint32_t i;
    (void)state;

    for (i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "full_%0170u_total", i);
        desc.name = name;
        family = shmeter_family(meter, &desc);
        if (shmeter_family_result(family))
            break;
        assert_string_equal(shmeter_error(meter), "");
    }
    assert_int_equal(shmeter_family_result(family), -ENOSPC);
    expect_sentence(meter, name, "no room for the family");
    desc.name = "kept_total";
    assert_ptr_equal(shmeter_family(meter, &desc), first);
    assert_int_equal(shmeter_family_result(first), 0);
    assert_string_equal(shmeter_error(meter), "");
    shmeter_close(meter);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_metric_without_labels_that_has_no_room_is_told_of),
        cmocka_unit_test(each_limit_is_told_of_once_for_a_family),
        cmocka_unit_test(each_process_is_told),
        cmocka_unit_test(gauges_that_are_used_up_are_told_of),
        cmocka_unit_test(a_program_learns_of_each_family_whether_it_counts),
        cmocka_unit_test(families_for_which_there_is_no_room_say_so_until_there_is_one_that_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("limits", body);
}
