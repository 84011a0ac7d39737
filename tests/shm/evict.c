/*
 * At a family's limit a new series has the place of the one that is idle for longest.
 */
#include "tests/shm/lifetime.h"

#define LIMIT 4u

static const struct shmeter_desc few = {
    .type = SHMETER_COUNTER, .name = "job_total", .labels = labels, .max_series = LIMIT, .evict = 1
};

static void
count(const struct shmeter_family *family, const char *jobs)
{
    char job[2] = { 0, 0 };

    for (; *jobs; jobs++) {
        job[0] = *jobs;
        shmeter_counter_inc(shmeter_counter_of(family, job));
    }
}

/* Which of the jobs a to z are exposed. */
static const char *
shown(void)
{
    static char jobs[27];
    char job;
    size_t n = 0;

    scrape_take(scrape);
    for (job = 'a'; job <= 'z'; job++)
        if (!isnan(scrape_value(scrape, "job_total{job=\"%c\"}", job)))
            jobs[n++] = job;
    jobs[n] = 0;
    assert_int_equal(scrape_count(scrape, "job_total{"), n); /* and none is __overflow__ */
    return jobs;
}

static uint64_t
evicted(void)
{
    const struct segment_status *status = scrape_status(scrape);
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < STATUS_LOSSES; i++)
        sum += status->losses[i];
    assert_int_equal(sum, status->losses[SHMETER_LOSS_SERIES_EVICTED]); /* nothing else is lost */
    return sum;
}

static void
at_the_limit_the_longest_idle_series_makes_room(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &few);
    (void)state;

    count(family, "abcd");
    pass(1);
    count(family, "bc");
    count(family, "e");
    assert_string_equal(shown(), "bcde");
    count(family, "f"); /* b and c were updated since the look at them, and d and e had none */
    assert_string_equal(shown(), "bcef");
    pass(1);
    count(family, "ce");
    count(family, "g");
    assert_string_equal(shown(), "cefg");
    assert_int_equal(evicted(), 3);
}

static void
what_was_updated_since_the_last_look_stays_while_another_is_idle(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &few);
    char next[2] = "e";
    (void)state;

    count(family, "abcd");
    for (; *next <= 'z'; ++*next) {
        pass(1);
        count(family, "abc"); /* each time before one more comes */
        count(family, next);
    }
    assert_string_equal(shown(), "abcz");
    assert_int_equal(evicted(), 22);
}

static void
where_all_are_busy_the_oldest_goes_that_was_never_looked_at(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &few);
    (void)state;

    count(family, "abcd");
    pass(1);
    count(family, "abcd");
    count(family, "e"); /* d was made after the last look */
    assert_string_equal(shown(), "abce");
}

/* A label that explodes: the list of what goes next is refilled, over and over. */
static void
many_new_series_pass_through_one_limit(void **state)
{
    struct shmeter_desc desc = few;
    const struct shmeter_family *family;
    struct shmeter_counter kept;
    char job[16];
    uint32_t i;
    (void)state;

    desc.max_series = 100;
    family = shmeter_family(meter, &desc);
    kept = shmeter_counter_of(family, "kept");
    for (i = 0; i < 5000; i++) {
        shmeter_counter_inc(kept);
        snprintf(job, sizeof job, "j%u", i);
        shmeter_counter_inc(shmeter_counter_of(family, job));
        if (i % 16 == 0)
            pass(1);
        shmeter_quiescent(meter);
    }
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "job_total{"), 100);
    assert_true(scrape_value(scrape, "job_total{job=\"kept\"}") == 5000);
    assert_int_equal(evicted(), 5001 - 100);
}

/* A child that was forked in the middle of an eviction has nobody's turn to wait for, and no list that leads astray. */
static void
a_child_evicts_by_itself(void **state)
{
    const struct shmeter_family *family = shmeter_family(meter, &few);
    pid_t child;
    (void)state;

    count(family, "abcdef");
    child = scratch_fork();
    if (!child) {
        count(family, "ghij");
        _exit(0);
    }
    assert_int_equal(scratch_wait(child), 0);
    assert_string_equal(shown(), "ghij");
    count(family, "k");
    assert_int_equal(strlen(shown()), LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(at_the_limit_the_longest_idle_series_makes_room),
        TEST(what_was_updated_since_the_last_look_stays_while_another_is_idle),
        TEST(where_all_are_busy_the_oldest_goes_that_was_never_looked_at),
        TEST(many_new_series_pass_through_one_limit),
        TEST(a_child_evicts_by_itself),
    };

    return cmocka_run_group_tests_name("evict", tests, NULL, NULL);
}
