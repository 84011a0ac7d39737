/*
 * Verdicts from statuses made by hand, and what a snapshot reads of slots.
 */
#include "tests/read/scene.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/json.h"
#include "read/file/reader.h"
#include "shm/layout/layout.h"
#include "shm/process/clock.h"

#define SECOND UINT64_C(1000000000)

static void
sane(struct segment_status *status, struct status_slot *slots, uint32_t slots_n)
{
    uint32_t i;

    memset(status, 0, sizeof *status);
    strcpy(status->name, "shop");
    status->readable = 1;
    status->cells_capacity = status->records_capacity = status->gauges_capacity = status->series_capacity = 1000;
    status->slots_n = 8;
    status->slots_live = slots_n;
    status->slots_free = 8 - slots_n;
    status->slots = slots;
    status->slots_len = slots_n;
    for (i = 0; i < slots_n; i++) {
        memset(&slots[i], 0, sizeof slots[i]);
        slots[i].slot = i;
        slots[i].pid = 1000 + i;
        slots[i].life = STATUS_LIVE;
        slots[i].busy_age_ns = slots[i].heartbeat_age_ns = slots[i].dead_age_ns = STATUS_NEVER;
        snprintf(slots[i].worker, sizeof slots[i].worker, "worker-%u", i);
    }
}

/* The only reason, which must be this one. */
static void
expect(const struct segment_status *status, const struct health_limits *limits, enum status_health verdict,
       enum health_check check, const char *what, const char *words)
{
    struct health health;

    assert_int_equal(health_judge(&health, &status, 1, limits), 0);
    assert_int_equal(health.verdict, verdict);
    assert_int_equal(health.reasons_n, 1);
    assert_int_equal(health.reasons[0].check, check);
    assert_string_equal(health.reasons[0].what, what);
    if (!strstr(health.reasons[0].message, words))
        print_error("message: %s\n", health.reasons[0].message);
    assert_non_null(strstr(health.reasons[0].message, words));
    health_free(&health);
}

static void
expect_ok(const struct segment_status *status, const struct health_limits *limits)
{
    struct health health;

    assert_int_equal(health_judge(&health, &status, 1, limits), 0);
    assert_int_equal(health.verdict, STATUS_OK);
    assert_int_equal(health.reasons_n, 0);
    health_free(&health);
}

static void
all_well_is_ok_without_a_reason(void **state)
{
    struct segment_status status;
    struct status_slot slots[2];
    (void)state;

    sane(&status, slots, 2);
    expect_ok(&status, NULL);
}

static void
no_segment_at_all_is_failing(void **state)
{
    struct health health;
    (void)state;

    assert_int_equal(health_judge(&health, NULL, 0, NULL), 0);
    assert_int_equal(health.verdict, STATUS_FAILING);
    assert_int_equal(health.reasons_n, 1);
    health_free(&health);
}

static void
an_unreadable_segment_is_failing_in_its_own_words(void **state)
{
    struct segment_status status;
    (void)state;

    sane(&status, NULL, 0);
    status.readable = 0;
    strcpy(status.error, "/x does not exist: start it");
    expect(&status, NULL, STATUS_FAILING, HEALTH_SEGMENT, "unreadable", "/x does not exist");
    status.readable = 1;
    status.unlinked = 1;
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_SEGMENT, "unlinked", "shop");
}

static void
each_level_degrades_at_80_percent_and_fails_at_95(void **state)
{
    static const struct health_limits own = { .capacity_degraded = 0.5, .capacity_failing = 0.6 };
    static const char *const names[] = { "cells", "records", "gauges", "series" };
    struct segment_status status = { 0 };
    int level;
    (void)state;

    for (level = 0; level < 4; level++) {
        uint64_t *used = level == 0   ? &status.cells_used
                         : level == 1 ? &status.records_used
                         : level == 2 ? &status.gauges_used
                                      : &status.series_used;
        sane(&status, NULL, 0);
        *used = 800;
        expect_ok(&status, NULL);
        *used = 801;
        expect(&status, NULL, STATUS_DEGRADED, HEALTH_CAPACITY, names[level], "801 of 1000");
        *used = 950;
        expect(&status, NULL, STATUS_DEGRADED, HEALTH_CAPACITY, names[level], "950");
        *used = 951;
        expect(&status, NULL, STATUS_FAILING, HEALTH_CAPACITY, names[level], "951");
        *used = 551;
        expect(&status, &own, STATUS_DEGRADED, HEALTH_CAPACITY, names[level], "55 %");
    }
}

static void
slots_that_are_all_taken_degrade_and_fail_once_one_was_missed(void **state)
{
    struct segment_status status;
    struct status_slot slots[8];
    (void)state;

    sane(&status, slots, 8);
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_SLOTS, "exhausted", "all 8 worker slots");
    status.losses[10] = 3; /* SHMETER_LOSS_SLOTS_EXHAUSTED */
    expect(&status, NULL, STATUS_FAILING, HEALTH_SLOTS, "exhausted", "3 claims");
    slots[7].life = STATUS_DEAD;
    status.slots_live = 7;
    status.slots_dead = 1;
    expect_ok(&status, NULL); /* its slot can be had */
}

/* The total of claims that found no slot stays; what it says of now does not. */
static void
slots_that_were_missed_fail_until_one_was_had_or_nobody_asks(void **state)
{
    struct segment_status status;
    struct status_slot slots[8];
    uint32_t i;
    (void)state;

    sane(&status, slots, 8);
    status.losses[SHMETER_LOSS_SLOTS_EXHAUSTED] = 3;
    for (i = 0; i < 8; i++)
        slots[i].claimed_age_ns = 1000 * SECOND;
    status.slots_refused_age_ns = 300 * SECOND;
    expect(&status, NULL, STATUS_FAILING, HEALTH_SLOTS, "exhausted", "3 claims");
    status.slots_refused_age_ns = 301 * SECOND; /* who found none has asked no more */
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_SLOTS, "exhausted", "are in use:");
    status.slots_refused_age_ns = 100 * SECOND;
    slots[5].claimed_age_ns = 100 * SECOND;
    expect(&status, NULL, STATUS_FAILING, HEALTH_SLOTS, "exhausted", "3 claims");
    slots[5].claimed_age_ns = 99 * SECOND; /* there was room since */
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_SLOTS, "exhausted", "are in use:");
    status.slots_refused_age_ns = STATUS_NEVER; /* of a producer that does not tell */
    expect(&status, NULL, STATUS_FAILING, HEALTH_SLOTS, "exhausted", "3 claims");
    status.losses[SHMETER_LOSS_SLOTS_EXHAUSTED] = 0;
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_SLOTS, "exhausted", "are in use:");
}

static void
a_worker_that_died_degrades_and_an_unknown_one_is_mentioned(void **state)
{
    struct segment_status status;
    struct status_slot slots[2];
    (void)state;

    sane(&status, slots, 2);
    slots[1].life = STATUS_DEAD;
    slots[1].claimed_age_ns = 1000 * SECOND;
    slots[1].busy_age_ns = slots[1].heard_age_ns = 100 * SECOND; /* the dead are not stuck */
    strcpy(slots[1].checks[0].name, "db");
    slots[1].checks[0].health = STATUS_FAILING; /* their last words are no verdict */
    slots[1].checks_n = 1;
    slots[1].died = 1;
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_WORKER_DEAD, "", "1 worker died in the last 5 minutes");
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_WORKER_DEAD, "", "worker-1 (pid 1001)");
    slots[1].died = 0; /* it has ended */
    expect_ok(&status, NULL);
    slots[1].checks_n = 0;
    slots[1].busy_age_ns = STATUS_NEVER;
    slots[1].life = STATUS_UNKNOWN;
    expect(&status, NULL, STATUS_OK, HEALTH_WORKER_UNKNOWN, "", "worker-1");
}

static void
a_worker_that_is_busy_or_silent_too_long_is_stuck(void **state)
{
    static const struct health_limits short_ones = { .busy_seconds = 5, .heartbeat_seconds = 7 };
    static const struct health_limits never = { .busy_seconds = -1, .heartbeat_seconds = -1 };
    struct segment_status status;
    struct status_slot slots[1];
    (void)state;

    sane(&status, slots, 1);
    slots[0].busy_age_ns = 60 * SECOND;
    expect_ok(&status, NULL);
    slots[0].busy_age_ns = 61 * SECOND;
    expect(&status, NULL, STATUS_FAILING, HEALTH_WORKER_STUCK, "busy", "61 s");
    expect_ok(&status, &never);
    slots[0].busy_age_ns = 6 * SECOND;
    expect(&status, &short_ones, STATUS_FAILING, HEALTH_WORKER_STUCK, "busy", "limit 5 s");
    slots[0].busy_age_ns = STATUS_NEVER;
    slots[0].heartbeat_age_ns = 8 * SECOND;
    expect(&status, &short_ones, STATUS_FAILING, HEALTH_WORKER_STUCK, "heartbeat", "heartbeat 8 s ago");
    slots[0].heartbeat_age_ns = 86400 * SECOND; /* it waits for work */
    expect_ok(&status, NULL);
}

static void
a_workers_own_checks_count_as_they_say(void **state)
{
    struct segment_status status;
    struct status_slot slots[1];
    (void)state;

    sane(&status, slots, 1);
    slots[0].checks_n = 2;
    strcpy(slots[0].checks[0].name, "queue");
    strcpy(slots[0].checks[1].name, "db");
    slots[0].checks[1].health = STATUS_DEGRADED;
    strcpy(slots[0].checks[1].message, "slow replica");
    expect(&status, NULL, STATUS_DEGRADED, HEALTH_WORKER_CHECK, "db", "db is degraded: slow replica");
    slots[0].checks[1].health = STATUS_FAILING;
    expect(&status, NULL, STATUS_FAILING, HEALTH_WORKER_CHECK, "db", "db is failing");
}

static void
the_worst_reason_comes_first(void **state)
{
    const struct segment_status *all[2];
    struct segment_status status[2];
    struct status_slot slots[2];
    struct health health;
    (void)state;

    sane(&status[0], slots, 2);
    slots[0].life = STATUS_UNKNOWN;
    slots[1].life = STATUS_DEAD;
    slots[1].died = 1;
    sane(&status[1], NULL, 0);
    status[1].readable = 0;
    all[0] = &status[0];
    all[1] = &status[1];
    assert_int_equal(health_judge(&health, all, 2, NULL), 0);
    assert_int_equal(health.reasons_n, 3);
    assert_int_equal(health.reasons[0].severity, STATUS_FAILING);
    assert_int_equal(health.reasons[1].severity, STATUS_DEGRADED);
    assert_int_equal(health.reasons[2].severity, STATUS_OK);
    assert_int_equal(health.segments_readable, 1);
    assert_int_equal(health.workers_dead, 1);
    assert_int_equal(health.workers_unknown, 1);
    health_free(&health);
}

static void
the_verdict_as_json_says_the_same(void **state)
{
    const struct segment_status *all[2];
    struct segment_status status[2];
    struct status_slot slots[1];
    struct health health;
    json_t *json, *reason;
    char *text;
    (void)state;

    sane(&status[0], slots, 1);
    slots[0].busy_age_ns = 90 * SECOND;
    slots[0].checks_n = 1;
    strcpy(slots[0].checks[0].name, "db");
    sane(&status[1], NULL, 0);
    status[1].readable = 0;
    strcpy(status[1].error, "not there");
    all[0] = &status[0];
    all[1] = &status[1];
    assert_int_equal(health_judge(&health, all, 2, NULL), 0);
    text = health_json_text(&health, all, 2);
    assert_non_null(text);
    assert_true(text[strlen(text) - 1] == '\n');
    json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "failing");
    assert_int_equal(json_array_size(json_object_get(json, "reasons")), 2);
    reason = json_array_get(json_object_get(json, "reasons"), 0);
    assert_string_equal(json_string_value(json_object_get(reason, "check")), "worker_stuck");
    assert_string_equal(json_string_value(json_object_get(reason, "what")), "busy");
    assert_true(json_number_value(json_object_get(reason, "value")) == 90);
    assert_true(json_number_value(json_object_get(reason, "threshold")) == 60);
    assert_int_equal(json_integer_value(json_object_get(reason, "pid")), 1000);
    assert_int_equal(json_array_size(json_object_get(json, "segments")), 2);
    json_decref(json);
    free(text);
    health_free(&health);
}

/* ---- slots, as a snapshot reads them ---- */

static void
a_snapshot_reads_ages_checks_and_names_of_workers(void **state)
{
    struct image image;
    struct scene scene;
    const struct status_slot *slot;
    struct shmeter_slot_block *block;
    (void)state;

    image_make(&image, NULL);
    image_own(&image, 2, SHMETER_SLOT_LIVE, IMAGE_SELF, "caf\xc3\xa9\x1b\xff");
    block = image_block(&image, 2);
    block->heartbeat_ticks = shmeter_clock_ns() - 5 * SECOND;
    block->busy_ticks = shmeter_clock_ns() + 100 * SECOND; /* another CPU's clock ahead: not an age of centuries */
    block->work_n = 12;
    image_own(&image, 3, SHMETER_SLOT_LIVE, IMAGE_SELF, "idle, and it never beat");
    strcpy(block->checks[1].name, "db");
    strcpy(block->checks[1].message[0], "old words");
    strcpy(block->checks[1].message[1], "new\nwords");
    block->checks[1].since_ticks = shmeter_clock_ns() - 3 * SECOND;
    block->checks[1].word = SHMETER_FAILING | 1u << 8 | UINT64_C(7) << 32;
    memset(block->checks[3].name, 'n', sizeof block->checks[3].name); /* no end: bounded */
    block->checks[3].word = 250;
    strcpy(block->checks[5].name, "half a na"); /* its worker is writing it, or died while it did */
    block->checks[5].word = SHMETER_CHECK_MAKING;
    scene_open_one(&scene, image.path);
    assert_int_equal(store_take(scene.store, SNAPSHOT_STATUS), 0);
    assert_true(store_status(scene.store, 0)->slots_refused_age_ns == STATUS_NEVER);
    image.state->slots_given.refused_ticks = shmeter_clock_ns() - 7 * SECOND;
    assert_int_equal(store_take(scene.store, SNAPSHOT_STATUS), 0);
    assert_in_range(store_status(scene.store, 0)->slots_refused_age_ns, 7 * SECOND, 3600 * SECOND);
    assert_int_equal(store_status(scene.store, 0)->slots_live, 2);
    assert_int_equal(store_status(scene.store, 0)->slots_len, 2);
    assert_true(store_status(scene.store, 0)->slots[1].busy_age_ns == STATUS_NEVER);
    assert_true(store_status(scene.store, 0)->slots[1].heartbeat_age_ns == STATUS_NEVER);
    slot = &store_status(scene.store, 0)->slots[0];
    assert_int_equal(slot->slot, 2);
    assert_string_equal(slot->worker, "caf\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    assert_in_range(slot->heartbeat_age_ns, 5 * SECOND, 3600 * SECOND);
    assert_int_equal(slot->busy_age_ns, 0);
    assert_int_equal(slot->work_n, 12);
    assert_int_equal(slot->checks_n, 2);
    assert_string_equal(slot->checks[0].name, "db");
    assert_string_equal(slot->checks[0].message, "new words");
    assert_int_equal(slot->checks[0].health, STATUS_FAILING);
    assert_in_range(slot->checks[0].age_ns, 3 * SECOND, 3600 * SECOND);
    assert_int_equal(strlen(slot->checks[1].name), SHMETER_CHECK_NAME_BYTES);
    assert_int_equal(slot->checks[1].health, STATUS_FAILING); /* no such health: the worst */
    scene_close(&scene);
    image_free(&image);
}

static void
a_segment_of_another_boot_has_no_ages(void **state)
{
    struct image image;
    struct scene scene;
    (void)state;

    image_make(&image, NULL);
    image.header->boot_id[0] ^= 1;
    image_seal(&image);
    image_own(&image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    image_block(&image, 0)->busy_ticks = 1;
    scene_open_one(&scene, image.path);
    assert_int_equal(store_take(scene.store, SNAPSHOT_STATUS), 0);
    assert_int_equal(store_status(scene.store, 0)->same_boot, 0);
    assert_true(store_status(scene.store, 0)->slots[0].busy_age_ns == STATUS_NEVER);
    scene_close(&scene);
    image_free(&image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_well_is_ok_without_a_reason),
        cmocka_unit_test(no_segment_at_all_is_failing),
        cmocka_unit_test(an_unreadable_segment_is_failing_in_its_own_words),
        cmocka_unit_test(each_level_degrades_at_80_percent_and_fails_at_95),
        cmocka_unit_test(slots_that_are_all_taken_degrade_and_fail_once_one_was_missed),
        cmocka_unit_test(slots_that_were_missed_fail_until_one_was_had_or_nobody_asks),
        cmocka_unit_test(a_worker_that_died_degrades_and_an_unknown_one_is_mentioned),
        cmocka_unit_test(a_worker_that_is_busy_or_silent_too_long_is_stuck),
        cmocka_unit_test(a_workers_own_checks_count_as_they_say),
        cmocka_unit_test(the_worst_reason_comes_first),
        cmocka_unit_test(the_verdict_as_json_says_the_same),
        cmocka_unit_test(a_snapshot_reads_ages_checks_and_names_of_workers),
        cmocka_unit_test(a_segment_of_another_boot_has_no_ages),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
