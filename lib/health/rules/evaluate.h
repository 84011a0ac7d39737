/*
 * Evaluates a part of a condition to a number, from the terms that its nodes use.
 */
#ifndef SHMETER_HEALTH_RULES_EVALUATE_H
#define SHMETER_HEALTH_RULES_EVALUATE_H

#include "health/rules/expression/expression.h"
#include "health/rules/term/term.h"

/* The term that a node with a selector needs. */
struct term_want evaluate_want(const struct expression_node *node);

struct evaluate {
    struct term *const *terms; /* the terms of all rules */
    const uint32_t *term_of;   /* index into terms, by a node's idx */
    const struct model *model;
    const struct history *history;
    const char *problem; /* out: NULL, or why there is no number */
};

/*
 * Returns 0 with *out; or -1: there is no number, because series that it needs are missing. The result of the whole
 * condition is then empty. NaN is a number, as in PromQL.
 */
int evaluate_node(struct evaluate *evaluate, const struct expression_node *node, double *out);

#endif
