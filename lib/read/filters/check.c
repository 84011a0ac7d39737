/* Checks an operator's settings, except expressions. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "read/filters/internal.h"

/* ---- labels ---- */

static int
check_label_name(const char *name, uint32_t i, struct report *report)
{
    if (!*name || !text_label_legacy(name))
        return report_field(
            report, SETTINGS_LABEL, i,
            "label \"%.80s\" is no valid label name: letters, digits and _, no digit first, no __ before it", name);
    if (strlen(name) > SETTINGS_LABEL_NAME_BYTES)
        return report_field(report, SETTINGS_LABEL, i, "label \"%.40s...\" is longer than %u bytes", name,
                            SETTINGS_LABEL_NAME_BYTES);
    if (!strcmp(name, "le") || !strcmp(name, "quantile"))
        return report_field(report, SETTINGS_LABEL, i, "label \"%s\" is reserved: histograms and summaries have it",
                            name);
    if (!strcmp(name, "segment"))
        return report_field(report, SETTINGS_LABEL, i, "label \"segment\" is reserved: it is the segment's NAME");
    return 0;
}

static int
check_label_value(const char *name, const char *value, uint32_t i, struct report *report)
{
    char clean[TEXT_CLEAN_BYTES(SETTINGS_VALUE_BYTES)];

    if (!*value)
        return report_field(report, SETTINGS_LABEL, i, "label \"%s\" has no value", name);
    if (strlen(value) > SETTINGS_VALUE_BYTES)
        return report_field(report, SETTINGS_LABEL, i, "label \"%s\" has a value longer than %u bytes", name,
                            SETTINGS_VALUE_BYTES);
    text_clean(clean, value, strlen(value), TEXT_LINES);
    if (strcmp(clean, value))
        return report_field(report, SETTINGS_LABEL, i,
                            "label \"%s\" has a value that is no UTF-8 text without control characters", name);
    return 0;
}

static int
check_labels(const struct settings_spec *spec, struct report *report)
{
    uint32_t i, k;
    int result = 0;

    if (spec->labels_n > SETTINGS_LABELS)
        return report_fail(report, -EINVAL, "more than %u labels", SETTINGS_LABELS);
    for (i = 0; i < spec->labels_n && !result; i++) {
        const char *name = spec->label_names[i];
        result = check_label_name(name, i, report);
        for (k = 0; k < i && !result; k++)
            if (!strcmp(name, spec->label_names[k]))
                result = report_field(report, SETTINGS_LABEL, i, "label \"%s\" is given twice", name);
        if (!result)
            result = check_label_value(name, spec->label_values[i], i, report);
    }
    return result;
}

/* ---- prefix ---- */

static int
check_prefix(const char *prefix, struct report *report)
{
    if (!prefix || !*prefix)
        return 0;
    if (!text_metric_legacy(prefix))
        return report_field(report, SETTINGS_PREFIX, 0,
                            "prefix \"%.80s\" cannot begin a metric name: letters, digits, _ and :, no digit first",
                            prefix);
    if (strlen(prefix) > SETTINGS_PREFIX_BYTES)
        return report_field(report, SETTINGS_PREFIX, 0, "prefix \"%.40s...\" is longer than %u bytes", prefix,
                            SETTINGS_PREFIX_BYTES);
    if (text_metric_reserved(prefix) && strcmp(prefix, "up"))
        return report_field(report, SETTINGS_PREFIX, 0, "prefix \"%s\" makes names that are reserved", prefix);
    return 0;
}

/* ---- all but expressions ---- */

int
settings_check(const struct settings_spec *spec, struct report *report)
{
    int result;

    if (!spec->match || !*spec->match)
        return report_fail(report, -EINVAL, "no segment is named");
    result = check_labels(spec, report);
    if (!result)
        result = check_prefix(spec->prefix, report);
    if (!result && !(spec->idle_seconds >= 0 && spec->idle_seconds <= SETTINGS_IDLE_SECONDS))
        result = report_field(report, SETTINGS_IDLE, 0, "an idle time-out of %g seconds is not between 0 and %g",
                              spec->idle_seconds, SETTINGS_IDLE_SECONDS);
    return result;
}
