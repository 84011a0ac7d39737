/*
 * Series that come and go give their room back: cells, gauge cells, records and limits.
 */
#include "tests/shm/reuse.h"

static void
gauges_that_come_and_go_one_by_one_all_have_room(void **state)
{
    const struct shmeter_family *family;
    struct scrape *scrape;
    uint32_t i;
    (void)state;

    begin("gauges", 64, 0);
    family = shmeter_family(meter, &gauges);
    scrape = scrape_open(path);
    for (i = 0; i < 1000; i++) {
        shmeter_gauge_set(shmeter_gauge_of(family, job(i)), i + 1);
        if (i % 50 == 49) {
            scrape_take(scrape);
            assert_true(scrape_value(scrape, "job_now{job=\"j%u\"}", i) == i + 1);
            assert_int_equal(scrape_count(scrape, "job_now{"), 1);
        }
        hide(family, i);
        shmeter_quiescent(meter);
    }
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "job_now{"), 0);
    assert_int_equal(lost(scrape), 0);
    end(scrape);
}

/*
 * All kinds in turn, so that one's room is not another's; values are what was counted since each
 * was made.
 */
static void
series_of_all_types_come_and_go_in_constant_memory(void **state)
{
    const struct shmeter_family *count, *gauge, *size, *time, *info;
    struct scrape *scrape;
    uint64_t records = 0;
    uint32_t i;
    (void)state;

    begin("types", 64, 100);
    count = shmeter_family(meter, &counters);
    gauge = shmeter_family(meter, &gauges);
    size = shmeter_family(meter, &sizes);
    time = shmeter_family(meter, &seconds);
    info = shmeter_family(meter, &infos);
    scrape = scrape_open(path);
    for (i = 0; i < 2000; i++) {
        shmeter_counter_add(shmeter_counter_of(count, job(i)), i + 1);
        shmeter_gauge_set(shmeter_gauge_of(gauge, job(i)), i + 2);
        shmeter_counter_f64_add(shmeter_counter_f64_of(size, job(i)), i + 0.5);
        shmeter_histogram_observe(shmeter_histogram_of(time, job(i)), 0.25);
        shmeter_histogram_observe(shmeter_histogram_of(time, job(i)), -INFINITY);
        shmeter_info_of(info, job(i));
        if (i % 100 == 99) {
            scrape_take(scrape);
            assert_true(scrape_value(scrape, "job_total{job=\"j%u\"}", i) == i + 1);
            assert_true(scrape_value(scrape, "job_now{job=\"j%u\"}", i) == i + 2);
            assert_true(scrape_value(scrape, "job_bytes_total{job=\"j%u\"}", i) == i + 0.5);
            assert_true(scrape_value(scrape, "job_seconds_count{job=\"j%u\"}", i) == 2);
            assert_true(scrape_value(scrape, "job_seconds_sum{job=\"j%u\"}", i) == 0.25);
            assert_true(scrape_value(scrape, "job_info{job=\"j%u\"}", i) == 1);
            assert_int_equal(scrape_count(scrape, "job_total{"), 1);
            assert_int_equal(scrape_count(scrape, "job_info{"), 1);
            if (i == 999)
                records = scrape_status(scrape)->records_used;
            assert_true(i < 1000 || scrape_status(scrape)->records_used == records);
            assert_true(scrape_status(scrape)->series_used <= 5);
        }
        hide(count, i);
        hide(gauge, i);
        hide(size, i);
        hide(time, i);
        hide(info, i);
        shmeter_quiescent(meter);
    }
    scrape_take(scrape);
    assert_int_equal(lost(scrape), 0);
    end(scrape);
}

static void
limits_are_of_what_is_visible(void **state)
{
    const struct shmeter_desc few = {
        .type = SHMETER_COUNTER, .name = "few_total", .labels = labels, .max_series = 10
    };
    const struct shmeter_family *family;
    struct scrape *scrape;
    uint32_t i;
    (void)state;

    begin("limits", 64, 20);
    family = shmeter_family(meter, &few);
    scrape = scrape_open(path);
    for (i = 0; i < 10; i++)
        shmeter_counter_inc(shmeter_counter_of(family, job(i)));
    for (i = 10; i < 200; i++) {
        hide(family, i - 10);
        shmeter_counter_inc(shmeter_counter_of(family, job(i)));
    }
    scrape_take(scrape);
    assert_int_equal(lost(scrape), 0);
    assert_int_equal(scrape_count(scrape, "few_total{"), 10);
    shmeter_counter_inc(shmeter_counter_of(family, "one more"));
    scrape_take(scrape);
    assert_int_equal(lost(scrape), 1);
    assert_true(scrape_value(scrape, "few_total{job=\"__overflow__\"}") == 1);
    shmeter_hide_all(family);
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "few_total{"), 0);
    assert_int_equal(scrape_status(scrape)->series_used, 0);
    end(scrape);
}

static void
a_series_that_comes_back_is_a_new_one(void **state)
{
    const struct shmeter_family *family;
    struct shmeter_counter before, after;
    struct scrape *scrape;
    (void)state;

    begin("back", 64, 0);
    family = shmeter_family(meter, &counters);
    scrape = scrape_open(path);
    before = shmeter_counter_of(family, job(1));
    shmeter_counter_add(before, 5);
    hide(family, 1);
    after = shmeter_counter_of(family, job(1));
    shmeter_counter_add(before, 7);
    shmeter_counter_add(after, 3);
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "job_total{job=\"j1\"}") == 3);
    assert_int_equal(lost(scrape), 0);
    end(scrape);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gauges_that_come_and_go_one_by_one_all_have_room),
        cmocka_unit_test(series_of_all_types_come_and_go_in_constant_memory),
        cmocka_unit_test(limits_are_of_what_is_visible),
        cmocka_unit_test(a_series_that_comes_back_is_a_new_one),
    };

    return cmocka_run_group_tests_name("reuse", tests, NULL, NULL);
}
