/*
 * The eleven modes of gauges against the rendered text.
 */
#include <errno.h>

#include "tests/client/gauges/gauge_crew.h"

#define NONE ((double)NAN)

static void
a_gauge_that_nobody_set_has_no_sample(void **state)
{
    uint32_t mode;

    (void)state;
    crew_start("a");
    for (mode = 0; mode < SHMETER_MODES; mode++)
        EXPECT(mode, NONE);
}

static void
live_modes_combine_the_living(void **state)
{
    struct crew_worker *a = crew_start("a"), *b = crew_start("b");

    (void)state;
    crew_tell_all(a, CREW_SET, 3);
    crew_tell_all(b, CREW_SET, 5);
    EXPECT(SHMETER_LIVE_SUM, 8);
    EXPECT(SHMETER_LIVE_MIN, 3);
    EXPECT(SHMETER_LIVE_MAX, 5);
    EXPECT(SHMETER_LIVE_LATEST, 5);
    EXPECT_EACH(SHMETER_LIVE_ALL, 2);
    assert_true(crew_worker_value(SHMETER_LIVE_ALL, "a", 0) == 3);
    assert_true(crew_worker_value(SHMETER_LIVE_ALL, "b", 1) == 5);
    crew_tell_all(a, CREW_ADD, 4);
    EXPECT(SHMETER_LIVE_SUM, 12);
    EXPECT(SHMETER_LIVE_MIN, 5);
    EXPECT(SHMETER_LIVE_MAX, 7);
    crew_tell(a, CREW_SET, SHMETER_LIVE_LATEST, -1);
    EXPECT(SHMETER_LIVE_LATEST, -1);
}

static void
the_dead_and_the_released_leave_the_live_modes(void **state)
{
    struct crew_worker *a = crew_start("a"), *b = crew_start("b");
    uint32_t mode;

    (void)state;
    crew_tell_all(a, CREW_SET, 3);
    crew_tell_all(b, CREW_SET, 5);
    crew_kill(b);
    EXPECT(SHMETER_LIVE_SUM, 3);
    EXPECT(SHMETER_LIVE_MIN, 3);
    EXPECT(SHMETER_LIVE_MAX, 3);
    EXPECT(SHMETER_LIVE_LATEST, 3);
    EXPECT_EACH(SHMETER_LIVE_ALL, 1);
    crew_tell(a, CREW_CLOSE, 0, 0);
    for (mode = SHMETER_LIVE_SUM; mode <= SHMETER_LIVE_ALL; mode++)
        EXPECT(mode, NONE);
    crew_tell_all(a, CREW_SET, 9); /* after its close a worker counts privately */
    for (mode = SHMETER_LIVE_SUM; mode <= SHMETER_LIVE_ALL; mode++)
        EXPECT(mode, NONE);
    crew_start("c"); /* takes over one of the two slots, and nothing in it */
    crew_start("d");
    for (mode = SHMETER_LIVE_SUM; mode <= SHMETER_LIVE_ALL; mode++)
        EXPECT(mode, NONE);
}

static void
retained_modes_keep_the_dead_when_slots_are_taken_over(void **state)
{
    struct crew_worker *a = crew_start("a"), *b = crew_start("b"), *c, *d, *e;

    (void)state;
    crew_tell_all(a, CREW_SET, 3);
    crew_tell_all(b, CREW_SET, 5);
    crew_kill(a);
    crew_tell(b, CREW_CLOSE, 0, 0);
    EXPECT(SHMETER_SUM, 8);
    EXPECT(SHMETER_MIN, 3);
    EXPECT(SHMETER_MAX, 5);
    EXPECT(SHMETER_LATEST, 5);
    EXPECT_EACH(SHMETER_ALL, 2);
    c = crew_start("c");
    d = crew_start("d");
    EXPECT(SHMETER_SUM, 8);
    EXPECT(SHMETER_MIN, 3);
    EXPECT(SHMETER_MAX, 5);
    EXPECT(SHMETER_LATEST, 5);
    EXPECT(SHMETER_ALL, NONE); /* until the slot is taken over */
    crew_tell_all(c, CREW_SET, 7);
    crew_tell_all(d, CREW_SET, 1);
    crew_tell(c, CREW_ADD, SHMETER_SUM, 0.5);
    crew_kill(c);
    e = crew_start("e");
    EXPECT(SHMETER_SUM, 16.5);
    EXPECT(SHMETER_MIN, 1);
    EXPECT(SHMETER_MAX, 7);
    EXPECT(SHMETER_LATEST, 1);
    EXPECT_EACH(SHMETER_ALL, 1);
    crew_tell(e, CREW_SET, SHMETER_SUM, -6.5);
    EXPECT(SHMETER_SUM, 10);
    crew_tell(e, CREW_SET, SHMETER_LATEST, 2);
    EXPECT(SHMETER_LATEST, 2);
}

static void
pool_shows_the_last_set_and_the_shares_of_the_living(void **state)
{
    struct crew_worker *a = crew_start("a"), *b = crew_start("b"), *c;

    (void)state;
    crew_tell(a, CREW_ADD, SHMETER_POOL, 2); /* shares without any set */
    EXPECT(SHMETER_POOL, 2);
    crew_tell(a, CREW_SET, SHMETER_POOL, 10); /* replaces all of it */
    EXPECT(SHMETER_POOL, 10);
    crew_tell(b, CREW_ADD, SHMETER_POOL, 3);
    crew_tell(a, CREW_ADD, SHMETER_POOL, -1);
    EXPECT(SHMETER_POOL, 12);
    crew_kill(b);
    EXPECT(SHMETER_POOL, 9);
    c = crew_start("c"); /* in b's slot: not with b's share */
    EXPECT(SHMETER_POOL, 9);
    crew_tell(c, CREW_ADD, SHMETER_POOL, 5);
    EXPECT(SHMETER_POOL, 14);
    crew_tell(a, CREW_SET, SHMETER_POOL, 100); /* a new epoch: no share counts any more */
    EXPECT(SHMETER_POOL, 100);
    crew_tell(c, CREW_ADD, SHMETER_POOL, 1);
    EXPECT(SHMETER_POOL, 101);
    crew_kill(a); /* what was set belongs to the pool */
    EXPECT(SHMETER_POOL, 101);
    crew_tell(c, CREW_CLOSE, 0, 0);
    EXPECT(SHMETER_POOL, 100);
}

static void
a_hidden_gauge_comes_back_unset(void **state)
{
    struct crew_worker *a = crew_start("a"), *b;
    uint32_t mode;

    (void)state;
    crew_tell_all(a, CREW_SET, 3);
    crew_kill(a); /* retained values of the dead are unset too */
    a = crew_start("a");
    b = crew_start("b");
    crew_tell_all(a, CREW_SET, 4);
    crew_tell_all(b, CREW_SET, 5);
    crew_tell_all(b, CREW_ADD, 1);
    crew_tell_all(b, CREW_HIDE, 0);
    for (mode = 0; mode < SHMETER_MODES; mode++)
        EXPECT(mode, NONE);
    crew_tell_all(b, CREW_SHOW, 0);
    for (mode = 0; mode < SHMETER_MODES; mode++)
        EXPECT(mode, NONE);
    crew_tell_all(a, CREW_SHOW, 0); /* its handles are of what was hidden */
    crew_tell_all(a, CREW_SET, 6);
    for (mode = 0; mode < SHMETER_MODES; mode++)
        if (mode == SHMETER_ALL || mode == SHMETER_LIVE_ALL)
            EXPECT_EACH(mode, 1);
        else
            EXPECT(mode, 6);
    crew_tell(b, CREW_ADD, SHMETER_POOL, 1);
    EXPECT(SHMETER_POOL, 7);
}

static void
refused_operations_are_counted(void **state)
{
    struct crew_worker *a = crew_start("a");

    (void)state;
    crew_tell_all(a, CREW_SET, 3);
    crew_tell(a, CREW_SET, SHMETER_MIN, NONE);
    crew_tell(a, CREW_SET, SHMETER_MAX, NONE);
    crew_tell(a, CREW_SET, SHMETER_LIVE_MIN, NONE);
    crew_tell(a, CREW_ADD, SHMETER_LIVE_MAX, NONE);
    crew_expect_lost(SHMETER_LOSS_GAUGE_REFUSED, 4);
    crew_tell(a, CREW_ADD, SHMETER_LATEST, 1);
    crew_tell(a, CREW_ADD, SHMETER_LIVE_LATEST, 1);
    crew_expect_lost(SHMETER_LOSS_GAUGE_REFUSED, 6);
    EXPECT(SHMETER_MIN, 3);
    EXPECT(SHMETER_MAX, 3);
    EXPECT(SHMETER_LIVE_MIN, 3);
    EXPECT(SHMETER_LIVE_MAX, 3);
    EXPECT(SHMETER_LATEST, 3);
    EXPECT(SHMETER_LIVE_LATEST, 3);
    crew_tell(a, CREW_SET, SHMETER_LIVE_SUM, NONE); /* a value as any other, and no "never set" */
    scrape_take(crew_scrape);
    assert_int_equal(scrape_count(crew_scrape, crew_names[SHMETER_LIVE_SUM]), 1);
    crew_tell(a, CREW_SET, SHMETER_LIVE_SUM, (double)INFINITY);
    EXPECT(SHMETER_LIVE_SUM, (double)INFINITY);
    crew_expect_lost(SHMETER_LOSS_GAUGE_REFUSED, 6);
}

static void
workers_without_a_slot_have_private_gauges(void **state)
{
    struct crew_worker *a = crew_start("a"), *b = crew_start("b"), *c = crew_start("c"), *d;

    (void)state;
    crew_tell_all(a, CREW_SET, 3);
    crew_tell_all(b, CREW_SET, 3);
    crew_expect_lost(SHMETER_LOSS_SLOTS_EXHAUSTED, 1);
    assert_int_equal(crew_tell(c, CREW_ATTACH, 0, 0), -EUSERS);
    assert_int_equal(crew_tell(a, CREW_ATTACH, 0, 0), 0);
    crew_tell_all(c, CREW_SET, 100);
    crew_tell_all(c, CREW_ADD, 100);
    crew_tell(c, CREW_COUNT, 0, 0);
    EXPECT(SHMETER_LIVE_SUM, 6);
    EXPECT(SHMETER_POOL, 100); /* a pool's value is nobody's, its share of it is */
    EXPECT(SHMETER_MAX, 3);
    EXPECT_EACH(SHMETER_ALL, 2);
    assert_true(scrape_value(crew_scrape, "g_work_total") == 1); /* counters need no slot */
    crew_kill(c);
    crew_kill(b);
    d = crew_start("d"); /* in b's slot */
    assert_int_equal(crew_tell(d, CREW_ATTACH, 0, 0), 0);
    crew_tell(d, CREW_SET, SHMETER_LIVE_SUM, 4);
    EXPECT(SHMETER_LIVE_SUM, 7);
}

static void
a_touched_gauge_is_0_and_no_value_changes_by_it(void **state)
{
    struct crew_worker *a = crew_start("a"), *b = crew_start("b");

    (void)state;
    crew_tell_all(a, CREW_TOUCH, 0);
    EXPECT(SHMETER_POOL, 0);
    EXPECT(SHMETER_LIVE_SUM, 0);
    EXPECT(SHMETER_MAX, 0);
    EXPECT(SHMETER_LATEST, NONE);
    crew_tell(b, CREW_ADD, SHMETER_POOL, 2);
    crew_tell_all(a, CREW_TOUCH, 0);
    EXPECT(SHMETER_POOL, 2);
    crew_tell(b, CREW_SET, SHMETER_POOL, 5);
    crew_tell(b, CREW_SET, SHMETER_LIVE_SUM, 5);
    crew_tell_all(b, CREW_TOUCH, 0);
    EXPECT(SHMETER_POOL, 5);
    EXPECT(SHMETER_LIVE_SUM, 5);
    crew_kill(a);
    crew_kill(b);
    EXPECT(SHMETER_POOL, 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, crew_set_up, crew_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_gauge_that_nobody_set_has_no_sample),
        CASE(live_modes_combine_the_living),
        CASE(the_dead_and_the_released_leave_the_live_modes),
        CASE(retained_modes_keep_the_dead_when_slots_are_taken_over),
        CASE(pool_shows_the_last_set_and_the_shares_of_the_living),
        CASE(a_hidden_gauge_comes_back_unset),
        CASE(refused_operations_are_counted),
        CASE(workers_without_a_slot_have_private_gauges),
        CASE(a_touched_gauge_is_0_and_no_value_changes_by_it),
    };

    return cmocka_run_group_tests_name("gauges", tests, NULL, NULL);
}
