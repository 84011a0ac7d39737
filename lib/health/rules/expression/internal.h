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

/* NULL after a mistake, as all that yields a node. */
struct expression_node *expression_node_new(struct expression_parser *parser, enum expression_kind kind);

/* An aggregate, or what is made of a histogram; the present word is its name. */
struct expression_node *expression_series(struct expression_parser *parser);

/* Goes on behind the sign, which must be there. 0 or -EINVAL. */
int expression_expect(struct expression_parser *parser, int sign);

/* Says that there is none. Returns -ENOMEM. */
int expression_no_memory(struct expression_parser *parser);

#endif
