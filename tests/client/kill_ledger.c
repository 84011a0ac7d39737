/*
 * Workers that update everything there is are killed with SIGKILL at any instruction and replaced, for a fixed number of rounds.
 * What is scraped meanwhile and afterwards is held against a ledger that the workers keep in other memory (kill_worker.h).
 * SHMETER_TEST_SEED and SHMETER_TEST_ROUNDS replace the seed and the number of rounds.
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

#include "tests/client/kill_worker.h"
#include "tests/client/scrape.h"
#include "tests/client/scratch.h"

#include "shmeter.h"

#define ROUNDS       800u
#define SETTLE_EVERY 20u

/* What the gauges of the retained modes may show: the values of all the dead. */
struct dead_values {
    double lowest, highest; /* certain bounds of MIN's value                                              */
    double max_lowest, max_highest;
    double *latest;
    uint32_t latest_n, capacity;
};

static struct {
    struct ledger *ledger;
    int ledger_fd;
    char path[128];
    struct scrape *scrape;
    pid_t pids[WORKERS];
    uint64_t seed, random, kills;
    uint64_t finished[QUANTITIES], begun[QUANTITIES]; /* sums over the workers                               */
    double got[QUANTITIES], before[QUANTITIES];       /* of this scrape and the one before, in units          */
    uint64_t base_finished[QUANTITIES], base_begun[QUANTITIES];
    double base[QUANTITIES]; /* what was scraped when all was quiet; the ledger's sums then                   */
    struct dead_values dead;
} test;

static void
start(uint32_t place)
{
    struct worker_ledger *own = &test.ledger->workers[place];
    char arguments[3][24];
    uint64_t seed = scratch_random(&test.random);
    uint32_t i;

    for (i = 0; i < MODES; i++)
        own->held[i].now = own->held[i].next = (double)NAN;
    own->quiet = 0;
    test.pids[place] = scratch_fork();
    if (test.pids[place])
        return;
    if (place % 2) /* the parent's handles, inherited */
        kill_worker_run(test.ledger, place, seed);
    snprintf(arguments[0], sizeof arguments[0], "%d", test.ledger_fd);
    snprintf(arguments[1], sizeof arguments[1], "%u", place);
    snprintf(arguments[2], sizeof arguments[2], "%" PRIu64, seed);
    execl("/proc/self/exe", "kill_ledger", test.path, arguments[0], arguments[1], arguments[2], (char *)NULL);
    _exit(1);
}

/* A worker that opens the segment itself. */
static int
run_worker(char **argv)
{
    struct ledger *ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
    uint32_t place = (uint32_t)atoi(argv[3]);

    if (ledger == MAP_FAILED)
        return 1;
    kill_worker_open(argv[1], "exec");
    kill_worker_run(ledger, place, strtoull(argv[4], NULL, 10));
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
    kill(test.pids[place], SIGKILL);
    assert_int_equal(scratch_wait(test.pids[place]), 128 + SIGKILL);
    test.kills++;
    remember_dead(test.ledger->workers[place].held);
    test.pids[place] = 0;
}

static void
sum_ledger(uint64_t *sums, size_t field)
{
    uint32_t place, i;

    memset(sums, 0, QUANTITIES * sizeof *sums);
    for (place = 0; place < WORKERS; place++)
        for (i = 0; i < QUANTITIES; i++)
            sums[i] += __atomic_load_n(
                (const uint64_t *)(const void *)((const char *)&test.ledger->workers[place] + field) + i,
                __ATOMIC_ACQUIRE);
}

static double
or_zero(double value)
{
    return isnan(value) ? 0 : value;
}

/* Buckets one by one, and: the sum is what the buckets imply, _count is +Inf's. */
static void
read_histogram(uint32_t histogram)
{
    const char *kind = histogram < CLASSIC ? "classic" : "exponential";
    double below = 0, cumulative, implied = 0, count, inf, sum;
    uint32_t i;

    for (i = 0; i < kill_buckets_n(histogram); i++) {
        cumulative = scrape_value(test.scrape, "kill_histogram_%s_bucket{n=\"%u\",le=\"%s\"}", kind, histogram,
                                  kill_bucket_bound(histogram, i));
        if (isnan(cumulative))
            fail_msg("histogram %u has no bucket %s", histogram, kill_bucket_bound(histogram, i));
        test.got[AT_HISTOGRAMS + histogram * BUCKETS + i] = cumulative - below;
        implied += (cumulative - below) * kill_bucket_value(histogram, i);
        below = cumulative;
    }
    inf = scrape_value(test.scrape, "kill_histogram_%s_bucket{n=\"%u\",le=\"+Inf\"}", kind, histogram);
    count = scrape_value(test.scrape, "kill_histogram_%s_count{n=\"%u\"}", kind, histogram);
    sum = scrape_value(test.scrape, "kill_histogram_%s_sum{n=\"%u\"}", kind, histogram);
    if (!(inf == below && count == below))
        fail_msg("histogram %u: buckets have %.0f, +Inf %.0f, _count %.0f", histogram, below, inf, count);
    if (!(sum == implied) && !scrape_status(test.scrape)->torn)
        fail_msg("histogram %u: the sum is %.3f and the buckets imply %.3f", histogram, sum, implied);
}

static void
read_quantities(void)
{
    uint32_t i;

    for (i = 0; i < COUNTERS; i++)
        test.got[AT_COUNTERS + i] = or_zero(scrape_value(test.scrape, "kill_counter_total{n=\"%u\"}", i));
    for (i = 0; i < FRACTIONS; i++)
        test.got[AT_FRACTIONS + i] = or_zero(scrape_value(test.scrape, "kill_fraction_total{n=\"%u\"}", i)) /
                                     FRACTION_UNIT;
    for (i = 0; i < HISTOGRAMS; i++)
        read_histogram(i);
    for (i = 0; i < DYNAMIC; i++)
        test.got[AT_DYNAMIC + i] = or_zero(scrape_value(test.scrape, "kill_dynamic_total{n=\"%u\"}", i));
    test.got[AT_SUM] = or_zero(scrape_value(test.scrape, "kill_gauge_sum"));
}

/* What was finished before the scrape is in it, and nothing that was begun after it; and nothing ever falls. */
static void
scrape_and_check(void)
{
    uint32_t i;

    sum_ledger(test.finished, offsetof(struct worker_ledger, finished));
    scrape_take(test.scrape);
    sum_ledger(test.begun, offsetof(struct worker_ledger, begun));
    read_quantities();
    for (i = 0; i < QUANTITIES; i++) {
        if (test.got[i] < (double)test.finished[i] || test.got[i] > (double)test.begun[i])
            fail_msg("quantity %u is %.3f, the ledger has %" PRIu64 " finished, %" PRIu64 " begun", i, test.got[i],
                     test.finished[i], test.begun[i]);
        if (test.got[i] < test.before[i])
            fail_msg("quantity %u fell from %.3f to %.3f", i, test.before[i], test.got[i]);
        test.before[i] = test.got[i];
    }
}

static double
gauge(uint32_t mode)
{
    return scrape_value(test.scrape, "kill_gauge_%s", kill_mode_name(mode));
}

static void
check_live_gauges(void)
{
    double pool = 0, sum = 0, lowest = (double)INFINITY, highest = -(double)INFINITY;
    double latest = gauge(SHMETER_LIVE_LATEST);
    uint32_t place, lasts = 0, sums = 0;

    for (place = 0; place < WORKERS; place++) {
        const struct held *held = test.ledger->workers[place].held;
        if (!test.pids[place])
            continue;
        pool += or_zero(held[SHMETER_POOL].now);
        sum += or_zero(held[SHMETER_LIVE_SUM].now);
        sums += !isnan(held[SHMETER_LIVE_SUM].now);
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
    samples = scrape_count(test.scrape, beginning);
    for (place = 0; place < WORKERS; place++) {
        double now = test.ledger->workers[place].held[mode].now, value;
        if (!test.pids[place] || isnan(now))
            continue;
        n++;
        value = scrape_value(test.scrape, "kill_gauge_%s{worker=\"%s\",slot=\"%d\"}", kill_mode_name(mode),
                             place % 2 ? "fork" : "exec", scrape_slot(test.scrape, (uint32_t)test.pids[place]));
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
        const struct held *held = test.ledger->workers[place].held;
        if (!test.pids[place])
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

/*
 * All workers stand still: gauges are certain. Since the last such moment totals have grown by what was finished since then,
 * and by at most what was begun: the doubts of one round do not hide the losses of another.
 */
static void
settle(void)
{
    static uint32_t pause;
    uint32_t place, i;

    __atomic_store_n(&test.ledger->pause, ++pause, __ATOMIC_RELEASE);
    for (place = 0; place < WORKERS; place++)
        if (test.pids[place] && scratch_until(&test.ledger->workers[place].quiet, pause))
            fail_msg("worker %u does not stand still", place);
    scrape_and_check();
    for (i = 0; i < QUANTITIES; i++) {
        double grown = test.got[i] - test.base[i];
        uint64_t least = test.finished[i] - test.base_finished[i], most = test.begun[i] - test.base_begun[i];
        if (grown < (double)least || grown > (double)most)
            fail_msg("quantity %u grew by %.3f, the ledger by %" PRIu64 " finished, %" PRIu64 " begun", i, grown, least,
                     most);
    }
    memcpy(test.base, test.got, sizeof test.base);
    memcpy(test.base_finished, test.finished, sizeof test.base_finished);
    memcpy(test.base_begun, test.begun, sizeof test.base_begun);
    check_live_gauges();
    check_each_worker(SHMETER_LIVE_ALL);
    check_each_worker(SHMETER_ALL);
    check_retained_gauges();
    __atomic_store_n(&test.ledger->pause, 0, __ATOMIC_RELEASE);
}

/* Some workers are killed after a random while, the store is read while they are dead, others take their places. */
static void
play_round(void)
{
    uint64_t chance = scratch_random(&test.random);
    struct timespec while_ns = { 0, (long)(chance % 12000000) };
    uint32_t n = 1 + (uint32_t)(chance >> 32) % 3, place = (uint32_t)(chance >> 40) % WORKERS, i;

    nanosleep(&while_ns, NULL);
    for (i = 0; i < n; i++)
        kill_one((place + 3 * i) % WORKERS);
    scrape_and_check();
    for (i = 0; i < n; i++)
        start((place + 3 * i) % WORKERS);
}

static uint64_t
from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static void
killed_workers_leave_what_the_ledger_says(void **state)
{
    uint64_t rounds = from_environment("SHMETER_TEST_ROUNDS", ROUNDS), round;
    uint32_t place, i;

    (void)state;
    for (place = 0; place < WORKERS; place++)
        start(place);
    for (round = 1; round <= rounds; round++) {
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
    print_message("# seed %" PRIu64 ", %" PRIu64 " kills\n", test.seed, test.kills);
    for (i = 0; i < QUANTITIES; i++)
        if ((i < AT_HISTOGRAMS || (i - AT_HISTOGRAMS) % BUCKETS < 5) && !(test.got[i] > 0))
            fail_msg("quantity %u was never updated", i);
}

static void
nothing_was_lost_or_torn(void **state)
{
    const struct segment_status *status = scrape_status(test.scrape);
    uint32_t i;

    (void)state;
    for (i = 0; i < status->losses_n; i++)
        if (status->losses[i])
            fail_msg("%" PRIu64 " %s", status->losses[i], status_loss_kind(i));
    assert_int_equal(status->series_damaged, 0);
    assert_int_equal(status->families_damaged, 0);
    assert_true(status->torn <= test.kills / 100); /* reads past 64 tries against a writer: rare */
    assert_int_equal(status->slots_live, 1);
}

static int
set_up(void **state)
{
    (void)state;
    test.seed = test.random = from_environment("SHMETER_TEST_SEED", 20240229);
    test.dead.lowest = test.dead.highest = (double)INFINITY;
    test.dead.max_lowest = test.dead.max_highest = -(double)INFINITY;
    test.ledger_fd = memfd_create("ledger", 0);
    if (test.ledger_fd < 0 || ftruncate(test.ledger_fd, sizeof *test.ledger))
        return -1;
    test.ledger = mmap(NULL, sizeof *test.ledger, PROT_READ | PROT_WRITE, MAP_SHARED, test.ledger_fd, 0);
    snprintf(test.path, sizeof test.path, "%s", scratch_path("kill"));
    kill_worker_open(test.path, "fork");
    test.scrape = scrape_open(test.path);
    return test.ledger == MAP_FAILED ? -1 : 0;
}

static int
tear_down(void **state)
{
    uint32_t place;

    (void)state;
    for (place = 0; place < WORKERS; place++)
        if (test.pids[place]) {
            kill(test.pids[place], SIGKILL);
            scratch_wait(test.pids[place]);
        }
    scrape_close(test.scrape);
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

    if (argc == 5)
        return run_worker(argv);
    return cmocka_run_group_tests_name("kill_ledger", tests, set_up, tear_down);
}
