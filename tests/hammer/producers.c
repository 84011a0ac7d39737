#include "tests/hammer/producers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shmeter.h"
#include "tests/tools/scratch.h"

#define STEPS         20000u
#define REFUSED_STEPS 1000u /* of a process that is not attached and touches nothing                      */
#define REST_EACH     100u
#define GUARD_BYTES   ((size_t)256 << 20)
#define HANG_SECONDS  60u /* of CPU time                                                                */
#define SERIES        6u
#define MODES         11u
#define FAMILIES      6u
#define OTHER_SERIES  40u /* more than a family may have                                                   */
#define FAMILY_SERIES 16u

static struct {
    struct shmeter *meter;
    const struct shmeter_family *families[FAMILIES], *gauge_families[MODES];
    struct shmeter_counter counters[SERIES];
    struct shmeter_counter_f64 fractions[SERIES];
    struct shmeter_histogram classic[SERIES], exponential[SERIES];
    struct shmeter_gauge gauges[MODES];
} work;

static const char *
number_text(uint64_t number, char out[24])
{
    snprintf(out, 24, "%u \"quoted\"\n", (unsigned)number);
    return out;
}

static void
open_families(void)
{
    static const char *const labels[] = { "n", NULL };
    static const double bounds[] = { 1, 2, 4, 8 };
    static const struct shmeter_desc descs[FAMILIES] = {
        { .type = SHMETER_COUNTER, .name = "hammer_total", .help = "Whole.", .labels = labels },
        { .type = SHMETER_COUNTER_F64, .name = "hammer_fraction_total", .help = "Parts.", .labels = labels },
        { .type = SHMETER_HISTOGRAM,
          .name = "hammer_classic",
          .help = "With\nlines and \\.",
          .unit = "",
          .labels = labels,
          .bounds = bounds,
          .bounds_len = 4 },
        { .type = SHMETER_HISTOGRAM,
          .name = "hammer_exponential",
          .help = "Log.",
          .labels = labels,
          .schema = 1,
          .min_value = 1,
          .max_value = 4096 },
        { .type = SHMETER_INFO, .name = "hammer_build_info", .help = "Constant.", .labels = labels },
        { .type = SHMETER_COUNTER,
          .name = "hammer_other_total",
          .help = "Too many.",
          .labels = labels,
          .idle_seconds = 100,
          .evict = 1 },
    };
    static const char *const names[MODES] = { "hammer_pool",     "hammer_live_sum",    "hammer_live_min",
                                              "hammer_live_max", "hammer_live_latest", "hammer_live_all",
                                              "hammer_sum",      "hammer_min",         "hammer_max",
                                              "hammer_latest",   "hammer_all" };
    static struct shmeter_desc gauges[MODES];
    char text[24];
    uint32_t i;

    for (i = 0; i < FAMILIES; i++)
        work.families[i] = shmeter_family(work.meter, &descs[i]);
    for (i = 0; i < SERIES; i++) {
        number_text(i, text);
        work.counters[i] = shmeter_counter_of(work.families[0], text);
        work.fractions[i] = shmeter_counter_f64_of(work.families[1], text);
        work.classic[i] = shmeter_histogram_of(work.families[2], text);
        work.exponential[i] = shmeter_histogram_of(work.families[3], text);
    }
    shmeter_info_of(work.families[4], "1.0");
    for (i = 0; i < MODES; i++) {
        gauges[i] = (struct shmeter_desc){
            .type = SHMETER_GAUGE, .name = names[i], .help = "Gauge.", .mode = (enum shmeter_mode)i
        };
        work.gauge_families[i] = shmeter_family(work.meter, &gauges[i]);
        work.gauges[i] = shmeter_gauge_of(work.gauge_families[i]);
    }
}

/* A refusal is fine, and the handles count privately then. */
static int
open_all(const char *path)
{
    struct shmeter_options options = { .struct_bytes = sizeof options,
                                       .worker = "hammered",
                                       .group = -1,
                                       .lane_bytes = 32768,
                                       .max_series = 128,
                                       .max_family_series = FAMILY_SERIES,
                                       .max_slots = 6,
                                       .max_gauges = 16,
                                       .ring_bytes = 4096 };
    int result = shmeter_open(&work.meter, path, &options);

    open_families();
    return result;
}

static void
update(uint64_t chance)
{
    uint32_t n = (uint32_t)(chance >> 8) % SERIES, mode = (uint32_t)(chance >> 8) % MODES;
    double value = (double)(chance >> 40) / 256;

    switch (chance % 8) {
    case 0:
        shmeter_counter_add(work.counters[n], chance >> 32);
        break;
    case 1:
        shmeter_counter_f64_add(work.fractions[n], value);
        break;
    case 2:
    case 3:
        shmeter_histogram_observe(work.classic[n], (double)(chance >> 16 & 15));
        break;
    case 4:
        shmeter_histogram_observe(work.exponential[n], value);
        break;
    case 5:
        shmeter_gauge_set(work.gauges[mode], value);
        break;
    default:
        shmeter_gauge_add(work.gauges[mode], value);
    }
}

static void
look_up(uint64_t chance)
{
    const char *value;
    char text[24];

    number_text((chance >> 8) % OTHER_SERIES, text);
    value = text;
    switch (chance % 16) {
    case 0:
        shmeter_hide_v(work.families[5], &value, 1);
        break;
    case 1:
        shmeter_hide_all(work.gauge_families[(chance >> 8) % MODES]);
        work.gauges[(chance >> 8) % MODES] = shmeter_gauge_of(work.gauge_families[(chance >> 8) % MODES]);
        break;
    case 2:
        shmeter_check(work.meter, "disk", (enum shmeter_health)(chance >> 8 & 1), "of the hammer");
        break;
    case 3:
        shmeter_busy(work.meter);
        shmeter_heartbeat(work.meter);
        shmeter_idle(work.meter);
        break;
    case 4:
        shmeter_attach_worker(work.meter);
        break;
    case 6: /* at whatever time: seconds pass between two looks */
        shmeter_idle_sweep(shmeter_meter_attachment(work.meter), 1 + (chance >> 8) % 1000);
        shmeter_expire(work.meter);
        shmeter_quiescent(work.meter);
        break;
    case 5:
        work.counters[(chance >> 8) % SERIES] = shmeter_counter_of(work.families[0], text);
        break;
    default:
        shmeter_counter_inc(shmeter_counter_of(work.families[5], text));
    }
}

/* Whatever is reached just before or behind the mapping is a fault, and not another mapping's bytes. */
static void
guard(void)
{
    /* cppcheck-suppress leakReturnValNotUsed ; it stays, and nobody touches it */
    if (mmap(NULL, GUARD_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
        abort();
}

static void
run(const char *path, uint64_t seed, struct producers_done *done)
{
    const struct rlimit hang = { HANG_SECONDS, HANG_SECONDS + 1 };
    const struct timespec rest = { 0, 1000000 };
    uint32_t step;
    int refused;

    setrlimit(RLIMIT_CPU, &hang);
    guard();
    refused = open_all(path) != 0;
    guard();
    __atomic_add_fetch(refused ? &done->refused : &done->opened, 1, __ATOMIC_RELAXED);
    for (step = 0; step < STEPS && !(refused && step == REFUSED_STEPS); step++) {
        update(scratch_random(&seed));
        if (step % 4 == 0)
            look_up(scratch_random(&seed));
        if (step % REST_EACH == 0)
            nanosleep(&rest, NULL);
    }
    __atomic_add_fetch(&done->updates, step, __ATOMIC_RELAXED);
    __atomic_add_fetch(&done->lookups, step / 4, __ATOMIC_RELAXED);
    if (seed & 1)
        shmeter_close(work.meter); /* else the slot is a dead one's */
    _exit(0);
}

void
producers_make_segment(const char *path)
{
    pid_t pid = scratch_fork();
    uint32_t i;
    uint64_t seed = 1;

    if (!pid) {
        if (open_all(path))
            _exit(1);
        for (i = 0; i < STEPS; i++) {
            update(scratch_random(&seed));
            look_up(scratch_random(&seed));
        }
        _exit(0);
    }
    if (scratch_wait(pid)) {
        fprintf(stderr, "no segment at %s\n", path);
        exit(1);
    }
}

pid_t
producers_start(const char *path, uint64_t seed, struct producers_done *done)
{
    pid_t pid = scratch_fork();

    if (!pid)
        run(path, seed, done);
    return pid;
}
