/*
 * Rules with their states, and the terms that they share. A rule is inactive; pending when its condition begins to
 * hold; firing when it has held for the rule's time; and inactive again as soon as it does not hold.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "health/rules/evaluate.h"
#include "health/rules/internal.h"

/* ---- life ---- */

static void
rule_free(struct rule *rule)
{
    free(rule->name);
    free(rule->message);
    expression_free(rule->expression);
}

void
rules_free(struct rules *rules)
{
    uint32_t i;

    if (!rules)
        return;
    terms_free(&rules->terms);
    for (i = 0; i < rules->rules_n; i++)
        rule_free(&rules->rules[i]);
    for (i = 0; i < rules->summaries_n; i++)
        rules_summary_free(&rules->summaries[i]);
    free(rules->history);
    free(rules->rules);
    free(rules->summaries);
    free(rules);
}

static int
rule_make(struct rules *rules, struct rule *rule, const struct rule_spec *spec)
{
    uint32_t i;

    rule->name = strdup(spec->name);
    rule->message = strdup(spec->message ? spec->message : "");
    rule->severity = spec->severity;
    rule->for_seconds = spec->for_seconds;
    rule->value = rule->threshold = NAN;
    if (!rule->name || !rule->message)
        return -ENOMEM;
    for (i = 0; i < rule->expression->nodes_n; i++) {
        struct term_want want;
        int64_t term;
        if (!rule->expression->nodes[i]->selector)
            continue;
        want = evaluate_want(rule->expression->nodes[i]);
        term = terms_add(&rules->terms, &want);
        if (term < 0)
            return -ENOMEM;
        rule->term_of[i] = (uint32_t)term;
    }
    return 0;
}

int
rules_add(struct rules *rules, const struct rule_spec *spec, struct report *report)
{
    struct expression *expression;
    struct rule *grown, *rule;

    if (rules_check_rule(spec, report))
        return -EINVAL;
    expression = expression_parse(spec->expression ? spec->expression : "", report);
    report->field = expression ? RULES_WHOLE : RULES_EXPRESSION;
    if (!expression)
        return -EINVAL;
    grown = realloc(rules->rules, (rules->rules_n + 1) * sizeof *grown);
    if (!grown) {
        expression_free(expression);
        return -ENOMEM;
    }
    rules->rules = grown;
    rule = &grown[rules->rules_n++];
    *rule = (struct rule){ .expression = expression };
    return rule_make(rules, rule, spec);
}

struct rules *
rules_new(void)
{
    struct rules *rules = calloc(1, sizeof *rules);

    if (rules && (rules->history = calloc(1, sizeof *rules->history)))
        return rules;
    free(rules);
    return NULL;
}

/* ---- after a reload ---- */

static void
take_state(struct rule *to, const struct rules *former)
{
    uint32_t i;

    for (i = 0; i < former->rules_n; i++) {
        const struct rule *from = &former->rules[i];
        if (strcmp(from->name, to->name) || strcmp(from->expression->text, to->expression->text) ||
            from->for_seconds < to->for_seconds || from->for_seconds > to->for_seconds)
            continue;
        to->state = from->state;
        to->since = from->since;
        to->value = from->value;
        to->threshold = from->threshold;
        to->problem = from->problem;
    }
}

void
rules_take(struct rules *rules, struct rules *former)
{
    struct history *history = rules->history;
    uint32_t i;

    if (!former)
        return;
    for (i = 0; i < rules->rules_n; i++)
        take_state(&rules->rules[i], former);
    terms_take(&rules->terms, &former->terms);
    rules->real_ns = former->real_ns;
    rules->history = former->history;
    former->history = history;
}

/* ---- each second ---- */

struct shown {
    char text[32];
};

static struct shown
show(double value)
{
    struct shown shown;

    if (isnan(value))
        snprintf(shown.text, sizeof shown.text, "NaN");
    else if (isinf(value))
        snprintf(shown.text, sizeof shown.text, "%cInf", value > 0 ? '+' : '-');
    else
        snprintf(shown.text, sizeof shown.text, "%.6g", value);
    return shown;
}

static void
say_change(const struct rule *rule, const char *what)
{
    struct shown value = show(rule->value), threshold = show(rule->threshold);

    log_event(LOG_LEVEL_WARN, what, "rule", rule->name, "status", status_health_word(rule->severity), "value",
              value.text, "threshold", threshold.text, NULL);
}

static void
rule_step(struct rule *rule, int holds, double now)
{
    enum rule_state before = rule->state;

    if (!holds)
        rule->state = RULE_INACTIVE;
    else if (before == RULE_INACTIVE) {
        rule->since = now;
        rule->state = RULE_PENDING;
    }
    if (rule->state == RULE_PENDING && now - rule->since >= rule->for_seconds)
        rule->state = RULE_FIRING;
    if (rule->state == RULE_FIRING && before != RULE_FIRING)
        say_change(rule, "rule fires");
    if (rule->state != RULE_FIRING && before == RULE_FIRING)
        say_change(rule, "rule does not fire any more");
}

static void
rule_judge(struct rules *rules, struct rule *rule, const struct model *model, double now)
{
    struct evaluate evaluate = { rules->terms.list, rule->term_of, model, rules->history, NULL };
    const struct expression *expression = rule->expression;
    double left = NAN, right = NAN;
    int none = evaluate_node(&evaluate, expression->left, &left);

    none |= evaluate_node(&evaluate, expression->right, &right);
    rule->value = left;
    rule->threshold = right;
    rule->problem = none ? evaluate.problem : NULL;
    rule_step(rule, !none && expression_compare(expression->comparison, left, right), now);
}

int
rules_read(struct rules *rules, const struct model *model, double now, uint64_t real_ns)
{
    const struct term_moment moment = { real_ns, rules->real_ns };
    uint32_t i;
    int result = 0;

    if (history_read(rules->history, now))
        return 0;
    for (i = 0; i < rules->terms.n; i++)
        result |= term_read(rules->terms.list[i], model, rules->history, &moment);
    for (i = 0; i < rules->rules_n; i++)
        rule_judge(rules, &rules->rules[i], model, now);
    rules->real_ns = real_ns;
    return result ? -ENOMEM : 0;
}

/* ---- what came out ---- */

uint32_t
rules_n(const struct rules *rules)
{
    return rules->rules_n;
}

const char *
rule_state_word(enum rule_state state)
{
    return state == RULE_INACTIVE ? "inactive" : state == RULE_PENDING ? "pending" : "firing";
}

void
rules_status(const struct rules *rules, uint32_t idx, struct rule_status *out)
{
    const struct rule *rule = &rules->rules[idx];

    *out = (struct rule_status){ rule->name,
                                 rule->expression->text,
                                 rule->message,
                                 rule->severity,
                                 rule->for_seconds,
                                 rule->state,
                                 NAN,
                                 rule->value,
                                 rule->threshold,
                                 expression_comparison_word(rule->expression->comparison),
                                 rule->problem };
    if (rule->state != RULE_INACTIVE)
        out->since_seconds = history_time(rules->history, history_last(rules->history)) - rule->since;
}

int
rules_judge(const struct rules *rules, struct health *health)
{
    struct rule_status status;
    struct health_reason reason;
    uint32_t i;
    int result = 0;

    for (i = 0; i < rules->rules_n && !result; i++) {
        rules_status(rules, i, &status);
        if (status.state != RULE_FIRING)
            continue;
        reason = (struct health_reason){ .check = HEALTH_RULE,
                                         .severity = status.severity,
                                         .segment = "",
                                         .what = status.name,
                                         .value = status.value,
                                         .threshold = status.threshold };
        snprintf(reason.message, sizeof reason.message, "rule %.128s%s%.256s: %s %s %s, for %.0f s", status.name,
                 *status.message ? ": " : "", status.message, show(status.value).text, status.comparison,
                 show(status.threshold).text, status.since_seconds);
        result = health_add(health, &reason);
    }
    return result;
}
