/*
 * Workers that update everything there is are killed with SIGKILL at any instruction and replaced, for a fixed number
 * of rounds. What is scraped meanwhile and afterwards is compared with a ledger that the workers keep in other memory
 * (worker.h). SHMETER_TEST_SEED and SHMETER_TEST_ROUNDS replace the seed and the number of rounds.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/kill/account.h"
#include "tests/kill/crew.h"
#include "tests/tools/scratch.h"

#include "shmeter.h"

#define ROUNDS       400u
#define SETTLE_EVERY 20u

/* What the gauges of the retained modes may show: the values of all the dead. */
struct dead_values {
    double lowest, highest; /* certain bounds of MIN's value                                              */
    double max_lowest, max_highest;
    double *latest;
    uint32_t latest_n, capacity;
};

static struct {
    struct kill_crew crew;
    struct account account;
    struct dead_values dead;
} test;

/* Half of them with the parent's handles, inherited. */
static void
start(uint32_t place)
{
    kill_crew_start(&test.crew, place, place % 2 == 0);
}

/* A dead worker's gauges: what of them is certain. */
static void
remember_dead(const struct held *held)
{
    const struct held *low = &held[SHMETER_MIN], *high = &held[SHMETER_MAX], *last = &held[SHMETER_LATEST];
    struct dead_values *dead = &test.dead;

    dead->lowest = fmin(dead->lowest, fmin(low->now, low->next));
    dead->highest = fmin(dead->highest, isnan(low->now) ? (double)INFINITY : fmax(low->now, low->next));
    dead->max_highest = fmax(dead->max_highest, fmax(high->now, high->next));
    dead->max_lowest = fmax(dead->max_lowest, isnan(high->now) ? -(double)INFINITY : fmin(high->now, high->next));
    if (dead->latest_n + 2 > dead->capacity) {
        dead->capacity = 2 * dead->capacity + 256;
        dead->latest = realloc(dead->latest, dead->capacity * sizeof *dead->latest);
        assert_non_null(dead->latest);
    }
    dead->latest[dead->latest_n++] = last->now;
    dead->latest[dead->latest_n++] = last->next;
}

static void
kill_one(uint32_t place)
{
    assert_int_equal(kill_crew_kill(&test.crew, place), 0);
    remember_dead(test.crew.ledger->workers[place].held);
}

static void
expect(int result)
{
    if (result)
        fail_msg("%s", test.account.error);
}

static double
or_zero(double value)
{
    return isnan(value) ? 0 : value;
}

static double
gauge(uint32_t mode)
{
    return scrape_value(test.account.scrape, "kill_gauge_%s", kill_mode_name(mode));
}

static void
check_live_gauges(void)
{
    double pool = 0, sum = 0, lowest = (double)INFINITY, highest = -(double)INFINITY;
    double latest = gauge(SHMETER_LIVE_LATEST);
    uint32_t place, lasts = 0, sums = 0;

    for (place = 0; place < WORKERS; place++) {
        const struct held *held = test.crew.ledger->workers[place].held;
        if (!test.crew.pids[place])
            continue;
        pool += or_zero(held[SHMETER_POOL].now);
        sum += or_zero(held[SHMETER_LIVE_SUM].now);
        sums += isnan(held[SHMETER_LIVE_SUM].now) ? 0 : 1;
        lowest = fmin(lowest, held[SHMETER_LIVE_MIN].now);
        highest = fmax(highest, held[SHMETER_LIVE_MAX].now);
        lasts += held[SHMETER_LIVE_LATEST].now == latest;
    }
    if (or_zero(gauge(SHMETER_POOL)) != pool)
        fail_msg("POOL is %.0f, live workers hold %.0f", gauge(SHMETER_POOL), pool);
    if (or_zero(gauge(SHMETER_LIVE_SUM)) != sum || (sums && isnan(gauge(SHMETER_LIVE_SUM))))
        fail_msg("LIVE_SUM is %.0f, live workers hold %.0f", gauge(SHMETER_LIVE_SUM), sum);
    if (isinf(lowest) ? !isnan(gauge(SHMETER_LIVE_MIN)) : gauge(SHMETER_LIVE_MIN) != lowest)
        fail_msg("LIVE_MIN is %.0f, the lowest of live workers %.0f", gauge(SHMETER_LIVE_MIN), lowest);
    if (isinf(highest) ? !isnan(gauge(SHMETER_LIVE_MAX)) : gauge(SHMETER_LIVE_MAX) != highest)
        fail_msg("LIVE_MAX is %.0f, the highest of live workers %.0f", gauge(SHMETER_LIVE_MAX), highest);
    if (!isnan(latest) && !lasts)
        fail_msg("LIVE_LATEST is %.0f, which no live worker has set", latest);
}

/* One sample for each live worker that has set it: LIVE_ALL has no other, ALL may have those of dead ones. */
static void
check_each_worker(uint32_t mode)
{
    char beginning[64];
    uint32_t place, n = 0, samples;

    snprintf(beginning, sizeof beginning, "kill_gauge_%s{", kill_mode_name(mode));
    samples = scrape_count(test.account.scrape, beginning);
    for (place = 0; place < WORKERS; place++) {
        double now = test.crew.ledger->workers[place].held[mode].now, value;
        if (!test.crew.pids[place] || isnan(now))
            continue;
        n++;
        value = scrape_value(test.account.scrape, "kill_gauge_%s{worker=\"%s\",slot=\"%d\"}", kill_mode_name(mode),
                             place % 2 ? "fork" : "exec",
                             scrape_slot(test.account.scrape, (uint32_t)test.crew.pids[place]));
        if (value != now)
            fail_msg("%s of worker %u is %.0f, it has set %.0f", kill_mode_name(mode), place, value, now);
    }
    if (mode == SHMETER_LIVE_ALL ? samples != n : samples < n || samples > WORKERS + 3)
        fail_msg("%s has %u samples, %u live workers have set it", kill_mode_name(mode), samples, n);
}

static void
check_retained_gauges(void)
{
    struct dead_values all = test.dead;
    double latest = gauge(SHMETER_LATEST);
    uint32_t place, i, found = 0;

    for (place = 0; place < WORKERS; place++) {
        const struct held *held = test.crew.ledger->workers[place].held;
        if (!test.crew.pids[place])
            continue;
        all.lowest = fmin(all.lowest, held[SHMETER_MIN].now);
        all.highest = fmin(all.highest, held[SHMETER_MIN].now);
        all.max_lowest = fmax(all.max_lowest, held[SHMETER_MAX].now);
        all.max_highest = fmax(all.max_highest, held[SHMETER_MAX].now);
        found += held[SHMETER_LATEST].now == latest;
    }
    for (i = 0; i < all.latest_n; i++)
        found += all.latest[i] == latest;
    if (!isinf(all.highest) && !(gauge(SHMETER_MIN) >= all.lowest && gauge(SHMETER_MIN) <= all.highest))
        fail_msg("MIN is %.0f, not within %.0f and %.0f", gauge(SHMETER_MIN), all.lowest, all.highest);
    if (!isinf(all.max_lowest) && !(gauge(SHMETER_MAX) >= all.max_lowest && gauge(SHMETER_MAX) <= all.max_highest))
        fail_msg("MAX is %.0f, not within %.0f and %.0f", gauge(SHMETER_MAX), all.max_lowest, all.max_highest);
    if (!isnan(latest) && !found)
        fail_msg("LATEST is %.0f, which nobody has set", latest);
}

/* All workers stand still: gauges are certain too. */
static void
settle(void)
{
    uint32_t late = kill_crew_pause(&test.crew);

    if (late)
        fail_msg("worker %u does not stand still", late - 1);
    expect(account_settle(&test.account));
    check_live_gauges();
    check_each_worker(SHMETER_LIVE_ALL);
    check_each_worker(SHMETER_ALL);
    check_retained_gauges();
    kill_crew_resume(&test.crew);
}

/* Some workers are killed after a random while, the store is read while they are dead, others take their places. */
static void
play_round(void)
{
    uint64_t chance = scratch_random(&test.crew.random);
    struct timespec while_ns = { 0, (long)(chance % 12000000) };
    uint32_t n = 1 + (uint32_t)(chance >> 32) % 3, place = (uint32_t)(chance >> 40) % WORKERS, i;

    nanosleep(&while_ns, NULL);
    for (i = 0; i < n; i++)
        kill_one((place + 3 * i) % WORKERS);
    expect(account_scrape(&test.account));
    for (i = 0; i < n; i++)
        start((place + 3 * i) % WORKERS);
}

/* As a scrape has seen it. */
static int
all_were_updated(void)
{
    uint32_t i;

    for (i = 0; i < QUANTITIES; i++)
        if ((i < AT_HISTOGRAMS || (i - AT_HISTOGRAMS) % BUCKETS < 5) && !(test.account.got[i] > 0))
            return 0;
    return 1;
}

static void
killed_workers_leave_what_the_ledger_says(void **state)
{
    uint64_t rounds = kill_crew_number("SHMETER_TEST_ROUNDS", ROUNDS), round;
    uint32_t place;

    (void)state;
    for (place = 0; place < WORKERS; place++)
        start(place);
    for (round = 1; round <= rounds || !all_were_updated(); round++) {
        play_round();
        if (round % SETTLE_EVERY == 0)
            settle();
    }
    settle();
    for (place = 0; place < WORKERS; place += 2)
        kill_one(place);
    settle(); /* the dead are not replaced */
    for (place = 1; place < WORKERS; place += 2)
        kill_one(place);
    settle(); /* nobody is left */
    print_message("# seed %" PRIu64 ", %" PRIu64 " kills\n", test.crew.seed, test.crew.kills);
}

static void
nothing_was_lost_or_torn(void **state)
{
    const struct segment_status *status = scrape_status(test.account.scrape);
    uint32_t i;

    (void)state;
    for (i = 0; i < status->losses_n; i++)
        if (status->losses[i])
            fail_msg("%" PRIu64 " %s", status->losses[i], status_loss_kind(i));
    assert_int_equal(status->series_damaged, 0);
    assert_int_equal(status->families_damaged, 0);
    assert_true(status->torn <= test.crew.kills / 100); /* reads past 64 tries against a writer: rare */
    assert_int_equal(status->slots_live, 1);
}

static int
set_up(void **state)
{
    (void)state;
    test.dead.lowest = test.dead.highest = (double)INFINITY;
    test.dead.max_lowest = test.dead.max_highest = -(double)INFINITY;
    kill_crew_open(&test.crew, 20240229, NULL);
    account_open(&test.account, test.crew.ledger, test.crew.path);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    kill_crew_close(&test.crew);
    account_close(&test.account);
    free(test.dead.latest);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_workers_leave_what_the_ledger_says),
        cmocka_unit_test(nothing_was_lost_or_torn),
    };

    kill_crew_main(argc, argv);
    return cmocka_run_group_tests_name("kill_ledger", tests, set_up, tear_down);
}
