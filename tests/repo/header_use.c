/*
 * Uses every name of the public header, as C and as C++, strictly and with all warnings. Run with the path of a segment
 * that does not exist; it ends with 0 when everything could be had and errors are told.
 */
#include <stdio.h>
#include <string.h>

#include "shmeter.h"
#include "shmeter_path.h"

static int failures;

static void
expect(int good, const char *what)
{
    if (!good) {
        printf("not as it should be: %s\n", what);
        failures++;
    }
}

/* Filled in as C++17 must: zeros, then assignments. */
static void
describe(struct shmeter_desc *desc, enum shmeter_type type, const char *name, const char *const *labels)
{
    desc->type = type;
    desc->name = name;
    desc->help = "Help.";
    desc->unit = NULL;
    desc->labels = labels;
    desc->max_series = 0;
    desc->bounds = NULL;
    desc->bounds_len = 0;
}

#ifdef __cplusplus
#define ZERO \
    {        \
    }
#else
#define ZERO \
    {        \
        0    \
    }
#endif

static const char *const labels[] = { "method", "status", NULL };
static struct shmeter_desc counter_desc, f64_desc, histogram_desc, exponential_desc, info_desc, summary_desc,
    stateset_desc, gauge_descs[11];
static const char *const gauge_names[] = { "u_pool",        "u_live_sum", "u_live_min", "u_live_max",
                                           "u_live_latest", "u_live_all", "u_sum",      "u_min",
                                           "u_max",         "u_latest",   "u_all" };

static void
use_counters(struct shmeter *meter)
{
    describe(&counter_desc, SHMETER_COUNTER, "u_requests_total", labels);
    const struct shmeter_family *family = shmeter_family(meter, &counter_desc);
    char status[] = "200"; /* text that is not constant is good too */
    struct shmeter_counter counter = shmeter_counter_of(family, "GET", status);
    shmeter_counter_inc(counter);
    shmeter_counter_add(counter, 41);
    const char *const values[] = { "GET", "200" };
    shmeter_counter_inc(shmeter_counter_of_v(family, values, 2));
    shmeter_hide_v(family, values, 2);
    expect(!shmeter_shown_v(family, values, 2), "a series that is hidden");
    shmeter_hide_all(family);
    expect(shmeter_error(meter)[0] == '\0', shmeter_error(meter));

    describe(&f64_desc, SHMETER_COUNTER_F64, "u_seconds_total", NULL);
    struct shmeter_counter_f64 f64 = shmeter_counter_f64_of(shmeter_family(meter, &f64_desc));
    shmeter_counter_f64_add(f64, 0.5);
    shmeter_counter_f64_add(shmeter_counter_f64_of_v(shmeter_family(meter, &f64_desc), NULL, 0), 0.5);
    expect(shmeter_error(meter)[0] == '\0', shmeter_error(meter));
}

static void
use_histograms(struct shmeter *meter)
{
    static const double bounds[] = { 1, 2, 4 };
    uint64_t start = shmeter_ticks(meter);
    describe(&histogram_desc, SHMETER_HISTOGRAM, "u_size_bytes", NULL);
    histogram_desc.bounds = bounds;
    histogram_desc.bounds_len = 3;
    struct shmeter_histogram histogram = shmeter_histogram_of(shmeter_family(meter, &histogram_desc));
    shmeter_histogram_observe(histogram, 3);
    shmeter_histogram_observe_since(histogram, start);
    describe(&exponential_desc, SHMETER_HISTOGRAM, "u_latency_seconds", NULL);
    exponential_desc.schema = 3;
    exponential_desc.min_value = 1e-6;
    exponential_desc.max_value = 10;
    shmeter_histogram_observe(shmeter_histogram_of_v(shmeter_family(meter, &exponential_desc), NULL, 0), 0.25);
    expect(shmeter_seconds_since(meter, start) >= 0, "time goes forward");
    expect(shmeter_error(meter)[0] == '\0', shmeter_error(meter));
}

static void
use_gauges(struct shmeter *meter)
{
    static const enum shmeter_mode modes[] = { SHMETER_POOL,     SHMETER_LIVE_SUM,    SHMETER_LIVE_MIN,
                                               SHMETER_LIVE_MAX, SHMETER_LIVE_LATEST, SHMETER_LIVE_ALL,
                                               SHMETER_SUM,      SHMETER_MIN,         SHMETER_MAX,
                                               SHMETER_LATEST,   SHMETER_ALL };
    for (int i = 0; i < 11; i++) {
        describe(&gauge_descs[i], SHMETER_GAUGE, gauge_names[i], NULL);
        gauge_descs[i].mode = modes[i];
        struct shmeter_gauge gauge = shmeter_gauge_of(shmeter_family(meter, &gauge_descs[i]));
        shmeter_gauge_set(gauge, 1);
        shmeter_gauge_add(gauge, 2);
        shmeter_gauge_sub(gauge, 1);
        shmeter_gauge_inc(gauge);
        shmeter_gauge_dec(shmeter_gauge_of_v(shmeter_family(meter, &gauge_descs[i]), NULL, 0));
    }
    expect(shmeter_error(meter)[0] == '\0', shmeter_error(meter));
}

static void
use_worker(struct shmeter *meter)
{
    expect(shmeter_attach_worker(meter) == 0, "a slot");
    shmeter_heartbeat(meter);
    shmeter_busy(meter);
    shmeter_idle(meter);
    shmeter_check(meter, "database", SHMETER_DEGRADED, "slow");
    shmeter_check(meter, "database", SHMETER_OK, "");
    shmeter_check(meter, "disk", SHMETER_FAILING, "full");
    describe(&info_desc, SHMETER_INFO, "u_build_info", labels);
    const struct shmeter_family *info = shmeter_family(meter, &info_desc);
    shmeter_info_of(info, "1.0", "main");
    const char *const values[] = { "1.0", "main" };
    shmeter_info_of_v(info, values, 2);
    shmeter_info_replace_v(info, values, 2, 1);
    shmeter_info_hide_v(info, values, 1);
    expect(!shmeter_info_shown_v(info, values, 1), "an info that is hidden");
    char path[16];
    expect(shmeter_normalize_path(path, sizeof path, "/a/1", 4) == 7, path);
    expect(shmeter_error(meter)[0] == '\0', shmeter_error(meter));
}

static void
use_summaries_and_statesets(struct shmeter *meter)
{
    static const char *const states[] = { "starting", "running", NULL };
    describe(&summary_desc, SHMETER_SUMMARY, "u_summary", labels);
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &summary_desc), "GET", "200"), 0.5);
    describe(&stateset_desc, SHMETER_STATESET, "u_state", NULL);
    stateset_desc.states = states;
    shmeter_stateset_set(shmeter_stateset_of(shmeter_family(meter, &stateset_desc)), 1);
    shmeter_stateset_set(shmeter_stateset_of_v(shmeter_family(meter, &stateset_desc), NULL, 0), 0);
    expect(shmeter_error(meter)[0] == '\0', shmeter_error(meter));
}

static void
use_nothing(void)
{
    struct shmeter_stateset stateset = ZERO;
    struct shmeter *detached = NULL;
    struct shmeter_counter counter = ZERO;
    struct shmeter_gauge gauge = ZERO;
    struct shmeter_histogram histogram = ZERO;
    struct shmeter_counter_f64 f64 = ZERO;
    expect(shmeter_open(&detached, "no/such/folder/segment", NULL) < 0, "a segment in no folder");
    expect(shmeter_error(detached)[0] != '\0', "why there is none");
    expect(shmeter_family(detached, &counter_desc) != NULL, "a family all the same");
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(detached, &counter_desc), "GET", "200"));
    shmeter_counter_inc(counter);
    shmeter_counter_f64_add(f64, 1);
    shmeter_gauge_set(gauge, 1);
    shmeter_gauge_inc(gauge);
    shmeter_stateset_set(stateset, 0);
    shmeter_histogram_observe(histogram, 1);
    shmeter_close(detached);
}

int
main(int argc, char **argv)
{
    struct shmeter *meter = NULL;
    struct shmeter_options options = ZERO;
    options.struct_bytes = sizeof options;
    options.worker = "header_use";
    options.group = -1;
    options.lane_bytes = 65536;
    options.max_series = 64;
    options.max_family_series = 8;
    options.max_slots = 2;
    options.max_gauges = 16;
    options.ring_bytes = 4096;
    options.shared_lanes = 1;
    if (argc != 2)
        return 2;
    int result = shmeter_open(&meter, argv[1], &options);
    if (result != 0)
        printf("%s\n", shmeter_error(meter));
    expect(result == 0, "a segment");
    use_counters(meter);
    use_histograms(meter);
    use_gauges(meter);
    use_worker(meter);
    use_summaries_and_statesets(meter);
    use_nothing();
    shmeter_close(meter);
    printf("%s\n", failures ? "failed" : "good");
    return failures ? 1 : 0;
}
