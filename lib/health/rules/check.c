/*
 * Checks rules, except their conditions, and summaries.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "health/rules/internal.h"

/* One line of UTF-8 without control characters. */
static int
is_line(const char *text, size_t most_bytes)
{
    char clean[TEXT_CLEAN_BYTES(RULES_MESSAGE_BYTES)];

    if (strlen(text) > most_bytes)
        return 0;
    text_clean(clean, text, strlen(text), TEXT_ONE_LINE);
    return !strcmp(clean, text);
}

int
rules_check_rule(const struct rule_spec *spec, struct report *report)
{
    if (!spec->name || !*spec->name || !is_line(spec->name, RULES_NAME_BYTES))
        return report_field(report, RULES_NAME, 0, "the name of a rule is one line of 1 to %u bytes", RULES_NAME_BYTES);
    if (spec->message && !is_line(spec->message, RULES_MESSAGE_BYTES))
        return report_field(report, RULES_MESSAGE, 0, "the message of a rule is one line of at most %u bytes",
                            RULES_MESSAGE_BYTES);
    if (!(spec->for_seconds >= 0 && spec->for_seconds <= RULES_FOR_MOST))
        return report_field(report, RULES_FOR, 0, "for is between 0s and 1d");
    if (spec->severity != STATUS_DEGRADED && spec->severity != STATUS_FAILING)
        return report_field(report, RULES_SEVERITY, 0, "the severity of a rule is degraded or failing");
    return 0;
}

static int
check_by(const char *const *by, uint32_t by_n, struct report *report)
{
    uint32_t i, k;

    for (i = 0; i < by_n; i++) {
        if (i == RULES_BY_MOST)
            return report_field(report, RULES_BY, i, "by takes at most %u labels", RULES_BY_MOST);
        if (!text_label_legacy(by[i]) || !strcmp(by[i], "le"))
            return report_field(report, RULES_BY, i, "\"%.80s\" is no name of a label by which there can be groups",
                                by[i]);
        for (k = 0; k < i; k++)
            if (!strcmp(by[i], by[k]))
                return report_field(report, RULES_BY, i, "label \"%.80s\" is given twice", by[i]);
    }
    return 0;
}

int
rules_check_summary(const struct summary_spec *spec, struct report *report)
{
    if (!spec->histogram || !text_metric_legacy(spec->histogram))
        return report_field(report, RULES_HISTOGRAM, 0, "\"%.80s\" is no name of a histogram",
                            spec->histogram ? spec->histogram : "");
    if (check_by(spec->by, spec->by_n, report))
        return -EINVAL;
    if (!(spec->over_seconds >= RULES_OVER_LEAST && spec->over_seconds <= EXPRESSION_WINDOW_MOST))
        return report_field(report, RULES_OVER, 0, "over is between %.0fs and 1h", RULES_OVER_LEAST);
    if (!(spec->apdex_seconds >= 0) || isinf(spec->apdex_seconds))
        return report_field(report, RULES_APDEX, 0, "apdex is the target: a positive number in the histogram's unit");
    return 0;
}
