/*
 * OpenMetrics 1.0.0, byte by byte, from the specification. An independent parser reads it in tests/cli.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/encode.h"

static struct model *model;
static struct plan *plan;

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
    plan_free(plan);
    model_free(model);
    return 0;
}

static uint64_t
bits(double value)
{
    uint64_t word;

    memcpy(&word, &value, sizeof word);
    return word;
}

/* A series with one label, or none when value is NULL; returns its words. */
static uint64_t *
put(enum model_type type, const char *name, const char *help, const char *unit, const char *value,
    enum model_number number)
{
    static const char *const labels[] = { "l" };
    const struct model_shape shape = { .labels = labels, .labels_n = value != NULL, .number = number };
    struct model_family *family;
    int error;
    int64_t idx;

    family = model_family_get(model, type, name, help, unit, &error);
    assert_non_null(family);
    idx = model_series_get(model, family, model_shape_get(model, &shape, NULL, 0), &value,
                           UINT64_C(1520430000000000789));
    assert_true(idx >= 0);
    model_present(family, &family->series[idx]);
    return model->words + family->series[idx].word;
}

static void
put_u64(enum model_type type, const char *name, const char *unit, uint64_t value)
{
    *put(type, name, "", unit, NULL, MODEL_U64) = value;
}

static void
put_histogram(const char *name, const char *help, const double *bounds, uint32_t bounds_n, double sum,
              uint64_t created_ns)
{
    const struct model_shape shape = { .buckets_n = bounds_n + 1 };
    struct model_family *family;
    int error;
    int64_t idx;

    family = model_family_get(model, MODEL_HISTOGRAM, name, help, "", &error);
    assert_non_null(family);
    idx = model_series_get(model, family, model_shape_get(model, &shape, bounds, bounds_n), NULL, created_ns);
    assert_true(idx >= 0);
    model_present(family, &family->series[idx]);
    model->words[family->series[idx].word] = bits(sum);
    model->words[family->series[idx].word + 1] = 2;
    model->words[family->series[idx].word + 1 + bounds_n] = 1;
}

static void
assert_rendered(const struct encoder *encoder, const char *wanted, int line)
{
    struct buffer out = { NULL, 0, 0 };

    assert_int_equal(plan_update(plan, encoder->parts), 0);
    assert_int_equal(encoder->render(plan, &out), 0);
    assert_int_equal(buffer_append(&out, "", 1), 0);
    if (strcmp(out.data, wanted))
        print_error("line %d:\n%s", line, out.data);
    assert_string_equal(out.data, wanted);
    buffer_free(&out);
}
#define assert_openmetrics(wanted) assert_rendered(&encode_openmetrics, (wanted), __LINE__)
#define assert_created(wanted)     assert_rendered(&encode_openmetrics_created, (wanted), __LINE__)

static void
families_have_type_unit_and_help_in_that_order_and_the_end_is_marked(void **state)
{
    (void)state;
    put_u64(MODEL_COUNTER, "a_seconds_total", "seconds", 7);
    *put(MODEL_GAUGE, "b_bytes", "Back\\slash,\nline \"quote\".", "bytes", "x\"\\\n", MODEL_F64) = bits(-0.5);
    put_u64(MODEL_INFO, "build_info", NULL, 1);
    assert_string_equal(encode_openmetrics.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_openmetrics(
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 7\n"
        "# TYPE b_bytes gauge\n# UNIT b_bytes bytes\n# HELP b_bytes Back\\\\slash,\\nline \\\"quote\\\".\n"
        "b_bytes{l=\"x\\\"\\\\\\n\"} -0.5\n"
        "# TYPE build info\nbuild_info 1\n# EOF\n");
    model_begin(model);
    assert_openmetrics("# EOF\n");
}

static void
a_unit_is_shown_where_the_familys_name_ends_with_it(void **state)
{
    (void)state;
    put_u64(MODEL_GAUGE, "a_seconds_now", "seconds", 1);
    put_u64(MODEL_GAUGE, "bseconds", "seconds", 1);
    put_u64(MODEL_INFO, "c_seconds_info", "seconds", 1);
    put_u64(MODEL_GAUGE, "seconds", "seconds", 1);
    assert_openmetrics("# TYPE a_seconds_now gauge\na_seconds_now 1\n# TYPE bseconds gauge\nbseconds 1\n"
                       "# TYPE c_seconds info\nc_seconds_info 1\n# TYPE seconds gauge\nseconds 1\n# EOF\n");
}

static void
created_lines_follow_their_metric_when_they_are_asked_for(void **state)
{
    static const double bounds[] = { 0.5 };
    (void)state;

    *put(MODEL_COUNTER, "a_total", "", "", "x", MODEL_U64) = 1;
    *put(MODEL_COUNTER, "a_total", "", "", "y", MODEL_U64) = 2;
    put_u64(MODEL_GAUGE, "g", NULL, 3);
    put_histogram("h", "", bounds, 1, 2.5, 5);
    put_histogram("k", "", bounds, 1, 2.5, 0); /* nobody knows when */
    assert_created(
        "# TYPE a counter\na_total{l=\"x\"} 1\na_created{l=\"x\"} 1520430000.000000789\n"
        "a_total{l=\"y\"} 2\na_created{l=\"y\"} 1520430000.000000789\n"
        "# TYPE g gauge\ng 3\n"
        "# TYPE h histogram\nh_bucket{le=\"0.5\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 2.5\nh_count 3\n"
        "h_created 0.000000005\n"
        "# TYPE k histogram\nk_bucket{le=\"0.5\"} 2\nk_bucket{le=\"+Inf\"} 3\nk_sum 2.5\nk_count 3\n# EOF\n");
}

static void
a_sum_that_the_specification_forbids_is_left_out_with_its_count(void **state)
{
    static const double bounds[] = { -1 }, zero[] = { 0 };
    (void)state;

    put_histogram("a", "", bounds, 1, 5, 0);
    put_histogram("b", "", zero, 1, -5, 0);
    put_histogram("c", "", zero, 1, NAN, 0);
    put_histogram("d", "", zero, 1, 0, 0);
    assert_openmetrics(
        "# TYPE a histogram\na_bucket{le=\"-1.0\"} 2\na_bucket{le=\"+Inf\"} 3\n"
        "# TYPE b histogram\nb_bucket{le=\"0.0\"} 2\nb_bucket{le=\"+Inf\"} 3\n"
        "# TYPE c histogram\nc_bucket{le=\"0.0\"} 2\nc_bucket{le=\"+Inf\"} 3\n"
        "# TYPE d histogram\nd_bucket{le=\"0.0\"} 2\nd_bucket{le=\"+Inf\"} 3\nd_sum 0\nd_count 3\n# EOF\n");
}

static void
a_counter_that_is_negative_or_no_number_is_left_out(void **state)
{
    (void)state;
    *put(MODEL_COUNTER, "a_total", "", "", "1", MODEL_F64) = bits(-1);
    *put(MODEL_COUNTER, "a_total", "", "", "2", MODEL_F64) = bits(NAN);
    *put(MODEL_COUNTER, "a_total", "", "", "3", MODEL_F64) = bits(INFINITY);
    *put(MODEL_COUNTER, "a_total", "", "", "4", MODEL_F64) = bits(0);
    assert_openmetrics("# TYPE a counter\na_total{l=\"3\"} +Inf\na_total{l=\"4\"} 0\n# EOF\n");
}

static void
a_counter_or_info_without_its_suffix_keeps_its_name(void **state)
{
    (void)state;
    put_u64(MODEL_INFO, "_info", NULL, 1);
    put_u64(MODEL_COUNTER, "_total", NULL, 1);
    put_u64(MODEL_COUNTER, "jobs", NULL, 2);
    put_u64(MODEL_INFO, "machine", NULL, 1);
    assert_created("# TYPE _info gauge\n_info 1\n# TYPE _total unknown\n_total 1\n# TYPE jobs unknown\njobs 2\n"
                   "# TYPE machine gauge\nmachine 1\n# EOF\n");
}

static void
a_counter_gives_way_to_whoever_has_one_of_its_names(void **state)
{
    static const double bounds[] = { 0.5 };
    (void)state;

    put_u64(MODEL_COUNTER, "a_total", NULL, 1);
    put_u64(MODEL_GAUGE, "a", NULL, 2);
    put_u64(MODEL_COUNTER, "b_total", NULL, 3);
    put_u64(MODEL_GAUGE, "b_created", NULL, 4);
    put_u64(MODEL_COUNTER, "c_total", NULL, 5);
    put_u64(MODEL_COUNTER, "c_created_total", NULL, 6);
    put_u64(MODEL_COUNTER, "h_bucket_total", NULL, 7);
    put_u64(MODEL_COUNTER, "h_created_total", NULL, 8);
    put_histogram("h", "", bounds, 1, 1, 0);
    assert_openmetrics("# TYPE a gauge\na 2\n# TYPE a_total unknown\na_total 1\n"
                       "# TYPE b_created gauge\nb_created 4\n# TYPE b_total unknown\nb_total 3\n"
                       "# TYPE c_created_total unknown\nc_created_total 6\n# TYPE c counter\nc_total 5\n"
                       "# TYPE h histogram\nh_bucket{le=\"0.5\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 1\nh_count 3\n"
                       "# TYPE h_bucket_total unknown\nh_bucket_total 7\n"
                       "# TYPE h_created_total unknown\nh_created_total 8\n# EOF\n");
}

static void
an_info_gives_way_too_and_to_counters(void **state)
{
    (void)state;
    put_u64(MODEL_INFO, "a_info", NULL, 1);
    put_u64(MODEL_GAUGE, "a", NULL, 2);
    put_u64(MODEL_INFO, "b_info", NULL, 1);
    put_u64(MODEL_COUNTER, "b_total", NULL, 4);
    put_u64(MODEL_INFO, "c_created_info", NULL, 1);
    put_u64(MODEL_COUNTER, "c_total", NULL, 6);
    put_u64(MODEL_INFO, "d_info", NULL, 1);
    put_u64(MODEL_GAUGE, "d_created", NULL, 8); /* infos have no such sample */
    assert_openmetrics("# TYPE a gauge\na 2\n# TYPE a_info gauge\na_info 1\n"
                       "# TYPE b_info gauge\nb_info 1\n# TYPE b counter\nb_total 4\n"
                       "# TYPE c_created_info gauge\nc_created_info 1\n# TYPE c counter\nc_total 6\n"
                       "# TYPE d_created gauge\nd_created 8\n# TYPE d info\nd_info 1\n# EOF\n");
}

static void
a_histogram_beside_its_created_name_becomes_three_families(void **state)
{
    static const double bounds[] = { 0.5 };
    (void)state;

    put_histogram("h", "H.", bounds, 1, -1, 5);
    put_u64(MODEL_GAUGE, "h_created", NULL, 1);
    assert_created("# TYPE h_bucket unknown\n# HELP h_bucket H.\nh_bucket{le=\"0.5\"} 2\nh_bucket{le=\"+Inf\"} 3\n"
                   "# TYPE h_sum unknown\n# HELP h_sum H.\nh_sum -1\n"
                   "# TYPE h_count unknown\n# HELP h_count H.\nh_count 3\n"
                   "# TYPE h_created gauge\nh_created 1\n# EOF\n");
}

static void
a_family_that_appears_later_changes_what_it_clashes_with(void **state)
{
    (void)state;
    put_u64(MODEL_COUNTER, "a_total", NULL, 1);
    assert_openmetrics("# TYPE a counter\na_total 1\n# EOF\n");
    put_u64(MODEL_GAUGE, "a", NULL, 2);
    assert_openmetrics("# TYPE a gauge\na 2\n# TYPE a_total unknown\na_total 1\n# EOF\n");
    model_clear(model);
    put_u64(MODEL_COUNTER, "a_total", NULL, 1);
    assert_openmetrics("# TYPE a counter\na_total 1\n# EOF\n");
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(families_have_type_unit_and_help_in_that_order_and_the_end_is_marked),
        TEST(a_unit_is_shown_where_the_familys_name_ends_with_it),
        TEST(created_lines_follow_their_metric_when_they_are_asked_for),
        TEST(a_sum_that_the_specification_forbids_is_left_out_with_its_count),
        TEST(a_counter_that_is_negative_or_no_number_is_left_out),
        TEST(a_counter_or_info_without_its_suffix_keeps_its_name),
        TEST(a_counter_gives_way_to_whoever_has_one_of_its_names),
        TEST(an_info_gives_way_too_and_to_counters),
        TEST(a_histogram_beside_its_created_name_becomes_three_families),
        TEST(a_family_that_appears_later_changes_what_it_clashes_with),
    };
    return cmocka_run_group_tests_name("openmetrics", tests, NULL, NULL);
}
