/* Lookups, from label values to handles: of series that exist, and of new ones. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/rows/fill.h"
#include "bench/rows/subjects.h"
#include "bench/rows/tables.h"
#include "shmeter_path.h"

#define ORDER     1024u
#define NEW_N     1000u /* series in a round */
#define STAY_N    10000u
#define MANY_N    100000u
#define VALUE_MAX 32u

static unsigned order[ORDER]; /* numbers of series, in random order */
static unsigned order_series;

static void
make_order(unsigned series_n)
{
    uint64_t random = 2463534242u;
    if (order_series == series_n)
        return;
    order_series = series_n;
    for (unsigned i = 0; i < ORDER; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        order[i] = (unsigned)(random >> 20) % series_n;
    }
}

/* The label values of each step, made beforehand. */
static const char *step_values[ORDER][2];

static void
prepare_lookup(struct bench_run *run)
{
    subjects_set_up(run);
    make_order(SUBJECTS_METHODS * SUBJECTS_PATHS);
    for (unsigned i = 0; i < ORDER; i++) {
        step_values[i][0] = subjects_method(order[i]);
        step_values[i][1] = subjects_path(order[i]);
    }
}

static void
loop_lookup(uint64_t n)
{
    const struct shmeter_family *family = subjects.labelled;
    for (uint64_t i = 0; i < n; i++) {
        const char *const *values = step_values[i % ORDER];
        struct shmeter_counter counter = shmeter_counter_of(family, values[0], values[1]);
        __asm__ __volatile__("" : : "r"(counter.cell), "r"(counter.lanes) : "memory");
    }
}

static void
loop_lookup_add(uint64_t n)
{
    const struct shmeter_family *family = subjects.labelled;
    for (uint64_t i = 0; i < n; i++) {
        const char *const *values = step_values[i % ORDER];
        shmeter_counter_inc(shmeter_counter_of(family, values[0], values[1]));
    }
}

static void
loop_normalize(uint64_t n)
{
    static const struct {
        const char *path;
        size_t len;
    } paths[] = { { "/api/v1/missions", 16 },
                  { "/api/v1/missions/123e4567-e89b-12d3-a456-426614174000/retries", 61 },
                  { "/api/v1/agents/42/calls?limit=10", 32 },
                  { "/static/d41d8cd98f00b204e9800998ecf8427e.png", 44 } };
    char out[256];
    for (uint64_t i = 0; i < n; i++) {
        shmeter_normalize_path(out, sizeof out, paths[i % 4].path, paths[i % 4].len);
        __asm__ __volatile__("" : : "r"(out) : "memory");
    }
}

static void
measure_normalize(struct bench_run *run, const struct bench_row *row)
{
    run_put(run, row->name, measure_loop(run, loop_normalize));
}

static void
measure_lookup(struct bench_run *run, const struct bench_row *row)
{
    const struct subject_loop *subject = row->argument;
    prepare_lookup(run);
    run_put(run, row->name, measure_loop(run, subject->loop));
}

/* ---- among many: the lookups of 1024 series all over a store of 100,000 ---- */

static const struct shmeter_family *many_families[ORDER];

static void
loop_lookup_many(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        const char *const *values = step_values[i % ORDER];
        struct shmeter_counter counter = shmeter_counter_of(many_families[i % ORDER], values[0], values[1]);
        __asm__ __volatile__("" : : "r"(counter.cell), "r"(counter.lanes) : "memory");
    }
}

static void
measure_many(struct bench_run *run, const struct bench_row *row)
{
    static char texts[ORDER][FILL_PATH_BYTES];
    const struct fill fill = { .series_n = MANY_N };
    struct fill_store *store;
    int error = fill_open(&store, run_segment(run, "many"), &fill);
    if (error) {
        run_note(run, "%s was not measured: no segment of %u series could be made (error %d).", row->name, MANY_N,
                 -error);
        return;
    }
    make_order(MANY_N);
    for (unsigned i = 0; i < ORDER; i++) {
        many_families[i] = fill_family(store, order[i]);
        step_values[i][0] = fill_method(order[i]);
        step_values[i][1] = fill_path(texts[i], order[i]);
    }
    run_put(run, row->name, measure_loop(run, loop_lookup_many));
    fill_close(store);
    run_segment_remove(run, "many");
}

/* ---- new series: a family for each round ---- */

static double
register_round(struct shmeter *meter, const struct shmeter_desc *desc, char (*texts)[VALUE_MAX])
{
    const struct shmeter_family *family = shmeter_family(meter, desc);
    uint64_t start = measure_cpu_ns();
    for (unsigned i = 0; i < NEW_N; i++) {
        if (desc->type == SHMETER_COUNTER)
            shmeter_counter_of(family, "GET", texts[i]);
        else
            shmeter_histogram_of(family, "GET", texts[i]);
    }
    return (double)(measure_cpu_ns() - start) / NEW_N;
}

static void
measure_register(struct bench_run *run, const struct bench_row *row)
{
    static char texts[NEW_N][VALUE_MAX], names[16][VALUE_MAX];
    static const char *const labels[] = { "method", "path", NULL };
    static struct shmeter_desc descs[2][16];
    const enum shmeter_type *type = row->argument;
    struct shmeter_options options = { .struct_bytes = sizeof options,
                                       .group = -1,
                                       .lane_bytes = 1 << 22,
                                       .max_series = 32768,
                                       .max_family_series = 2 * NEW_N };
    struct shmeter *meter;
    double each[16];
    unsigned rounds = run->rounds < 15 ? run->rounds : 15;
    if (shmeter_open(&meter, run_segment(run, row->name), &options))
        bench_fail("cannot open a segment: %s", shmeter_error(meter));
    for (unsigned i = 0; i < NEW_N; i++)
        snprintf(texts[i], sizeof texts[i], "/api/v1/items/%u", i);
    for (unsigned round = 0; round <= rounds; round++) { /* the first one warms up */
        struct shmeter_desc *desc = &descs[*type == SHMETER_COUNTER][round];
        snprintf(names[round], sizeof names[round], "bench_new_%u_total", round);
        *desc = (struct shmeter_desc){ .type = *type,
                                       .name = names[round],
                                       .help = "New.",
                                       .labels = labels,
                                       .bounds = floors_bounds,
                                       .bounds_len = FLOORS_BOUNDS };
        double ns = register_round(meter, desc, texts);
        if (round > 0)
            each[round - 1] = ns;
    }
    if (*shmeter_error(meter))
        bench_fail("cannot register series: %s", shmeter_error(meter));
    run_put(run, row->name, measure_median(each, rounds));
    run_segment_remove(run, row->name);
}

/* ---- series that go: a thousand in each round, beside 10,000 that stay or wait for it ---- */

enum leave { LEAVE_REMOVE, LEAVE_EVICT, LEAVE_LOOK };

static double
leave_round(struct shmeter *meter, const struct shmeter_family *family, enum leave leave, unsigned round)
{
    static char texts[NEW_N][VALUE_MAX];
    const char *values[NEW_N];
    uint64_t start;
    for (unsigned i = 0; i < NEW_N; i++) {
        snprintf(texts[i], sizeof texts[i], "/api/v1/items/%u/%u", round, i);
        values[i] = texts[i];
        if (leave == LEAVE_REMOVE)
            shmeter_counter_of_v(family, &values[i], 1);
    }
    start = measure_cpu_ns();
    for (unsigned i = 0; i < NEW_N && leave != LEAVE_LOOK; i++) {
        if (leave == LEAVE_REMOVE)
            shmeter_hide_v(family, &values[i], 1);
        else
            shmeter_counter_of_v(family, &values[i], 1);
    }
    if (leave == LEAVE_LOOK && shmeter_idle_sweep(shmeter_meter_attachment(meter), 1 + round))
        bench_fail("a series has gone");
    start = measure_cpu_ns() - start;
    shmeter_quiescent(meter);
    return (double)start / (leave == LEAVE_LOOK ? STAY_N : NEW_N);
}

static void
measure_leave(struct bench_run *run, const struct bench_row *row)
{
    static const char *const labels[] = { "path", NULL };
    const enum leave *leave = row->argument;
    const struct shmeter_options options = { .struct_bytes = sizeof options,
                                             .group = -1,
                                             .lane_bytes = 1 << 22,
                                             .max_series = 32768,
                                             .max_family_series = 2 * STAY_N };
    const struct shmeter_desc desc = { .type = SHMETER_COUNTER,
                                       .name = "bench_leaving_total",
                                       .labels = labels,
                                       .max_series = *leave == LEAVE_EVICT ? STAY_N : 0,
                                       .idle_seconds = *leave == LEAVE_LOOK ? 1000 : 0,
                                       .evict = *leave == LEAVE_EVICT };
    const struct shmeter_family *family;
    struct shmeter *meter;
    double each[16];
    char text[VALUE_MAX];
    const char *value = text;
    unsigned rounds = run->rounds < 15 ? run->rounds : 15;
    if (shmeter_open(&meter, run_segment(run, row->name), &options))
        bench_fail("cannot open a segment: %s", shmeter_error(meter));
    family = shmeter_family(meter, &desc);
    for (unsigned i = 0; i < STAY_N; i++) {
        snprintf(text, sizeof text, "/api/v1/stays/%u", i);
        shmeter_counter_inc(shmeter_counter_of_v(family, &value, 1));
    }
    for (unsigned round = 0; round <= rounds; round++) { /* the first one warms up */
        double ns = leave_round(meter, family, *leave, round);
        if (round > 0)
            each[round - 1] = ns;
    }
    if (*shmeter_error(meter))
        bench_fail("cannot register series: %s", shmeter_error(meter));
    run_put(run, row->name, measure_median(each, rounds));
    run_segment_remove(run, row->name);
}

static const enum leave leave_remove = LEAVE_REMOVE, leave_evict = LEAVE_EVICT, leave_look = LEAVE_LOOK;

static const enum shmeter_type counter_type = SHMETER_COUNTER, histogram_type = SHMETER_HISTOGRAM;

#define REGISTRY "lookup and registration"

const struct bench_row registry_rows[] = {
    { .section = REGISTRY,
      .name = "lookup",
      .what = "lookup of an existing series, 2 labels, among 100",
      .unit = "ns",
      .max_value = 60,
      .measure = measure_lookup,
      .argument = &(const struct subject_loop){ loop_lookup, 0 } },
    { .section = REGISTRY,
      .name = "lookup-vs-go",
      .what = "the same; floor: client_golang's WithLabelValues",
      .unit = "ns",
      .floor = "go-lookup",
      .max_ratio = 0.5,
      .flags = BENCH_PEER | BENCH_LARGE,
      .measure = measure_lookup,
      .argument = &(const struct subject_loop){ loop_lookup, 0 } },
    { .section = REGISTRY,
      .name = "lookup-inc",
      .what = "lookup of an existing series, 2 labels, and inc",
      .unit = "ns",
      .measure = measure_lookup,
      .argument = &(const struct subject_loop){ loop_lookup_add, 0 } },
    { .section = REGISTRY,
      .name = "normalize-path",
      .what = "path of a request as a label value, 16 to 61 bytes",
      .unit = "ns",
      .max_value = 300,
      .measure = measure_normalize },
    { .section = REGISTRY,
      .name = "lookup-many",
      .what = "lookup of 1024 series all over 100,000",
      .unit = "ns",
      .flags = BENCH_HEAVY | BENCH_LARGE,
      .measure = measure_many },
    { .section = REGISTRY,
      .name = "register-counter",
      .what = "registration of a new counter, 2 labels",
      .unit = "ns",
      .measure = measure_register,
      .argument = &counter_type },
    { .section = REGISTRY,
      .name = "register-histogram",
      .what = "registration of a new histogram, 16 bounds, 2 labels",
      .unit = "ns",
      .measure = measure_register,
      .argument = &histogram_type },
    { .section = REGISTRY,
      .name = "remove",
      .what = "removal of a counter, beside 10,000",
      .unit = "ns",
      .max_value = 5000,
      .measure = measure_leave,
      .argument = &leave_remove },
    { .section = REGISTRY,
      .name = "evict",
      .what = "registration of a counter past a limit of 10,000, which evicts",
      .unit = "ns",
      .measure = measure_leave,
      .argument = &leave_evict },
    { .section = REGISTRY,
      .name = "look",
      .what = "look for idle counters, for each of 10,000",
      .unit = "ns",
      .measure = measure_leave,
      .argument = &leave_look },
};
const size_t registry_rows_n = ROWS_N(registry_rows);
