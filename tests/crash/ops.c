/*
 * The operations. OPS_NAME and OPS_BUILD come from the build: what this table is called.
 */
#include "tests/crash/ops.h"

#include "tests/crash/rooms.h"
#include "tests/crash/runs.h"

#define GAUGE_OPS(word, mode, sample, set_kinds, add_kinds, lost, before, set_to, add_to)        \
    { .name = "set of a " word " gauge",                                                         \
      .flags = OP_HOT | (set_kinds),                                                             \
      .begin = begin_worker,                                                                     \
      .run = run_set_##mode,                                                                     \
      .changes = { { (sample), 0, before, set_to } } },                                          \
    {                                                                                            \
        .name = "add to a " word " gauge", .flags = OP_HOT | (add_kinds), .begin = begin_worker, \
        .run = run_add_##mode, .loss = (lost), .changes = {                                      \
            { (sample), 0, before, add_to }                                                      \
        }                                                                                        \
    }

/* ---- the table ---- */

static const struct op ops[] = {
    { .name = "counter add",
      .flags = OP_HOT | OP_ADDS | OP_ON_LANE,
      .run = run_counter,
      .cell = cell_counter,
      .changes = { { "crash_counter_total{a}", 0, 1024, 1029 } } },
    { .name = "counter increment",
      .flags = OP_HOT,
      .run = run_counter_increment,
      .changes = { { "crash_counter_total{a}", 0, 1024, 1025 } } },
    { .name = "fractional counter add",
      .flags = OP_HOT | OP_ADDS | OP_ON_LANE,
      .run = run_fraction,
      .cell = cell_fraction,
      .changes = { { "crash_fraction_total{a}", 0, 8.5, 9 } } },
    { .name = "histogram observe",
      .flags = OP_HOT | OP_ADDS | OP_ON_LANE,
      .run = run_classic,
      .cell = cell_classic,
      .changes = { { "crash_classic{a}", 0, 106.5, 107.75 }, { "crash_classic{a}", 2, 2, 3 } } },
    { .name = "exponential histogram observe",
      .flags = OP_HOT | OP_ADDS | OP_ON_LANE,
      .run = run_exponential,
      .cell = cell_exponential,
      .changes = { { "crash_exponential{a}", 0, 106.5, 131 }, { "crash_exponential{a}", 6, 0, 1 } } },
    { .name = "histogram observe of a bound",
      .run = run_classic_bound,
      .changes = { { "crash_classic{a}", 0, 106.5, 108.5 }, { "crash_classic{a}", 2, 2, 3 } } },
    { .name = "exponential histogram observe of a bound",
      .run = run_exponential_bound,
      .changes = { { "crash_exponential{a}", 0, 106.5, 110.5 }, { "crash_exponential{a}", 3, 1, 2 } } },
    { .name = "fractional counter add of a negative number", .run = run_fraction_negative, .loss = "adds_refused" },
    { .name = "histogram observe of NaN", .run = run_classic_nan, .loss = "observations_nan" },
    { .name = "histogram observe of infinity",
      .run = run_classic_infinity,
      .changes = { { "crash_classic{a}", 4, 1, 2 } } },
    { .name = "exponential histogram observe of a negative number",
      .run = run_exponential_negative,
      .loss = "observations_negative" },
    { .name = "exponential histogram observe above its range",
      .run = run_exponential_above,
      .loss = "observations_clamped",
      .changes = { { "crash_exponential{a}", 0, 106.5, 1106.5 }, { "crash_exponential{a}", 9, 0, 1 } } },
    { .name = "set of a pool gauge that ends shares",
      .flags = OP_SETS,
      .begin = begin_share,
      .run = run_set_SHMETER_POOL,
      .changes = { { "crash_gauge_pool{}", 0, 11, 3 } } },
    GAUGE_OPS("pool", SHMETER_POOL, "crash_gauge_pool{}", OP_SETS, OP_ADDS, NULL, 10, 3, 15),
    GAUGE_OPS("live_sum", SHMETER_LIVE_SUM, "crash_gauge_live_sum{}", OP_SETS | OP_ADDS, OP_ADDS, NULL, 11, 16, 16),
    GAUGE_OPS("live_min", SHMETER_LIVE_MIN, "crash_gauge_live_min{}", OP_SETS, OP_MOST, NULL, 12, 5, -5),
    GAUGE_OPS("live_max", SHMETER_LIVE_MAX, "crash_gauge_live_max{}", OP_SETS, OP_MOST, NULL, 13, 50, 50),
    GAUGE_OPS("live_latest", SHMETER_LIVE_LATEST, "crash_gauge_live_latest{}", OP_SETS, 0, "gauge_refused", 14, 3, 14),
    GAUGE_OPS("live_all", SHMETER_LIVE_ALL, "crash_gauge_live_all{crash,1}", OP_SETS | OP_OWN, OP_OWN, NULL, NAN, 3, 4),
    GAUGE_OPS("sum", SHMETER_SUM, "crash_gauge_sum{}", OP_SETS | OP_ADDS, OP_ADDS, NULL, 16, 21, 21),
    GAUGE_OPS("min", SHMETER_MIN, "crash_gauge_min{}", OP_SETS, OP_MOST, NULL, 17, 5, -5),
    GAUGE_OPS("max", SHMETER_MAX, "crash_gauge_max{}", OP_SETS, OP_MOST, NULL, 18, 50, 50),
    GAUGE_OPS("latest", SHMETER_LATEST, "crash_gauge_latest{}", OP_SETS, 0, "gauge_refused", 19, 3, 19),
    GAUGE_OPS("all", SHMETER_ALL, "crash_gauge_all{crash,1}", OP_SETS | OP_OWN, OP_OWN, NULL, NAN, 3, 4),
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
                   { "crash_gauge_pool{}", 0, 11, 10 },
                   { "check{1,door,ajar}", 0, 1, NAN } } },
    { .name = "heartbeat", .begin = begin_worker, .run = run_heartbeat },
    { .name = "busy and idle", .begin = begin_worker, .run = run_busy },
    { .name = "check", .begin = begin_worker, .run = run_check, .changes = { { "check{1,door,open}", 0, NAN, 2 } } },
    { .name = "check that changes",
      .begin = begin_gauges,
      .run = run_check,
      .changes = { { "check{1,door,ajar}", 0, 1, NAN }, { "check{1,door,open}", 0, NAN, 2 } } },
    { .name = "creation", .flags = OP_CREATES, .begin = world_forget, .run = run_open },
    { .name = "creation without /proc", .flags = OP_CREATES, .begin = begin_without_proc, .run = run_open },
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
      .loss = "values_repaired",
      .changes = { { "crash_counter_total{n\xef\xbf\xbdw}", 0, NAN, 0 } } },
    { .name = "series that is there", .flags = OP_HOT, .run = run_series_lookup },
    { .name = "series of two labels that is there",
      .flags = OP_HOT,
      .arrange = arrange_two_labels,
      .run = run_two_labels },
    { .name = "ticks", .flags = OP_HOT, .run = run_ticks },
    { .name = "family, series and first set of a gauge",
      .run = run_new_gauge,
      .changes = { { "crash_new{}", 0, NAN, 3 } } },
    { .name = "info", .run = run_info, .changes = { { "crash_build_info{1.0}", 0, NAN, 1 } } },
    { .name = "series past the family's limit",
      .run = run_overflow,
      .loss = "series_overflowed",
      .changes = { { "crash_limited_total{__overflow__}", 0, NAN, 0 } } },
    { .name = "series that needs new memory",
      .arrange = arrange_full_chunk,
      .run = run_backing,
      .changes = { { "crash_wide{a value so long that its record needs the chunk of records that comes next, for it "
                     "has "
                     "more than two units of sixty-four bytes}",
                     0, NAN, 0 } } },
    { .name = "first add to a counter",
      .flags = OP_ADDS | OP_COLD | OP_IN_PARTS,
      .run = run_first_add,
      .changes = { { "crash_counter_total{new}", 0, NAN, 5 } } },
    { .name = "first observe of a histogram",
      .flags = OP_ADDS | OP_COLD | OP_IN_PARTS,
      .run = run_first_observe,
      .changes = { { "crash_new{a}", 0, NAN, 1.25 }, { "crash_new{a}", 2, NAN, 1 } } },
    { .name = "first add to a gauge, which claims the slot",
      .flags = OP_ADDS | OP_COLD,
      .run = run_add_SHMETER_LIVE_SUM,
      .changes = { { "crash_gauge_live_sum{}", 0, 11, 16 } } },
    { .name = "first add to a gauge, which takes a dead worker's slot",
      .flags = OP_ADDS | OP_COLD | OP_IN_PARTS,
      .arrange = arrange_dead,
      .run = run_add_SHMETER_LIVE_SUM,
      .changes = { { "crash_gauge_live_sum{}", 0, 11, 16 }, { "crash_gauge_all{crash,1}", 0, 110, NAN } } },
    { .name = "creation and first add",
      .flags = OP_CREATES | OP_ADDS | OP_COLD | OP_IN_PARTS | OP_VARIES,
      .begin = world_forget,
      .run = run_all,
      .changes = { { "crash_counter_total{new}", 0, NAN, 5 } } },
    { .name = "hide", .run = run_hide, .changes = { { "crash_counter_total{a}", 0, 1024, NAN } } },
    { .name = "hide of a gauge",
      .arrange = arrange_dead,
      .run = run_hide_gauge,
      .changes = { { "crash_gauge_sum{}", 0, 652, NAN } } },
    { .name = "hide of a family",
      .flags = OP_IN_PARTS,
      .arrange = arrange_many,
      .run = run_hide_all,
      .changes = { { "crash_counter_total{a}", 0, 1024, NAN },
                   { "crash_counter_total{b}", 0, 1, NAN },
                   { "crash_counter_total{c}", 0, 1, NAN } } },
    { .name = "hide among many",
      .arrange = arrange_crowd,
      .run = run_hide,
      .changes = { { "crash_counter_total{a}", 0, 1024, NAN } } },
    { .name = "hide of a gauge among many",
      .arrange = arrange_crowd,
      .run = run_hide_gauge,
      .changes = { { "crash_gauge_sum{}", 0, 16, NAN } } },
    { .name = "return of a hidden gauge among many",
      .arrange = arrange_hidden_in_crowd,
      .begin = begin_worker,
      .run = run_show_gauge,
      .changes = { { "crash_gauge_sum{}", 0, NAN, 3 } } },
    { .name = "return of a hidden counter",
      .arrange = arrange_hidden,
      .run = run_series_lookup,
      .changes = { { "crash_counter_total{a}", 0, NAN, 0 } } },
    { .name = "quiescence", .arrange = arrange_waiting, .run = run_quiescent },
    { .name = "quiescence of the last one", .arrange = arrange_alone, .run = run_quiescent },
    { .name = "series of a counter in another's room",
      .arrange = arrange_rooms,
      .run = run_series,
      .changes = { { "crash_counter_total{new}", 0, NAN, 0 } } },
    { .name = "series of a histogram in another's room",
      .arrange = arrange_rooms,
      .run = run_series_histogram,
      .changes = { { "crash_classic{new}", 0, NAN, 0 }, { "crash_classic{new}", 1, NAN, 0 } } },
    { .name = "gauge in another's room",
      .arrange = arrange_rooms,
      .begin = begin_worker,
      .run = run_new_gauge,
      .changes = { { "crash_new{}", 0, NAN, 3 } } },
    { .name = "gauge whose room is looked for",
      .arrange = arrange_lost_rooms,
      .begin = begin_worker,
      .run = run_new_gauge,
      .changes = { { "crash_new{}", 0, NAN, 3 } } },
    { .name = "gauge whose room is looked for among ruins",
      .flags = OP_IN_PARTS,
      .arrange = arrange_ruins,
      .begin = begin_worker,
      .run = run_new_gauge,
      .changes = { { "crash_new{}", 0, NAN, 3 }, { "crash_counter_total{r0}", 0, 3, NAN } } },
    { .name = "expiry of an idle series",
      .arrange = arrange_idle,
      .run = run_expire,
      .changes = { { "crash_counter_total{a}", 0, 1024, NAN } } },
    { .name = "series in the place of an idle one",
      .flags = OP_IN_PARTS,
      .arrange = arrange_full,
      .run = run_evict,
      .loss = "series_evicted",
      .changes = { { "crash_few_total{old}", 0, 3, NAN }, { "crash_few_total{new}", 0, NAN, 0 } } },
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
    world_place(path, &world.shape);
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
    /* The family without room has told so, which is right. */
    return *shmeter_error(world.meter) && !strstr(shmeter_error(world.meter), "crash_limited_total")
               ? shmeter_error(world.meter)
               : NULL;
}

extern const char __start___rseq_cs[] __attribute__((weak)), __stop___rseq_cs[] __attribute__((weak));
extern const char __executable_start[], etext[];
extern const struct op_table OPS_NAME;
const struct op_table OPS_NAME = { .build = OPS_BUILD,
                                   .version = __VERSION__,
                                   .ops = ops,
                                   .ops_n = sizeof ops / sizeof *ops,
                                   .make = world_make,
                                   .place = world_place,
                                   .succeed = succeed,
                                   .fix_ticks = world_fix_ticks,
                                   .sequences = __start___rseq_cs,
                                   .sequences_end = __stop___rseq_cs,
                                   .text = __executable_start,
                                   .text_end = etext,
                                   .successor = successor };
