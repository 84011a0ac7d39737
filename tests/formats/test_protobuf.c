/*
 * Protobuf: bytes written down by hand from the wire format's description, and what protobuf-c reads out of messages of
 * every size. Other judges read it in tests/cli.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/encode.h"
#include "formats/exposition.pb-c.h"

typedef Io__Prometheus__Client__MetricFamily Family;
typedef Io__Prometheus__Client__Histogram Histogram;

static struct model *model;
static struct plan *plan;
static struct buffer out;

static int
setup(void **state)
{
    (void)state;
    model = model_new();
    plan = plan_new(model);
    return !plan;
}

static int
teardown(void **state)
{
    (void)state;
    buffer_free(&out);
    plan_free(plan);
    model_free(model);
    return 0;
}

static void
render(void)
{
    out.len = 0;
    assert_int_equal(plan_update(plan, encode_protobuf.parts), 0);
    assert_int_equal(encode_protobuf.render(plan, &out), 0);
}

/* The next family at *at, which moves on; NULL at the end. */
static Family *
next_family(size_t *at)
{
    uint64_t len = 0;
    unsigned shift = 0;
    Family *family;
    unsigned char byte;

    if (*at == out.len)
        return NULL;
    do {
        assert_true(*at < out.len);
        byte = (unsigned char)out.data[(*at)++];
        len |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    assert_true(byte || shift == 7); /* no longer than it must be */
    assert_true(len <= out.len - *at);
    family = io__prometheus__client__metric_family__unpack(NULL, len, (const uint8_t *)out.data + *at);
    assert_non_null(family);
    *at += len;
    return family;
}

static Family *
only_family(void)
{
    size_t at = 0;
    Family *family = next_family(&at);

    assert_non_null(family);
    assert_int_equal(at, out.len);
    return family;
}

static void
drop(Family *family)
{
    io__prometheus__client__metric_family__free_unpacked(family, NULL);
}

/* ---- counters and gauges ---- */

static struct model_series *
put(enum model_type type, const char *name, const char *help, const char *unit, const char *const *values,
    uint64_t created_ns, uint64_t value)
{
    static const char *const labels[] = { "l", "m" };
    const struct model_shape shape = { .labels = labels, .labels_n = 2 };
    struct model_family *family;
    int error;
    int64_t idx;

    family = model_family_get(model, type, name, help, unit, &error);
    assert_non_null(family);
    idx = model_series_get(model, family, model_shape_get(model, &shape, NULL, 0), values, created_ns);
    assert_true(idx >= 0);
    model->words[family->series[idx].word] = value;
    model_present(family, &family->series[idx]);
    return &family->series[idx];
}

static void
the_bytes_are_these(void **state)
{
    static const unsigned char wanted[] = {
        46,   0x0a, 3,    'a',  '_',  't',                                /* length; name */
        0x12, 2,    'H',  '.',  0x18, 0,    0x2a, 1,    's',              /* help, type COUNTER, unit */
        0x22, 30,                                                         /* metric */
        0x0a, 6,    0x0a, 1,    'l',  0x12, 1,    '"',                    /* label */
        0x1a, 20,                                                         /* counter */
        0x1a, 9,    0x08, 0xb0, 0xd7, 0xff, 0xd4, 0x05, 0x10, 0x95, 0x06, /* start: seconds, nanoseconds */
        0x09, 0,    0,    0,    0,    0,    0,    0x08, 0x40              /* value */
    };
    const char *const values[] = { "\"", "" };
    (void)state;

    put(MODEL_COUNTER, "a_t", "H.", "s", values, UINT64_C(1520430000000000789), 3);
    render();
    assert_int_equal(out.len, sizeof wanted);
    assert_memory_equal(out.data, wanted, sizeof wanted);
    assert_string_equal(encode_protobuf.content_type,
                        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited");
}

static void
what_is_not_known_is_not_there(void **state)
{
    const char *const values[] = { "", "" };
    Family *family;
    (void)state;

    put(MODEL_INFO, "a_info", "", "", values, 0, 1);
    render();
    family = only_family();
    assert_string_equal(family->name, "a_info");
    assert_null(family->help);
    assert_null(family->unit);
    assert_int_equal(family->type, IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE);
    assert_int_equal(family->n_metric, 1);
    assert_int_equal(family->metric[0]->n_label, 0);
    assert_true(family->metric[0]->gauge->has_value && family->metric[0]->gauge->value == 1);
    drop(family);
    put(MODEL_COUNTER, "a_total", "", "", values, 0, 1);
    model_begin(model);
    render();
    assert_int_equal(out.len, 0);
}

/* In a scrape, of what was created at these times and is added to the series: the time that the protobuf shows. */
static uint64_t
start_of(const uint64_t *created_ns, uint32_t n)
{
    const char *const values[] = { "a", "b" };
    struct model_series *series;
    struct model_family *of;
    Family *family;
    uint64_t start;
    uint32_t i;

    model_begin(model);
    for (i = 0; i < n; i++) {
        series = &(of = model->families[0])->series[0];
        model_created(of, series, created_ns[i]);
        put(MODEL_COUNTER, "a_total", "", "", values, created_ns[i], 1);
    }
    model_end(model);
    render();
    family = only_family();
    start = (uint64_t)family->metric[0]->counter->start_timestamp->seconds * 1000000000 +
            (uint64_t)family->metric[0]->counter->start_timestamp->nanos;
    drop(family);
    return start;
}

static void
a_series_that_begins_again_has_its_new_time(void **state)
{
    const char *const values[] = { "a", "b" };
    static const uint64_t times[] = { 9, 700000000000, 800, 700000000000, 9 };
    (void)state;

    put(MODEL_COUNTER, "a_total", "", "", values, 9, 1);
    render();
    assert_int_equal(start_of(times, 1), 9);
    assert_int_equal(start_of(times + 1, 1), 700000000000); /* it was removed, and made again */
    assert_int_equal(start_of(times + 1, 2), 800);          /* an older one adds to it */
    assert_int_equal(start_of(times + 1, 2), 800);
    assert_int_equal(model->families[0]->renewed_n, 2); /* what has not changed is not rendered again */
    assert_int_equal(start_of(times + 2, 2), 800);
    assert_int_equal(start_of(times + 3, 1), 700000000000);
    assert_int_equal(start_of(times + 3, 2), 9);
}

/* Lengths of one byte, two and three, guessed right and guessed wrong. */
static void
a_family_is_whole_however_many_of_its_series_are_there(void **state)
{
    static const uint32_t sizes[] = { 1, 2, 3, 4, 5, 300, 350, 400, 450, 500, 550, 600, 20000, 50000, 60000 };
    char number[16];
    const char *const values[] = { number, "" };
    uint32_t i, k, n;
    (void)state;

    for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (n = 1; n < 3; n++) { /* all of them, then every other one, the values long */
            Family *family;
            model_begin(model);
            for (k = 0; k < sizes[i]; k++) {
                snprintf(number, sizeof number, "%u", k);
                put(MODEL_COUNTER, "a_total", "", "", values, 1, k)->present = k % n == 0;
            }
            model->families[0]->present_n = (sizes[i] + n - 1) / n;
            render();
            family = only_family();
            assert_int_equal(family->n_metric, (sizes[i] + n - 1) / n);
            for (k = 0; k < family->n_metric; k++)
                assert_true(family->metric[k]->counter->value == k * n);
            drop(family);
        }
}

/* Series of very different lengths: their mean says nothing of the one that is there. */
static void
a_family_is_whole_when_its_length_was_guessed_wrong(void **state)
{
    char lengthy[201];
    const char *const long_one[] = { lengthy, "" };
    uint32_t i, k;
    (void)state;

    memset(lengthy, 'x', 200);
    lengthy[200] = 0;
    for (i = 0; i < 2;
         i++) { /* one long series that is there and many short ones that are not, then the other way round */
        Family *family;
        model_clear(model);
        for (k = 0; k < 10; k++) {
            char number[2] = { (char)('0' + k), 0 };
            const char *const short_one[] = { number, "" };
            lengthy[0] = number[0];
            put(MODEL_GAUGE, "g", "", "", k ? i ? long_one : short_one : i ? short_one : long_one, 0, 5)->present = !k;
        }
        model->families[0]->present_n = 1;
        render();
        family = only_family();
        assert_int_equal(family->n_metric, 1);
        assert_int_equal(strlen(family->metric[0]->label[0]->value), i ? 1 : 200);
        assert_true(family->metric[0]->gauge->value == 5);
        drop(family);
    }
}

/* ---- histograms ---- */

static uint64_t *
put_histogram(const struct model_shape *wanted, const double *bounds, uint32_t bounds_n)
{
    struct model_family *family;
    int error;
    int64_t idx;

    family = model_family_get(model, MODEL_HISTOGRAM, "h_seconds", "", "", &error);
    assert_non_null(family);
    idx = model_series_get(model, family, model_shape_get(model, wanted, bounds, bounds_n), NULL, 0);
    assert_true(idx >= 0);
    model_present(family, &family->series[idx]);
    return model->words + family->series[idx].word;
}

static void
a_classic_histogram_has_its_buckets_and_is_no_native_one(void **state)
{
    static const double bounds[] = { -1, 0, 1e300 };
    const struct model_shape shape = { .buckets_n = 4 };
    uint64_t *words = put_histogram(&shape, bounds, 3);
    Family *family;
    Histogram *histogram;
    (void)state;

    memcpy(words, &(double){ -7.5 }, 8);
    words[1] = 1;
    words[2] = UINT64_MAX - 5;
    words[3] = 9; /* past the largest number: held there */
    render();
    family = only_family();
    histogram = family->metric[0]->histogram;
    assert_true(histogram->sample_sum == -7.5);
    assert_true(histogram->sample_count == UINT64_MAX);
    assert_int_equal(histogram->n_bucket, 3);
    assert_true(histogram->bucket[0]->upper_bound == -1 && histogram->bucket[0]->cumulative_count == 1);
    assert_true(histogram->bucket[1]->upper_bound == 0 && histogram->bucket[1]->cumulative_count == UINT64_MAX - 4);
    assert_true(histogram->bucket[2]->upper_bound == 1e300 && histogram->bucket[2]->cumulative_count == UINT64_MAX);
    assert_false(histogram->has_schema || histogram->has_zero_threshold || histogram->n_positive_span);
    assert_null(histogram->start_timestamp);
    drop(family);
}

#define LOG_N 24u

/* counts: a character for each log bucket, '.' none, a digit that many. */
static Family *
native(const char *counts, uint64_t zero)
{
    struct model_shape shape = {
        .buckets_n = LOG_N + 1, .exponential = 1, .log_n = LOG_N, .schema = 2, .first_index = -5, .zero_threshold = 0.25
    };
    double bounds[LOG_N + 1];
    uint64_t *words;
    uint32_t i;

    bounds[0] = 0.25;
    for (i = 1; i <= LOG_N; i++)
        bounds[i] = exp2((-5 + (double)i - 1) / 4);
    words = put_histogram(&shape, bounds, LOG_N + 1);
    words[1] = zero;
    for (i = 0; i < LOG_N; i++)
        words[2 + i] = i < strlen(counts) && counts[i] != '.' ? (uint64_t)(counts[i] - '0') : 0;
    render();
    return only_family();
}

static void
assert_native(const char *counts, uint64_t zero, const char *wanted)
{
    Family *family = native(counts, zero);
    const Histogram *histogram = family->metric[0]->histogram;
    char text[512];
    size_t at = 0, i;

    for (i = 0; i < histogram->n_positive_span; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%d:%u ", histogram->positive_span[i]->offset,
                               histogram->positive_span[i]->length);
    for (i = 0; i < histogram->n_positive_delta; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%+lld ", (long long)histogram->positive_delta[i]);
    assert_string_equal(text, wanted);
    assert_true(histogram->schema == 2 && histogram->zero_threshold == 0.25 && histogram->zero_count == zero);
    drop(family);
}

static void
a_native_histograms_runs_are_spans_and_differences(void **state)
{
    (void)state;
    assert_native("", 0, "0:0 ");
    assert_native("", 7, "0:0 ");
    assert_native("4", 0, "-5:1 +4 ");
    assert_native(".....4", 0, "0:1 +4 ");
    assert_native("13", 0, "-5:2 +1 +2 ");
    assert_native("1.3", 0, "-5:3 +1 -1 +3 ");
    assert_native("1..3", 0, "-5:4 +1 -1 +0 +3 ");
    assert_native("5...3", 0, "-5:1 3:1 +5 -2 "); /* a difference from the bucket before, however far away */
    assert_native("..11....2.2...9", 1, "-3:2 4:3 3:1 +1 +0 +1 -2 +2 +7 ");
    assert_native(".......................1", 0, "18:1 +1 ");
}

static void
a_count_past_a_signed_number_is_held(void **state)
{
    Family *family = native("1", 0);
    uint64_t *words = model->words + model->families[0]->series[0].word;
    (void)state;

    drop(family);
    words[2] = UINT64_MAX;
    words[3] = 1;
    render();
    family = only_family();
    assert_true(family->metric[0]->histogram->positive_delta[0] == INT64_MAX);
    assert_true(family->metric[0]->histogram->positive_delta[1] == 1 - INT64_MAX);
    drop(family);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_bytes_are_these),
        TEST(what_is_not_known_is_not_there),
        TEST(a_series_that_begins_again_has_its_new_time),
        TEST(a_family_is_whole_however_many_of_its_series_are_there),
        TEST(a_family_is_whole_when_its_length_was_guessed_wrong),
        TEST(a_classic_histogram_has_its_buckets_and_is_no_native_one),
        TEST(a_native_histograms_runs_are_spans_and_differences),
        TEST(a_count_past_a_signed_number_is_held),
    };
    return cmocka_run_group_tests_name("protobuf", tests, NULL, NULL);
}
