#include "tests/kill/worker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shmeter.h"
#include "tests/kill/seeded.h"
#include "tests/tools/scratch.h"

#define REST_EACH      256u /* updates between two rests, and of a child                                */
#define HIDDEN_MODE    SHMETER_LIVE_SUM
#define LINGERS_EACH   32u   /* updates until the next one that lingers                                  */
#define LINGERS_ROUNDS 4096u /* at most: some microseconds                                               */

static const char *const mode_names[MODES] = { "pool", "live_sum", "live_min", "live_max", "live_latest", "live_all",
                                               "sum",  "min",      "max",      "latest",   "all" };
static const double classic_bounds[] = { 1, 2, 4, 8 };
static const double classic_values[] = { 0.5, 1.5, 3, 6.25, 16 };
static const double log_values[] = { 0.5, 1.5, 3, 6, 12, 24.5, 48, 96, 192 };
static const char *const bound_texts[] = { "1.0", "2.0", "4.0", "8.0", "16.0", "32.0", "64.0", "128.0" };

static struct shmeter *meter;
static const char *segment_path, *worker_name;
static const struct shmeter_family *dynamic, *gauge_families[MODES];
static struct shmeter_counter counters[COUNTERS];
static struct shmeter_counter_f64 fractions[FRACTIONS];
static struct shmeter_histogram histograms[HISTOGRAMS];
static struct shmeter_gauge gauges[MODES];
static enum seeded seeded;
static uint64_t updates, lingering;

uint32_t
kill_buckets_n(uint32_t histogram)
{
    return histogram < CLASSIC ? 5 : 9;
}

double
kill_bucket_value(uint32_t histogram, uint32_t bucket)
{
    return histogram < CLASSIC ? classic_values[bucket] : log_values[bucket];
}

const char *
kill_bucket_bound(uint32_t histogram, uint32_t bucket)
{
    return bucket + 1 == kill_buckets_n(histogram) ? "+Inf" : bound_texts[bucket];
}

const char *
kill_mode_name(uint32_t mode)
{
    return mode_names[mode];
}

static const struct shmeter_family *
open_family(struct shmeter_desc desc, const char *name)
{
    static const char *const labels[] = { "n", NULL };

    desc.name = name;
    desc.help = "Of the kill test.";
    if (desc.type != SHMETER_GAUGE)
        desc.labels = labels;
    return shmeter_family(meter, &desc);
}

static const char *
number_text(uint32_t number, char out[12])
{
    snprintf(out, 12, "%u", number);
    return out;
}

static void
open_series(void)
{
    const struct shmeter_family *whole = open_family((struct shmeter_desc){ .type = SHMETER_COUNTER },
                                                     "kill_counter_total");
    const struct shmeter_family *fraction = open_family((struct shmeter_desc){ .type = SHMETER_COUNTER_F64 },
                                                        "kill_fraction_total");
    const struct shmeter_family *classic = open_family(
        (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .bounds = classic_bounds, .bounds_len = 4 },
        "kill_histogram_classic");
    const struct shmeter_family *exponential = open_family(
        (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .schema = 0, .min_value = 1, .max_value = 256 },
        "kill_histogram_exponential");
    char text[12], name[40];
    uint32_t i;

    for (i = 0; i < COUNTERS; i++)
        counters[i] = shmeter_counter_of(whole, number_text(i, text));
    for (i = 0; i < FRACTIONS; i++)
        fractions[i] = shmeter_counter_f64_of(fraction, number_text(i, text));
    for (i = 0; i < HISTOGRAMS; i++)
        histograms[i] = shmeter_histogram_of(i < CLASSIC ? classic : exponential, number_text(i, text));
    for (i = 0; i < MODES; i++) {
        snprintf(name, sizeof name, "kill_gauge_%s", mode_names[i]);
        gauge_families[i] = open_family((struct shmeter_desc){ .type = SHMETER_GAUGE, .mode = (enum shmeter_mode)i },
                                        name);
        gauges[i] = shmeter_gauge_of(gauge_families[i]);
    }
    dynamic = open_family((struct shmeter_desc){ .type = SHMETER_COUNTER }, "kill_dynamic_total");
}

static void
open_all(void)
{
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .worker = worker_name, .group = -1, .max_slots = WORKERS + 3
    };

    if (shmeter_open(&meter, segment_path, &options)) {
        fprintf(stderr, "kill_worker: %s\n", shmeter_error(meter));
        exit(1);
    }
    open_series();
}

void
kill_worker_open(const char *segment, const char *worker)
{
    segment_path = segment;
    worker_name = worker;
    open_all();
}

void
kill_worker_hide_dynamic(uint32_t number)
{
    char text[12];
    const char *value = number_text(number, text);

    shmeter_hide_v(dynamic, &value, 1);
}

/* What is hidden is used no more, so that its room can be used again. */
static void
look_again(void)
{
    gauges[HIDDEN_MODE] = shmeter_gauge_of(gauge_families[HIDDEN_MODE]);
    shmeter_quiescent(meter);
}

void
kill_worker_hide_gauge(void)
{
    shmeter_hide_all(gauge_families[HIDDEN_MODE]);
    look_again();
}

/* Nothing before or behind it may move over it; x86-64 keeps the stores' order. */
static inline void
enter(struct worker_ledger *own, enum stage stage)
{
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
    __atomic_store_n(&own->stage, stage, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
}

static void
begin(struct worker_ledger *own, uint32_t at, uint64_t n)
{
    own->at = at;
    own->if_not = own->begun[at];
    own->if_done = own->finished[at] + n;
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
    own->begun[at] += n;
    if (++updates % LINGERS_EACH == 0) {
        enter(own, STAGE_BEFORE);
        kill_seeded_spin(scratch_random(&lingering) % LINGERS_ROUNDS);
    }
    enter(own, STAGE_INSIDE);
}

static void
end(struct worker_ledger *own)
{
    enter(own, STAGE_BEHIND);
    if (updates % LINGERS_EACH == LINGERS_EACH / 2)
        kill_seeded_spin(scratch_random(&lingering) % LINGERS_ROUNDS);
    own->finished[own->at] = own->if_done;
    enter(own, STAGE_OUTSIDE);
}

void
kill_worker_resolve(struct worker_ledger *own)
{
    if (own->stage == STAGE_BEFORE)
        own->begun[own->at] = own->if_not;
    if (own->stage == STAGE_BEHIND)
        own->finished[own->at] = own->if_done;
    own->stage = STAGE_OUTSIDE;
}

#define BRACKET(own, at, n, update) \
    do {                            \
        begin(own, at, n);          \
        update;                     \
        end(own);                   \
    } while (0)

static void
observe(struct worker_ledger *own, uint64_t chance)
{
    uint32_t histogram = (uint32_t)(chance % HISTOGRAMS);
    uint32_t bucket = (uint32_t)(chance >> 8) % kill_buckets_n(histogram);

    BRACKET(own, AT_HISTOGRAMS + histogram * BUCKETS + bucket, 1,
            kill_seeded_observe(seeded, histograms[histogram], kill_bucket_value(histogram, bucket)));
}

/* Values are whole numbers: sums of them are exact. */
static void
change_gauge(struct worker_ledger *own, uint64_t chance)
{
    uint32_t mode = (uint32_t)(chance % MODES);
    struct held *held = &own->held[mode];
    double now = isnan(held->now) ? 0 : held->now, value = (double)((int64_t)(chance >> 8) % 1000000);
    int adds = mode == SHMETER_POOL || (mode == SHMETER_LIVE_SUM && (chance >> 7 & 1));

    if (mode == SHMETER_SUM) {
        BRACKET(own, AT_SUM, 1, shmeter_gauge_inc(gauges[mode]));
        return;
    }
    if (mode == SHMETER_POOL)
        value = now > 0 && (chance >> 7 & 1) ? -1 : 1;
    held->next = adds ? now + value : value;
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
    if (adds)
        shmeter_gauge_add(gauges[mode], value);
    else
        shmeter_gauge_set(gauges[mode], value);
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
    held->now = held->next;
}

static void
update(struct worker_ledger *own, uint64_t chance)
{
    uint32_t which = (uint32_t)(chance >> 32), n = which % 7 + 1;
    char text[12];

    switch (chance % 16) {
    case 0 ... 2:
        BRACKET(own, AT_COUNTERS + which % COUNTERS, n, kill_seeded_add(seeded, counters[which % COUNTERS], n));
        break;
    case 3 ... 5:
        BRACKET(own, AT_FRACTIONS + which % FRACTIONS, n,
                shmeter_counter_f64_add(fractions[which % FRACTIONS], n * FRACTION_UNIT));
        break;
    case 6 ... 10:
        observe(own, chance >> 32);
        break;
    case 11 ... 14:
        change_gauge(own, chance >> 32);
        break;
    default:
        number_text(which % DYNAMIC, text);
        BRACKET(own, AT_DYNAMIC + which % DYNAMIC, 1, shmeter_counter_inc(shmeter_counter_of(dynamic, text)));
    }
}

static void
keep_quiet(const struct ledger *ledger, struct worker_ledger *own)
{
    const struct timespec moment = { 0, 100000 };
    uint32_t pause;

    while ((pause = __atomic_load_n(&ledger->pause, __ATOMIC_ACQUIRE)) != 0) {
        __atomic_store_n(&own->quiet, pause, __ATOMIC_RELEASE);
        nanosleep(&moment, NULL);
    }
    look_again();
}

/* Some updates in a child; it goes with its parent, as both are in one process group. */
static void
fork_child(struct worker_ledger *own)
{
    pid_t parent = getpid(), child = fork();
    uint32_t i;

    if (child < 0)
        abort();
    if (child) {
        while (waitpid(child, NULL, 0) != child)
            ;
        return;
    }
    if (getppid() != parent)
        _exit(1);
    for (i = 0; i < REST_EACH; i++)
        update(own, scratch_random(&lingering));
    _exit(0);
}

static void
obey(struct worker_ledger *own)
{
    switch (__atomic_load_n(&own->order, __ATOMIC_ACQUIRE)) {
    case ORDER_NONE:
        return;
    case ORDER_LEAVE:
        shmeter_close(meter);
        _exit(0);
    case ORDER_REOPEN:
        shmeter_close(meter);
        open_all();
        break;
    case ORDER_FORK:
        fork_child(own);
        break;
    default:
        kill_worker_hide_gauge();
    }
    __atomic_store_n(&own->order, ORDER_NONE, __ATOMIC_RELEASE);
}

void
kill_worker_run(struct ledger *ledger, uint32_t place, uint64_t seed)
{
    const struct timespec rest = { 0, (long)ledger->rest_us * 1000 };
    struct worker_ledger *own = &ledger->workers[place];
    uint32_t made = 0;

    seeded = (enum seeded)ledger->seeded;
    lingering = seed;
    __atomic_add_fetch(&own->started, 1, __ATOMIC_RELEASE);
    for (;;) {
        if (__atomic_load_n(&ledger->pause, __ATOMIC_ACQUIRE))
            keep_quiet(ledger, own);
        obey(own);
        update(own, scratch_random(&seed));
        __atomic_store_n(&own->made, own->made + 1, __ATOMIC_RELEASE);
        if (ledger->rest_us && ++made % REST_EACH == 0)
            nanosleep(&rest, NULL);
    }
}
