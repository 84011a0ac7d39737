/*
 * Prometheus text 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): the plan's pieces, each followed by a
 * number.
 */
#include <errno.h>

#include "formats/encode.h"
#include "formats/lines.h"

static char *
put_histogram(char *out, const struct model *model, const struct model_family *family,
              const struct model_series *series, const char *text, const uint32_t *lens)
{
    uint64_t count = 0;

    if (model_is_summary(family->type)) {
        count = model_histogram_count(model, series);
    } else {
        out = put_buckets(out, model, series, &text, lens, &count);
        lens += series->shape->classic_n + 1;
    }
    out = put_f64(put_bytes(out, text, lens[0]), model_histogram_sum(model, series));
    return put_u64(put_bytes(out, text + lens[0], lens[1]), count);
}

static char *
put_histograms(char *out, const struct model *model, const struct model_family *family, const struct plan_family *plan)
{
    uint32_t i;

    for (i = 0; i < plan->series_n; i++)
        if (family->series[i].present)
            out = put_histogram(out, model, family, &family->series[i], plan->text.data + plan->series[i].off,
                                plan->lens + plan->series[i].lens);
    return out;
}

static char *
put_numbers(char *out, const struct model *model, const struct model_family *family, const struct plan_family *plan)
{
    uint32_t i;

    for (i = 0; i < plan->series_n; i++)
        if (family->series[i].present)
            out = put_number(out, model, &family->series[i], plan->text.data + plan->series[i].off,
                             plan->series[i].len);
    return out;
}

static int
render_family(struct buffer *out, const struct model *model, const struct model_family *family,
              const struct plan_family *plan)
{
    size_t lines = model_is_histogram(family->type) ? plan->lens_n : plan->series_n;
    char *at;

    if (!family->present_n || plan->clashes)
        return 0;
    if (buffer_reserve(out, plan->head.len + plan->text.len + lines * LINE_BYTES))
        return -ENOMEM;
    at = put_bytes(out->data + out->len, plan->head.data, plan->head.len);
    at = model_is_histogram(family->type) ? put_histograms(at, model, family, plan)
                                          : put_numbers(at, model, family, plan);
    out->len = (size_t)(at - out->data);
    return 0;
}

static int
render(const struct plan *plan, struct buffer *out)
{
    const struct model *model = plan->model;
    uint32_t i;
    int result = 0;

    for (i = 0; i < model->families_n && !result; i++)
        result = render_family(out, model, model->families[i], plan_of(plan, PLAN_TEXT, model->families[i]));
    return result;
}

const struct encoder encode_text = { "text", "text/plain; version=0.0.4; charset=utf-8", PLAN_BIT(PLAN_TEXT), render };
