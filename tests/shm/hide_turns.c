/*
 * A process that hides a series is stopped before each of its accesses to the segment, and killed before each later
 * one. Another process keeps a handle as shmeter_changes() says: it looks the series up while the first process is
 * stopped, and again when the count has changed. What it counts afterwards is exposed, whatever happens to the first
 * process. The header's own code with hooked atomics.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

static uint64_t accesses, stop_before, die_before; /* of the hider, who counts */
static int hiding;

static void
before_access(void)
{
    if (!hiding)
        return;
    accesses++;
    if (accesses == stop_before)
        raise(SIGSTOP);
    if (accesses == die_before)
        raise(SIGKILL);
}

static struct shmeter *meter;
static struct scrape *scrape;
static enum shmeter_type type;
static const struct shmeter_family *family;
static char series_name[64]; /* without its labels */

/* Another family for each round: what the rounds before have left is not in the way. */
static const char *const *
begin(uint32_t round)
{
    static const char *const labels[] = { "a", NULL }, *const values[] = { "x" };
    const struct shmeter_desc desc = {
        .type = type, .name = series_name, .labels = labels, .mode = SHMETER_LIVE_SUM, .max_series = 10
    };

    snprintf(series_name, sizeof series_name, "hidden_%d_%u%s", (int)type, round,
             type == SHMETER_COUNTER ? "_total" : "");
    family = shmeter_family(meter, &desc);
    return values;
}

static void
update(const char *const *values)
{
    if (type == SHMETER_COUNTER)
        shmeter_counter_add(shmeter_counter_of_v(family, values, 1), 1);
    else
        shmeter_gauge_set(shmeter_gauge_of_v(family, values, 1), 1);
}

/* Hides as far as it may. Never returns. */
static void
hider(const char *const *values)
{
    hiding = 1;
    shmeter_hide_v(family, values, 1);
    hiding = 0;
    _exit(accesses >= die_before ? 1 : 0); /* 0: it was done before */
}

/* Returns how the hider has ended: 0, or 128 + the signal; -1: it was done before it was to stop. */
static int
round_of(uint32_t round)
{
    const char *const *values = begin(round);
    const uint64_t *changes = shmeter_changes(meter);
    union {
        struct shmeter_counter counter;
        struct shmeter_gauge gauge;
    } handle;
    uint64_t since;
    int status, ended, i;
    pid_t pid;

    update(values);
    pid = scratch_fork();
    if (!pid)
        hider(values);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    if (WIFEXITED(status))
        return -1;
    assert_true(WIFSTOPPED(status));
    for (i = 0; i < 2; i++) { /* while it stands still, and when it has ended */
        since = shmeter_load_acquire(changes);
        if (type == SHMETER_COUNTER)
            handle.counter = shmeter_counter_of_v(family, values, 1);
        else
            handle.gauge = shmeter_gauge_of_v(family, values, 1);
        if (!i) {
            kill(pid, SIGCONT);
            ended = scratch_wait(pid);
            if (shmeter_load_relaxed(changes) == since)
                break;
        }
    }
    if (type == SHMETER_COUNTER)
        shmeter_counter_add(handle.counter, 1000);
    else
        shmeter_gauge_set(handle.gauge, 1000);
    scrape_take(scrape);
    if (!(scrape_value(scrape, "%s{a=\"x\"}", series_name) >= 1000))
        fail_msg("%s: stopped before access %d, killed before %d: what was counted is not exposed", series_name,
                 (int)stop_before, (int)die_before);
    return ended;
}

static void
every_stop_and_death(void)
{
    uint32_t round = 0, stops = 0, deaths = 0;
    int ended = 0;

    for (stop_before = 1; ended >= 0; stop_before++) {
        for (die_before = stop_before; ended >= 0; die_before++) {
            ended = round_of(++round);
            deaths += ended == 128 + SIGKILL;
            if (!ended) /* it was through before that access */
                break;
        }
        stops += ended >= 0;
    }
    assert_true(stops >= 6 && deaths >= 20);
    print_message("# %u stops, %u deaths\n", stops, deaths);
}

static void
setup(enum shmeter_type wanted)
{
    const struct shmeter_options options = { .struct_bytes = sizeof options, .max_slots = 2, .max_gauges = 4000 };
    const char *path = scratch_path(wanted == SHMETER_COUNTER ? "counters" : "gauges");

    type = wanted;
    assert_int_equal(shmeter_open(&meter, path, &options), 0);
    scrape = scrape_open(path);
}

static void
a_counters_handle_that_is_kept_by_the_count_of_changes_is_of_an_exposed_series(void **state)
{
    (void)state;
    setup(SHMETER_COUNTER);
    every_stop_and_death();
    scrape_close(scrape);
}

static void
a_gauges_handle_that_is_kept_by_the_count_of_changes_is_of_an_exposed_series(void **state)
{
    (void)state;
    setup(SHMETER_GAUGE);
    every_stop_and_death();
    scrape_close(scrape);
}

/* What an old handle sets while the series is hidden is gone when it is asked for again. */
static void
a_gauge_that_comes_back_is_not_what_old_handles_have_set(void **state)
{
    static const enum shmeter_mode modes[] = { SHMETER_POOL, SHMETER_LIVE_SUM, SHMETER_LATEST, SHMETER_MAX };
    static const char *const labels[] = { "a", NULL }, *const values[] = { "x" };
    size_t i;
    (void)state;

    setup(SHMETER_GAUGE);
    for (i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        const struct shmeter_desc desc = {
            .type = SHMETER_GAUGE, .name = series_name, .labels = labels, .mode = modes[i]
        };
        struct shmeter_gauge old, now;
        snprintf(series_name, sizeof series_name, "comes_back_%zu", i);
        family = shmeter_family(meter, &desc);
        old = shmeter_gauge_of_v(family, values, 1);
        shmeter_gauge_set(old, 1);
        shmeter_hide_v(family, values, 1);
        shmeter_gauge_set(old, 7);
        if (modes[i] != SHMETER_LATEST)
            shmeter_gauge_dec(old);
        now = shmeter_gauge_of_v(family, values, 1);
        scrape_take(scrape);
        assert_int_equal(scrape_count(scrape, series_name), 0);
        shmeter_gauge_set(now, 3);
        if (modes[i] != SHMETER_LATEST)
            shmeter_gauge_add(now, 2);
        scrape_take(scrape);
        assert_true(scrape_value(scrape, "%s{a=\"x\"}", series_name) == (modes[i] == SHMETER_LATEST ? 3 : 5));
        /* And it has not used up another one, or the other one is room for others. */
        assert_true((old.cell == now.cell) == !SHMETER_CREATE_FEATURES);
    }
    scrape_close(scrape);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counters_handle_that_is_kept_by_the_count_of_changes_is_of_an_exposed_series),
        cmocka_unit_test(a_gauges_handle_that_is_kept_by_the_count_of_changes_is_of_an_exposed_series),
        cmocka_unit_test(a_gauge_that_comes_back_is_not_what_old_handles_have_set),
    };

    return cmocka_run_group_tests_name("hide turns", tests, NULL, NULL);
}
