/*
 * What a scrape allocates: nothing, once a first one has been made. Every allocation of the process is counted,
 * whatever library makes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/encode.h"
#include "formats/gzip.h"

#define SERIES 1000u

/* ---- glibc's allocator with a counter before it ---- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);

static volatile uint64_t allocations;

void *
malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}

void *
calloc(size_t n, size_t bytes)
{
    allocations++;
    return __libc_calloc(n, bytes);
}

void *
realloc(void *memory, size_t bytes)
{
    allocations++;
    return __libc_realloc(memory, bytes);
}

/* ---- a model ---- */

static const struct encoder *const encoders[] = { &encode_text, &encode_openmetrics, &encode_openmetrics_created,
                                                  &encode_protobuf };
#define ENCODERS (sizeof encoders / sizeof *encoders)

static void
fill_family(struct model *model, enum model_type type, const char *name, enum model_number number, uint32_t log_n,
            uint64_t round)
{
    static const char *const labels[] = { "n", "empty" };
    double bounds[65];
    struct model_shape shape = { .labels = labels, .labels_n = 2, .number = number };
    const struct model_shape *known;
    struct model_family *family;
    uint32_t i, k;
    int error;

    for (i = 0; i < 65; i++)
        bounds[i] = __builtin_exp2(i / 8.0);
    if (type == MODEL_HISTOGRAM) {
        shape.buckets_n = log_n ? log_n + 1 : 13;
        shape.exponential = log_n != 0;
        shape.log_n = log_n;
        shape.schema = 3;
        shape.first_index = 1;
        shape.zero_threshold = 1;
    }
    family = model_family_get(model, type, name, "Help.", "", &error);
    known = model_shape_get(model, &shape, bounds, type != MODEL_HISTOGRAM ? 0 : log_n ? log_n + 1 : 12);
    for (i = 0; i < SERIES; i++) {
        char value[16];
        const char *const values[] = { value, "" };
        uint64_t *words;
        int64_t idx;
        snprintf(value, sizeof value, "%u", i);
        idx = model_series_get(model, family, known, values, UINT64_C(1520430000000000789));
        assert_true(idx >= 0);
        words = model->words + family->series[idx].word;
        memcpy(words, &(double){ 1.0 / (double)(i + round) }, sizeof *words);
        if (number == MODEL_U64)
            words[0] = (i + round) * UINT64_C(2654435761);
        for (k = 0; k < shape.buckets_n; k++)
            words[1 + k] = (i + k) % 3 ? i * round : 0;
        model_present(family, &family->series[idx]);
    }
}

static void
fill(struct model *model, uint64_t round)
{
    model_begin(model);
    fill_family(model, MODEL_COUNTER, "a_total", MODEL_U64, 0, round);
    fill_family(model, MODEL_GAUGE, "b", MODEL_F64, 0, round);
    fill_family(model, MODEL_HISTOGRAM, "c_seconds", MODEL_F64, 0, round);
    fill_family(model, MODEL_HISTOGRAM, "d_seconds", MODEL_F64, 64, round);
    fill_family(model, MODEL_INFO, "e_info", MODEL_U64, 0, round);
}

static void
scrape(struct plan *plan, const struct encoder *encoder, struct gzip *gzip, struct buffer *out, struct buffer *packed)
{
    out->len = packed->len = 0;
    assert_int_equal(plan_update(plan, encoder->parts), 0);
    assert_int_equal(encoder->render(plan, out), 0);
    assert_int_equal(gzip_compress(gzip, out, packed), 0);
    assert_true(packed->len && out->len > 5 * SERIES * 10);
}

static void
after_the_first_one_a_scrape_allocates_nothing(void **state)
{
    struct model *model = model_new();
    struct plan *plan = plan_new(model);
    struct gzip *gzip = gzip_new();
    struct buffer out[ENCODERS] = { 0 }, packed[ENCODERS] = { 0 };
    uint64_t before, round;
    size_t i;
    (void)state;

    before = allocations;
    for (round = 1; round < 4; round++) {
        fill(model, round);
        if (round == 2) {
            assert_true(allocations > before); /* the counter counts */
            before = allocations;
        }
        for (i = 0; i < ENCODERS; i++)
            scrape(plan, encoders[i], gzip, &out[i], &packed[i]);
    }
    assert_int_equal(allocations - before, 0);
    for (i = 0; i < ENCODERS; i++) {
        buffer_free(&out[i]);
        buffer_free(&packed[i]);
    }
    gzip_free(gzip);
    plan_free(plan);
    model_free(model);
}

static void
a_format_that_nobody_asks_for_takes_no_memory(void **state)
{
    struct model *model = model_new();
    struct plan *plan = plan_new(model);
    (void)state;

    fill(model, 1);
    assert_int_equal(plan_update(plan, encode_protobuf.parts), 0);
    assert_null(plan->parts[PLAN_TEXT].families);
    assert_null(plan->parts[PLAN_OPENMETRICS].families);
    assert_int_equal(plan_update(plan, encode_text.parts), 0);
    assert_null(plan->parts[PLAN_OPENMETRICS].families);
    model_clear(model); /* and who no longer asks for one gives its memory back with the epoch */
    fill(model, 2);
    assert_int_equal(plan_update(plan, encode_text.parts), 0);
    assert_null(plan->parts[PLAN_PROTOBUF].families);
    plan_free(plan);
    model_free(model);
}

static void
openmetrics_shares_its_lines_with_text(void **state)
{
    struct model *model = model_new();
    struct plan *plan = plan_new(model);
    const struct plan_family *family;
    (void)state;

    fill(model, 1);
    assert_int_equal(plan_update(plan, encode_openmetrics_created.parts), 0);
    family = plan_of(plan, PLAN_OPENMETRICS, model_find(model, "c_seconds"));
    assert_true(family->head.len);
    assert_null(family->text.data);
    assert_null(family->series);
    assert_null(family->lens);
    plan_free(plan);
    model_free(model);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_first_one_a_scrape_allocates_nothing),
        cmocka_unit_test(a_format_that_nobody_asks_for_takes_no_memory),
        cmocka_unit_test(openmetrics_shares_its_lines_with_text),
    };
    return cmocka_run_group_tests_name("allocations", tests, NULL, NULL);
}
