/*
 * A worker with everything that encoders might get wrong: label values of all of Unicode and of invalid bytes, numbers
 * at their limits, negative bounds, exponential histograms, every gauge mode, names that clash. Prints "ready" and runs
 * until its input ends.
 *
 *     hostile SEGMENT
 */
#include <shmeter.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXTS       4  /* labels of a series with code points                                               */
#define TEXT_POINTS 60 /* code points in each value                                                         */

static struct shmeter *meter;

static const struct shmeter_family *
family(enum shmeter_type type, const char *name, const char *help, const char *unit, const char *const *labels)
{
    struct shmeter_desc desc;

    memset(&desc, 0, sizeof desc);
    desc.type = type;
    desc.name = name;
    desc.help = help;
    desc.unit = unit;
    desc.labels = labels;
    desc.max_series = 10000;
    return shmeter_family(meter, &desc);
}

static size_t
utf8(char *out, uint32_t point)
{
    size_t more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3, i;
    static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };

    out[0] = (char)(lead[more] | point >> (6 * more));
    for (i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (point >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

/* Every code point but zero and the surrogates stands in some value. */
static void
all_of_unicode(void)
{
    static const char *const labels[] = { "a", "b", "c", "d", NULL };
    const struct shmeter_family *texts = family(SHMETER_COUNTER, "t_unicode_total", "All code points.", NULL, labels);
    char values[TEXTS][TEXT_POINTS * 4 + 1];
    uint32_t point = 1, label, i;

    while (point < 0x110000) {
        for (label = 0; label < TEXTS; label++) {
            size_t len = 0;
            for (i = 0; i < TEXT_POINTS && point < 0x110000; i++) {
                if (point == 0xd800)
                    point = 0xe000;
                len += utf8(values[label] + len, point++);
            }
            values[label][len] = 0;
        }
        shmeter_counter_inc(shmeter_counter_of(texts, values[0], values[1], values[2], values[3]));
    }
}

static void
hostile_values(void)
{
    static const char *const labels[] = { "value", "other", NULL };
    static const char *const values[] = { "",
                                          "\"",
                                          "\\",
                                          "\n",
                                          "\\n",
                                          "\\\\n",
                                          "\\\"",
                                          "\"\\",
                                          "\n\\\"\n",
                                          " ",
                                          " leading and trailing ",
                                          "\t",
                                          "\r\n",
                                          "\xef\xbf\xbd",
                                          "\xff",
                                          "a\xc0\x80z",
                                          "\xed\xa0\x80",
                                          "\xf4\x90\x80\x80",
                                          "cut \xe2\x82",
                                          "},le=\"1.0\"} 7",
                                          " # {trace=\"x\"} 1",
                                          "# EOF",
                                          "# EOF\n",
                                          "x\"} 1\ny 2\n# TYPE",
                                          ",",
                                          "=\"",
                                          "__overflow",
                                          "NaN",
                                          "\xf0\x9f\x98\xb1\xe8\x8a\xb1\xe7\x81\xab" };
    const struct shmeter_family *texts = family(SHMETER_COUNTER, "t_hostile_total",
                                                "Quotes \" backslashes \\ and\nnewlines \\n \xe2\x82\xac, too.", NULL,
                                                labels);
    size_t i;

    for (i = 0; i < sizeof values / sizeof *values; i++) {
        shmeter_counter_add(shmeter_counter_of(texts, values[i], "1"), i);
        shmeter_counter_add(shmeter_counter_of(texts, "2", values[i]), i);
    }
    shmeter_counter_add(shmeter_counter_of(texts, "", ""), 99);
}

static void
numbers(void)
{
    static const uint64_t whole[] = { 0, 1, UINT64_C(9007199254740993), INT64_MAX, UINT64_C(1) << 63, UINT64_MAX };
    static const double real[] = { 0,       DBL_TRUE_MIN,       DBL_MIN, DBL_MAX, DBL_EPSILON,  0.1,
                                   1.0 / 3, 9007199254740992.0, 1e21,    1e22,    123456789.125 };
    static const double any[] = { -0.0, -1, -DBL_TRUE_MIN, -DBL_MAX, (double)INFINITY, -(double)INFINITY, (double)NAN };
    static const char *const labels[] = { "n", NULL };
    static const struct shmeter_desc any_desc = {
        .type = SHMETER_GAUGE, .name = "t_any", .labels = labels, .mode = SHMETER_LIVE_LATEST
    };
    char text[16];
    size_t i;

    for (i = 0; i < sizeof whole / sizeof *whole; i++) {
        snprintf(text, sizeof text, "%zu", i);
        shmeter_counter_add(shmeter_counter_of(family(SHMETER_COUNTER, "t_whole_total", "", NULL, labels), text),
                            whole[i]);
    }
    for (i = 0; i < sizeof real / sizeof *real; i++) {
        snprintf(text, sizeof text, "%zu", i);
        shmeter_counter_f64_add(
            shmeter_counter_f64_of(family(SHMETER_COUNTER_F64, "t_real_seconds_total", "", "seconds", labels), text),
            real[i]);
        shmeter_gauge_set(shmeter_gauge_of(family(SHMETER_GAUGE, "t_real_bytes", "", "bytes", labels), text), -real[i]);
    }
    for (i = 0; i < sizeof any / sizeof *any; i++) {
        snprintf(text, sizeof text, "%zu", i);
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &any_desc), text), any[i]);
    }
}

static void
gauges(void)
{
    char name[32];
    struct shmeter_desc desc;
    int mode;

    for (mode = 0; mode < SHMETER_MODES; mode++) {
        memset(&desc, 0, sizeof desc);
        snprintf(name, sizeof name, "t_mode_%d", mode);
        desc.type = SHMETER_GAUGE;
        desc.name = name;
        desc.mode = (enum shmeter_mode)mode;
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &desc)), mode + 0.5);
    }
}

/* ---- histograms ---- */

static void
histogram(const char *name, const double *bounds, uint32_t bounds_n, const double *values, size_t n)
{
    static const char *const labels[] = { "of", NULL };
    struct shmeter_desc desc;
    size_t i;

    memset(&desc, 0, sizeof desc);
    desc.type = SHMETER_HISTOGRAM;
    desc.name = name;
    desc.help = "Buckets.";
    desc.labels = labels;
    desc.bounds = bounds;
    desc.bounds_len = bounds_n;
    for (i = 0; i < n; i++)
        shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &desc), "\"all\"\n"), values[i]);
    shmeter_histogram_of(shmeter_family(meter, &desc), "none");
}

static void
histograms(void)
{
    static const double below[] = { -10, -0.5, 0, 0.25, 5 }, wide[] = { DBL_TRUE_MIN, 1e-5, 1, 1e6, 1e23, DBL_MAX };
    static const double zero[] = { 0 }, values[] = { -20, -0.0, 0, 0.25, 4, 1e7, (double)INFINITY };
    static const double negative[] = { -1, -2 }, few[] = { DBL_TRUE_MIN, 3, 1e22 };
    double many[300];
    size_t i;

    for (i = 0; i < 300; i++)
        many[i] = (double)i / 7;
    histogram("t_below", below, 5, values, 7);
    histogram("t_wide_bytes", wide, 6, few, 3);
    histogram("t_zero", zero, 1, negative, 2);
    histogram("t_usual_seconds", NULL, 0, values + 1, 4);
    histogram("t_many", many, 300, values + 2, 3);
}

static void
exponential(const char *name, int schema, double min_value, double max_value, const double *values, size_t n)
{
    struct shmeter_desc desc;
    size_t i;

    memset(&desc, 0, sizeof desc);
    desc.type = SHMETER_HISTOGRAM;
    desc.name = name;
    desc.schema = schema;
    desc.min_value = min_value;
    desc.max_value = max_value;
    shmeter_histogram_of(shmeter_family(meter, &desc));
    for (i = 0; i < n; i++)
        shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &desc)), values[i]);
}

static void
exponentials(void)
{
    static const double values[] = {
        0, 1e-9, 0.5, 1, 1, 1, 1.5, 2, 2.5, 9, 17, 40, 90, 99, 100, 5000, (double)INFINITY
    };
    const size_t n = sizeof values / sizeof *values;

    exponential("t_log_none", 3, 1e-3, 100, NULL, 0);
    exponential("t_log_zero", 3, 1e-3, 100, values, 2);
    exponential("t_log_3", 3, 1e-3, 100, values, n);
    exponential("t_log_8", 8, 1, 2, values, n);
    exponential("t_log_0", 0, 0.25, 64, values, n);
    exponential("t_log_wide", -4, 1e-300, 1e300, values, n);
    exponential("t_log_coarser", 8, 1e-9, 1e9, values, n);
}

/* ---- summaries, statesets, infos ---- */

static void
summary(const char *name, const double *values, size_t values_n)
{
    struct shmeter_histogram handle = shmeter_histogram_of(
        family(SHMETER_SUMMARY, name, "A summary.", "seconds", NULL));

    while (values_n--)
        shmeter_histogram_observe(handle, *values++);
}

static void
others(void)
{
    static const double values[] = { 0.1, 0.2, 1e-300 }, negative[] = { -3, 1 };
    static const char *const states[] = { "off", "\"on\"\n", "\xff", NULL }, *const label[] = { "pump", NULL };
    static const char *const python[] = { "version", NULL }, *const java[] = { "vendor", "vm", NULL };
    struct shmeter_desc desc;

    summary("t_summary_seconds", values, 3);
    summary("t_summary_none", NULL, 0);
    summary("t_summary_negative", negative, 2);
    memset(&desc, 0, sizeof desc);
    desc.type = SHMETER_STATESET;
    desc.name = "t_pump_state";
    desc.help = "A stateset.";
    desc.unit = "state";
    desc.labels = label;
    desc.states = states;
    shmeter_stateset_of(shmeter_family(meter, &desc), "first");
    shmeter_stateset_set(shmeter_stateset_of(shmeter_family(meter, &desc), "last"), 2);
    shmeter_info_of(family(SHMETER_INFO, "t_runtime_info", "An info.", NULL, python), "3.11");
    shmeter_info_of(family(SHMETER_INFO, "t_runtime_info", "An info.", NULL, java), "a vendor", "a machine");
}

/* ---- names ---- */

static void
count(const char *name, uint64_t n)
{
    shmeter_counter_add(shmeter_counter_of(family(SHMETER_COUNTER, name, "", NULL, NULL)), n);
}

static void
gauge(const char *name, double value)
{
    shmeter_gauge_set(shmeter_gauge_of(family(SHMETER_GAUGE, name, "", NULL, NULL)), value);
}

static void
info(const char *name)
{
    static const char *const labels[] = { "version", NULL };

    shmeter_info_of(family(SHMETER_INFO, name, "An info.", NULL, labels), "1.\"0\"");
}

static void
names(void)
{
    static const double bounds[] = { 1 };

    count("n_a_total", 1);
    gauge("n_a", 2);
    count("n_b_total", 3);
    gauge("n_b_created", 4);
    count("n_c_total", 5);
    count("n_c_created_total", 6);
    count("n_jobs", 7);
    count("n:d_total", 8);
    info("n_e_info");
    info("n_f");
    info("n_a_info");
    info("n_c_info");
    histogram("n_h", bounds, 1, bounds, 1);
    gauge("n_h_created", 9);
    histogram("n_k", bounds, 1, bounds, 1);
    count("n_k_sum_total", 10);
    count("n_k_created_total", 11);
    count("n_k_total", 12);
    info("n_k_bucket_info");
    summary("n_s", bounds, 1);
    gauge("n_s_created", 13);
    summary("n_u", bounds, 1);
    count("n_u_sum_total", 14);
}

int
main(int argc, char **argv)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .worker = "\"hostile\\\n" };

    if (argc != 2 || shmeter_open(&meter, argv[1], &options)) {
        fprintf(stderr, "hostile: %s\n", argc != 2 ? "one argument is wanted" : shmeter_error(meter));
        return 1;
    }
    all_of_unicode();
    hostile_values();
    numbers();
    gauges();
    histograms();
    exponentials();
    others();
    names();
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
