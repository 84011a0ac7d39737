/*
 * A worker that makes what health has reasons for. It reads one word a line, does what the word says, and answers "ok".
 * The end of the input is its end, in order.
 *
 *     causes SEGMENT WORKER [small]     small: with little room, and one slot
 *
 *     busy, idle, beat, failing, fine   what a worker says of itself
 *     close, open                       its slot
 *     cells, records, gauges, series    uses up most of the room of this kind
 *     counter, other                    defines one name with buckets of two kinds
 *     remove, done                      makes and removes series; says that it has nothing of them (shmeter_quiescent)
 *     unlocked                          as a process says that cannot lock anything
 *     KIND                              makes a loss of this kind, as lib/read/snapshot/losses.def calls it
 */
#include <shmeter.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct shmeter *meter;
static struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1 };
static const char *segment;
static const char *const labels[] = { "one", "two", "three", "four", NULL };

/* ---- room ---- */

static struct shmeter_desc
desc_of(enum shmeter_type type, const char *name)
{
    struct shmeter_desc desc;

    memset(&desc, 0, sizeof desc);
    desc.type = type;
    desc.name = name;
    return desc;
}

/* Histograms of many buckets: n families, of which the first series_n have a series. */
static void
use_buckets(uint32_t n, uint32_t series_n)
{
    static double bounds[1000];
    struct shmeter_desc desc = desc_of(SHMETER_HISTOGRAM, NULL);
    const struct shmeter_family *family;
    char name[32];
    uint32_t i;

    for (i = 0; i < 1000; i++)
        bounds[i] = i;
    desc.bounds = bounds;
    for (i = 0; i < n; i++) {
        snprintf(name, sizeof name, "wide_%u_seconds", i);
        desc.name = name;
        desc.bounds_len = i == 3 && n == 4 ? 300 : 1000; /* a lane of 32 KiB has room for it */
        family = shmeter_family(meter, &desc);
        if (i < series_n)
            shmeter_histogram_of(family);
    }
}

static void
use_series(enum shmeter_type type, uint32_t n)
{
    struct shmeter_desc desc = desc_of(type, type == SHMETER_GAUGE ? "level" : "many_total");
    char value[16];
    uint32_t i;

    desc.labels = labels + 3;
    for (i = 0; i < n; i++) {
        snprintf(value, sizeof value, "%u", i);
        if (type == SHMETER_GAUGE)
            shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &desc), value), 1);
        else
            shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), value));
    }
}

static void
come_and_go(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "gone_total");
    char value[16];
    uint32_t i;

    desc.labels = labels + 3;
    for (i = 0; i < 100; i++) { /* so many that a grace begins at once */
        snprintf(value, sizeof value, "%u", i);
        shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), value));
    }
    shmeter_hide_all(shmeter_family(meter, &desc));
    shmeter_quiescent(meter);
}

/* ---- losses ---- */

static void
long_value(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "long_total");
    char value[300];

    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    desc.labels = labels + 3;
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), value));
}

static void
past_a_limit(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "limited_total");

    desc.labels = labels + 3;
    desc.max_series = 1;
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), "a"));
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), "b"));
}

static void
past_a_limit_that_evicts(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "evicting_total");

    desc.labels = labels + 3;
    desc.max_series = 1;
    desc.evict = 1;
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), "a"));
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), "b"));
}

static void
bad_family(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "no_\xff_total");

    shmeter_family(meter, &desc);
}

static void
two_definitions(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "twice_total");

    shmeter_family(meter, &desc);
    desc.labels = labels + 3;
    shmeter_family(meter, &desc);
}

static void
bad_utf8(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "text_total");

    desc.labels = labels + 3;
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), "\xff"));
}

static void
observe(double value)
{
    struct shmeter_desc desc = desc_of(SHMETER_HISTOGRAM, "took_seconds");

    desc.schema = 0;
    desc.min_value = 0.001;
    desc.max_value = 10;
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &desc)), value);
}

static void
observe_nan(void)
{
    observe((double)NAN);
}

static void
observe_negative(void)
{
    observe(-1);
}

static void
observe_large(void)
{
    observe(1e9);
}

static void
add_negative(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER_F64, "grown_total");

    shmeter_counter_f64_add(shmeter_counter_f64_of(shmeter_family(meter, &desc)), -1);
}

static void
add_to_latest(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_GAUGE, "newest");

    desc.mode = SHMETER_LATEST;
    shmeter_gauge_add(shmeter_gauge_of(shmeter_family(meter, &desc)), 1);
}

/* A child that finds no slot; it ends before the answer. */
static void
one_worker_too_many(void)
{
    pid_t child = fork();

    if (!child) {
        shmeter_attach_worker(meter);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void
wrong_number(void)
{
    struct shmeter_desc desc = desc_of(SHMETER_COUNTER, "number_total");

    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), "one too many"));
}

static void
nine_checks(void)
{
    char name[8];
    uint32_t i;

    for (i = 0; i < 9; i++) {
        snprintf(name, sizeof name, "c%u", i);
        shmeter_check(meter, name, SHMETER_OK, NULL);
    }
}

/* What needs another namespace, or a full filesystem: tests/shm has both; here only the count moves. */
static void
robbed(void)
{
    shmeter_lane_lose(&shmeter_meter_attachment(meter)->lanes, SHMETER_LOSS_SLOTS_ROBBED);
}

static void
no_memory(void)
{
    shmeter_lane_lose(&shmeter_meter_attachment(meter)->lanes, SHMETER_LOSS_BACKING_FAILED);
}

static const struct {
    const char *word;
    void (*make)(void);
} losses[] = {
    { "series_refused", long_value },
    { "series_overflowed", past_a_limit },
    { "families_refused", bad_family },
    { "family_conflicts", two_definitions },
    { "values_repaired", bad_utf8 },
    { "observations_nan", observe_nan },
    { "observations_negative", observe_negative },
    { "observations_clamped", observe_large },
    { "adds_refused", add_negative },
    { "gauge_refused", add_to_latest },
    { "slots_exhausted", one_worker_too_many },
    { "slots_robbed", robbed },
    { "backing_failed", no_memory },
    { "handles_refused", wrong_number },
    { "checks_refused", nine_checks },
    { "series_evicted", past_a_limit_that_evicts },
};

/* ---- */

static void
define(uint32_t bounds_n)
{
    static const double bounds[] = { 1, 2, 3 };
    struct shmeter_desc desc = desc_of(SHMETER_HISTOGRAM, "release_seconds");

    desc.bounds = bounds;
    desc.bounds_len = bounds_n;
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &desc)), 1);
}

static int
open_meter(void)
{
    return shmeter_open(&meter, segment, &options);
}

static int
do_word(const char *word)
{
    size_t i;

    for (i = 0; i < sizeof losses / sizeof *losses; i++)
        if (!strcmp(word, losses[i].word)) {
            losses[i].make();
            return 0;
        }
    if (!strcmp(word, "busy"))
        shmeter_busy(meter);
    else if (!strcmp(word, "idle"))
        shmeter_idle(meter);
    else if (!strcmp(word, "beat"))
        shmeter_heartbeat(meter);
    else if (!strcmp(word, "failing") || !strcmp(word, "fine"))
        shmeter_check(meter, "database", word[1] == 'a' ? SHMETER_FAILING : SHMETER_OK, word);
    else if (!strcmp(word, "close"))
        shmeter_close(meter);
    else if (!strcmp(word, "open"))
        return open_meter();
    else if (!strcmp(word, "cells"))
        use_buckets(4, 4);
    else if (!strcmp(word, "records"))
        use_buckets(110, 0);
    else if (!strcmp(word, "gauges"))
        use_series(SHMETER_GAUGE, 15);
    else if (!strcmp(word, "series"))
        use_series(SHMETER_COUNTER, 60);
    else if (!strcmp(word, "remove"))
        come_and_go();
    else if (!strcmp(word, "done"))
        shmeter_quiescent(meter);
    else if (!strcmp(word, "unlocked"))
        shmeter_epoch_forgo(shmeter_meter_attachment(meter));
    else if (!strcmp(word, "counter") || !strcmp(word, "other"))
        define(*word == 'c' ? 2 : 3);
    else
        return 1;
    return 0;
}

int
main(int argc, char **argv)
{
    char line[64];

    if (argc < 3)
        return 2;
    segment = argv[1];
    options.worker = argv[2];
    if (argc > 3) {
        options.lane_bytes = 32768;
        options.max_series = 64;
        options.max_gauges = 16;
        options.max_slots = 1;
    }
    if (open_meter())
        return 3;
    puts("ok");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (do_word(line))
            return 4;
        puts("ok");
        fflush(stdout);
    }
    return 0;
}
