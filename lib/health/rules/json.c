/* JSON has neither NaN nor infinity: both become null. */
#include "health/rules/json.h"

#include <math.h>

static json_t *
number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *
rule_json(const struct rule_status *status)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:s, s:s?}", "name", status->name, "expr",
                     status->expression, "state", rule_state_word(status->state), "severity",
                     status_health_word(status->severity), "for_seconds", json_real(status->for_seconds),
                     "active_seconds", number_or_null(status->since_seconds), "value", number_or_null(status->value),
                     "comparison", status->comparison, "threshold", number_or_null(status->threshold), "message",
                     status->message, "problem", status->problem);
}

json_t *
rules_json(const struct rules *rules)
{
    json_t *array = json_array();
    struct rule_status status;
    uint32_t i;

    for (i = 0; array && rules && i < rules_n(rules); i++) {
        rules_status(rules, i, &status);
        if (json_array_append_new(array, rule_json(&status))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* ---- summaries ---- */

static json_t *
labels_json(const struct summary_spec *spec, const struct summary_row *row)
{
    json_t *labels = json_object();
    uint32_t i;

    for (i = 0; labels && i < spec->by_n; i++)
        if (json_object_set_new(labels, spec->by[i], json_string(row->values[i]))) {
            json_decref(labels);
            return NULL;
        }
    return labels;
}

static json_t *
row_json(const struct summary_spec *spec, const struct summary_row *row)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?}", "labels", labels_json(spec, row), "count",
                     number_or_null(row->count), "rate", number_or_null(row->rate), "mean", number_or_null(row->mean),
                     "p50", number_or_null(row->p50), "p95", number_or_null(row->p95), "p99", number_or_null(row->p99),
                     "apdex", number_or_null(row->apdex), "problem", row->problem);
}

static json_t *
rows_json(const struct summary_result *summary)
{
    json_t *rows = json_array();
    uint32_t i;

    for (i = 0; rows && i < summary->rows_n; i++)
        if (json_array_append_new(rows, row_json(summary->spec, &summary->rows[i]))) {
            json_decref(rows);
            return NULL;
        }
    return rows;
}

static json_t *
by_json(const struct summary_spec *spec)
{
    json_t *by = json_array();
    uint32_t i;

    for (i = 0; by && i < spec->by_n; i++)
        if (json_array_append_new(by, json_string(spec->by[i]))) {
            json_decref(by);
            return NULL;
        }
    return by;
}

static json_t *
summary_json(const struct summary_result *summary)
{
    const struct summary_spec *spec = summary->spec;

    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:s?, s:o}", "histogram", spec->histogram, "by", by_json(spec),
                     "over_seconds", json_real(spec->over_seconds), "covered_seconds",
                     number_or_null(summary->covered_seconds), "apdex_target",
                     spec->apdex_seconds > 0 ? json_real(spec->apdex_seconds) : json_null(), "left_out_series",
                     (int)summary->left_out_n, "problem", summary->problem, "groups", rows_json(summary));
}

json_t *
rules_summaries_json(const struct rules *rules)
{
    json_t *array = json_array();
    struct summary_result summary;
    uint32_t i;

    for (i = 0; array && rules && i < rules_summaries_n(rules); i++) {
        int failed = rules_summary(rules, i, &summary);
        if (!failed) {
            failed = json_array_append_new(array, summary_json(&summary));
            summary_free(&summary);
        }
        if (failed) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
