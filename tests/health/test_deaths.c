/*
 * Which deaths are a reason, from births and deaths that stand in a list: lib/health/deaths.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "health/health.h"

#define SECOND UINT64_C(1000000000)
#define MOST   40u

/* Workers by their births and deaths, in seconds before now. */
struct life {
    const char *worker;
    double born;
    enum { LIVES, ENDED, DIED } how;
    double heard; /* the last sign of life */
    double dead;  /* seen dead first; 0: it was dead at the first look */
};

static struct status_slot slots[MOST];
static struct segment_status status;
static struct health health;

static const struct health_reason *
judge(const struct life *lives, uint32_t n, double within)
{
    const struct health_limits limits = { .died_seconds = within };
    const struct segment_status *all = &status;
    uint32_t i;

    health_free(&health);
    memset(&status, 0, sizeof status);
    memset(slots, 0, sizeof slots);
    status.readable = 1;
    status.slots_n = 100;
    status.slots = slots;
    status.slots_len = n;
    for (i = 0; i < n; i++) {
        snprintf(slots[i].worker, sizeof slots[i].worker, "%s", lives[i].worker);
        slots[i].slot = i;
        slots[i].pid = 1000 + i;
        slots[i].life = lives[i].how == LIVES ? STATUS_LIVE : STATUS_DEAD;
        slots[i].died = lives[i].how == DIED;
        slots[i].busy_age_ns = slots[i].heartbeat_age_ns = STATUS_NEVER;
        slots[i].claimed_age_ns = (uint64_t)(lives[i].born * 1e9);
        slots[i].heard_age_ns = (uint64_t)(lives[i].heard * 1e9);
        slots[i].dead_age_ns = lives[i].dead > 0 ? (uint64_t)(lives[i].dead * 1e9) : STATUS_NEVER;
    }
    assert_int_equal(health_judge(&health, &all, 1, &limits), 0);
    assert_in_range(health.reasons_n, 0, 1);
    if (health.reasons_n) {
        assert_int_equal(health.reasons[0].check, HEALTH_WORKER_DEAD);
        assert_int_equal(health.verdict, STATUS_DEGRADED);
    }
    return health.reasons_n ? &health.reasons[0] : NULL;
}

static uint32_t
deaths(const struct life *lives, uint32_t n, double within)
{
    const struct health_reason *reason = judge(lives, n, within);

    return reason ? (uint32_t)reason->value : 0;
}

#define DEATHS(within, ...)                                                                                          \
    deaths((const struct life[]){ __VA_ARGS__ }, sizeof((const struct life[]){ __VA_ARGS__ }) / sizeof(struct life), \
           within)

static void
a_death_is_a_reason_for_the_time_that_the_settings_say(void **state)
{
    (void)state;
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 299, 0 }), 1);
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 301, 0 }), 0);
    assert_int_equal(DEATHS(60, { "web", 1000, DIED, 59, 0 }), 1);
    assert_int_equal(DEATHS(60, { "web", 1000, DIED, 61, 0 }), 0);
    assert_int_equal(DEATHS(-1, { "web", 1000, DIED, 1, 0 }), 0);
    assert_int_equal(DEATHS(0, { "web", 1000, ENDED, 1, 0 }), 0);
}

static void
who_has_seen_the_worker_alive_counts_from_when_it_was_seen_dead(void **state)
{
    (void)state;
    assert_int_equal(DEATHS(60, { "web", 1000, DIED, 70, 55 }), 1);
    assert_int_equal(DEATHS(60, { "web", 1000, DIED, 70, 65 }), 0);
}

static void
a_successor_of_the_same_name_ends_the_reason(void **state)
{
    (void)state;
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 100, 0 }, { "web", 90, LIVES, 0, 0 }), 0);
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 100, 0 }, { "web", 110, LIVES, 0, 0 }), 1);
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 100, 0 }, { "mail", 90, LIVES, 0, 0 }), 1);
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 100, 0 }, { "web", 90, ENDED, 80, 0 }), 0);
    assert_int_equal(DEATHS(0, { "web", 90, LIVES, 0, 0 }, { "web", 1000, DIED, 100, 0 }, { "web", 900, DIED, 95, 0 }),
                     1);
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 100, 0 }, { "web", 900, DIED, 95, 0 }, { "web", 90, LIVES, 0, 0 },
                            { "web", 80, LIVES, 0, 0 }),
                     0);
    /* seen alive 20 s ago, dead 10 s ago, and its successor came between */
    assert_int_equal(DEATHS(0, { "web", 1000, DIED, 20, 10 }, { "web", 15, LIVES, 0, 0 }), 0);
}

static void
a_supervisor_that_starts_again_and_again_leaves_a_whole_pool(void **state)
{
    struct life lives[MOST];
    uint32_t i;
    (void)state;

    for (i = 0; i < MOST; i++) {
        double born = 10 * (double)(MOST - i);
        lives[i] = (struct life){ "two", born, DIED, born - (i % 2 ? 0 : 5), 0 };
    }
    assert_int_equal(deaths(lives, MOST, 0), 1); /* the last one */
    lives[MOST - 1].how = LIVES;
    assert_int_equal(deaths(lives, MOST, 0), 0);
}

static void
deaths_are_told_together_and_some_by_name(void **state)
{
    const struct health_reason *reason;
    struct life lives[MOST];
    uint32_t i;
    (void)state;

    for (i = 0; i < MOST; i++)
        lives[i] = (struct life){ i % 2 ? "web" : "mail", 1000 - i, DIED, 100 + i, 0 };
    reason = judge(lives, 1, 0);
    assert_string_equal(reason->message,
                        "1 worker died in the last 5 minutes and has no successor yet: mail (pid 1000)");
    assert_ptr_equal(reason->slot, &slots[0]);
    reason = judge(lives, 4, 60 * 60);
    assert_string_equal(reason->message,
                        "4 workers died in the last 60 minutes and have no successor yet: mail (pid 1000), "
                        "web (pid 1001), mail (pid 1002), web (pid 1003)");
    assert_null(reason->slot);
    reason = judge(lives, MOST, 150);
    assert_string_equal(
        reason->message,
        "40 workers died in the last 150 seconds and have no successor yet: mail (pid 1000), web (pid 1001), "
        "mail (pid 1002), web (pid 1003) and 36 more");
    assert_true(reason->value == MOST);
    reason = judge(lives, 1, 1);
    assert_null(reason);
}

static void
segments_without_ages_have_no_deaths_of_late(void **state)
{
    const struct segment_status *all = &status;
    (void)state;

    judge((const struct life[]){ { "web", 1000, DIED, 10, 0 } }, 1, 0);
    health_free(&health);
    slots[0].claimed_age_ns = slots[0].heard_age_ns = STATUS_NEVER; /* of another boot */
    assert_int_equal(health_judge(&health, &all, 1, NULL), 0);
    assert_int_equal(health.reasons_n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_is_a_reason_for_the_time_that_the_settings_say),
        cmocka_unit_test(who_has_seen_the_worker_alive_counts_from_when_it_was_seen_dead),
        cmocka_unit_test(a_successor_of_the_same_name_ends_the_reason),
        cmocka_unit_test(a_supervisor_that_starts_again_and_again_leaves_a_whole_pool),
        cmocka_unit_test(deaths_are_told_together_and_some_by_name),
        cmocka_unit_test(segments_without_ages_have_no_deaths_of_late),
    };
    return cmocka_run_group_tests_name("deaths", tests, NULL, NULL);
}
