#include "scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const labels[] = { "a", NULL };

void
scene_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * (fabs(b) + 1)))
        fail_msg("%.12g, wanted %.12g", a, b);
}

void
scene_begin(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->model = model_new();
    assert_non_null(scene->model);
    scene->now = 12345.25;
    scene->real_ns = 1700000000u * UINT64_C(1000000000);
}

void
scene_end(struct scene *scene)
{
    rules_free(scene->rules);
    model_free(scene->model);
}

void
scene_rules(struct scene *scene, const struct rules_spec *spec)
{
    struct rules *rules = rules_new();
    struct report report = { 0 };
    uint32_t i;

    assert_non_null(rules);
    for (i = 0; i < spec->rules_n; i++)
        if (rules_add(rules, &spec->rules[i], &report))
            fail_msg("%s: %s", spec->rules[i].expression, report.text);
    for (i = 0; i < spec->summaries_n; i++)
        if (rules_add_summary(rules, &spec->summaries[i], &report))
            fail_msg("%s: %s", spec->summaries[i].histogram, report.text);
    rules_take(rules, scene->rules);
    rules_free(scene->rules);
    scene->rules = rules;
}

void
scene_rule(struct scene *scene, const char *expression, double for_seconds)
{
    const struct rule_spec rule = { "r", expression, for_seconds, STATUS_DEGRADED, NULL };
    const struct rules_spec spec = { &rule, 1, NULL, 0 };

    scene_rules(scene, &spec);
}

void
scene_u64(struct scene *scene, enum model_type type, const char *name, const char *a, uint64_t value)
{
    const struct model_metric metric = { .type = type, .name = name, .help = "", .labels = labels };

    assert_int_equal(model_put_u64(scene->model, &metric, &a, value), 0);
}

void
scene_f64(struct scene *scene, enum model_type type, const char *name, const char *a, double value)
{
    const struct model_metric metric = { .type = type, .name = name, .help = "", .labels = labels };

    assert_int_equal(model_put_f64(scene->model, &metric, &a, value), 0);
}

struct model_series *
scene_series(struct scene *scene, const char *name, const char *a)
{
    const struct model_family *family = model_find(scene->model, name);
    uint32_t i;

    for (i = 0; family && i < family->series_n; i++)
        if (!strcmp(family->series[i].values[0], a))
            return &family->series[i];
    fail_msg("no series %s{a=\"%s\"}", name, a);
    return NULL;
}

void
scene_hide(struct scene *scene, const char *name, const char *a)
{
    scene_series(scene, name, a)->present = 0;
}

static void
put_histogram(struct scene *scene, const char *name, const char *a, struct model_shape *wanted, const double *bounds,
              uint32_t bounds_n, double sum, const uint64_t *counts)
{
    struct model_family *family;
    const struct model_shape *shape;
    uint64_t *words;
    int64_t idx;
    int error = 0;

    wanted->labels = labels;
    wanted->labels_n = 1;
    family = model_family_get(scene->model, MODEL_HISTOGRAM, name, "", "", &error);
    shape = model_shape_get(scene->model, wanted, bounds, bounds_n);
    assert_true(family && shape);
    idx = model_series_get(scene->model, family, shape, &a, 0);
    assert_true(idx >= 0);
    model_present(family, &family->series[idx]);
    words = scene->model->words + family->series[idx].word;
    memcpy(words, &sum, sizeof sum);
    memcpy(words + 1, counts, wanted->buckets_n * sizeof *counts);
}

void
scene_histogram(struct scene *scene, const char *name, const char *a, const double *bounds, uint32_t bounds_n,
                double sum, const uint64_t *counts)
{
    struct model_shape wanted = { .buckets_n = bounds_n + 1 };

    put_histogram(scene, name, a, &wanted, bounds, bounds_n, sum, counts);
}

void
scene_exponential(struct scene *scene, const char *name, const char *a, int32_t schema, int32_t first_index,
                  uint32_t log_n, double sum, const uint64_t *counts)
{
    struct model_shape wanted = {
        .buckets_n = 1 + log_n, .exponential = 1, .schema = schema, .first_index = first_index, .log_n = log_n
    };
    double bounds[512];
    uint32_t i;

    assert_true(log_n < 512);
    for (i = 0; i <= log_n; i++)
        bounds[i] = exp2(ldexp(first_index - 1 + (double)i, -schema));
    wanted.zero_threshold = bounds[0];
    put_histogram(scene, name, a, &wanted, bounds, log_n + 1, sum, counts);
}

void
scene_tick(struct scene *scene, double seconds)
{
    scene->now += seconds;
    scene->real_ns += (uint64_t)(seconds * 1e9);
    assert_int_equal(rules_read(scene->rules, scene->model, scene->now, scene->real_ns), 0);
}

struct rule_status
scene_status(const struct scene *scene)
{
    struct rule_status status;

    rules_status(scene->rules, 0, &status);
    return status;
}
