/*
 * Who finds no slot tries again when the moment of the next search comes, and takes along what its gauges were set to.
 */
#include <math.h>

#define SHMETER_CLAIM_RETRY_NS retry_ns
#include <stdint.h>
static uint64_t retry_ns = UINT64_C(3600000000000); /* after a search in vain; the test's own time */
#include "tests/shm/slots/claim_pool.h"
#include "tests/tools/values.h"

static struct shmeter_gauge late[SHMETER_MODES];
static char late_names[SHMETER_MODES][16];

static void
open_late(const char *name)
{
    static struct shmeter_desc descs[SHMETER_MODES];
    uint32_t mode;

    open_pool(name, 1);
    for (mode = 0; mode < SHMETER_MODES; mode++) {
        snprintf(late_names[mode], sizeof late_names[mode], "late_%u", mode);
        descs[mode] = (struct shmeter_desc){ .type = SHMETER_GAUGE,
                                             .name = late_names[mode],
                                             .mode = (enum shmeter_mode)mode };
        late[mode] = shmeter_gauge_of(shmeter_family(meter, &descs[mode]));
    }
}

/*
 * A child of which the parent hears when it has set its gauges, and again when it has done something with a slot to be
 * had.
 */
static pid_t
come_too_late(int orders[2], int answers[2])
{
    uint32_t mode;
    char byte;
    pid_t child;

    assert_int_equal(pipe(orders) || pipe(answers), 0);
    child = fork();
    if (child)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (mode = 0; mode < SHMETER_MODES; mode++) {
        shmeter_gauge_set(late[mode], 7);
        shmeter_gauge_add(late[mode], 1);
    }
    shmeter_busy(meter);
    shmeter_check(meter, "late", SHMETER_DEGRADED, "came late");
    while (write(answers[1], "r", 1) == 1 && read(orders[0], &byte, 1) == 1)
        if (byte == 's')
            shmeter_gauge_set(late[SHMETER_LIVE_MAX], 9);
        else
            shmeter_heartbeat(meter);
    _exit(0);
}

static void
tell(const int orders[2], const int answers[2], char order)
{
    char byte;

    assert_int_equal(write(orders[1], &order, 1), 1);
    assert_int_equal(read(answers[0], &byte, 1), 1);
}

static double
late_value(struct exposition *store, uint32_t mode)
{
    const struct model_family *family = model_find(store->model, late_names[mode]);
    uint32_t i;

    for (i = 0; family && i < family->series_n; i++)
        if (family->series[i].present)
            return model_number(store->model, &family->series[i]);
    return (double)NAN;
}

static void
expect_carried(struct exposition *store, double retained)
{
    const struct segment_status *status = values_take(store);

    assert_int_equal(status->slots_live, 1);
    assert_true(late_value(store, SHMETER_POOL) == 8);
    assert_true(late_value(store, SHMETER_LIVE_SUM) == 8);
    assert_true(late_value(store, SHMETER_LIVE_MIN) == 8);
    assert_true(late_value(store, SHMETER_LIVE_LATEST) == 7);
    assert_true(late_value(store, SHMETER_LIVE_ALL) == 8);
    assert_true(late_value(store, SHMETER_SUM) == 8 + retained);
    assert_true(late_value(store, SHMETER_MIN) == 8);
    assert_true(late_value(store, SHMETER_MAX) == (retained > 8 ? retained : 8));
    assert_true(late_value(store, SHMETER_LATEST) == 7);
    assert_true(late_value(store, SHMETER_ALL) == 8);
    assert_int_equal(status->slots[0].work_n, 1);
    assert_true(status->slots[0].busy_age_ns != STATUS_NEVER);
    assert_int_equal(status->slots[0].checks_n, 1);
    assert_int_equal(status->slots[0].checks[0].health, STATUS_DEGRADED);
    assert_string_equal(status->slots[0].checks[0].message, "came late");
}

static void
who_finds_no_slot_gets_one_that_is_given_back_and_takes_its_gauges_along(void **state)
{
    int orders[2], answers[2];
    struct exposition *store;
    pid_t child;
    char byte;
    (void)state;

    open_late("late");
    shmeter_gauge_set(late[SHMETER_SUM], 100);
    shmeter_gauge_set(late[SHMETER_MAX], 100);
    shmeter_gauge_set(late[SHMETER_LATEST], 100);
    store = values_new(segment);
    child = come_too_late(orders, answers);
    assert_int_equal(read(answers[0], &byte, 1), 1);
    values_take(store);
    assert_true(late_value(store, SHMETER_POOL) == 7); /* the pool's value needs no slot, a share of it does */
    assert_true(isnan(late_value(store, SHMETER_LIVE_SUM)));
    shmeter_close(meter);
    tell(orders, answers, 'b');
    expect_carried(store, 100);
    end_workers(&child, 1);
    exposition_free(store);
}

static void
who_finds_no_slot_gets_that_of_one_who_dies_by_a_plain_gauge(void **state)
{
    int orders[2], answers[2];
    struct exposition *store;
    pid_t child, worker;
    char byte;
    (void)state;

    open_late("too-late");
    shmeter_close(meter);
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    shmeter_close(meter); /* the slot is free */
    meter->opened_n = 1;
    worker = start_worker(1);
    store = values_new(segment);
    retry_ns = 0;
    child = come_too_late(orders, answers);
    assert_int_equal(read(answers[0], &byte, 1), 1);
    end_workers(&worker, 1);
    values_take(store);
    assert_true(isnan(late_value(store, SHMETER_LIVE_SUM)));
    tell(orders, answers, 's');
    expect_carried(store, 0);
    assert_true(late_value(store, SHMETER_LIVE_MAX) == 9);
    end_workers(&child, 1);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_finds_no_slot_gets_one_that_is_given_back_and_takes_its_gauges_along),
        cmocka_unit_test(who_finds_no_slot_gets_that_of_one_who_dies_by_a_plain_gauge),
    };
    return cmocka_run_group_tests_name("claim_late", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("claim-late", body);
}
