/*
 * OpenMetrics 1.0.0: a family's head is its TYPE, UNIT and HELP lines. The family of a counter NAME_total is NAME, of
 * an info NAME_info it is NAME; a counter or info whose name does not end so has a type that asks for no suffix:
 * unknown, or gauge.
 *
 * No sample may have a name that a sample of another family could have (section "MetricFamily", "Name"): a counter
 * could have NAME_created, a histogram NAME_bucket, _sum, _count and _created and a summary the same without _bucket,
 * whether they are shown or not. When such names collide, the family whose samples have names other than its own whole
 * name is changed: a counter becomes unknown, and an info becomes a gauge, under the whole name, which no other family
 * has. Samples have the same names in all formats.
 */
#include "formats/plan/openmetrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "formats/plan/internal.h"

#define OTHER_BYTES 512u /* a name with a suffix; lib/model/model.c refuses longer names */

static int
ends_with(const char *name, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);
    return len > n && !memcmp(name + len - n, suffix, n);
}

/* The family whose name is the first len bytes of name and the suffix; or NULL. */
static const struct model_family *
find_other(const struct model *model, const char *name, size_t len, const char *suffix)
{
    char other[OTHER_BYTES];

    if (snprintf(other, sizeof other, "%.*s%s", (int)len, name, suffix) >= (int)sizeof other)
        return NULL;
    return model_find(model, other);
}

/* Whether a family is exposed as a counter: its samples are NAME_total, and perhaps NAME_created. */
static int
is_total(const struct model_family *family)
{
    return family && model_kinds[family->type].value == MODEL_VALUE_TOTAL;
}

/* Whether a histogram, a summary, or a counter that is exposed as one, could have a sample of this name. */
static int
could_be_sample(const struct model *model, const char *name, size_t len)
{
    static const char *const suffixes[] = { "_bucket", "_sum", "_count", "_created" };
    uint32_t i;

    for (i = 0; i < 4; i++)
        if (ends_with(name, len, suffixes[i])) {
            const struct model_family *other = find_other(model, name, len - strlen(suffixes[i]), "");
            if (other && model_is_histogram(other->type) && (i || !model_is_summary(other->type)))
                return 1;
        }
    return ends_with(name, len, "_created") && is_total(find_other(model, name, len - strlen("_created"), "_total"));
}

/* The length of the name without its suffix, if the family can be exposed under that name; else 0. */
static size_t
short_name(const struct model *model, const struct model_family *family)
{
    const char *suffix = model_kinds[family->type].suffix;
    size_t len = strlen(family->name);

    if (!ends_with(family->name, len, suffix))
        return 0;
    len -= strlen(suffix);
    if (find_other(model, family->name, len, "") || could_be_sample(model, family->name, len))
        return 0;
    if (is_total(family))
        return find_other(model, family->name, len, "_created") ? 0 : len;
    return is_total(find_other(model, family->name, len, "_total")) ? 0 : len;
}

static int
add_words(struct buffer *head, const char *keyword, const char *name, size_t name_len, const char *suffix,
          enum escaping escaping)
{
    return buffer_append_string(head, keyword) | plan_add_name(head, name, strlen(name) - name_len, suffix, escaping) |
           buffer_append(head, " ", 1);
}

/* Appends the head of the family that is called the first name_len bytes of the model's name, and suffix. */
static int
add_lines(struct plan_family *planned, const struct model_family *family, size_t name_len, const char *suffix,
          const char *type)
{
    struct buffer *head = &planned->head;
    const enum escaping escaping = planned->escaping;
    const size_t unit_len = strlen(family->unit);
    int result = add_words(head, "# TYPE ", family->name, name_len, suffix, escaping);

    result |= buffer_append_string(head, type) | buffer_append(head, "\n", 1);
    if (unit_len && !*suffix && strcmp(type, "info") && strcmp(type, "stateset") && name_len > unit_len + 1 &&
        family->name[name_len - unit_len - 1] == '_' && ends_with(family->name, name_len, family->unit)) {
        result |= add_words(head, "# UNIT ", family->name, name_len, suffix, escaping);
        result |= buffer_append(head, family->unit, unit_len) | buffer_append(head, "\n", 1);
    }
    if (*family->help) {
        result |= add_words(head, "# HELP ", family->name, name_len, suffix, escaping);
        result |= text_escape_value(head, family->help) | buffer_append(head, "\n", 1);
    }
    return result ? -ENOMEM : 0;
}

static int
add_apart(struct plan_family *planned, const struct model_family *family)
{
    static const char *const suffixes[] = { "_bucket", "_sum", "_count" };
    uint32_t i;
    int result = 0;

    planned->lens_n = 0;
    for (i = (uint32_t)model_is_summary(family->type); i < 3 && !result; i++) {
        size_t before = planned->head.len;
        result = add_lines(planned, family, planned->name_len, suffixes[i], "unknown");
        if (!result)
            result = plan_lens_add(planned, (uint32_t)(planned->head.len - before));
    }
    return result;
}

static int
add_head(struct plan_family *planned, const struct model *model, const struct model_family *family)
{
    const struct model_kind *kind = &model_kinds[family->type];
    const size_t whole = strlen(family->name), len = *kind->suffix ? short_name(model, family) : whole;

    planned->name_len = (uint32_t)(len ? len : whole);
    if (model_is_histogram(family->type))
        planned->kind = find_other(model, family->name, whole, "_created") ? OPENMETRICS_APART : OPENMETRICS_HISTOGRAM;
    else
        planned->kind = len && is_total(family) ? OPENMETRICS_COUNTER : OPENMETRICS_PLAIN;
    if (planned->kind == OPENMETRICS_APART)
        return add_apart(planned, family);
    return add_lines(planned, family, planned->name_len, "", len ? kind->word : kind->otherwise);
}

const struct plan_maker plan_make_openmetrics = { .head = add_head, .others_matter = 1 };
