#include "cli/dump/json.h"

#include <math.h>

#include "base/number.h"
#include "base/saturate.h"
#include "read/snapshot/status.h"

static json_t *
u64_json(uint64_t value)
{
    char text[NUMBER_BYTES];

    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    return json_stringn(text, number_u64(text, value));
}

static json_t *
f64_json(double value)
{
    char text[NUMBER_BYTES];

    if (isfinite(value))
        return json_real(value);
    return json_stringn(text, number_f64(text, value));
}

static json_t *
bucket_json(double bound, uint64_t count)
{
    char text[NUMBER_BYTES];
    size_t len = number_bound(text, bound);

    return json_pack("{s:s%, s:o}", "le", text, len, "count", u64_json(count));
}

static json_t *
buckets_json(const struct model *model, const struct model_series *series)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *counts = model_histogram_buckets(model, series);
    json_t *all = json_array();
    uint64_t sum = 0;
    uint32_t i, at = 0;
    int failed = !all;

    for (i = 0; i < shape->classic_n && !failed; i++) {
        for (; at < shape->classic_ends[i]; at++)
            sum = saturate_add(sum, counts[at]);
        failed = json_array_append_new(all, bucket_json(shape->classic_bounds[i], sum));
    }
    if (!failed)
        failed = json_array_append_new(all, bucket_json(INFINITY, model_histogram_count(model, series)));
    if (!failed)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *
labels_json(const struct model_series *series)
{
    json_t *labels = json_object();
    uint32_t i;
    int failed = !labels;

    for (i = 0; i < series->shape->labels_n && !failed; i++)
        failed = json_object_set_new(labels, series->shape->labels[i], json_string(series->values[i]));
    if (!failed)
        return labels;
    json_decref(labels);
    return NULL;
}

/* The native buckets of an exponential histogram: those that are not empty, with their index in the schema. */
static json_t *
native_json(const struct model *model, const struct model_series *series)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *counts = model_histogram_buckets(model, series);
    json_t *all = json_array();
    uint32_t i;
    int failed = !all;

    for (i = 0; i < shape->log_n && !failed; i++)
        if (counts[1 + i])
            failed = json_array_append_new(all, json_pack("{s:I, s:o}", "index",
                                                          (json_int_t)shape->first_index + (json_int_t)i, "count",
                                                          u64_json(counts[1 + i])));
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return json_pack("{s:i, s:o, s:o, s:o}", "schema", (int)shape->schema, "zero_threshold",
                     f64_json(shape->zero_threshold), "zero_count", u64_json(counts[0]), "buckets", all);
}

static json_t *
histogram_json(const struct model *model, const struct model_series *series)
{
    json_t *histogram = json_pack("{s:o, s:o, s:o}", "count", u64_json(model_histogram_count(model, series)), "sum",
                                  f64_json(model_histogram_sum(model, series)), "buckets", buckets_json(model, series));

    if (histogram && series->shape->exponential &&
        json_object_set_new(histogram, "native", native_json(model, series))) {
        json_decref(histogram);
        return NULL;
    }
    return histogram;
}

static json_t *
summary_json(const struct model *model, const struct model_series *series)
{
    return json_pack("{s:o, s:o}", "count", u64_json(model_histogram_count(model, series)), "sum",
                     f64_json(model_histogram_sum(model, series)));
}

static json_t *
series_json(const struct model *model, const struct model_family *family, const struct model_series *series)
{
    json_t *created = series->created_ns ? json_real(status_seconds(series->created_ns)) : json_null();
    json_t *created_ns = series->created_ns ? u64_json(series->created_ns) : json_null();
    json_t *values = model_is_summary(family->type)     ? summary_json(model, series)
                     : model_is_histogram(family->type) ? histogram_json(model, series)
                     : series->shape->number == MODEL_U64
                         ? json_pack("{s:o}", "value", u64_json(model_u64(model, series)))
                         : json_pack("{s:o}", "value", f64_json(model_number(model, series)));
    json_t *all = json_pack("{s:o, s:o, s:o}", "labels", labels_json(series), "created", created, "created_ns",
                            created_ns);

    if (!all || !values || json_object_update(all, values)) {
        json_decref(all);
        all = NULL;
    }
    json_decref(values);
    return all;
}

static json_t *
family_json(const struct model *model, const struct model_family *family)
{
    json_t *all = json_array();
    uint32_t i;
    int failed = !all;

    for (i = 0; i < family->series_n && !failed; i++)
        if (family->series[i].present)
            failed = json_array_append_new(all, series_json(model, family, &family->series[i]));
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", family->name, "type", model_kinds[family->type].word, "help",
                     family->help, "unit", family->unit, "series", all);
}

json_t *
dump_json(const struct model *model)
{
    json_t *all = json_array();
    uint32_t i;
    int failed = !all;

    for (i = 0; i < model->families_n && !failed; i++)
        if (model->families[i]->present_n)
            failed = json_array_append_new(all, family_json(model, model->families[i]));
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return json_pack("{s:o}", "families", all);
}
