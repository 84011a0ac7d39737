/*
 * The operations. OPS_NAME and OPS_BUILD come from the build: what this table is called.
 */
#include "tests/crash/ops.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "tests/crash/world.h"

/* ---- updates: of series that the parent has made ---- */

static void
run_counter(void)
{
    shmeter_counter_add(world.counter, 5);
}

static void
run_fraction(void)
{
    shmeter_counter_f64_add(world.fraction, 0.5);
}

static void
run_classic(void)
{
    shmeter_histogram_observe(world.classic, 1.25);
}

static void
run_exponential(void)
{
    shmeter_histogram_observe(world.exponential, 24.5);
}

static uint64_t
cell_counter(void)
{
    return (uint64_t)(world.counter.cell - shmeter_meter_attachment(world.meter)->lanes.cpu);
}

static uint64_t
cell_fraction(void)
{
    return world.fraction.cell;
}

static uint64_t
cell_classic(void)
{
    return world.classic.cell;
}

static uint64_t
cell_exponential(void)
{
    return world.exponential.cell;
}

/* ---- gauges: in a child that has its slot ---- */

static void
begin_worker(void)
{
    if (shmeter_attach_worker(world.meter))
        world_fail("no slot");
}

#define GAUGE_RUN(mode, set_to, addend)                \
    static void run_set_##mode(void)                   \
    {                                                  \
        shmeter_gauge_set(world.gauges[mode], set_to); \
    }                                                  \
    static void run_add_##mode(void)                   \
    {                                                  \
        shmeter_gauge_add(world.gauges[mode], addend); \
    }
GAUGE_RUN(SHMETER_POOL, 3, 5)
GAUGE_RUN(SHMETER_LIVE_SUM, 5, 5)
GAUGE_RUN(SHMETER_LIVE_MIN, 5, -5)
GAUGE_RUN(SHMETER_LIVE_MAX, 50, 50)
GAUGE_RUN(SHMETER_LIVE_LATEST, 3, 3)
GAUGE_RUN(SHMETER_LIVE_ALL, 3, 4)
GAUGE_RUN(SHMETER_SUM, 5, 5)
GAUGE_RUN(SHMETER_MIN, 5, -5)
GAUGE_RUN(SHMETER_MAX, 50, 50)
GAUGE_RUN(SHMETER_LATEST, 3, 3)
GAUGE_RUN(SHMETER_ALL, 3, 4)

#define GAUGE_OPS(word, mode, sample, kinds, before, set_to, add_to)                                       \
    { .name = "set of a " word " gauge",                                                                   \
      .begin = begin_worker,                                                                               \
      .run = run_set_##mode,                                                                               \
      .changes = { { sample, 0, before, set_to } } },                                                      \
    {                                                                                                      \
        .name = "add to a " word " gauge", .flags = (kinds), .begin = begin_worker, .run = run_add_##mode, \
        .changes = {                                                                                       \
            { sample, 0, before, add_to }                                                                  \
        }                                                                                                  \
    }

/* ---- slots ---- */

static void
run_claim(void)
{
    shmeter_attach_worker(world.meter);
}

static void
last_words(void)
{
    uint32_t i;

    begin_worker();
    shmeter_heartbeat(world.meter);
    shmeter_check(world.meter, "door", SHMETER_DEGRADED, "ajar");
    for (i = 0; i < MODES; i++)
        if (i != SHMETER_POOL)
            shmeter_gauge_set(world.gauges[i], 100 + i);
    shmeter_gauge_add(world.gauges[SHMETER_POOL], 1);
}

/* Every slot has had an owner, and all but the parent are dead. */
static void
arrange_dead(void)
{
    world_in_a_child(last_words);
    world_in_a_child(last_words);
    world_in_a_child(last_words);
}

static void
begin_gauges(void)
{
    last_words();
}

static void
run_close(void)
{
    shmeter_close(world.meter);
}

static void
run_heartbeat(void)
{
    shmeter_heartbeat(world.meter);
}

static void
run_busy(void)
{
    shmeter_busy(world.meter);
    shmeter_idle(world.meter);
}

static void
run_check(void)
{
    shmeter_check(world.meter, "door", SHMETER_FAILING, "open");
}

/* ---- attachment ---- */

static void
run_open(void)
{
    world_open();
}

static void
make_again(void)
{
    world_forget();
    world_make(world.path, world.shared_lanes);
}

/* Another segment has the name now; handles of the parent lead to the old one. */
static void
arrange_another(void)
{
    if (unlink(world.path))
        world_fail("unlink");
    world_in_a_child(make_again);
}

/* ---- registration ---- */

static void
run_family(void)
{
    world_family("crash_new_total", (struct shmeter_desc){ .type = SHMETER_COUNTER });
}

static void
run_family_histogram(void)
{
    static const double bounds[] = { 0.5, 1, 2.5, 5, 10, 25, 50 };

    world_family("crash_new", (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .bounds = bounds, .bounds_len = 7 });
}

static void
run_series(void)
{
    shmeter_counter_of(world.counters, "new");
}

static void
run_series_fraction(void)
{
    shmeter_counter_f64_of(world.fractions, "new");
}

static void
run_series_histogram(void)
{
    shmeter_histogram_of(world.classics, "new");
}

static void
run_series_lookup(void)
{
    shmeter_counter_of(world.counters, "a");
}

static void
run_series_repaired(void)
{
    shmeter_counter_of(world.counters, "n\xffw");
}

static void
run_overflow(void)
{
    shmeter_counter_of(world.limited, "b");
}

static void
run_new_gauge(void)
{
    shmeter_gauge_set(shmeter_gauge_of(world_family(
                          "crash_new", (struct shmeter_desc){ .type = SHMETER_GAUGE, .mode = SHMETER_LIVE_SUM })),
                      3);
}

static void
run_info(void)
{
    shmeter_info_of(world_family("crash_build_info", (struct shmeter_desc){ .type = SHMETER_INFO }), "1.0");
}

/* Uses the first chunk of records and of cells up, but for less than the next series needs. */
static void
arrange_full_chunk(void)
{
    char value[240] = "";
    uint32_t i;

    world.wide = world_family(
        "crash_wide",
        (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .schema = 8, .min_value = 1, .max_value = 2.25 });
    memset(value, 'x', sizeof value - 1);
    for (i = 0; i < 300 && world_state()->records_fill.value + 1024 + 256 < 32768; i++) {
        value[i % 200] = (char)('a' + i / 200);
        shmeter_counter_of(world.counters, value);
    }
    for (i = 0; world_state()->cells_fill.value + world.wide->definition.cell_bytes <= 32768; i++) {
        snprintf(value, sizeof value, "%u", i);
        shmeter_histogram_of(world.wide, value);
    }
    while (world_state()->records_fill.value + 128 <= 32768) {
        snprintf(value, sizeof value, "g%u", i++);
        shmeter_info_of(world_family("crash_filler_info", (struct shmeter_desc){ .type = SHMETER_INFO }), value);
    }
    if (world_state()->cells_backed.value != 32768 || world_state()->records_backed.value != 32768)
        world_fail("chunks are not as they should be");
}

static void
run_backing(void)
{
    static const char value[] =
        "a value so long that its record needs the chunk of records that comes next, for it has "
        "more than two units of sixty-four bytes";

    shmeter_histogram_of(world.wide, value);
}

/* ---- hiding ---- */

static void
run_hide(void)
{
    static const char *const values[] = { "a" };

    shmeter_hide_v(world.counters, values, 1);
}

static void
run_hide_gauge(void)
{
    shmeter_hide_v(world.modes[SHMETER_SUM], NULL, 0);
}

static void
arrange_many(void)
{
    shmeter_counter_inc(shmeter_counter_of(world.counters, "b"));
    shmeter_counter_inc(shmeter_counter_of(world.counters, "c"));
}

static void
run_hide_all(void)
{
    shmeter_hide_all(world.counters);
}

static void
arrange_hidden(void)
{
    run_hide();
    arrange_dead();
    run_hide_gauge();
}

static void
run_show_gauge(void)
{
    shmeter_gauge_set(shmeter_gauge_of(world.modes[SHMETER_SUM]), 3);
}

/* ---- the table ---- */

static const struct op ops[] = {
    { .name = "counter add",
      .flags = OP_ADDS | OP_ON_LANE,
      .run = run_counter,
      .cell = cell_counter,
      .changes = { { "crash_counter_total{a}", 0, 1024, 1029 } } },
    { .name = "fractional counter add",
      .flags = OP_ADDS | OP_ON_LANE,
      .run = run_fraction,
      .cell = cell_fraction,
      .changes = { { "crash_fraction_total{a}", 0, 8.5, 9 } } },
    { .name = "histogram observe",
      .flags = OP_ADDS | OP_ON_LANE,
      .run = run_classic,
      .cell = cell_classic,
      .changes = { { "crash_classic{a}", 0, 106.5, 107.75 }, { "crash_classic{a}", 2, 2, 3 } } },
    { .name = "exponential histogram observe",
      .flags = OP_ADDS | OP_ON_LANE,
      .run = run_exponential,
      .cell = cell_exponential,
      .changes = { { "crash_exponential{a}", 0, 106.5, 131 }, { "crash_exponential{a}", 6, 0, 1 } } },
    GAUGE_OPS("pool", SHMETER_POOL, "crash_gauge_pool{}", OP_ADDS, 10, 3, 15),
    GAUGE_OPS("live_sum", SHMETER_LIVE_SUM, "crash_gauge_live_sum{}", OP_ADDS, 11, 16, 16),
    GAUGE_OPS("live_min", SHMETER_LIVE_MIN, "crash_gauge_live_min{}", 0, 12, 5, -5),
    GAUGE_OPS("live_max", SHMETER_LIVE_MAX, "crash_gauge_live_max{}", 0, 13, 50, 50),
    GAUGE_OPS("live_latest", SHMETER_LIVE_LATEST, "crash_gauge_live_latest{}", 0, 14, 3, 14),
    GAUGE_OPS("live_all", SHMETER_LIVE_ALL, "crash_gauge_live_all{crash,1}", 0, NAN, 3, 4),
    GAUGE_OPS("sum", SHMETER_SUM, "crash_gauge_sum{}", OP_ADDS, 16, 21, 21),
    GAUGE_OPS("min", SHMETER_MIN, "crash_gauge_min{}", 0, 17, 5, -5),
    GAUGE_OPS("max", SHMETER_MAX, "crash_gauge_max{}", 0, 18, 50, 50),
    GAUGE_OPS("latest", SHMETER_LATEST, "crash_gauge_latest{}", 0, 19, 3, 19),
    GAUGE_OPS("all", SHMETER_ALL, "crash_gauge_all{crash,1}", 0, NAN, 3, 4),
    { .name = "set of a gauge that claims the slot",
      .run = run_set_SHMETER_LIVE_SUM,
      .changes = { { "crash_gauge_live_sum{}", 0, 11, 16 } } },
    { .name = "claim of a slot", .run = run_claim },
    { .name = "takeover of a dead worker's slot",
      .arrange = arrange_dead,
      .run = run_claim,
      .changes = { { "crash_gauge_all{crash,1}", 0, 110, NAN } } },
    { .name = "close",
      .begin = begin_gauges,
      .run = run_close,
      .changes = { { "crash_gauge_live_sum{}", 0, 112, 11 },
                   { "crash_gauge_live_max{}", 0, 103, 13 },
                   { "crash_gauge_live_latest{}", 0, 104, 14 },
                   { "crash_gauge_live_all{crash,1}", 0, 105, NAN },
                   { "crash_gauge_pool{}", 0, 11, 10 } } },
    { .name = "heartbeat", .begin = begin_worker, .run = run_heartbeat },
    { .name = "busy and idle", .begin = begin_worker, .run = run_busy },
    { .name = "check", .begin = begin_worker, .run = run_check },
    { .name = "check that changes", .begin = begin_gauges, .run = run_check },
    { .name = "creation", .flags = OP_CREATES, .begin = world_forget, .run = run_open },
    { .name = "attachment", .begin = world_forget, .run = run_open },
    { .name = "attachment that takes a dead worker's slot",
      .arrange = arrange_dead,
      .begin = world_forget,
      .run = run_open,
      .changes = { { "crash_gauge_all{crash,1}", 0, 110, NAN } } },
    { .name = "attachment to a segment created again",
      .arrange = arrange_another,
      .run = run_series,
      .changes = { { "crash_counter_total{new}", 0, NAN, 0 } } },
    { .name = "family", .run = run_family },
    { .name = "family of histograms", .run = run_family_histogram },
    { .name = "series of a counter", .run = run_series, .changes = { { "crash_counter_total{new}", 0, NAN, 0 } } },
    { .name = "series of a fractional counter",
      .run = run_series_fraction,
      .changes = { { "crash_fraction_total{new}", 0, NAN, 0 } } },
    { .name = "series of a histogram",
      .run = run_series_histogram,
      .changes = { { "crash_classic{new}", 0, NAN, 0 }, { "crash_classic{new}", 1, NAN, 0 } } },
    { .name = "series with bad UTF-8",
      .run = run_series_repaired,
      .changes = { { "crash_counter_total{n\xef\xbf\xbdw}", 0, NAN, 0 } } },
    { .name = "series that is there", .run = run_series_lookup },
    { .name = "family, series and first set of a gauge",
      .run = run_new_gauge,
      .changes = { { "crash_new{}", 0, NAN, 3 } } },
    { .name = "info", .run = run_info, .changes = { { "crash_build_info{1.0}", 0, NAN, 1 } } },
    { .name = "series past the family's limit",
      .run = run_overflow,
      .changes = { { "crash_limited_total{__overflow__}", 0, NAN, 0 } } },
    { .name = "series that needs new memory",
      .arrange = arrange_full_chunk,
      .run = run_backing,
      .changes = { { "crash_wide{a value so long that its record needs the chunk of records that comes next, for it "
                     "has "
                     "more than two units of sixty-four bytes}",
                     0, NAN, 0 } } },
    { .name = "hide", .run = run_hide, .changes = { { "crash_counter_total{a}", 0, 1024, NAN } } },
    { .name = "hide of a gauge",
      .arrange = arrange_dead,
      .run = run_hide_gauge,
      .changes = { { "crash_gauge_sum{}", 0, 334, NAN } } },
    { .name = "hide of a family",
      .flags = OP_IN_PARTS,
      .arrange = arrange_many,
      .run = run_hide_all,
      .changes = { { "crash_counter_total{a}", 0, 1024, NAN },
                   { "crash_counter_total{b}", 0, 1, NAN },
                   { "crash_counter_total{c}", 0, 1, NAN } } },
    { .name = "return of a hidden counter",
      .arrange = arrange_hidden,
      .run = run_series_lookup,
      .changes = { { "crash_counter_total{a}", 0, NAN, 0 } } },
    { .name = "return of a hidden gauge",
      .arrange = arrange_hidden,
      .begin = begin_worker,
      .run = run_show_gauge,
      .changes = { { "crash_gauge_sum{}", 0, NAN, 3 } } },
};

/* ---- who comes after ---- */

static const struct change successor[] = {
    { "crash_counter_total{a}", 0, 0, 7 },
    { "crash_counter_total{new}", 0, 0, 7 },
    { "crash_fraction_total{a}", 0, 0, 0.25 },
    { "crash_classic{a}", 0, 0, 3.5 },
    { "crash_classic{a}", 3, 0, 1 },
    { "crash_exponential{a}", 0, 0, 3 },
    { "crash_exponential{a}", 3, 0, 1 },
    { "crash_gauge_pool{}", 0, 0, 1 },
    { "crash_gauge_sum{}", 0, 0, 1 },
    { "crash_after_total{a}", 0, 0, 3 },
    { "crash_limited_total{__overflow__}", 0, 0, 2 },
    { NULL, 0, 0, 0 },
};

static const char *
succeed(const char *path)
{
    world_forget();
    world_place(path, world.shared_lanes);
    if (world_open())
        return "it cannot open the segment";
    world_families();
    shmeter_counter_add(world.counter, 7);
    shmeter_counter_add(shmeter_counter_of(world.counters, "new"), 7);
    shmeter_counter_f64_add(world.fraction, 0.25);
    shmeter_histogram_observe(world.classic, 3.5);
    shmeter_histogram_observe(world.exponential, 3);
    shmeter_gauge_add(world.gauges[SHMETER_POOL], 1);
    shmeter_gauge_add(world.gauges[SHMETER_SUM], 1);
    shmeter_counter_add(shmeter_counter_of(world.limited, "b"), 2);
    shmeter_counter_add(
        shmeter_counter_of(world_family("crash_after_total", (struct shmeter_desc){ .type = SHMETER_COUNTER }), "a"),
        3);
    if (shmeter_attach_worker(world.meter))
        return "it has no slot";
    return *shmeter_error(world.meter) ? shmeter_error(world.meter) : NULL;
}

extern const struct op_table OPS_NAME;
const struct op_table OPS_NAME = { .build = OPS_BUILD,
                                   .ops = ops,
                                   .ops_n = sizeof ops / sizeof *ops,
                                   .make = world_make,
                                   .place = world_place,
                                   .succeed = succeed,
                                   .successor = successor };
