/*
 * What the files of the parser share; no other file includes it.
 */
#ifndef SHMETER_HEALTH_RULES_EXPRESSION_INTERNAL_H
#define SHMETER_HEALTH_RULES_EXPRESSION_INTERNAL_H

#include "health/rules/expression/expression.h"
#include "health/rules/expression/words.h"

struct expression_parser {
    struct words words;
    struct expression *expression;
    uint32_t depth;
};

/* NULL after a mistake, like all functions that return a node. */
struct expression_node *expression_node_new(struct expression_parser *parser, enum expression_kind kind);

/* Parses an aggregate, or a function of a histogram, whose name is the present word. */
struct expression_node *expression_series(struct expression_parser *parser);

/* Skips the sign, which must be the present word. 0 or -EINVAL. */
int expression_expect(struct expression_parser *parser, int sign);

/* Reports that there is no memory. Returns -ENOMEM. */
int expression_no_memory(struct expression_parser *parser);

#endif
