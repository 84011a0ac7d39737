/*
 * Recursive descent, one function for each line of the grammar. Nodes belong to the expression from the moment they are
 * made, so a mistake anywhere needs no other clean-up than expression_free().
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/expression/internal.h"

static struct expression_node *parse_sum(struct expression_parser *parser);

void
expression_free(struct expression *expression)
{
    uint32_t i;

    if (!expression)
        return;
    for (i = 0; i < expression->nodes_n; i++) {
        selector_free(expression->nodes[i]->selector);
        free(expression->nodes[i]);
    }
    free(expression->text);
    free(expression);
}

/* ---- numbers ---- */

static struct expression_node *
parse_one(struct expression_parser *parser)
{
    struct words *words = &parser->words;
    struct expression_node *node = NULL;

    if (words->kind == WORD_NAME)
        return expression_series(parser);
    if (words->kind == WORD_NUMBER) {
        node = expression_node_new(parser, EXPRESSION_NUMBER);
        if (node)
            node->number = words->number;
        words_next(words);
        return node;
    }
    if (words_take(words, '(')) {
        node = parse_sum(parser);
        return !node || expression_expect(parser, ')') ? NULL : node;
    }
    words_fail(words, NULL, "a number, sum(...) or the like belongs here");
    return NULL;
}

static struct expression_node *
parse_signed(struct expression_parser *parser)
{
    struct expression_node *node, *left;
    int negative = words_is(&parser->words, '-');

    if (parser->depth == EXPRESSION_DEPTH) {
        words_fail(&parser->words, NULL, "too many parentheses or signs within each other");
        return NULL;
    }
    parser->depth++;
    if (negative || words_is(&parser->words, '+')) {
        words_next(&parser->words);
        node = left = parse_signed(parser);
        if (left && negative && (node = expression_node_new(parser, EXPRESSION_NEGATE)))
            node->left = left;
    } else {
        node = parse_one(parser);
    }
    parser->depth--;
    return node;
}

/* A chain of operators of one precedence, from the left. */
static struct expression_node *
parse_chain(struct expression_parser *parser, struct expression_node *(*operand)(struct expression_parser *),
            const char *signs, const enum expression_kind kinds[2])
{
    struct expression_node *left = operand(parser), *node;
    const char *found;

    while (left && parser->words.kind == WORD_SIGN && parser->words.sign < 256 &&
           (found = strchr(signs, parser->words.sign))) {
        words_next(&parser->words);
        node = expression_node_new(parser, kinds[found - signs]);
        if (!node)
            return NULL;
        node->left = left;
        node->right = operand(parser);
        left = node->right ? node : NULL;
    }
    return left;
}

static struct expression_node *
parse_product(struct expression_parser *parser)
{
    static const enum expression_kind kinds[] = { EXPRESSION_MULTIPLY, EXPRESSION_DIVIDE };

    return parse_chain(parser, parse_signed, "*/", kinds);
}

static struct expression_node *
parse_sum(struct expression_parser *parser)
{
    static const enum expression_kind kinds[] = { EXPRESSION_ADD, EXPRESSION_SUBTRACT };

    return parse_chain(parser, parse_product, "+-", kinds);
}

/* ---- the condition ---- */

static const struct {
    const char *word;
    int sign;
} comparisons[] = {
    [EXPRESSION_GREATER] = { ">", '>' },
    [EXPRESSION_GREATER_EQUAL] = { ">=", '>' * 256 + '=' },
    [EXPRESSION_LESS] = { "<", '<' },
    [EXPRESSION_LESS_EQUAL] = { "<=", '<' * 256 + '=' },
    [EXPRESSION_SAME] = { "==", '=' * 256 + '=' },
    [EXPRESSION_DIFFERENT] = { "!=", '!' * 256 + '=' },
};
#define COMPARISONS (sizeof comparisons / sizeof *comparisons)

static int
parse_comparison(struct expression_parser *parser)
{
    size_t i;

    for (i = 0; i < COMPARISONS; i++)
        if (words_is(&parser->words, comparisons[i].sign)) {
            parser->expression->comparison = (enum expression_comparison)i;
            words_next(&parser->words);
            return 0;
        }
    return words_fail(&parser->words, NULL, "a comparison is missing: > >= < <= == !=");
}

static int
parse_condition(struct expression_parser *parser)
{
    struct expression *expression = parser->expression;
    uint32_t i;

    expression->left = parse_sum(parser);
    if (!expression->left || parse_comparison(parser) || !(expression->right = parse_sum(parser)))
        return -EINVAL;
    if (*parser->words.report->text)
        return -EINVAL;
    if (parser->words.kind != WORD_END)
        return words_fail(&parser->words, NULL, "the condition should be over here");
    for (i = 0; i < expression->nodes_n; i++)
        if (expression->nodes[i]->selector)
            return 0;
    return report_fail(parser->words.report, -EINVAL, "the condition does not ask for any metric");
}

struct expression *
expression_parse(const char *text, struct report *report)
{
    struct expression_parser *parser;
    struct expression *expression;
    int result = -ENOMEM;

    if (strlen(text) > EXPRESSION_BYTES) {
        report_fail(report, -EINVAL, "a condition has at most %u bytes", EXPRESSION_BYTES);
        return NULL;
    }
    parser = calloc(1, sizeof *parser);
    expression = calloc(1, sizeof *expression);
    if (parser && expression && (expression->text = strdup(text))) {
        parser->expression = expression;
        words_begin(&parser->words, expression->text, report);
        result = parse_condition(parser);
    }
    if (result == -ENOMEM)
        report_fail(report, result, "no memory");
    free(parser);
    if (!result)
        return expression;
    expression_free(expression);
    return NULL;
}

const char *
expression_comparison_word(enum expression_comparison comparison)
{
    return (size_t)comparison < COMPARISONS ? comparisons[comparison].word : "";
}

int
expression_compare(enum expression_comparison comparison, double a, double b)
{
    switch (comparison) {
    case EXPRESSION_GREATER:
        return a > b;
    case EXPRESSION_GREATER_EQUAL:
        return a >= b;
    case EXPRESSION_LESS:
        return a < b;
    case EXPRESSION_LESS_EQUAL:
        return a <= b;
    case EXPRESSION_SAME:
        return a == b;
    default:
        return a != b;
    }
}
