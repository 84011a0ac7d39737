/*
 * Series that nobody updates go by themselves, after the time that their family has.
 */
#include "tests/shm/lifetime.h"

#define IDLE 60u /* seconds */

static const struct shmeter_desc counters = {
    .type = SHMETER_COUNTER, .name = "job_total", .labels = labels, .idle_seconds = IDLE
};

static int
is_shown(const struct shmeter_family *family, const char *job)
{
    return shmeter_shown_v(family, &job, 1);
}

/* Looks as often as a busy program does, for so many seconds. */
static uint32_t
look(uint32_t seconds)
{
    uint32_t removed = 0;

    for (; seconds; seconds--) {
        pass(1);
        removed += shmeter_expire(meter);
    }
    return removed;
}

static void
a_series_goes_when_it_was_idle_for_its_time_and_not_before(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &counters);
    uint32_t i;
    (void)state;

    shmeter_counter_inc(shmeter_counter_of(family, "idle"));
    for (i = 0; i < IDLE; i++) {
        shmeter_counter_inc(shmeter_counter_of(family, "busy"));
        assert_int_equal(look(1), 0);
    }
    for (i = 0; i < IDLE / 2 + 3; i++) {
        shmeter_counter_inc(shmeter_counter_of(family, "busy"));
        look(1);
    }
    assert_false(is_shown(family, "idle"));
    assert_true(is_shown(family, "busy"));
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "job_total{job=\"busy\"}") == IDLE + IDLE / 2 + 3);
    assert_int_equal(scrape_count(scrape, "job_total{"), 1);
    shmeter_counter_inc(shmeter_counter_of(family, "idle"));
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "job_total{job=\"idle\"}") == 1);
}

/* However rarely somebody looks: what changed between two looks was not idle between them. */
static void
a_series_that_changes_between_rare_looks_stays(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &counters);
    struct shmeter_counter kept = shmeter_counter_of(family, "busy");
    uint32_t i;
    (void)state;

    shmeter_counter_of(family, "idle");
    for (i = 0; i < 5; i++) {
        shmeter_counter_inc(kept);
        shmeter_expire(meter);
        pass(100 * IDLE);
    }
    assert_true(is_shown(family, "busy"));
    assert_false(is_shown(family, "idle"));
}

static void
all_types_are_idle_only_while_nothing_is_updated(void **state)
{
    static const char *const names[] = { "on", "off", NULL };
    struct shmeter_desc desc = { .labels = labels, .idle_seconds = IDLE };
    const struct shmeter_family *gauge, *latest, *size, *time, *stateset, *summary;
    struct shmeter_gauge set, last;
    struct shmeter_counter_f64 bytes;
    struct shmeter_histogram seconds, sums;
    struct shmeter_stateset power;
    uint32_t i;
    (void)state;

    desc.type = SHMETER_GAUGE, desc.name = "g";
    gauge = shmeter_family(meter, &desc);
    desc.mode = SHMETER_LATEST, desc.name = "l";
    latest = shmeter_family(meter, &desc);
    desc.type = SHMETER_COUNTER_F64, desc.name = "f_total";
    size = shmeter_family(meter, &desc);
    desc.type = SHMETER_HISTOGRAM, desc.name = "h";
    time = shmeter_family(meter, &desc);
    desc.type = SHMETER_SUMMARY, desc.name = "s";
    summary = shmeter_family(meter, &desc);
    desc.type = SHMETER_STATESET, desc.name = "p", desc.states = names;
    stateset = shmeter_family(meter, &desc);
    set = shmeter_gauge_of(gauge, "a");
    last = shmeter_gauge_of(latest, "a");
    bytes = shmeter_counter_f64_of(size, "a");
    seconds = shmeter_histogram_of(time, "a");
    sums = shmeter_histogram_of(summary, "a");
    power = shmeter_stateset_of(stateset, "a");
    for (i = 0; i < 3 * IDLE; i++) {
        shmeter_gauge_set(set, i);
        shmeter_gauge_set(last, 1); /* the same value: but it was set */
        shmeter_counter_f64_add(bytes, 0.5);
        shmeter_histogram_observe(seconds, 0);
        shmeter_histogram_observe(sums, -1);
        shmeter_stateset_set(power, i % 2);
        assert_int_equal(look(1), 0);
    }
    assert_int_equal(look(2 * IDLE), 6);
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "g{") + scrape_count(scrape, "l{") + scrape_count(scrape, "f_total{") +
                         scrape_count(scrape, "h_count{") + scrape_count(scrape, "s_count{") +
                         scrape_count(scrape, "p{"),
                     0);
}

static void
what_has_no_value_or_no_labels_stays(void **state)
{
    struct shmeter_desc desc = { .type = SHMETER_INFO, .name = "i_info", .labels = labels, .idle_seconds = 1 };
    const struct shmeter_family *family = shmeter_family(meter, &desc);
    (void)state;

    shmeter_info_of(family, "a");
    desc.type = SHMETER_COUNTER, desc.name = "alone_total", desc.labels = NULL;
    shmeter_counter_inc(shmeter_counter_of_v(shmeter_family(meter, &desc), NULL, 0));
    desc.labels = labels, desc.name = "limited_total", desc.max_series = 1;
    family = shmeter_family(meter, &desc);
    shmeter_counter_inc(shmeter_counter_of(family, "first"));
    shmeter_counter_inc(shmeter_counter_of(family, "second"));
    assert_int_equal(look(100), 1);
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "i_info{"), 1);
    assert_int_equal(scrape_count(scrape, "alone_total"), 1);
    assert_true(scrape_value(scrape, "limited_total{job=\"__overflow__\"}") == 1);
    assert_int_equal(scrape_count(scrape, "limited_total{"), 1);
}

/* A request that runs for longer than the time is no idle series; one that ended is. */
static void
what_a_living_worker_stands_for_stays(void **state)
{
    static const struct shmeter_desc now = {
        .type = SHMETER_GAUGE, .name = "job_now", .labels = labels, .mode = SHMETER_LIVE_SUM, .idle_seconds = IDLE
    };
    const struct shmeter_family *family = shmeter_family(meter, &now);
    struct shmeter_gauge running = shmeter_gauge_of(family, "running");
    (void)state;

    shmeter_gauge_inc(running);
    shmeter_gauge_set(shmeter_gauge_of(family, "ended"), 0);
    assert_int_equal(look(3 * IDLE), 1);
    assert_true(is_shown(family, "running"));
    shmeter_gauge_dec(running);
    assert_int_equal(look(3 * IDLE), 1);
    assert_false(is_shown(family, "running"));
}

/* Makers and quiescence are enough: nobody has to ask for it. And the room is used again. */
static void
calls_that_programs_make_anyway_remove_what_is_idle(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &counters);
    char job[16];
    uint64_t records = 0;
    uint32_t i;
    (void)state;

    for (i = 0; i < 3000; i++) {
        snprintf(job, sizeof job, "j%u", i);
        shmeter_counter_inc(shmeter_counter_of(family, job));
        pass(5);
        shmeter_quiescent(meter);
        scrape_take(scrape);
        if (i == 300)
            records = scrape_status(scrape)->records_used;
        if (i >= 100)
            assert_in_range(scrape_count(scrape, "job_total{"), IDLE / 5, IDLE / 5 * 2 + 2);
    }
    assert_int_equal(scrape_status(scrape)->records_used, records);
    pass(2 * IDLE);
    for (i = 0; i < 4; i++, pass(2 * IDLE))
        shmeter_counter_of(family, "another"), shmeter_hide_all(family);
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "job_total{"), 0);
}

/* A series in the place of another one begins its own time. */
static void
a_series_that_was_removed_leaves_its_successor_its_whole_time(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &counters);
    const char *old = "old";
    uint32_t records;
    (void)state;

    shmeter_counter_of(family, old);
    look(IDLE);
    shmeter_hide_v(family, &old, 1);
    pass(IDLE);
    shmeter_quiescent(meter); /* begins a grace, and ends it */
    shmeter_quiescent(meter);
    scrape_take(scrape);
    records = (uint32_t)scrape_status(scrape)->records_used;
    shmeter_counter_of(family, "new");
    scrape_take(scrape);
    assert_int_equal(scrape_status(scrape)->records_used, records);
    assert_int_equal(look(IDLE), 0);
    assert_int_equal(look(IDLE), 1);
}

/* The last one that opens a family says what its series have. */
static void
a_release_without_a_time_ends_it(void **state)
{
    struct shmeter_desc desc = counters;
    const struct shmeter_family *family = shmeter_family(meter, &desc);
    (void)state;

    shmeter_counter_of(family, "a");
    look(IDLE);
    desc.idle_seconds = 0;
    assert_ptr_equal(shmeter_family(meter, &desc), family);
    assert_int_equal(look(10 * IDLE), 0);
    desc.idle_seconds = 1;
    shmeter_family(meter, &desc);
    assert_int_equal(look(10), 1);
}

static void
a_time_of_more_than_two_years_is_refused(void **state)
{
    struct shmeter_desc desc = counters;
    (void)state;

    desc.name = "long_total", desc.idle_seconds = 67108864;
    assert_int_equal(shmeter_family_result(shmeter_family(meter, &desc)), 0);
    desc.name = "longer_total", desc.idle_seconds = 67108865;
    assert_int_equal(shmeter_family_result(shmeter_family(meter, &desc)), -EINVAL);
    assert_non_null(strstr(shmeter_error(meter), "idle_seconds"));
}

/* The longest values that there are leave room for the note, and so does what is between two sizes of records. */
static void
series_of_all_lengths_go(void **state)
{
    static const char *const many[] = { "a", "b", "c", "d", "e", NULL };
    struct shmeter_desc desc = counters;
    const struct shmeter_family *family;
    char text[256];
    const char *values[5] = { text, text, text, text, text + 252 };
    uint32_t i, n = 0;
    (void)state;

    desc.labels = many;
    family = shmeter_family(meter, &desc);
    memset(text, 'x', sizeof text);
    text[255] = 0; /* 4 of 255 and one of 3: 1,023 bytes */
    assert_int_equal(strlen(values[0]) * 4 + strlen(values[4]), 1023);
    shmeter_counter_inc(shmeter_counter_of_v(family, values, 5));
    assert_int_equal(shmeter_shown_v(family, values, 5), 1);
    for (i = 0; i < 255; i++, n++) {
        values[0] = text + i;
        values[1] = values[2] = values[3] = values[4] = "";
        shmeter_counter_inc(shmeter_counter_of_v(family, values, 5));
    }
    assert_int_equal(look(2 * IDLE), n + 1);
}

/* Whatever is in a note: a series goes no earlier than one that nobody has looked at. */
static void
a_damaged_note_costs_at_most_a_time(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &counters);
    const struct shmeter_binding *binding = shmeter_family_binding(family);
    const struct shmeter_attachment *attachment = binding->attachment;
    const char *job = "a";
    struct shmeter_series_record *record;
    uint64_t *note, right;
    uint32_t unit, i;
    (void)state;

    shmeter_counter_of(family, job);
    unit = shmeter_series_unit(family, binding, &job, 1);
    record = shmeter_arena_series(attachment, unit);
    note = shmeter_lifetime_note(attachment, record, unit, record->values_bytes);
    shmeter_idle_sweep(attachment, 1000);
    right = *note;
    assert_int_equal(right & SHMETER_IDLE_CLOCK, 1000);
    for (i = 0; i < 64; i++) {
        *note = right ^ (~UINT64_C(0) << i & ~SHMETER_IDLE_CLOCK);
        if (*note == right)
            *note = UINT64_C(1) << i;
        assert_int_equal(shmeter_idle_sweep(attachment, 100000), 0);
        assert_int_equal(*note, (right & ~SHMETER_IDLE_CLOCK) | 100000);
    }
    *note = (right & ~SHMETER_IDLE_CLOCK) | 100100; /* later than now */
    assert_int_equal(shmeter_idle_sweep(attachment, 100000), 0);
    assert_int_equal(*note & SHMETER_IDLE_CLOCK, 100000);
    assert_int_equal(shmeter_idle_sweep(attachment, 100000 + IDLE), 0);
    assert_int_equal(shmeter_idle_sweep(attachment, 100001 + IDLE), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_series_goes_when_it_was_idle_for_its_time_and_not_before),
        TEST(a_series_that_changes_between_rare_looks_stays),
        TEST(all_types_are_idle_only_while_nothing_is_updated),
        TEST(what_has_no_value_or_no_labels_stays),
        TEST(what_a_living_worker_stands_for_stays),
        TEST(calls_that_programs_make_anyway_remove_what_is_idle),
        TEST(a_series_that_was_removed_leaves_its_successor_its_whole_time),
        TEST(a_release_without_a_time_ends_it),
        TEST(a_time_of_more_than_two_years_is_refused),
        TEST(series_of_all_lengths_go),
        TEST(a_damaged_note_costs_at_most_a_time),
    };

    return cmocka_run_group_tests_name("lifetime", tests, NULL, NULL);
}
