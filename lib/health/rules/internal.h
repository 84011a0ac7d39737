/*
 * What rules.c, check.c and summary.c share; no other file includes it.
 */
#ifndef SHMETER_HEALTH_RULES_INTERNAL_H
#define SHMETER_HEALTH_RULES_INTERNAL_H

#include "health/rules/expression/expression.h"
#include "health/rules/history.h"
#include "health/rules/rules.h"
#include "health/rules/term/terms.h"

struct rule {
    char *name, *message;
    struct expression *expression;
    enum status_health severity;
    double for_seconds;
    uint32_t term_of[EXPRESSION_NODES]; /* index of a node's term, by the node's idx */
    enum rule_state state;
    double since; /* time at which the condition began to hold */
    double value, threshold;
    const char *problem;
};

struct rules_summary {
    struct summary_spec spec; /* with copies of the strings */
    struct selector *selector;
    uint32_t term;
};

struct rules {
    struct history *history;
    struct terms terms;
    struct rule *rules;
    uint32_t rules_n;
    struct rules_summary *summaries;
    uint32_t summaries_n;
    uint64_t real_ns; /* time of the last reading; 0: none */
};

/* Check everything except a rule's condition. 0, or -EINVAL with a sentence and the field in report. */
int rules_check_rule(const struct rule_spec *spec, struct report *report);
int rules_check_summary(const struct summary_spec *spec, struct report *report);

void rules_summary_free(struct rules_summary *summary);

#endif
