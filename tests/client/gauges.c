/*
 * The eleven modes of gauges against the rendered text. Workers are children that open the segment themselves and do what they are
 * told; the segment has two slots, so that the third worker takes over a dead one's.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/client/scrape.h"
#include "tests/client/scratch.h"

enum action { SET, ADD, SHOW, HIDE, COUNT, ATTACH, CLOSE };

struct order {
    enum action action;
    uint32_t mode;
    double value;
};

struct worker {
    pid_t pid;
    int orders, answers; /* pipes */
};

static const char *const names[SHMETER_MODES] = { "g_pool",        "g_live_sum", "g_live_min", "g_live_max",
                                                  "g_live_latest", "g_live_all", "g_sum",      "g_min",
                                                  "g_max",         "g_latest",   "g_all" };
static struct worker workers[16];
static uint32_t workers_n;
static struct scrape *scrape;

/* ---- a worker ---------------------------------------------------------------------------------------------------------- */

static const struct shmeter_family *
family_of(struct shmeter *meter, uint32_t mode)
{
    struct shmeter_desc desc = {
        .type = SHMETER_GAUGE, .name = names[mode], .help = "Of a test.", .mode = (enum shmeter_mode)mode
    };
    return shmeter_family(meter, &desc);
}

static int
obey(struct shmeter *meter, const struct shmeter_gauge *gauges, const struct order *order)
{
    static const struct shmeter_desc work = { .type = SHMETER_COUNTER, .name = "g_work_total", .help = "Work." };

    switch (order->action) {
    case SET:
        shmeter_gauge_set(gauges[order->mode], order->value);
        return 0;
    case ADD:
        shmeter_gauge_add(gauges[order->mode], order->value);
        return 0;
    case SHOW:
        shmeter_gauge_of(family_of(meter, order->mode));
        return 0;
    case HIDE:
        shmeter_hide_all(family_of(meter, order->mode));
        return 0;
    case COUNT:
        shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &work)));
        return 0;
    case ATTACH:
        return shmeter_attach_worker(meter);
    default:
        shmeter_close(meter);
        return 0;
    }
}

static void
work(const char *path, const char *name, int orders, int answers)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .worker = name, .group = -1, .max_slots = 2 };
    struct shmeter_gauge gauges[SHMETER_MODES];
    struct shmeter *meter;
    struct order order;
    uint32_t mode;
    int answer = shmeter_open(&meter, path, &options);

    for (mode = 0; mode < SHMETER_MODES; mode++)
        gauges[mode] = shmeter_gauge_of(family_of(meter, mode));
    while (write(answers, &answer, sizeof answer) == (ssize_t)sizeof answer &&
           read(orders, &order, sizeof order) == (ssize_t)sizeof order)
        answer = obey(meter, gauges, &order);
    _exit(0);
}

/* ---- the test's side ---------------------------------------------------------------------------------------------------- */

static int
answer_of(const struct worker *worker)
{
    int answer;

    assert_int_equal(read(worker->answers, &answer, sizeof answer), sizeof answer);
    return answer;
}

static int
tell(const struct worker *worker, enum action action, uint32_t mode, double value)
{
    struct order order;

    memset(&order, 0, sizeof order);
    order.action = action;
    order.mode = mode;
    order.value = value;
    assert_int_equal(write(worker->orders, &order, sizeof order), sizeof order);
    return answer_of(worker);
}

static void
tell_all_modes(const struct worker *worker, enum action action, double value)
{
    uint32_t mode;

    for (mode = 0; mode < SHMETER_MODES; mode++)
        tell(worker, action, mode, value);
}

static struct worker *
start(const char *name)
{
    struct worker *worker = &workers[workers_n++];
    const char *path = scratch_path("gauges");
    int orders[2], answers[2];

    assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    worker->pid = scratch_fork();
    if (!worker->pid) {
        close(orders[1]);
        close(answers[0]);
        work(path, name, orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    worker->orders = orders[1];
    worker->answers = answers[0];
    assert_int_equal(answer_of(worker), 0);
    return worker;
}

static void
kill_it(struct worker *worker)
{
    if (!worker->pid)
        return;
    kill(worker->pid, SIGKILL);
    scratch_wait(worker->pid);
    close(worker->orders);
    close(worker->answers);
    worker->pid = 0;
}

/* NaN expects no sample. */
#define EXPECT(mode, expected) expect(mode, expected, __LINE__)

static void
expect(uint32_t mode, double expected, int line)
{
    double value;

    scrape_take(scrape);
    value = scrape_value(scrape, "%s", names[mode]);
    if (isnan(expected) ? scrape_count(scrape, names[mode]) != 0 : value != expected)
        fail_msg("line %d: %s is %g, expected %g", line, names[mode], value, expected);
}

#define EXPECT_EACH(mode, n) expect_each(mode, n, __LINE__)

static void
expect_each(uint32_t mode, uint32_t expected, int line)
{
    scrape_take(scrape);
    if (scrape_count(scrape, names[mode]) != expected)
        fail_msg("line %d: %s has %u samples, expected %u", line, names[mode], scrape_count(scrape, names[mode]),
                 expected);
}

static double
of_worker(uint32_t mode, const char *worker, int slot)
{
    return scrape_value(scrape, "%s{worker=\"%s\",slot=\"%d\"}", names[mode], worker, slot);
}

static void
expect_lost(uint32_t loss, uint64_t expected)
{
    scrape_take(scrape);
    assert_int_equal(scrape_status(scrape)->losses[loss], expected);
}

static int
set_up(void **state)
{
    (void)state;
    workers_n = 0;
    scrape = scrape_open(scratch_path("gauges"));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    while (workers_n)
        kill_it(&workers[--workers_n]);
    scrape_close(scrape);
    scratch_remove("gauges");
    return 0;
}

#define NONE ((double)NAN)

/* ---- the modes ------------------------------------------------------------------------------------------------------------ */

static void
a_gauge_that_nobody_set_has_no_sample(void **state)
{
    uint32_t mode;

    (void)state;
    start("a");
    for (mode = 0; mode < SHMETER_MODES; mode++)
        EXPECT(mode, NONE);
}

static void
live_modes_combine_the_living(void **state)
{
    struct worker *a = start("a"), *b = start("b");

    (void)state;
    tell_all_modes(a, SET, 3);
    tell_all_modes(b, SET, 5);
    EXPECT(SHMETER_LIVE_SUM, 8);
    EXPECT(SHMETER_LIVE_MIN, 3);
    EXPECT(SHMETER_LIVE_MAX, 5);
    EXPECT(SHMETER_LIVE_LATEST, 5);
    EXPECT_EACH(SHMETER_LIVE_ALL, 2);
    assert_true(of_worker(SHMETER_LIVE_ALL, "a", 0) == 3);
    assert_true(of_worker(SHMETER_LIVE_ALL, "b", 1) == 5);
    tell_all_modes(a, ADD, 4);
    EXPECT(SHMETER_LIVE_SUM, 12);
    EXPECT(SHMETER_LIVE_MIN, 5);
    EXPECT(SHMETER_LIVE_MAX, 7);
    tell(a, SET, SHMETER_LIVE_LATEST, -1);
    EXPECT(SHMETER_LIVE_LATEST, -1);
}

static void
the_dead_and_the_released_leave_the_live_modes(void **state)
{
    struct worker *a = start("a"), *b = start("b");
    uint32_t mode;

    (void)state;
    tell_all_modes(a, SET, 3);
    tell_all_modes(b, SET, 5);
    kill_it(b);
    EXPECT(SHMETER_LIVE_SUM, 3);
    EXPECT(SHMETER_LIVE_MIN, 3);
    EXPECT(SHMETER_LIVE_MAX, 3);
    EXPECT(SHMETER_LIVE_LATEST, 3);
    EXPECT_EACH(SHMETER_LIVE_ALL, 1);
    tell(a, CLOSE, 0, 0);
    for (mode = SHMETER_LIVE_SUM; mode <= SHMETER_LIVE_ALL; mode++)
        EXPECT(mode, NONE);
    tell_all_modes(a, SET, 9); /* after its close a worker counts privately */
    for (mode = SHMETER_LIVE_SUM; mode <= SHMETER_LIVE_ALL; mode++)
        EXPECT(mode, NONE);
    start("c"); /* takes over one of the two slots, and nothing in it */
    start("d");
    for (mode = SHMETER_LIVE_SUM; mode <= SHMETER_LIVE_ALL; mode++)
        EXPECT(mode, NONE);
}

static void
retained_modes_keep_the_dead_when_slots_are_taken_over(void **state)
{
    struct worker *a = start("a"), *b = start("b"), *c, *d, *e;

    (void)state;
    tell_all_modes(a, SET, 3);
    tell_all_modes(b, SET, 5);
    kill_it(a);
    tell(b, CLOSE, 0, 0);
    EXPECT(SHMETER_SUM, 8);
    EXPECT(SHMETER_MIN, 3);
    EXPECT(SHMETER_MAX, 5);
    EXPECT(SHMETER_LATEST, 5);
    EXPECT_EACH(SHMETER_ALL, 2);
    c = start("c");
    d = start("d");
    EXPECT(SHMETER_SUM, 8);
    EXPECT(SHMETER_MIN, 3);
    EXPECT(SHMETER_MAX, 5);
    EXPECT(SHMETER_LATEST, 5);
    EXPECT(SHMETER_ALL, NONE); /* until the slot is taken over */
    tell_all_modes(c, SET, 7);
    tell_all_modes(d, SET, 1);
    tell(c, ADD, SHMETER_SUM, 0.5);
    kill_it(c);
    e = start("e");
    EXPECT(SHMETER_SUM, 16.5);
    EXPECT(SHMETER_MIN, 1);
    EXPECT(SHMETER_MAX, 7);
    EXPECT(SHMETER_LATEST, 1);
    EXPECT_EACH(SHMETER_ALL, 1);
    tell(e, SET, SHMETER_SUM, -6.5);
    EXPECT(SHMETER_SUM, 10);
    tell(e, SET, SHMETER_LATEST, 2);
    EXPECT(SHMETER_LATEST, 2);
}

static void
pool_shows_the_last_set_and_the_shares_of_the_living(void **state)
{
    struct worker *a = start("a"), *b = start("b"), *c;

    (void)state;
    tell(a, ADD, SHMETER_POOL, 2); /* shares without any set */
    EXPECT(SHMETER_POOL, 2);
    tell(a, SET, SHMETER_POOL, 10); /* replaces all of it */
    EXPECT(SHMETER_POOL, 10);
    tell(b, ADD, SHMETER_POOL, 3);
    tell(a, ADD, SHMETER_POOL, -1);
    EXPECT(SHMETER_POOL, 12);
    kill_it(b);
    EXPECT(SHMETER_POOL, 9);
    c = start("c"); /* in b's slot: not with b's share */
    EXPECT(SHMETER_POOL, 9);
    tell(c, ADD, SHMETER_POOL, 5);
    EXPECT(SHMETER_POOL, 14);
    tell(a, SET, SHMETER_POOL, 100); /* a new epoch: no share counts any more */
    EXPECT(SHMETER_POOL, 100);
    tell(c, ADD, SHMETER_POOL, 1);
    EXPECT(SHMETER_POOL, 101);
    kill_it(a); /* what was set belongs to the pool */
    EXPECT(SHMETER_POOL, 101);
    tell(c, CLOSE, 0, 0);
    EXPECT(SHMETER_POOL, 100);
}

static void
a_hidden_gauge_comes_back_unset(void **state)
{
    struct worker *a = start("a"), *b;
    uint32_t mode;

    (void)state;
    tell_all_modes(a, SET, 3);
    kill_it(a); /* retained values of the dead are unset too */
    a = start("a");
    b = start("b");
    tell_all_modes(a, SET, 4);
    tell_all_modes(b, SET, 5);
    tell_all_modes(b, ADD, 1);
    tell_all_modes(b, HIDE, 0);
    for (mode = 0; mode < SHMETER_MODES; mode++)
        EXPECT(mode, NONE);
    tell_all_modes(b, SHOW, 0);
    for (mode = 0; mode < SHMETER_MODES; mode++)
        EXPECT(mode, NONE);
    tell_all_modes(a, SET, 6);
    for (mode = 0; mode < SHMETER_MODES; mode++)
        if (mode == SHMETER_ALL || mode == SHMETER_LIVE_ALL)
            EXPECT_EACH(mode, 1);
        else
            EXPECT(mode, 6);
    tell(b, ADD, SHMETER_POOL, 1);
    EXPECT(SHMETER_POOL, 7);
}

static void
refused_operations_are_counted(void **state)
{
    struct worker *a = start("a");

    (void)state;
    tell_all_modes(a, SET, 3);
    tell(a, SET, SHMETER_MIN, NONE);
    tell(a, SET, SHMETER_MAX, NONE);
    tell(a, SET, SHMETER_LIVE_MIN, NONE);
    tell(a, ADD, SHMETER_LIVE_MAX, NONE);
    expect_lost(SHMETER_LOSS_GAUGE_REFUSED, 4);
    tell(a, ADD, SHMETER_LATEST, 1);
    tell(a, ADD, SHMETER_LIVE_LATEST, 1);
    expect_lost(SHMETER_LOSS_GAUGE_REFUSED, 6);
    EXPECT(SHMETER_MIN, 3);
    EXPECT(SHMETER_MAX, 3);
    EXPECT(SHMETER_LIVE_MIN, 3);
    EXPECT(SHMETER_LIVE_MAX, 3);
    EXPECT(SHMETER_LATEST, 3);
    EXPECT(SHMETER_LIVE_LATEST, 3);
    tell(a, SET, SHMETER_LIVE_SUM, NONE); /* a value as any other, and no "never set" */
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, names[SHMETER_LIVE_SUM]), 1);
    tell(a, SET, SHMETER_LIVE_SUM, (double)INFINITY);
    EXPECT(SHMETER_LIVE_SUM, (double)INFINITY);
    expect_lost(SHMETER_LOSS_GAUGE_REFUSED, 6);
}

static void
workers_without_a_slot_have_private_gauges(void **state)
{
    struct worker *a = start("a"), *b = start("b"), *c = start("c"), *d;

    (void)state;
    tell_all_modes(a, SET, 3);
    tell_all_modes(b, SET, 3);
    expect_lost(SHMETER_LOSS_SLOTS_EXHAUSTED, 1);
    assert_int_equal(tell(c, ATTACH, 0, 0), -EUSERS);
    assert_int_equal(tell(a, ATTACH, 0, 0), 0);
    tell_all_modes(c, SET, 100);
    tell_all_modes(c, ADD, 100);
    tell(c, COUNT, 0, 0);
    EXPECT(SHMETER_LIVE_SUM, 6);
    EXPECT(SHMETER_POOL, 3);
    EXPECT(SHMETER_MAX, 3);
    EXPECT_EACH(SHMETER_ALL, 2);
    assert_true(scrape_value(scrape, "g_work_total") == 1); /* counters need no slot */
    kill_it(c);
    kill_it(b);
    d = start("d"); /* in b's slot */
    assert_int_equal(tell(d, ATTACH, 0, 0), 0);
    tell(d, SET, SHMETER_LIVE_SUM, 4);
    EXPECT(SHMETER_LIVE_SUM, 7);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
    };

    return cmocka_run_group_tests_name("gauges", tests, NULL, NULL);
}
