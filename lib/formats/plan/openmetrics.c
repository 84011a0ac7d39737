/*
 * OpenMetrics 1.0.0: a family's head is its TYPE, UNIT and HELP lines. The family of a counter NAME_total is NAME, of an info
 * NAME_info it is NAME; a counter or info whose name does not end so has a type that asks for no suffix: unknown, or gauge.
 *
 * No sample may have a name that a sample of another family could have (section "MetricFamily", "Name"): a counter could have
 * NAME_created, a histogram NAME_bucket, _sum, _count and _created and a summary the same without _bucket, whether they are shown or not. A family that would show
 * itself by names that are not its own whole name gives way: a counter becomes unknown, an info becomes a gauge, under the
 * whole name, which nobody else has. Samples have the same names in all formats.
 */
#include "formats/plan/openmetrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "formats/plan/internal.h"

#define OTHER_BYTES 512u /* a name with a suffix; model.c admits no longer ones                             */

static int
ends_with(const char *name, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);
    return len > n && !memcmp(name + len - n, suffix, n);
}

/* The family whose name is the first len bytes of name, with the suffix. */
static const struct model_family *
find_other(const struct model *model, const char *name, size_t len, const char *suffix)
{
    char other[OTHER_BYTES];

    if (snprintf(other, sizeof other, "%.*s%s", (int)len, name, suffix) >= (int)sizeof other)
        return NULL;
    return model_find(model, other);
}

static int
has_type(const struct model_family *family, enum model_type type)
{
    return family && family->type == type;
}

/* Whether a histogram, summary or counter that is exposed as one could have a sample of this name. */
static int
could_be_sample(const struct model *model, const char *name, size_t len)
{
    static const char *const suffixes[] = { "_bucket", "_sum", "_count", "_created" };
    uint32_t i;

    for (i = 0; i < 4; i++)
        if (ends_with(name, len, suffixes[i])) {
            const struct model_family *other = find_other(model, name, len - strlen(suffixes[i]), "");
            if (has_type(other, MODEL_HISTOGRAM) || (i && has_type(other, MODEL_SUMMARY)))
                return 1;
        }
    return ends_with(name, len, "_created") &&
           has_type(find_other(model, name, len - strlen("_created"), "_total"), MODEL_COUNTER);
}

/* The bytes of the name without suffix, if the family can have that name; 0 if not. */
static size_t
short_name(const struct model *model, const struct model_family *family, const char *suffix)
{
    size_t len = strlen(family->name);

    if (!ends_with(family->name, len, suffix))
        return 0;
    len -= strlen(suffix);
    if (find_other(model, family->name, len, "") || could_be_sample(model, family->name, len))
        return 0;
    if (family->type == MODEL_INFO)
        return has_type(find_other(model, family->name, len, "_total"), MODEL_COUNTER) ? 0 : len;
    return find_other(model, family->name, len, "_created") ? 0 : len;
}

static int
add_words(struct buffer *head, const char *keyword, const char *name, size_t name_len, const char *suffix)
{
    return buffer_append_string(head, keyword) | buffer_append(head, name, name_len) |
           buffer_append_string(head, suffix) | buffer_append(head, " ", 1);
}

/* The head of the family name_len bytes of the model's name, and suffix. */
static int
add_lines(struct buffer *head, const struct model_family *family, size_t name_len, const char *suffix, const char *type)
{
    const size_t unit_len = strlen(family->unit);
    int result = add_words(head, "# TYPE ", family->name, name_len, suffix);

    result |= buffer_append_string(head, type) | buffer_append(head, "\n", 1);
    if (unit_len && !*suffix && strcmp(type, "info") && strcmp(type, "stateset") && name_len > unit_len + 1 &&
        family->name[name_len - unit_len - 1] == '_' && ends_with(family->name, name_len, family->unit)) {
        result |= add_words(head, "# UNIT ", family->name, name_len, suffix);
        result |= buffer_append(head, family->unit, unit_len) | buffer_append(head, "\n", 1);
    }
    if (*family->help) {
        result |= add_words(head, "# HELP ", family->name, name_len, suffix);
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
    for (i = family->type == MODEL_SUMMARY; i < 3 && !result; i++) {
        size_t before = planned->head.len;
        result = add_lines(&planned->head, family, planned->name_len, suffixes[i], "unknown");
        if (!result)
            result = plan_lens_add(planned, (uint32_t)(planned->head.len - before));
    }
    return result;
}

static int
add_head(struct plan_family *planned, const struct model *model, const struct model_family *family)
{
    const size_t whole = strlen(family->name);
    const char *type = "gauge";
    size_t len = 0;

    planned->kind = OPENMETRICS_PLAIN;
    if (family->type == MODEL_COUNTER) {
        len = short_name(model, family, "_total");
        planned->kind = len ? OPENMETRICS_COUNTER : OPENMETRICS_PLAIN;
        type = len ? "counter" : "unknown";
    } else if (family->type == MODEL_INFO) {
        len = short_name(model, family, "_info");
        type = len ? "info" : "gauge";
    } else if (model_is_histogram(family->type)) {
        planned->kind = find_other(model, family->name, whole, "_created") ? OPENMETRICS_APART : OPENMETRICS_HISTOGRAM;
        type = family->type == MODEL_SUMMARY ? "summary" : "histogram";
    } else if (family->type == MODEL_STATESET) {
        type = "stateset";
    }
    planned->name_len = (uint32_t)(len ? len : whole);
    return planned->kind == OPENMETRICS_APART ? add_apart(planned, family)
                                              : add_lines(&planned->head, family, planned->name_len, "", type);
}

const struct plan_maker plan_make_openmetrics = { .head = add_head, .others_matter = 1 };
