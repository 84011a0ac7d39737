/*
 * What a segment of the crash tests holds: a series of every type, gauges of every mode, all with values. Included by
 * ops.c, and so compiled with it by each compiler.
 */
#ifndef SHMETER_TESTS_CRASH_WORLD_H
#define SHMETER_TESTS_CRASH_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "shmeter.h"
#include "tests/crash/ops.h"

#define MODES 11

static struct world {
    char path[200];
    struct shape shape;
    struct shmeter *meter;
    const struct shmeter_family *counters, *fractions, *classics, *exponentials, *limited, *modes[MODES], *wide, *pairs, *few;
    struct shmeter_counter counter, limit;
    struct shmeter_counter_f64 fraction;
    struct shmeter_histogram classic, exponential;
    struct shmeter_gauge gauges[MODES];
    uint64_t ticks;
} world;

static const char *const mode_names[MODES] = { "pool", "live_sum", "live_min", "live_max", "live_latest", "live_all",
                                               "sum",  "min",      "max",      "latest",   "all" };

__attribute__((noreturn)) static void
world_fail(const char *what)
{
    fprintf(stderr, "world: %s: %s\n", what, world.meter ? shmeter_error(world.meter) : "");
    exit(1);
}

static const struct shmeter_family *
world_family(const char *name, struct shmeter_desc desc)
{
    static const char *const labels[] = { "k", NULL };

    desc.name = name;
    desc.help = "Of the crash tests.";
    if (desc.type != SHMETER_GAUGE)
        desc.labels = labels;
    return shmeter_family(world.meter, &desc);
}

static int
world_open(void)
{
    struct shmeter_options options = { .struct_bytes = sizeof options,
                                       .worker = "crash",
                                       .group = -1,
                                       .lane_bytes = 65536,
                                       .max_series = 512,
                                       .max_slots = 4,
                                       .max_gauges = 16,
                                       .ring_bytes = 4096,
                                       .cpu_lanes = world.shape.cpu_lanes,
                                       .shared_lanes = world.shape.shared_lanes };

    return shmeter_open(&world.meter, world.path, &options);
}

static void
world_families(void)
{
    static const double bounds[] = { 1, 2, 4 };
    char name[40];
    uint32_t i;

    world.counters = world_family("crash_counter_total", (struct shmeter_desc){ .type = SHMETER_COUNTER });
    world.fractions = world_family("crash_fraction_total", (struct shmeter_desc){ .type = SHMETER_COUNTER_F64 });
    world.classics = world_family(
        "crash_classic", (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .bounds = bounds, .bounds_len = 3 });
    world.exponentials = world_family(
        "crash_exponential",
        (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .schema = 0, .min_value = 1, .max_value = 256 });
    world.limited = world_family("crash_limited_total",
                                 (struct shmeter_desc){ .type = SHMETER_COUNTER, .max_series = 1 });
    for (i = 0; i < MODES; i++) {
        snprintf(name, sizeof name, "crash_gauge_%s", mode_names[i]);
        world.modes[i] = world_family(name,
                                      (struct shmeter_desc){ .type = SHMETER_GAUGE, .mode = (enum shmeter_mode)i });
        world.gauges[i] = shmeter_gauge_of(world.modes[i]);
    }
    world.counter = shmeter_counter_of(world.counters, "a");
    world.fraction = shmeter_counter_f64_of(world.fractions, "a");
    world.classic = shmeter_histogram_of(world.classics, "a");
    world.exponential = shmeter_histogram_of(world.exponentials, "a");
    world.limit = shmeter_counter_of(world.limited, "a");
}

/* Values in CPU lanes and shared lanes, and this worker's gauges: 10 and the mode's number. */
static void
world_fill(void)
{
    static const double values[] = { 0.5, 1.5, 3, 100 };
    uint32_t i;

    shmeter_counter_add(world.counter, 1000);
    shmeter_counter_add_slow(world.counter, 24);
    shmeter_counter_f64_add(world.fraction, 8.25);
    shmeter_counter_f64_add_slow(world.fraction, 0.25);
    for (i = 0; i < 4; i++) {
        shmeter_histogram_observe(world.classic, values[i]);
        shmeter_histogram_observe(world.exponential, values[i]);
    }
    shmeter_histogram_observe_slow(world.classic, 1.5);
    shmeter_histogram_observe_slow(world.exponential, 1.5);
    for (i = 0; i < MODES; i++)
        shmeter_gauge_set(world.gauges[i], 10 + i);
}

static void
world_place(const char *path, const struct shape *shape)
{
    if (path != world.path)
        snprintf(world.path, sizeof world.path, "%s", path);
    world.shape = *shape;
}

static void
world_make(const char *path, const struct shape *shape)
{
    world_place(path, shape);
    if (world_open())
        world_fail("no segment");
    world_families();
    world_fill();
    if (*shmeter_error(world.meter))
        world_fail("not all could be had");
}

/* As after exec: nothing is known of any segment. */
static void
world_forget(void)
{
    memset(&shmeter_process_v3, 0, sizeof shmeter_process_v3);
    shmeter_ends_newest = 0;
    memset(&world.meter, 0, sizeof world - offsetof(struct world, meter));
}

/* Runs a function in a child that dies at once when it returns, without a word to anybody. */
static void
world_in_a_child(void (*run)(void))
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        run();
        kill(getpid(), SIGKILL);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        world_fail("a child failed");
}

static void
world_fix_ticks(void)
{
    shmeter_meter_attachment(world.meter)->header.ticks_kind = SHMETER_TICKS_COUNTER;
    world.meter->ticks_kind = SHMETER_TICKS_COUNTER;
}

static struct shmeter_state *
world_state(void)
{
    return shmeter_meter_attachment(world.meter)->state;
}

#endif
