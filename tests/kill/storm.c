/*
 * As many kills as the machine can make: two workers (worker.h) that live for some tenths of a millisecond each are
 * killed at any instruction, also while they claim a slot. Totals are compared with the ledger all the time. Workers
 * that are wrong on purpose show that the ledger notices.
 *
 * Usage: kill_storm [KILLS]. SHMETER_TEST_SEED replaces the seed.
 */
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <cmocka.h>

#include "tests/kill/account.h"
#include "tests/kill/crew.h"
#include "tests/tools/scratch.h"

#define KILLS         10500u
#define SEEDED_KILLS  4000u
#define STORM_WORKERS 2u
#define LIFE_NS       250000u /* at most, between two kills                                              */
#define ANEW_EACH     100u    /* kills: the next worker opens the segment itself, and may begin to work   */
#define WORK_EACH     4u      /* workers: one of them has made UPDATES_MEANT updates before it is killed   */
#define UPDATES_MEANT 200u
#define SCRAPE_EACH   25u
#define SETTLE_EVERY  100u

/* What must not grow, whoever dies. */
struct levels {
    uint64_t cells, records, gauges, series, families, leaked;
};

static struct {
    struct kill_crew crew;
    struct account account;
    uint64_t wanted, made[STORM_WORKERS]; /* updates at the place before the worker that has it           */
    struct levels first;
} test;

static struct levels
levels(void)
{
    const struct segment_status *status = scrape_status(test.account.scrape);

    return (struct levels){ status->cells_used,  status->records_used, status->gauges_used,
                            status->series_used, status->families,     status->leaked_bytes };
}

/* Returns 0, or -1 when the account is wrong. */
static int
settle(void)
{
    uint32_t late = kill_crew_pause(&test.crew);
    int result;

    if (late)
        fail_msg("worker %u does not stand still", late - 1);
    result = account_settle(&test.account);
    kill_crew_resume(&test.crew);
    return result;
}

static void
wait_for_work(uint32_t place, uint32_t started)
{
    if (scratch_until(&test.crew.ledger->workers[place].started, started + 1))
        fail_msg("worker %u does not begin", place);
}

/* Who lives for so short a time on a busy machine may not have begun: some live until they have worked. */
static void
let_it_work(uint32_t place, uint64_t made, uint64_t chance)
{
    const uint64_t *now = &test.crew.ledger->workers[place].made;
    struct timespec life = { 0, (long)(chance % LIFE_NS) };

    nanosleep(&life, NULL);
    while ((chance >> 32) % WORK_EACH == 0 && __atomic_load_n(now, __ATOMIC_ACQUIRE) < made + UPDATES_MEANT)
        nanosleep(&life, NULL);
}

/* Kills until there were n in all. Returns 0, or -1 when the account is wrong. */
static int
storm(uint64_t n)
{
    struct kill_crew *crew = &test.crew;

    while (crew->kills < n) {
        uint64_t chance = scratch_random(&crew->random);
        uint32_t place = (uint32_t)crew->kills % STORM_WORKERS, started = crew->ledger->workers[place].started;
        int anew = crew->kills % ANEW_EACH == 0;

        let_it_work(place, test.made[place], chance);
        if (kill_crew_kill(crew, place))
            fail_msg("worker %u was dead before it was killed", place);
        test.made[place] = crew->ledger->workers[place].made;
        kill_crew_start(crew, place, anew);
        if (anew)
            wait_for_work(place, started);
        if (crew->kills % SCRAPE_EACH == 0 && account_scrape(&test.account))
            return -1;
        if (crew->kills % SETTLE_EVERY == 0 && settle())
            return -1;
    }
    return settle();
}

static void
begin(enum seeded seeded)
{
    uint32_t place;

    kill_crew_open(&test.crew, 20240301, NULL);
    test.crew.ledger->seeded = seeded;
    account_open(&test.account, test.crew.ledger, test.crew.path);
    for (place = 0; place < STORM_WORKERS; place++) {
        test.made[place] = 0;
        kill_crew_start(&test.crew, place, 0);
    }
}

static void
end(void)
{
    kill_crew_close(&test.crew);
    account_close(&test.account);
}

/* All series are there: a worker that dies while it makes one leaves a few bytes, so that levels may move before. */
static int
warm(void)
{
    uint32_t i;

    for (i = 0; i < QUANTITIES; i++)
        if ((i < AT_HISTOGRAMS || i >= AT_DYNAMIC) && !(test.account.got[i] > 0))
            return 0;
    return 1;
}

static void
a_storm_of_kills_leaves_what_the_ledger_says(void **state)
{
    uint64_t begun = 0;
    uint32_t i;

    (void)state;
    begin(SEEDED_NOTHING);
    do {
        if (storm(test.crew.kills + SETTLE_EVERY))
            fail_msg("%s (seed %" PRIu64 ", %" PRIu64 " kills)", test.account.error, test.crew.seed, test.crew.kills);
    } while (!warm() && test.crew.kills < test.wanted);
    test.first = levels();
    if (storm(test.wanted))
        fail_msg("%s (seed %" PRIu64 ", %" PRIu64 " kills)", test.account.error, test.crew.seed, test.crew.kills);
    for (i = 0; i < QUANTITIES; i++)
        begun += test.account.begun[i];
    print_message("# seed %" PRIu64 ": %" PRIu64 " kills, %" PRIu64 " of them in the middle of an update, %" PRIu64
                  " updates\n",
                  test.crew.seed, test.crew.kills, test.crew.in_doubt, begun);
    assert_true(begun > 20 * test.crew.kills);
    assert_true(test.crew.in_doubt > 0 && test.crew.in_doubt < test.crew.kills);
}

static void
the_dead_cost_no_memory_and_no_loss(void **state)
{
    const struct segment_status *status = scrape_status(test.account.scrape);
    struct levels last = levels();
    uint32_t i;

    (void)state;
    assert_memory_equal(&last, &test.first, sizeof last);
    assert_true(test.crew.kills > 100 * status->slots_n); /* each slot has had many owners */
    assert_true(status->slots_live <= STORM_WORKERS + 1);
    for (i = 0; i < status->losses_n; i++)
        if (status->losses[i])
            fail_msg("%" PRIu64 " %s", status->losses[i], status_loss_kind(i));
    assert_int_equal(status->series_damaged, 0);
    assert_int_equal(status->families_damaged, 0);
    assert_true(status->torn <= test.crew.kills / 100); /* reads past 64 tries against a writer: rare */
    end();
}

static void
must_be_noticed(enum seeded seeded, const char *words)
{
    begin(seeded);
    if (!storm(SEEDED_KILLS))
        fail_msg("not noticed in %" PRIu64 " kills", test.crew.kills);
    print_message("# after %" PRIu64 " kills: %s\n", test.crew.kills, test.account.error);
    assert_non_null(strstr(test.account.error, words));
    end();
}

static void
a_lost_update_is_noticed(void **state)
{
    (void)state;
    must_be_noticed(SEEDED_LOST, "finished");
}

static void
a_doubled_update_is_noticed(void **state)
{
    (void)state;
    must_be_noticed(SEEDED_DOUBLED, "finished");
}

static void
an_update_that_is_made_with_the_next_one_is_noticed(void **state)
{
    (void)state;
    must_be_noticed(SEEDED_LATE, "finished");
}

static void
an_update_by_a_load_and_a_store_is_noticed(void **state)
{
    (void)state;
    must_be_noticed(SEEDED_SPLIT, "finished");
}

static void
a_torn_observation_is_noticed(void **state)
{
    (void)state;
    must_be_noticed(SEEDED_TORN, "the buckets imply");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_of_kills_leaves_what_the_ledger_says),
        cmocka_unit_test(the_dead_cost_no_memory_and_no_loss),
        cmocka_unit_test(a_lost_update_is_noticed),
        cmocka_unit_test(a_doubled_update_is_noticed),
        cmocka_unit_test(an_update_that_is_made_with_the_next_one_is_noticed),
        cmocka_unit_test(an_update_by_a_load_and_a_store_is_noticed),
        cmocka_unit_test(a_torn_observation_is_noticed),
    };
    const struct sched_param first = { .sched_priority = 1 };

    kill_crew_main(argc, argv);
    test.wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : KILLS;
    prctl(PR_SET_TIMERSLACK, 1UL);
    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first); /* where it may, it is faster */
    return cmocka_run_group_tests_name("kill_storm", tests, NULL, NULL);
}
