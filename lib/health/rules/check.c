/*
 * What is wrong with a rule or a summary, as a sentence.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "health/rules/expression/expression.h"
#include "health/rules/rules.h"

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
rules_check_rule(const struct rule_spec *spec, char *why_text, size_t why_bytes)
{
    const struct why why = { why_text, why_bytes };
    struct expression *expression;

    if (!spec->name || !*spec->name || !is_line(spec->name, RULES_NAME_BYTES))
        return refuse(&why, "the name of a rule is one line of 1 to %u bytes", RULES_NAME_BYTES);
    if (spec->message && !is_line(spec->message, RULES_MESSAGE_BYTES))
        return refuse(&why, "the message of a rule is one line of at most %u bytes", RULES_MESSAGE_BYTES);
    if (!(spec->for_seconds >= 0 && spec->for_seconds <= RULES_FOR_MOST))
        return refuse(&why, "for is between 0s and 1d");
    if (spec->severity != STATUS_DEGRADED && spec->severity != STATUS_FAILING)
        return refuse(&why, "the severity of a rule is degraded or failing");
    expression = expression_parse(spec->expression ? spec->expression : "", why_text, why_bytes);
    if (!expression)
        return -EINVAL;
    expression_free(expression);
    return 0;
}

int
rules_check_summary(const struct summary_spec *spec, char *why_text, size_t why_bytes)
{
    const struct why why = { why_text, why_bytes };
    uint32_t i, k;

    if (!spec->histogram || !text_metric_valid(spec->histogram))
        return refuse(&why, "\"%.80s\" is no name of a histogram", spec->histogram ? spec->histogram : "");
    if (spec->by_n > RULES_BY_MOST)
        return refuse(&why, "by takes at most %u labels", RULES_BY_MOST);
    for (i = 0; i < spec->by_n; i++) {
        if (!text_label_valid(spec->by[i]) || !strcmp(spec->by[i], "le"))
            return refuse(&why, "\"%.80s\" is no name of a label by which there can be groups", spec->by[i]);
        for (k = 0; k < i; k++)
            if (!strcmp(spec->by[i], spec->by[k]))
                return refuse(&why, "label \"%.80s\" is given twice", spec->by[i]);
    }
    if (!(spec->over_seconds >= RULES_OVER_LEAST && spec->over_seconds <= EXPRESSION_WINDOW_MOST))
        return refuse(&why, "over is between %.0fs and 1h", RULES_OVER_LEAST);
    if (!(spec->apdex_seconds >= 0) || isinf(spec->apdex_seconds))
        return refuse(&why, "apdex is the target: a positive number in the histogram's unit");
    return 0;
}
