/*
 * Series are registered, hidden and refused: limits of a family and of the segment, hiding, re-creation of the segment,
 * and records whose maker died. Totals stay right throughout.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

static const char *const labels[] = { "who", NULL };
static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "who_total", .labels = labels };
static const struct shmeter_desc gauges = {
    .type = SHMETER_GAUGE, .name = "who_now", .labels = labels, .mode = SHMETER_LIVE_SUM
};
static const struct shmeter_desc histograms = { .type = SHMETER_HISTOGRAM, .name = "who_seconds", .labels = labels };

static double
total_of(struct exposition *store, const char *family_name)
{
    const struct model_family *family = model_find(store->model, family_name);
    double total = 0;
    uint32_t i;
    for (i = 0; family && i < family->series_n; i++)
        if (family->series[i].present)
            total += model_number(store->model, &family->series[i]);
    return total;
}

/* Adds 2 to each of n series named by number. */
static void
add_to(const struct shmeter_family *family, uint32_t n)
{
    char name[16];
    uint32_t i;
    for (i = 0; i < n; i++) {
        snprintf(name, sizeof name, "w%u", i);
        shmeter_counter_add(shmeter_counter_of(family, name), 2);
    }
}

static void
past_its_limit_a_family_counts_in_one_series(void **state)
{
    struct shmeter_desc few = counters;
    const struct segment_status *status;
    struct exposition *store = values_new(place_path("family"));
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("family"), NULL), 0);
    few.max_series = 10;
    add_to(shmeter_family(meter, &few), 25);
    status = values_take(store);
    assert_non_null(status);
    assert_true(values_number(store, "who_total", "w9") == 2);
    assert_null(values_series(store, "who_total", "w10"));
    assert_true(values_number(store, "who_total", "__overflow__") == 30);
    assert_true(total_of(store, "who_total") == 50);
    assert_int_equal(status->losses[SHMETER_LOSS_SERIES_OVERFLOWED], 15);
    assert_int_equal(status->losses[SHMETER_LOSS_SERIES_REFUSED], 0);
    add_to(shmeter_family(meter, &few), 10); /* those that exist go on as before */
    status = values_take(store);
    assert_true(values_number(store, "who_total", "w9") == 4);
    assert_true(total_of(store, "who_total") == 70);
    assert_int_equal(status->losses[SHMETER_LOSS_SERIES_OVERFLOWED], 15);
    shmeter_close(meter);
    exposition_free(store);
}

static void
a_family_within_its_limit_shows_no_overflow_series(void **state)
{
    struct exposition *store = values_new(place_path("within"));
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("within"), NULL), 0);
    add_to(shmeter_family(meter, &counters), 10);
    assert_non_null(values_take(store));
    assert_null(values_series(store, "who_total", "__overflow__"));
    assert_int_equal(store_status(store->store, 0)->series_used, 10);
    shmeter_close(meter);
    exposition_free(store);
}

static void
past_the_segments_limit_every_family_overflows(void **state)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1, .max_series = 20 };
    struct shmeter_desc other = counters;
    const struct segment_status *status;
    struct exposition *store = values_new(place_path("segment"));
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("segment"), &options), 0);
    add_to(shmeter_family(meter, &counters), 15);
    other.name = "other_total";
    add_to(shmeter_family(meter, &other), 15);
    status = values_take(store);
    assert_non_null(status);
    assert_true(total_of(store, "who_total") == 30);
    assert_true(total_of(store, "other_total") == 30);
    assert_true(values_number(store, "other_total", "__overflow__") == 20);
    assert_int_equal(status->losses[SHMETER_LOSS_SERIES_REFUSED], 10);
    assert_int_equal(status->series_used, 20);
    assert_int_equal(status->series_capacity, 20);
    shmeter_close(meter);
    exposition_free(store);
}

static void
lanes_that_are_used_up_overflow_too(void **state)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1, .lane_bytes = 32768 };
    struct exposition *store = values_new(place_path("lanes"));
    const struct shmeter_family *family;
    struct shmeter *meter;
    char name[16];
    uint32_t i;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("lanes"), &options), 0);
    family = shmeter_family(meter, &histograms);
    for (i = 0; i < 400; i++) { /* of 64 + 12 * 8 bytes each */
        snprintf(name, sizeof name, "w%u", i);
        shmeter_histogram_observe(shmeter_histogram_of(family, name), 1);
    }
    assert_non_null(values_take(store));
    assert_true(values_count(store, "who_seconds", "__overflow__") > 100);
    assert_int_equal(values_count(store, "who_seconds", "__overflow__"),
                     store_status(store->store, 0)->losses[SHMETER_LOSS_SERIES_REFUSED]);
    assert_int_equal(
        store_status(store->store, 0)->series_visible - 1 + values_count(store, "who_seconds", "__overflow__"), 400);
    assert_non_null(strstr(shmeter_error(meter), "who_seconds"));
    assert_non_null(strstr(shmeter_error(meter), "used up"));
    shmeter_close(meter);
    exposition_free(store);
}

static void
a_hidden_counter_leaves_and_comes_back_at_zero(void **state)
{
    const char *values[] = { "a" };
    struct exposition *store = values_new(place_path("hide"));
    const struct shmeter_family *family;
    struct shmeter_counter old, fresh;
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("hide"), NULL), 0);
    family = shmeter_family(meter, &counters);
    old = shmeter_counter_of(family, "a");
    shmeter_counter_add(old, 5);
    shmeter_counter_add(shmeter_counter_of(family, "b"), 7);
    shmeter_hide_v(family, values, 1);
    assert_non_null(values_take(store));
    assert_null(values_series(store, "who_total", "a"));
    assert_true(values_number(store, "who_total", "b") == 7);
    shmeter_counter_inc(old); /* safe, and unseen */
    fresh = shmeter_counter_of(family, "a");
    shmeter_counter_add(fresh, 2);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "who_total", "a") == 2);
    assert_int_equal(store_status(store->store, 0)->losses[SHMETER_LOSS_SERIES_RENEWED], 0);
    shmeter_hide_all(family);
    assert_non_null(values_take(store));
    assert_null(values_series(store, "who_total", "a"));
    assert_null(values_series(store, "who_total", "b"));
    shmeter_hide_v(family, values, 1); /* once more, and what never was: nothing happens */
    values[0] = "never";
    shmeter_hide_v(family, values, 1);
    shmeter_hide_v(family, values, 0);
    shmeter_close(meter);
    exposition_free(store);
}

static void
a_hidden_gauge_is_unset_and_comes_back_without_new_cells(void **state)
{
    const char *values[] = { "a" };
    struct exposition *store = values_new(place_path("unset"));
    const struct shmeter_family *family;
    uint64_t used;
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("unset"), NULL), 0);
    family = shmeter_family(meter, &gauges);
    shmeter_gauge_set(shmeter_gauge_of(family, "a"), 5);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "who_now", "a") == 5);
    used = store_status(store->store, 0)->gauges_used;
    shmeter_hide_v(family, values, 1);
    assert_non_null(values_take(store));
    assert_null(values_series(store, "who_now", "a"));
    shmeter_quiescent(meter);
    shmeter_gauge_of(family, "a"); /* back, but not set */
    assert_non_null(values_take(store));
    assert_null(values_series(store, "who_now", "a"));
    shmeter_gauge_add(shmeter_gauge_of(family, "a"), 1);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "who_now", "a") == 1);
    assert_int_equal(store_status(store->store, 0)->gauges_used, used);
    assert_int_equal(store_status(store->store, 0)->losses[SHMETER_LOSS_SERIES_RENEWED], 0);
    shmeter_close(meter);
    exposition_free(store);
}

static void
cold_paths_attach_to_a_segment_that_was_created_again(void **state)
{
    const char *segment = place_path("again");
    struct exposition *store = values_new(segment);
    const struct shmeter_family *family;
    struct shmeter_counter old;
    struct shmeter *meter;
    pid_t child;
    (void)state;
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    family = shmeter_family(meter, &counters);
    old = shmeter_counter_of(family, "a");
    shmeter_counter_add(old, 5);
    assert_int_equal(unlink(segment), 0);
    shmeter_counter_inc(shmeter_counter_of(family, "b")); /* it is not made anew here */
    assert_int_equal(access(segment, F_OK), -1);
    child = fork();
    if (!child) { /* the same process still has the meter: another path to the same file */
        struct shmeter_options options;
        const char *why;
        memset(&options, 0, sizeof options);
        _exit(shmeter_segment_create(segment, &options, &why) ? 1 : 0);
    }
    assert_int_equal(place_wait(child), 0);
    shmeter_counter_add(shmeter_counter_of(family, "c"), 3); /* a cold path */
    shmeter_counter_add(shmeter_counter_of(family, "a"), 4); /* and from now on the others */
    shmeter_counter_inc(old);                                /* the old mapping: safe, unseen */
    assert_non_null(values_take(store));
    assert_true(values_number(store, "who_total", "c") == 3);
    assert_true(values_number(store, "who_total", "a") == 4);
    assert_int_equal(store_status(store->store, 0)->slots_live, 0); /* claimed by the next gauge */
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &gauges), "a"), 6);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "who_now", "a") == 6);
    assert_int_equal(store_status(store->store, 0)->slots_live, 1);
    shmeter_close(meter);
    exposition_free(store);
}

static void
walkers_step_over_records_whose_maker_died(void **state)
{
    struct exposition *store = values_new(place_path("holes"));
    const struct shmeter_attachment *attachment;
    const struct shmeter_family *family;
    uint32_t unit, units, seen = 0;
    uint64_t at, next = 0;
    struct shmeter *meter;
    int kind;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("holes"), NULL), 0);
    family = shmeter_family(meter, &counters);
    attachment = shmeter_meter_attachment(meter);
    shmeter_counter_inc(shmeter_counter_of(family, "before"));
    assert_int_equal(shmeter_registry_take_record(attachment, 300, &unit, &units), 0); /* and nothing is written */
    assert_int_equal(units, 5);
    shmeter_counter_inc(shmeter_counter_of(family, "behind"));
    while ((kind = shmeter_arena_next(attachment, &next, &at)) >= 0)
        seen += kind == SHMETER_KIND_SERIES;
    assert_int_equal(seen, 3); /* and __overflow__ */
    assert_non_null(values_take(store));
    assert_true(values_number(store, "who_total", "before") == 1);
    assert_true(values_number(store, "who_total", "behind") == 1);
    assert_int_equal(store_status(store->store, 0)->leaked_bytes, 5 * SHMETER_UNIT_BYTES);
    shmeter_hide_all(family); /* walks too */
    assert_non_null(values_take(store));
    assert_null(values_series(store, "who_total", "behind"));
    shmeter_close(meter);
    exposition_free(store);
}

static void
a_forgotten_family_makes_room_for_another_definition(void **state)
{
    static const double bounds[] = { 1, 2 };
    struct shmeter_desc counter = { .type = SHMETER_COUNTER, .name = "twice_total" };
    struct shmeter_desc histogram = {
        .type = SHMETER_HISTOGRAM, .name = "twice_total", .bounds = bounds, .bounds_len = 2
    };
    const char *path = place_path("forgotten");
    struct exposition *store = values_new(path);
    const struct shmeter_family *first, *second;
    struct shmeter_counter old;
    struct shmeter *meter;
    (void)state;

    assert_int_equal(shmeter_open(&meter, path, NULL), 0);
    first = shmeter_family(meter, &counter);
    old = shmeter_counter_of_v(first, NULL, 0);
    shmeter_counter_inc(old);
    second = shmeter_family(meter, &histogram);
    shmeter_histogram_observe(shmeter_histogram_of_v(second, NULL, 0), 1);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "twice_total", NULL) == 1); /* the second one counts privately */
    shmeter_family_forget(meter, "twice_total");
    assert_ptr_equal(shmeter_family(meter, &histogram), second);
    shmeter_histogram_observe(shmeter_histogram_of_v(second, NULL, 0), 1);
    shmeter_counter_inc(old); /* stays safe */
    assert_non_null(values_take(store));
    assert_int_equal(values_count(store, "twice_total", NULL), 1);
    shmeter_family_forget(meter, "twice_total");
    assert_ptr_equal(shmeter_family(meter, &counter), first);
    shmeter_family_forget(NULL, NULL);
    exposition_free(store);
    shmeter_close(meter);
}

static void
a_later_definition_stands_behind_an_earlier_one_wherever_there_are_spares(void **state)
{
    struct shmeter_desc counter = { .type = SHMETER_COUNTER, .name = "later_total" };
    struct shmeter_desc labelled = { .type = SHMETER_COUNTER, .name = "later_total", .labels = labels };
    const char *path = place_path("later");
    struct exposition *store = values_new(path);
    struct shmeter_attachment *attachment;
    struct shmeter *meter;
    uint32_t unit, units;
    (void)state;

    assert_int_equal(shmeter_open(&meter, path, NULL), 0);
    attachment = shmeter_meter_attachment(meter);
    assert_int_equal(shmeter_registry_take_record(attachment, 500, &unit, &units), 0); /* as after a lost race */
    shmeter_counter_inc(shmeter_counter_of_v(shmeter_family(meter, &counter), NULL, 0));
    shmeter_registry_keep(&SHMETER_WIPED(attachment)->spare_record, (uint64_t)units << 32 | unit);
    shmeter_family_forget(meter, "later_total");
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &labelled), "x"));
    assert_non_null(values_take(store));
    assert_true(values_number(store, "later_total", "x") == 1);
    exposition_free(store);
    shmeter_close(meter);
}

static void
an_info_past_a_limit_is_lost_once(void **state)
{
    static const char *const one[] = { "1" }, *const two[] = { "2" };
    struct shmeter_desc desc = { .type = SHMETER_INFO, .name = "limited_info", .labels = labels, .max_series = 1 };
    const struct shmeter_family *family;
    struct exposition *store = values_new(place_path("limited"));
    struct shmeter *meter;
    (void)state;

    assert_int_equal(shmeter_open(&meter, place_path("limited"), NULL), 0);
    family = shmeter_family(meter, &desc);
    shmeter_info_replace_v(family, one, 1, 1);
    shmeter_info_replace_v(family, two, 1, 1);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "limited_info", "1") == 1); /* of another first label */
    assert_true(values_number(store, "limited_info", "__overflow__") == 1);
    assert_int_equal(store_status(store->store, 0)->losses[SHMETER_LOSS_SERIES_OVERFLOWED], 1);
    shmeter_info_replace_v(family, two, 1, 0);
    assert_non_null(values_take(store));
    assert_null(values_series(store, "limited_info", "1"));
    assert_null(values_series(store, "limited_info", "__overflow__"));
    assert_true(values_number(store, "limited_info", "2") == 1); /* the limit is of what is visible */
    assert_int_equal(store_status(store->store, 0)->losses[SHMETER_LOSS_SERIES_OVERFLOWED], 1);
    exposition_free(store);
    shmeter_close(meter);
}

static void
hiding_a_series_moves_the_count_of_changes(void **state)
{
    static const char *const labels[] = { "a", NULL }, *const x[] = { "x" };
    struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "changing_total", .labels = labels };
    const struct shmeter_family *family;
    const uint64_t *changes;
    struct shmeter *meter;
    uint64_t seen;
    (void)state;

    assert_null(shmeter_changes(NULL));
    assert_int_equal(shmeter_open(&meter, place_path("changes"), NULL), 0);
    family = shmeter_family(meter, &desc);
    changes = shmeter_changes(meter);
    shmeter_counter_inc(shmeter_counter_of_v(family, x, 1));
    seen = shmeter_load_relaxed(changes);
    shmeter_counter_inc(shmeter_counter_of_v(family, x, 1));
    assert_true(shmeter_load_relaxed(changes) == seen);
    shmeter_hide_v(family, x, 1);
    assert_true(shmeter_load_relaxed(changes) != seen);
    shmeter_close(meter);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_its_limit_a_family_counts_in_one_series),
        cmocka_unit_test(a_family_within_its_limit_shows_no_overflow_series),
        cmocka_unit_test(past_the_segments_limit_every_family_overflows),
        cmocka_unit_test(lanes_that_are_used_up_overflow_too),
        cmocka_unit_test(a_hidden_counter_leaves_and_comes_back_at_zero),
        cmocka_unit_test(a_hidden_gauge_is_unset_and_comes_back_without_new_cells),
        cmocka_unit_test(cold_paths_attach_to_a_segment_that_was_created_again),
        cmocka_unit_test(walkers_step_over_records_whose_maker_died),
        cmocka_unit_test(a_forgotten_family_makes_room_for_another_definition),
        cmocka_unit_test(a_later_definition_stands_behind_an_earlier_one_wherever_there_are_spares),
        cmocka_unit_test(an_info_past_a_limit_is_lost_once),
        cmocka_unit_test(hiding_a_series_moves_the_count_of_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("registration", body);
}
