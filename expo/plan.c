/*
 * Renders what stays the same. A family's prefixes lie one behind the other in the order in which they are exposed, so a
 * scrape reads them from front to back.
 */
#include "expo/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expo/number.h"
#include "expo/text.h"

struct plan *
plan_new(const struct model *model)
{
    struct plan *plan = calloc(1, sizeof *plan);

    if (!plan)
        return NULL;
    plan->model = model;
    plan->epoch = model->epoch;
    return plan;
}

static void
plan_clear(struct plan *plan)
{
    uint32_t i;

    for (i = 0; i < plan->families_n; i++) {
        buffer_free(&plan->families[i].head);
        buffer_free(&plan->families[i].text);
        free(plan->families[i].series);
        free(plan->families[i].lens);
    }
    free(plan->families);
    plan->families = NULL;
    plan->families_n = 0;
}

void
plan_free(struct plan *plan)
{
    if (!plan)
        return;
    plan_clear(plan);
    free(plan);
}

static const char *
type_word(enum model_type type)
{
    return type == MODEL_COUNTER ? "counter" : type == MODEL_HISTOGRAM ? "histogram" : "gauge";
}

static int
render_head(struct buffer *head, const struct model_family *family)
{
    int result = 0;

    if (*family->help) {
        result |= buffer_append_string(head, "# HELP ");
        result |= buffer_append_string(head, family->name);
        result |= buffer_append_string(head, " ");
        result |= text_escape_help(head, family->help);
        result |= buffer_append_string(head, "\n");
    }
    result |= buffer_append_string(head, "# TYPE ");
    result |= buffer_append_string(head, family->name);
    result |= buffer_append_string(head, " ");
    result |= buffer_append_string(head, type_word(family->type));
    result |= buffer_append_string(head, "\n");
    return result ? -ENOMEM : 0;
}

/* name suffix {labels, le} blank. bound NULL: no le. */
static int
render_prefix(struct buffer *text, const char *name, const char *suffix, const struct model_series *series,
              const double *bound)
{
    uint32_t i;
    char number[NUMBER_BYTES];
    const char *before = "{";
    int result = buffer_append_string(text, name) | buffer_append_string(text, suffix);

    for (i = 0; i < series->shape->labels_n; i++, before = ",") {
        result |= buffer_append_string(text, before);
        result |= buffer_append_string(text, series->shape->labels[i]);
        result |= buffer_append_string(text, "=\"");
        result |= text_escape_value(text, series->values[i]);
        result |= buffer_append_string(text, "\"");
    }
    if (bound) {
        result |= buffer_append_string(text, before);
        result |= buffer_append_string(text, "le=\"");
        result |= buffer_append(text, number, number_bound(number, *bound));
        result |= buffer_append_string(text, "\"");
    }
    result |= buffer_append_string(text, i || bound ? "} " : " ");
    return result ? -ENOMEM : 0;
}

static int
lens_add(struct plan_family *family, uint32_t len)
{
    if (family->lens_n == family->lens_capacity) {
        uint32_t capacity = family->lens_capacity ? 2 * family->lens_capacity : 64;
        uint32_t *lens = realloc(family->lens, capacity * sizeof *lens);
        if (!lens)
            return -ENOMEM;
        family->lens = lens;
        family->lens_capacity = capacity;
    }
    family->lens[family->lens_n++] = len;
    return 0;
}

static int
render_line(struct plan_family *family, const char *name, const char *suffix, const struct model_series *series,
            const double *bound)
{
    size_t before = family->text.len;

    if (render_prefix(&family->text, name, suffix, series, bound))
        return -ENOMEM;
    return lens_add(family, (uint32_t)(family->text.len - before));
}

static int
render_histogram(struct plan_family *family, const char *name, const struct model_series *series)
{
    const struct model_shape *shape = series->shape;
    const double infinity = __builtin_inf();
    uint32_t i;
    int result = 0;

    for (i = 0; i < shape->classic_n && !result; i++)
        result = render_line(family, name, "_bucket", series, &shape->classic_bounds[i]);
    if (!result)
        result = render_line(family, name, "_bucket", series, &infinity);
    if (!result)
        result = render_line(family, name, "_sum", series, NULL);
    if (!result)
        result = render_line(family, name, "_count", series, NULL);
    return result;
}

static int
plan_series(struct plan_family *family, const struct model_family *model)
{
    const struct model_series *series = &model->series[family->series_n];
    struct plan_series *planned = &family->series[family->series_n];
    size_t text_len = family->text.len;
    uint32_t lens_n = family->lens_n;
    int result;

    planned->off = text_len;
    planned->lens = lens_n;
    result = model->type == MODEL_HISTOGRAM ? render_histogram(family, model->name, series)
                                            : render_prefix(&family->text, model->name, "", series, NULL);
    if (result) { /* as if it had not been begun, for another try */
        family->text.len = text_len;
        family->lens_n = lens_n;
        return result;
    }
    planned->len = model->type == MODEL_HISTOGRAM ? family->lens[lens_n] : (uint32_t)(family->text.len - text_len);
    family->series_n++;
    return 0;
}

static int
plan_family(struct plan_family *family, const struct model_family *model)
{
    int result = 0;

    if (!family->head.len) {
        result = render_head(&family->head, model);
        if (result) {
            family->head.len = 0;
            return result;
        }
    }
    if (model->series_n > family->series_capacity) {
        uint32_t capacity = model->series_n + model->series_n / 2;
        struct plan_series *series = realloc(family->series, capacity * sizeof *series);
        if (!series)
            return -ENOMEM;
        family->series = series;
        family->series_capacity = capacity;
    }
    while (family->series_n < model->series_n && !result)
        result = plan_series(family, model);
    return result;
}

int
plan_update(struct plan *plan)
{
    const struct model *model = plan->model;
    uint32_t i;
    int result = 0;

    if (plan->epoch != model->epoch) {
        plan_clear(plan);
        plan->epoch = model->epoch;
    }
    if (model->families_n > plan->families_n) {
        struct plan_family *families = realloc(plan->families, model->families_n * sizeof *families);
        if (!families)
            return -ENOMEM;
        memset(families + plan->families_n, 0, (model->families_n - plan->families_n) * sizeof *families);
        plan->families = families;
        plan->families_n = model->families_n;
    }
    for (i = 0; i < model->families_n && !result; i++)
        result = plan_family(&plan->families[model->families[i]->idx], model->families[i]);
    return result;
}
