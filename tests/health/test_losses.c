/*
 * Losses of late, with a clock that the test turns: lib/health/losses.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "health/losses.h"
#include "tests/tools/compared.h"

#define SECOND UINT64_C(1000000000)

static const uint64_t real = 1700000000 * SECOND;

static uint32_t
kind_of(const char *word)
{
    uint32_t kind;

    for (kind = 0; status_loss_kind(kind); kind++)
        if (!strcmp(status_loss_kind(kind), word))
            return kind;
    fail_msg("no loss is called %s", word);
    return 0;
}

struct fixture {
    struct losses losses;
    struct segment_status status;
    const struct segment_status *statuses[1];
    struct health health;
};

static void
begin(struct fixture *fixture, uint64_t created_ns)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->statuses[0] = &fixture->status;
    snprintf(fixture->status.name, sizeof fixture->status.name, "shop");
    fixture->status.readable = 1;
    fixture->status.created_real_ns = created_ns;
}

/* Looks so many seconds after the beginning; what is to be said is in health. */
static const struct health *
look(struct fixture *fixture, uint32_t statuses_n, double seconds)
{
    health_free(&fixture->health);
    memset(&fixture->health, 0, sizeof fixture->health);
    assert_int_equal(losses_look(&fixture->losses, fixture->statuses, statuses_n, 50 + seconds,
                                 real + (uint64_t)(seconds * (double)SECOND)),
                     0);
    assert_int_equal(losses_judge(&fixture->losses, fixture->statuses, statuses_n, &fixture->health), 0);
    return &fixture->health;
}

static void
end(struct fixture *fixture)
{
    health_free(&fixture->health);
    losses_free(&fixture->losses);
}

static void
a_loss_is_a_reason_for_five_minutes(void **state)
{
    struct fixture fixture;
    const struct health *health;
    uint32_t kind = kind_of("adds_refused");

    (void)state;
    begin(&fixture, real - 1000 * SECOND);
    fixture.status.losses[kind] = 7;
    assert_int_equal(look(&fixture, 1, 0)->reasons_n, 0);
    fixture.status.losses[kind] = 9;
    health = look(&fixture, 1, 60);
    assert_int_equal(health->reasons_n, 1);
    assert_int_equal(health->verdict, STATUS_DEGRADED);
    assert_string_equal(health->reasons[0].what, "adds_refused");
    assert_string_equal(health->reasons[0].segment, "shop");
    assert_true(health->reasons[0].value > 1.5 && health->reasons[0].value < 2.5);
    assert_string_equal(health->reasons[0].message,
                        "segment shop, in the last 60 s: 2 negative or NaN increments of counters, refused");
    fixture.status.losses_before[kind] = 3; /* the segment was created again, and its losses went on */
    health = look(&fixture, 1, 300);
    assert_true(health->reasons[0].value > 4.5 && health->reasons[0].value < 5.5);
    assert_int_equal(look(&fixture, 1, 600)->reasons_n, 1);
    assert_int_equal(look(&fixture, 1, 601)->reasons_n, 0);
    fixture.status.losses[kind]++;
    health = look(&fixture, 1, 700);
    assert_true(health->reasons[0].value < 1.5);
    end(&fixture);
}

static void
losses_of_a_segment_that_was_created_since_are_new(void **state)
{
    struct fixture fixture;
    uint32_t kind = kind_of("series_refused");

    (void)state;
    begin(&fixture, real + 30 * SECOND);
    assert_int_equal(look(&fixture, 0, 0)->reasons_n, 0);
    fixture.status.losses[kind] = 5;
    assert_int_equal(look(&fixture, 1, 60)->reasons_n, 1);
    end(&fixture);
    begin(&fixture, real - 30 * SECOND); /* it was there, and has another name, or is served since a reload */
    assert_int_equal(look(&fixture, 0, 0)->reasons_n, 0);
    fixture.status.losses[kind] = 5;
    assert_int_equal(look(&fixture, 1, 60)->reasons_n, 0);
    end(&fixture);
}

static void
what_cannot_be_read_and_what_came_back_is_no_loss(void **state)
{
    struct fixture fixture;
    uint32_t kind = kind_of("series_refused");

    (void)state;
    begin(&fixture, real - 1000 * SECOND);
    look(&fixture, 1, 0);
    fixture.status.losses[kind_of("series_renewed")] = 4;
    assert_int_equal(look(&fixture, 1, 1)->reasons_n, 0);
    fixture.status.readable = 0;
    fixture.status.losses[kind] = 5;
    assert_int_equal(look(&fixture, 1, 2)->reasons_n, 0);
    fixture.status.readable = 1;
    assert_int_equal(look(&fixture, 1, 3)->reasons_n, 1);
    end(&fixture);
}

/* Names that are alike in all but their ends, in an order of no kind. */
static void
thousands_of_segments_are_told_apart_and_cost_what_each_does(void **state)
{
    enum { SEGMENTS = 8000, STEP = 1789 };
    struct segment_status *all = calloc(SEGMENTS, sizeof *all);
    const struct segment_status **statuses = calloc(SEGMENTS, sizeof *statuses);
    struct health health = { 0 };
    struct losses losses = { 0 };
    uint64_t before;
    uint32_t i;
    (void)state;

    assert_true(all && statuses);
    for (i = 0; i < SEGMENTS; i++) {
        snprintf(all[i].name, sizeof all[i].name, "%01500u.%u", 0u, i * STEP % SEGMENTS);
        all[i].readable = 1;
        all[i].losses[0] = i;
        statuses[i] = &all[i];
    }
    before = compared_n;
    assert_int_equal(losses_look(&losses, statuses, SEGMENTS, 1, real), 0);
    for (i = 0; i < SEGMENTS; i += 1000)
        all[i].losses[0] += 7;
    assert_int_equal(losses_look(&losses, statuses, SEGMENTS, 2, real + SECOND), 0);
    assert_int_equal(losses_judge(&losses, statuses, SEGMENTS, &health), 0);
    before = compared_n - before;
    assert_int_equal(health.reasons_n, 8);
    for (i = 0; i < 8; i++)
        assert_true(health.reasons[i].value == 7);
    assert_in_range(before, SEGMENTS, 100 * SEGMENTS); /* each with each: 64,000,000 */
    health_free(&health);
    losses_free(&losses);
    free(statuses);
    free(all);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_is_a_reason_for_five_minutes),
        cmocka_unit_test(losses_of_a_segment_that_was_created_since_are_new),
        cmocka_unit_test(what_cannot_be_read_and_what_came_back_is_no_loss),
        cmocka_unit_test(thousands_of_segments_are_told_apart_and_cost_what_each_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
