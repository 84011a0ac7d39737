/*
 * Text 0.0.4: a family's head is its HELP and TYPE lines. A series has a piece `name{labels} ` for each of its lines:
 * one line; for a histogram the classic buckets, +Inf, sum and count; for a summary sum and count. OpenMetrics has the
 * same lines.
 */
#include <errno.h>

#include "base/number.h"
#include "base/text.h"
#include "formats/plan/internal.h"

static int
add_head(struct plan_family *planned, const struct model *model, const struct model_family *family)
{
    struct buffer *head = &planned->head;
    int result = 0;
    (void)model;

    if (*family->help) {
        result |= buffer_append_string(head, "# HELP ");
        result |= plan_add_name(head, family->name, 0, "", planned->escaping);
        result |= buffer_append_string(head, " ");
        result |= text_escape_help(head, family->help);
        result |= buffer_append_string(head, "\n");
    }
    result |= buffer_append_string(head, "# TYPE ");
    result |= plan_add_name(head, family->name, 0, "", planned->escaping);
    result |= buffer_append_string(head, " ");
    result |= buffer_append_string(head, model_kinds[family->type].text);
    result |= buffer_append_string(head, "\n");
    return result ? -ENOMEM : 0;
}

/* Appends a label's name, in quotes where it needs them, and its value. */
static int
add_label(struct buffer *text, const struct model_series *series, uint32_t number, enum escaping escaping)
{
    const int quoted = plan_is_quoted(series->shape->labels[number], escaping);
    int result = buffer_append(text, "\"", (size_t)quoted);

    if (quoted)
        result |= text_escape_value(text, series->shape->labels[number]);
    else
        result |= plan_add_label(text, series->shape, number, escaping);
    result |= buffer_append_string(text, quoted ? "\"=\"" : "=\"");
    result |= text_escape_value(text, series->values[number]);
    return result | buffer_append_string(text, "\"");
}

/* Appends name, suffix, {labels, le} and a blank. A name in quotes stands before the labels. bound NULL: no le. */
static int
add_prefix(struct buffer *text, const char *name, const char *suffix, const struct model_series *series,
           const double *bound, enum escaping escaping)
{
    const int quoted = plan_is_quoted(name, escaping);
    const char *before = quoted ? "," : "{";
    char number[NUMBER_BYTES];
    uint32_t i;
    int result = buffer_append(text, "{", (size_t)quoted) | plan_add_name(text, name, 0, suffix, escaping);

    for (i = 0; i < series->shape->labels_n; i++, before = ",") {
        result |= buffer_append_string(text, before);
        result |= add_label(text, series, i, escaping);
    }
    if (bound) {
        result |= buffer_append_string(text, before);
        result |= buffer_append_string(text, "le=\"");
        result |= buffer_append(text, number, number_bound(number, *bound));
        result |= buffer_append_string(text, "\"");
    }
    result |= buffer_append_string(text, i || bound || quoted ? "} " : " ");
    return result ? -ENOMEM : 0;
}

static int
add_line(struct plan_family *planned, const char *name, const char *suffix, const struct model_series *series,
         const double *bound)
{
    size_t before = planned->text.len;

    if (add_prefix(&planned->text, name, suffix, series, bound, planned->escaping))
        return -ENOMEM;
    return plan_lens_add(planned, (uint32_t)(planned->text.len - before));
}

static int
add_summary(struct plan_family *planned, const char *name, const struct model_series *series)
{
    int result = add_line(planned, name, "_sum", series, NULL);

    return result ? result : add_line(planned, name, "_count", series, NULL);
}

static int
add_histogram(struct plan_family *planned, const char *name, const struct model_series *series)
{
    const struct model_shape *shape = series->shape;
    const double infinity = __builtin_inf();
    uint32_t i;
    int result = 0;

    for (i = 0; i < shape->classic_n && !result; i++)
        result = add_line(planned, name, "_bucket", series, &shape->classic_bounds[i]);
    if (!result)
        result = add_line(planned, name, "_bucket", series, &infinity);
    return result ? result : add_summary(planned, name, series);
}

static int
add_series(struct plan_family *planned, const struct model_family *family, const struct model_series *series)
{
    switch (model_kinds[family->type].value) {
    case MODEL_VALUE_HISTOGRAM:
        return add_histogram(planned, family->name, series);
    case MODEL_VALUE_SUMMARY:
        return add_summary(planned, family->name, series);
    default:
        return add_prefix(&planned->text, family->name, "", series, NULL, planned->escaping);
    }
}

const struct plan_maker plan_make_text = { .head = add_head, .series = add_series };
