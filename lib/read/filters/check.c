/*
 * What is wrong with an operator's settings, as a sentence.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/regex.h"
#include "base/text.h"
#include "read/filters/filters.h"

struct why {
    char *text;
    size_t bytes;
};

__attribute__((format(printf, 2, 3))) static int
refuse(const struct why *why, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why->text, why->bytes, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* ---- labels ---- */

static int
check_label_name(const struct why *why, const char *name)
{
    if (!*name || !text_label_valid(name))
        return refuse(why,
                      "label \"%.80s\" is no valid label name: letters, digits and _, no digit first, no __ before it",
                      name);
    if (strlen(name) > SETTINGS_LABEL_NAME_BYTES)
        return refuse(why, "label \"%.40s...\" is longer than %u bytes", name, SETTINGS_LABEL_NAME_BYTES);
    if (!strcmp(name, "le") || !strcmp(name, "quantile"))
        return refuse(why, "label \"%s\" is reserved: histograms and summaries have it", name);
    if (!strcmp(name, "segment"))
        return refuse(why, "label \"segment\" is reserved: it is the segment's NAME");
    return 0;
}

static int
check_label_value(const struct why *why, const char *name, const char *value)
{
    char clean[TEXT_CLEAN_BYTES(SETTINGS_VALUE_BYTES)];

    if (!*value)
        return refuse(why, "label \"%s\" has no value", name);
    if (strlen(value) > SETTINGS_VALUE_BYTES)
        return refuse(why, "label \"%s\" has a value longer than %u bytes", name, SETTINGS_VALUE_BYTES);
    text_clean(clean, value, strlen(value), TEXT_LINES);
    if (strcmp(clean, value))
        return refuse(why, "label \"%s\" has a value that is no UTF-8 text without control characters", name);
    return 0;
}

static int
check_labels(const struct why *why, const struct store_segment *segment)
{
    uint32_t i, k;
    int result = 0;

    if (segment->labels_n > SETTINGS_LABELS)
        return refuse(why, "more than %u labels", SETTINGS_LABELS);
    for (i = 0; i < segment->labels_n && !result; i++) {
        const char *name = segment->label_names[i];
        result = check_label_name(why, name);
        for (k = 0; k < i && !result; k++)
            if (!strcmp(name, segment->label_names[k]))
                result = refuse(why, "label \"%s\" is given twice", name);
        if (!result)
            result = check_label_value(why, name, segment->label_values[i]);
    }
    return result;
}

/* ---- prefix ---- */

static int
check_prefix(const struct why *why, const char *prefix)
{
    if (!prefix || !*prefix)
        return 0;
    if (!text_metric_valid(prefix))
        return refuse(why, "prefix \"%.80s\" cannot begin a metric name: letters, digits, _ and :, no digit first",
                      prefix);
    if (strlen(prefix) > SETTINGS_PREFIX_BYTES)
        return refuse(why, "prefix \"%.40s...\" is longer than %u bytes", prefix, SETTINGS_PREFIX_BYTES);
    if (text_metric_reserved(prefix) && strcmp(prefix, "up"))
        return refuse(why, "prefix \"%s\" makes names that are reserved", prefix);
    return 0;
}

/* ---- expressions ---- */

static int
check_expression(const struct why *why, const char *expression)
{
    struct regex *compiled;
    int result;

    if (!*expression)
        return refuse(why, "an expression is empty, and no name matches it");
    result = regex_new(&compiled, expression, why->text, why->bytes);
    regex_free(compiled);
    return result;
}

static int
check_expressions(const struct why *why, const char *list, const char *const *expressions, uint32_t n)
{
    uint32_t i;
    int result = 0;

    if (n > SETTINGS_EXPRESSIONS)
        return refuse(why, "%s has more than %u expressions; join some with |", list, SETTINGS_EXPRESSIONS);
    for (i = 0; i < n && !result; i++)
        result = check_expression(why, expressions[i]);
    return result;
}

/* ---- all ---- */

int
store_segment_check(const struct store_segment *segment, char *why_text, size_t why_bytes)
{
    const struct why why = { why_text, why_bytes };
    int result;

    if (!segment->match || !*segment->match)
        return refuse(&why, "no segment is named");
    result = check_labels(&why, segment);
    if (!result)
        result = check_prefix(&why, segment->prefix);
    if (!result && !(segment->idle_seconds >= 0 && segment->idle_seconds <= SETTINGS_IDLE_SECONDS))
        result = refuse(&why, "an idle time-out of %g seconds is not between 0 and %g", segment->idle_seconds,
                        SETTINGS_IDLE_SECONDS);
    if (!result)
        result = check_expressions(&why, "allow", segment->allow, segment->allow_n);
    return result ? result : check_expressions(&why, "deny", segment->deny, segment->deny_n);
}
