/*
 * Prometheus text 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): the plan's prefixes with numbers behind them.
 */
#include "expo/encode.h"

#include <errno.h>
#include <string.h>

#include "expo/number.h"

#define LINE_BYTES (NUMBER_BYTES + 1u) /* behind a prefix: a number and the newline */

static char *
put_u64(char *out, uint64_t value)
{
    out += number_u64(out, value);
    *out++ = '\n';
    return out;
}

static char *
put_f64(char *out, double value)
{
    out += number_f64(out, value);
    *out++ = '\n';
    return out;
}

static char *
put_bytes(char *out, const char *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

static char *
put_histogram(char *out, const struct model *model, const struct model_series *series, const char *text,
              const uint32_t *lens)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *buckets = model_histogram_buckets(model, series);
    uint64_t cumulative = 0;
    uint32_t i, bucket = 0;

    for (i = 0; i <= shape->classic_n; i++) { /* the last one is +Inf */
        uint32_t end = i < shape->classic_n ? shape->classic_ends[i] : shape->buckets_n;
        while (bucket < end)
            cumulative = model_add_held(cumulative, buckets[bucket++]);
        out = put_u64(put_bytes(out, text, lens[i]), cumulative);
        text += lens[i];
    }
    out = put_f64(put_bytes(out, text, lens[i]), model_histogram_sum(model, series));
    text += lens[i++];
    return put_u64(put_bytes(out, text, lens[i]), cumulative);
}

static char *
put_histograms(char *out, const struct model *model, const struct model_family *family, const struct plan_family *plan)
{
    uint32_t i;

    for (i = 0; i < plan->series_n; i++)
        if (family->series[i].present)
            out = put_histogram(out, model, &family->series[i], plan->text.data + plan->series[i].off,
                                plan->lens + plan->series[i].lens);
    return out;
}

static char *
put_numbers(char *out, const struct model *model, const struct model_family *family, const struct plan_family *plan)
{
    uint32_t i;

    for (i = 0; i < plan->series_n; i++) {
        const struct model_series *series = &family->series[i];
        if (!series->present)
            continue;
        out = put_bytes(out, plan->text.data + plan->series[i].off, plan->series[i].len);
        if (series->shape->number == MODEL_U64)
            out = put_u64(out, model_u64(model, series));
        else
            out = put_f64(out, model_f64_at(model, series->word));
    }
    return out;
}

static int
render_family(struct buffer *out, const struct model *model, const struct model_family *family,
              const struct plan_family *plan)
{
    size_t lines = family->type == MODEL_HISTOGRAM ? plan->lens_n : plan->series_n;
    char *at;

    if (!family->present_n)
        return 0;
    if (buffer_reserve(out, plan->head.len + plan->text.len + lines * LINE_BYTES))
        return -ENOMEM;
    at = put_bytes(out->data + out->len, plan->head.data, plan->head.len);
    at = family->type == MODEL_HISTOGRAM ? put_histograms(at, model, family, plan)
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
        result = render_family(out, model, model->families[i], plan_of(plan, model->families[i]));
    return result;
}

const struct encoder encode_text = { "text", "text/plain; version=0.0.4; charset=utf-8", render };
