/*
 * A pool over a long time: workers (worker.h) start, fork, exit, are killed, close and open again, hide and register
 * again, and pause in between. Totals are held against the ledger all the time, and levels do not move once all is
 * there. It says "warm" then; after the time given it says "done", shows each total as the exposition must have it, and
 * stays until its input ends. Anything that is wrong is one line, and exit status 1.
 *
 * Usage: churn SEGMENT SECONDS
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/kill/account.h"
#include "tests/kill/crew.h"
#include "tests/tools/scratch.h"

#define PLACES       4u
#define REST_US      3000u
#define PAUSE_NS     8000000u /* at most, between two events                                               */
#define SCRAPE_EACH  8u
#define SETTLE_EACH  64u
#define HIDDEN_MOST  12u /* counters that are hidden use up capacity: a few, and before the levels stand       */
#define EVENTS_MEANT 256u

enum event { KILLED, LEFT, REOPENED, FORKED, GAUGE_HIDDEN, COUNTER_HIDDEN, STARTED_ANEW, EVENTS };
static const char *const event_names[EVENTS] = { "killed",      "left",          "opened again",
                                                 "forked",      "gauges hidden", "counters hidden",
                                                 "started anew" };

static struct kill_crew crew;
static struct account account;
static uint64_t counts[EVENTS], settles, started_ns;

static void
must(int good, const char *what)
{
    if (good)
        return;
    printf("wrong: %s (seed %" PRIu64 ", %" PRIu64 " kills)\n", what, crew.seed, crew.kills);
    exit(1);
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
start(uint32_t place)
{
    int anew = scratch_random(&crew.random) % 4 == 0;

    counts[STARTED_ANEW] += (uint64_t)anew;
    kill_crew_start(&crew, place, anew);
}

/* One thing happens to one worker, while the others work. */
static void
happen(uint64_t chance)
{
    uint32_t place = (uint32_t)(chance >> 32) % PLACES;

    switch (chance % 8) {
    case 0 ... 2:
        must(!kill_crew_kill(&crew, place), "a worker was dead before it was killed");
        counts[KILLED]++;
        start(place);
        break;
    case 3:
        must(!kill_crew_order(&crew, place, ORDER_LEAVE), "a worker does not leave");
        counts[LEFT]++;
        start(place);
        break;
    case 4:
    case 5:
        must(!kill_crew_order(&crew, place, ORDER_REOPEN), "a worker does not open again");
        counts[REOPENED]++;
        break;
    case 6: /* and perhaps it is killed while its child works */
        if (chance >> 48 & 1) {
            must(!kill_crew_order(&crew, place, ORDER_FORK), "a worker does not come back from a fork");
        } else {
            must(!kill_crew_tell(&crew, place, ORDER_FORK), "a worker takes no order");
        }
        counts[FORKED]++;
        break;
    default:
        break;
    }
}

/* While all stand still: what else could be wrong is the order of an update and a hide, which is nobody's to say. */
static void
hide(uint64_t chance)
{
    uint32_t number = (uint32_t)(chance >> 32) % DYNAMIC;

    kill_worker_hide_gauge();
    counts[GAUGE_HIDDEN]++;
    if (counts[COUNTER_HIDDEN] == HIDDEN_MOST)
        return;
    kill_worker_hide_dynamic(number);
    account_hidden(&account, AT_DYNAMIC + number);
    counts[COUNTER_HIDDEN]++;
}

static void
settle(void)
{
    must(!kill_crew_pause(&crew), "a worker does not stand still");
    must(!account_settle(&account), account.error);
    settles++;
    hide(scratch_random(&crew.random));
    must(!account_scrape(&account), account.error);
    kill_crew_resume(&crew);
}

static void
live_until(uint64_t end_ns)
{
    uint64_t events;

    for (events = 1; now_ns() < end_ns || events <= EVENTS_MEANT; events++) {
        uint64_t chance = scratch_random(&crew.random);
        struct timespec pause = { 0, (long)(chance % PAUSE_NS) };

        nanosleep(&pause, NULL);
        happen(scratch_random(&crew.random));
        if (events % SCRAPE_EACH == 0)
            must(!account_scrape(&account), account.error);
        if (events % SETTLE_EACH == 0)
            settle();
    }
    settle();
}

/* Each slot has been used, so that its block is backed, and each series has been made since it was hidden. */
static int
all_is_there(void)
{
    const struct segment_status *status = scrape_status(account.scrape);
    static uint64_t used;
    uint32_t i;

    for (i = 0; i < status->slots_len; i++)
        used |= UINT64_C(1) << status->slots[i].slot;
    for (i = 0; i < DYNAMIC; i++)
        if (!(account.got[AT_DYNAMIC + i] > account.gone[AT_DYNAMIC + i]))
            return 0;
    return counts[COUNTER_HIDDEN] == HIDDEN_MOST && used == (UINT64_C(1) << status->slots_n) - 1;
}

static void
must_not_have_grown(const struct segment_status *first, const struct segment_status *last)
{
    uint32_t i;

    must(last->cells_used == first->cells_used, "cells have been used up");
    must(last->records_used == first->records_used, "records have been made");
    must(last->gauges_used == first->gauges_used, "gauges have been used up");
    must(last->series_used == first->series_used && last->families == first->families, "series have been made");
    must(last->backed_bytes == first->backed_bytes, "more memory is backed");
    for (i = 0; i < last->losses_n; i++)
        must(last->losses[i] == first->losses[i], status_loss_kind(i));
    must(!last->series_damaged && !last->families_damaged, "a record is damaged");
}

static void
show_totals(void)
{
    uint32_t i;

    for (i = 0; i < COUNTERS; i++)
        printf("kill_counter_total{n=\"%u\"} %.0f\n", i, account.got[AT_COUNTERS + i]);
    for (i = 0; i < FRACTIONS; i++)
        printf("kill_fraction_total{n=\"%u\"} %.3f\n", i, account.got[AT_FRACTIONS + i] * FRACTION_UNIT);
    for (i = 0; i < DYNAMIC; i++)
        printf("kill_dynamic_total{n=\"%u\"} %.0f\n", i, account.got[AT_DYNAMIC + i] - account.gone[AT_DYNAMIC + i]);
    printf("kill_gauge_sum %.0f\n", account.got[AT_SUM]);
    printf("end\n");
    fflush(stdout);
}

static void
live(uint64_t seconds)
{
    struct segment_status first;
    uint32_t i;

    do
        live_until(0);
    while (!all_is_there());
    first = *scrape_status(account.scrape);
    printf("warm\n");
    fflush(stdout);
    live_until(started_ns + seconds * 1000000000u);
    must(!kill_crew_pause(&crew), "a worker does not stand still");
    must(!account_settle(&account), account.error);
    must_not_have_grown(&first, scrape_status(account.scrape));
    printf("done\n# seed %" PRIu64 ": %" PRIu64 " seconds, %" PRIu64 " times settled", crew.seed,
           (now_ns() - started_ns) / 1000000000u, settles);
    for (i = 0; i < EVENTS; i++)
        printf(", %" PRIu64 " %s", counts[i], event_names[i]);
    printf("\n");
    show_totals();
}

int
main(int argc, char **argv)
{
    uint32_t place;

    kill_crew_main(argc, argv);
    if (argc != 3)
        return 2;
    setpriority(PRIO_PROCESS, 0, 5); /* it runs beside other tests */
    kill_crew_open(&crew, 20240302, argv[1]);
    crew.ledger->rest_us = REST_US;
    account_open(&account, crew.ledger, crew.path);
    started_ns = now_ns();
    for (place = 0; place < PLACES; place++)
        start(place);
    live(strtoull(argv[2], NULL, 10));
    while (getchar() != EOF)
        ;
    kill_crew_close(&crew);
    account_close(&account);
    return 0;
}
