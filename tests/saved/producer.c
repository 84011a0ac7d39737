#include "tests/saved/producer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
producer_run(const char *path, const struct shmeter_options *options, void (*count)(struct shmeter *meter))
{
    struct shmeter *meter;
    pid_t child = scratch_fork();

    if (!child) {
        if (shmeter_open(&meter, path, options))
            _exit(1);
        count(meter);
        shmeter_close(meter);
        _exit(0);
    }
    assert_int_equal(scratch_wait(child), 0);
}

struct buffer
producer_saved(const char *path, struct saved_facts *facts)
{
    struct buffer out = { NULL, 0, 0 };
    struct report report = { "", 0, 0 };

    assert_int_equal(saved_write(&out, path, facts, &report), 0);
    assert_int_equal(buffer_append(&out, "", 1), 0);
    out.len--;
    return out;
}

int
producer_load(const char *path, const char *text, size_t len, struct report *report)
{
    const struct saved_text saved = { text, len, "kept" };
    struct saved_facts facts;

    memset(report, 0, sizeof *report);
    return saved_load(path, NULL, &saved, &facts, report);
}

const char *
producer_body(const char *text)
{
    const char *family = strstr(text, "\nfamily ");

    return family ? family + 1 : "";
}

static void
count_numbers(struct shmeter *meter)
{
    static const char *const labels[] = { "what", "who", NULL };
    const struct shmeter_desc calls = {
        .type = SHMETER_COUNTER, .name = "calls_total", .help = "Calls \\ \"all\"\nof them.", .labels = labels
    };
    const struct shmeter_desc seconds = {
        .type = SHMETER_COUNTER_F64, .name = "spent_seconds_total", .unit = "seconds", .labels = labels
    };
    const struct shmeter_family *family = shmeter_family(meter, &calls);
    char odd[3] = "?x";
    int i;

    shmeter_counter_add(shmeter_counter_of(family, "", ""), UINT64_MAX);
    shmeter_counter_add(shmeter_counter_of(family, "\"quoted\" \\n", " blanks  "), 7);
    shmeter_counter_add(shmeter_counter_of(family, "h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xef\xbf\xbd"), 8);
    (void)shmeter_counter_of(family, "zero", "0"); /* never counted */
    for (i = 1; i < 128; i++) {
        odd[0] = (char)i;
        shmeter_counter_add(shmeter_counter_of(family, odd, "byte"), (uint64_t)i);
    }
    shmeter_hide_v(family, (const char *const[]){ "zero", "hidden" }, 2);
    shmeter_counter_add(shmeter_counter_of(family, "hidden", "0"), 3);
    shmeter_hide_v(family, (const char *const[]){ "hidden", "0" }, 2);
    family = shmeter_family(meter, &seconds);
    shmeter_counter_f64_add(shmeter_counter_f64_of(family, "third", ""), 1.0 / 3);
    shmeter_counter_f64_add(shmeter_counter_f64_of(family, "tiny", ""), 5e-324);
    shmeter_counter_f64_add(shmeter_counter_f64_of(family, "huge", ""), DBL_MAX);
    shmeter_counter_f64_add(shmeter_counter_f64_of(family, "endless", ""), INFINITY);
}

static void
count_distributions(struct shmeter *meter)
{
    static const char *const labels[] = { "route", NULL };
    static const double bounds[] = { -1.5, 0, 0.1, 1.0 / 3, 1e300 };
    const struct shmeter_desc usual = { .type = SHMETER_HISTOGRAM, .name = "usual_seconds", .labels = labels };
    const struct shmeter_desc own = { .type = SHMETER_HISTOGRAM, .name = "own", .bounds = bounds, .bounds_len = 5 };
    const struct shmeter_desc fine = {
        .type = SHMETER_HISTOGRAM, .name = "fine", .schema = 3, .min_value = 1e-3, .max_value = 1e3
    };
    const struct shmeter_desc coarse = {
        .type = SHMETER_HISTOGRAM, .name = "coarse", .schema = 8, .min_value = 1e-300, .max_value = 1e300
    };
    const struct shmeter_desc count = { .type = SHMETER_SUMMARY, .name = "sizes_bytes", .labels = labels };
    struct shmeter_histogram all[5];
    double value = 1e-9;
    int i, k;

    all[0] = shmeter_histogram_of(shmeter_family(meter, &usual), "/");
    all[1] = shmeter_histogram_of(shmeter_family(meter, &own));
    all[2] = shmeter_histogram_of(shmeter_family(meter, &fine));
    all[3] = shmeter_histogram_of(shmeter_family(meter, &coarse));
    all[4] = shmeter_histogram_of(shmeter_family(meter, &count), "/a b");
    for (i = 0; i < 100; i++, value *= 1.7)
        for (k = 0; k < 5; k++)
            shmeter_histogram_observe(all[k], value);
    shmeter_histogram_observe(all[1], INFINITY);
    shmeter_histogram_observe(all[1], -2);
    (void)shmeter_histogram_of(shmeter_family(meter, &usual), "/never");
}

static void
set_gauges(struct shmeter *meter)
{
    static const char *const labels[] = { "of", NULL }, *const states[] = { "idle", "\"busy\"", "gone", NULL };
    static const struct {
        const char *name;
        enum shmeter_mode mode;
    } all[] = { { "g_pool", SHMETER_POOL },         { "g_live_sum", SHMETER_LIVE_SUM },
                { "g_live_all", SHMETER_LIVE_ALL }, { "g_sum", SHMETER_SUM },
                { "g_min", SHMETER_MIN },           { "g_max", SHMETER_MAX },
                { "g_latest", SHMETER_LATEST },     { "g_all", SHMETER_ALL } };
    const struct shmeter_desc stateset = {
        .type = SHMETER_STATESET, .name = "phase", .labels = labels, .states = states
    };
    const struct shmeter_desc info = { .type = SHMETER_INFO, .name = "build_info", .labels = labels };
    size_t i;

    for (i = 0; i < sizeof all / sizeof *all; i++) {
        const struct shmeter_desc desc = {
            .type = SHMETER_GAUGE, .name = all[i].name, .labels = labels, .mode = all[i].mode
        };
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &desc), "one"), -0.1 - (double)i);
        (void)shmeter_gauge_of(shmeter_family(meter, &desc), "never set");
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &desc), "zero"), -0.0);
    }
    shmeter_stateset_set(shmeter_stateset_of(shmeter_family(meter, &stateset), "a"), 1);
    shmeter_info_of(shmeter_family(meter, &info), "1.0");
}

void
producer_everything(struct shmeter *meter)
{
    count_numbers(meter);
    count_distributions(meter);
    set_gauges(meter);
}

void
producer_exact(struct shmeter *meter)
{
    const struct shmeter_desc calls = { .type = SHMETER_COUNTER, .name = "calls_total" };
    const struct shmeter_desc spent = { .type = SHMETER_COUNTER_F64, .name = "spent_total" };
    const struct shmeter_desc usual = { .type = SHMETER_HISTOGRAM, .name = "usual" };
    const struct shmeter_desc fine = {
        .type = SHMETER_HISTOGRAM, .name = "fine", .schema = 2, .min_value = 0.1, .max_value = 100
    };
    const struct shmeter_desc sizes = { .type = SHMETER_SUMMARY, .name = "sizes" };
    struct shmeter_histogram all[3];
    int i;

    shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &calls)), 5);
    shmeter_counter_f64_add(shmeter_counter_f64_of(shmeter_family(meter, &spent)), 0.25);
    all[0] = shmeter_histogram_of(shmeter_family(meter, &usual));
    all[1] = shmeter_histogram_of(shmeter_family(meter, &fine));
    all[2] = shmeter_histogram_of(shmeter_family(meter, &sizes));
    for (i = 0; i < 3; i++) {
        shmeter_histogram_observe(all[i], 0.25);
        shmeter_histogram_observe(all[i], 64);
    }
    set_gauges(meter);
}
