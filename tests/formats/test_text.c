/* The parts of lib/ that know no segment: strings, the model, the plan, and text 0.0.4 byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "formats/encode.h"
#include "tests/read/strict.h"

/* ---- strings ---- */

static const char *
clean(const char *in, size_t len)
{
    static char out[TEXT_CLEAN_BYTES(64)];
    size_t bytes = text_clean(out, in, len, TEXT_LINES);

    assert_int_equal(bytes, strlen(out));
    return out;
}

#define U "\xef\xbf\xbd"

static void
invalid_utf8_becomes_replacement_characters(void **state)
{
    (void)state;

    assert_string_equal(clean("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", 64),
                        "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_string_equal(clean("\xff", 64), U);
    assert_string_equal(clean("a\xc3", 2), "a" U);               /* cut off */
    assert_string_equal(clean("\xc0\x80", 64), U U);             /* overlong */
    assert_string_equal(clean("\xe0\x80\x80", 64), U U U);       /* overlong */
    assert_string_equal(clean("\xed\xa0\x80", 64), U U U);       /* surrogate */
    assert_string_equal(clean("\xf4\x90\x80\x80", 64), U U U U); /* above U+10FFFF */
    assert_string_equal(clean("a\x1b[0m\x7f\xc2\x9f", 64), "a" U "[0m" U U);
    assert_string_equal(clean("tab\tline\n", 64), "tab\tline\n");
}

static void
a_clipped_text_ends_between_two_characters(void **state)
{
    char out[8];
    (void)state;

    text_clip(out, sizeof out, "abcdef\xc3\xa4z", TEXT_ONE_LINE);
    assert_string_equal(out, "abcdef");
    text_clip(out, sizeof out, "abcde\xc3\xa4z", TEXT_ONE_LINE);
    assert_string_equal(out, "abcde\xc3\xa4");
    text_clip(out, sizeof out, "a\nb", TEXT_ONE_LINE);
    assert_string_equal(out, "a b");
}

/* ---- the model ---- */

static struct model_series *
add(struct model *model, struct model_family *family, const struct model_shape *shape, const char *const *values)
{
    int64_t idx = model_series_get(model, family, shape, values, 0);
    return idx < 0 ? NULL : &family->series[idx];
}

static const struct model_shape *
labelled(struct model *model, enum model_number number, const char *const *labels, uint32_t n)
{
    struct model_shape shape;
    memset(&shape, 0, sizeof shape);
    shape.labels = labels;
    shape.labels_n = n;
    shape.number = number;
    return model_shape_get(model, &shape, NULL, 0);
}

static void
a_name_has_one_type_and_the_first_one_counts(void **state)
{
    struct model *model = model_new();
    int error;
    (void)state;

    assert_non_null(model_family_get(model, MODEL_COUNTER, "a_total", "first", NULL, &error));
    assert_null(model_family_get(model, MODEL_GAUGE, "a_total", "second", NULL, &error));
    assert_int_equal(error, -EEXIST);
    assert_string_equal(model_family_get(model, MODEL_COUNTER, "a_total", "third", NULL, &error)->help, "first");
    assert_null(model_family_get(model, MODEL_GAUGE, "not\nvalid", "", NULL, &error));
    assert_int_equal(error, -EINVAL);
    model_free(model);
}

static void
histograms_and_their_samples_names_exclude_each_other(void **state)
{
    struct model *model = model_new();
    int error;
    (void)state;

    assert_non_null(model_family_get(model, MODEL_HISTOGRAM, "h", "", NULL, &error));
    assert_null(model_family_get(model, MODEL_COUNTER, "h_count", "", NULL, &error));
    assert_null(model_family_get(model, MODEL_GAUGE, "h_sum", "", NULL, &error));
    assert_null(model_family_get(model, MODEL_GAUGE, "h_bucket", "", NULL, &error));
    assert_non_null(model_family_get(model, MODEL_GAUGE, "g_sum", "", NULL, &error));
    assert_null(model_family_get(model, MODEL_HISTOGRAM, "g", "", NULL, &error));
    assert_int_equal(error, -EEXIST);
    model_free(model);
}

static void
two_series_never_have_the_same_labels_in_another_order_or_shape(void **state)
{
    static const char *const ab[] = { "a", "b" }, *const ba[] = { "b", "a" }, *const abc[] = { "a", "b", "c" };
    static const char *const xy[] = { "x", "y" }, *const yx[] = { "y", "x" }, *const xyz[] = { "x", "y", "" };
    struct model *model = model_new();
    struct model_family *family;
    int error;
    (void)state;

    family = model_family_get(model, MODEL_COUNTER, "a_total", "", NULL, &error);
    assert_non_null(add(model, family, labelled(model, MODEL_U64, ab, 2), xy));
    assert_non_null(add(model, family, labelled(model, MODEL_U64, ab, 2), yx));
    assert_int_equal(family->series_n, 2);
    assert_null(add(model, family, labelled(model, MODEL_U64, ba, 2), yx)); /* a=x, b=y once more */
    assert_null(add(model, family, labelled(model, MODEL_F64, ab, 2), xy));
    assert_null(add(model, family, labelled(model, MODEL_U64, abc, 3), xyz)); /* an empty value is no label */
    assert_ptr_equal(add(model, family, labelled(model, MODEL_U64, ab, 2), xy), &family->series[0]);
    assert_int_equal(family->series_n, 2);
    model_free(model);
}

static void
many_series_are_found_again(void **state)
{
    static const char *const label[] = { "n" };
    struct model *model = model_new();
    struct model_family *family;
    const struct model_shape *shape = labelled(model, MODEL_U64, label, 1);
    char value[16];
    const char *values[] = { value };
    int error, round, i;
    (void)state;

    family = model_family_get(model, MODEL_COUNTER, "a_total", "", NULL, &error);
    for (round = 0; round < 2; round++)
        for (i = 0; i < 5000; i++) {
            snprintf(value, sizeof value, "%d", i);
            assert_int_equal(model_series_get(model, family, shape, values, 0), i);
        }
    assert_int_equal(model_series_n(model), 5000);
    model_free(model);
}

static void
a_single_value_is_put_by_its_description(void **state)
{
    static const char *const labels[] = { "kind", NULL };
    static const struct model_metric metric = { MODEL_GAUGE, "t_things", "Things.", NULL, labels };
    static const struct model_metric other = { MODEL_COUNTER, "t_things", "Things.", NULL, labels };
    const char *const values[] = { "x" };
    struct model *model = model_new();
    const struct model_family *family;
    (void)state;

    assert_int_equal(model_put_f64(model, &metric, values, 1.5), 0);
    assert_int_equal(model_put_u64(model, &other, values, 1), -EEXIST);
    assert_int_equal(model_put_u64(model, &metric, values, 1), -EEXIST); /* the number is another kind */
    assert_int_equal(model->conflicts, 2);
    family = model_find(model, "t_things");
    assert_int_equal(family->present_n, 1);
    assert_true(model_number(model, &family->series[0]) == 1.5);
    model_begin(model);
    assert_int_equal(family->present_n, 0);
    assert_int_equal(family->series_n, 1);
    model_free(model);
}

/* ---- plan and text ---- */

static const double few[] = { 0.1, 1 };

static void
fill(struct model *model)
{
    static const char *const labels[] = { "path", "q" };
    const char *const one[] = { "/a\\b", "say \"hi\"\nbye" }, *const two[] = { "\xe2\x82\xac", "" };
    struct model_family *family;
    struct model_shape shape;
    struct model_series *series;
    int error;

    family = model_family_get(model, MODEL_COUNTER, "z_total", "Back\\slash,\nline \"quote\".", NULL, &error);
    series = add(model, family, labelled(model, MODEL_U64, labels, 2), one);
    model->words[series->word] = UINT64_MAX;
    model_present(family, series);
    series = add(model, family, labelled(model, MODEL_U64, labels, 2), two);
    model->words[series->word] = 7;
    model_present(family, series);
    memset(&shape, 0, sizeof shape);
    shape.buckets_n = 3;
    shape.labels = labels;
    shape.labels_n = 1;
    family = model_family_get(model, MODEL_HISTOGRAM, "h_seconds", "H.", "seconds", &error);
    series = add(model, family, model_shape_get(model, &shape, few, 2), one);
    memcpy(&model->words[series->word], &(double){ -2.75 }, 8);
    model->words[series->word + 1] = 5;
    model->words[series->word + 3] = 2;
    model_present(family, series);
    family = model_family_get(model, MODEL_INFO, "build_info", "", NULL, &error);
    series = add(model, family, labelled(model, MODEL_U64, labels, 0), NULL);
    model->words[series->word] = 1;
    model_present(family, series);
    family = model_family_get(model, MODEL_GAUGE, "unset", "Nothing to see.", NULL, &error);
    add(model, family, labelled(model, MODEL_F64, labels, 0), NULL);
}

static const char golden[] = "# TYPE build_info gauge\n"
                             "build_info 1\n"
                             "# HELP h_seconds H.\n"
                             "# TYPE h_seconds histogram\n"
                             "h_seconds_bucket{path=\"/a\\\\b\",le=\"0.1\"} 5\n"
                             "h_seconds_bucket{path=\"/a\\\\b\",le=\"1.0\"} 5\n"
                             "h_seconds_bucket{path=\"/a\\\\b\",le=\"+Inf\"} 7\n"
                             "h_seconds_sum{path=\"/a\\\\b\"} -2.75\n"
                             "h_seconds_count{path=\"/a\\\\b\"} 7\n"
                             "# HELP z_total Back\\\\slash,\\nline \"quote\".\n"
                             "# TYPE z_total counter\n"
                             "z_total{path=\"/a\\\\b\",q=\"say \\\"hi\\\"\\nbye\"} 18446744073709551615\n"
                             "z_total{path=\"\xe2\x82\xac\",q=\"\"} 7\n";

static void
assert_text(const struct buffer *out, const char *wanted)
{
    struct strict parsed;
    char *text = strndup(out->data ? out->data : "", out->len);

    assert_string_equal(text, wanted);
    free(text);
    strict_parse(&parsed, out->data ? out->data : "", out->len);
    assert_string_equal(parsed.error, "");
    strict_free(&parsed);
}

static void
the_text_is_this_to_the_byte(void **state)
{
    struct model *model = model_new();
    struct plan *plan = plan_new(model);
    struct buffer out = { NULL, 0, 0 };
    (void)state;

    fill(model);
    assert_int_equal(plan_update(plan, encode_text.parts), 0);
    assert_int_equal(encode_text.render(plan, &out), 0);
    assert_text(&out, golden);
    assert_string_equal(encode_text.content_type, "text/plain; version=0.0.4; charset=utf-8");
    out.len = 0;
    model_begin(model);
    assert_int_equal(encode_text.render(plan, &out), 0); /* no family without a sample */
    assert_text(&out, "");
    buffer_free(&out);
    plan_free(plan);
    model_free(model);
}

static void
a_plan_grows_with_its_model_and_begins_anew_with_its_epoch(void **state)
{
    static const struct model_metric first = { MODEL_GAUGE, "b", "", NULL, NULL },
                                     later = { MODEL_GAUGE, "a", "", NULL, NULL };
    struct model *model = model_new();
    struct plan *plan = plan_new(model);
    struct buffer out = { NULL, 0, 0 };
    int round;
    (void)state;

    for (round = 0; round < 2; round++) {
        model_put_u64(model, &first, NULL, 1);
        assert_int_equal(plan_update(plan, encode_text.parts), 0);
        model_put_u64(model, &later, NULL, 2);
        assert_int_equal(plan_update(plan, encode_text.parts), 0);
        out.len = 0;
        assert_int_equal(encode_text.render(plan, &out), 0);
        assert_text(&out, "# TYPE a gauge\na 2\n# TYPE b gauge\nb 1\n");
        model_clear(model);
    }
    buffer_free(&out);
    plan_free(plan);
    model_free(model);
}

/* The judge must be able to say no. */
static void
the_strict_parser_finds_what_a_scraper_would_let_pass(void **state)
{
    static const char *const bad[] = {
        "# TYPE a counter\na 1",                                        /* no end of line */
        "a 1\n",                                                        /* no type */
        "# TYPE a gauge\na 1\na 1\n",                                   /* twice */
        "# TYPE a gauge\na{x=\"1\",y=\"\"} 1\na{x=\"1\"} 2\n",          /* twice: an empty value is none */
        "# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n", /* twice, in another order */
        "# TYPE a gauge\n# TYPE b gauge\nb 1\na 1\n",                   /* not in one place */
        "# TYPE a gauge\na 1\n# TYPE a gauge\n",                        /* described twice */
        "# TYPE a gauge\na one\n",
        "# TYPE a gauge\na 0x10\n",
        "# TYPE a gauge\na{x=\"\\q\"} 1\n",
        "# TYPE a gauge\na{x=\"\xff\"} 1\n",
        "# TYPE a gauge\na{__x=\"\"} 1\n",
        "# TYPE a counter\na -1\n",
        "# TYPE a gauge\n\na 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n", /* no +Inf */
        "# TYPE h histogram\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        ("# TYPE h histogram\nh_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 1\n"
         "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"), /* not ascending */
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n",
    };
    struct strict parsed;
    size_t i;
    (void)state;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        strict_parse(&parsed, bad[i], strlen(bad[i]));
        if (!*parsed.error)
            print_error("let pass: %s\n", bad[i]);
        assert_true(*parsed.error);
        strict_free(&parsed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_utf8_becomes_replacement_characters),
        cmocka_unit_test(a_clipped_text_ends_between_two_characters),
        cmocka_unit_test(a_name_has_one_type_and_the_first_one_counts),
        cmocka_unit_test(histograms_and_their_samples_names_exclude_each_other),
        cmocka_unit_test(two_series_never_have_the_same_labels_in_another_order_or_shape),
        cmocka_unit_test(many_series_are_found_again),
        cmocka_unit_test(a_single_value_is_put_by_its_description),
        cmocka_unit_test(the_text_is_this_to_the_byte),
        cmocka_unit_test(a_plan_grows_with_its_model_and_begins_anew_with_its_epoch),
        cmocka_unit_test(the_strict_parser_finds_what_a_scraper_would_let_pass),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
