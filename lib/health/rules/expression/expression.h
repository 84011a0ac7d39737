/*
 * Parses the conditions of rules: a subset of PromQL in which every expression is one number, compared with another
 * one. It knows neither models nor histories.
 *
 *     condition   = number COMPARISON number                     > >= < <= == !=
 *     number      = literal | - number | ( number ) | number + number | - * / | aggregate | of_histogram
 *     aggregate   = (sum | min | max | avg | count) ( vector )
 *     vector      = selector | function ( selector [5m] )
 *     function    = rate | increase | delta | min_over_time | max_over_time | avg_over_time
 *     of_histogram = histogram_quantile ( literal , histogram ) | (histogram_count | histogram_sum) ( histogram )
 *     histogram   = sum ( (rate | increase) ( selector [5m] ) )
 *                 | sum by (le) ( (rate | increase) ( NAME_bucket selector [5m] ) )
 *     selector    = NAME [ { label = "text", label != "text", label =~ "expression", label !~ "expression" } ]
 *
 * Everything that is accepted is valid PromQL and means the same there. Label expressions are those of base/regex.h,
 * matched against the whole value.
 */
#ifndef SHMETER_HEALTH_RULES_EXPRESSION_EXPRESSION_H
#define SHMETER_HEALTH_RULES_EXPRESSION_EXPRESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"
#include "health/rules/selector.h"

#define EXPRESSION_BYTES       4096u /* of a condition's text */
#define EXPRESSION_DEPTH       32u   /* nested parentheses and signs */
#define EXPRESSION_NODES       256u
#define EXPRESSION_WINDOW_MOST 3600.0 /* seconds; the longest [window] */

enum expression_kind {
    EXPRESSION_NUMBER,
    EXPRESSION_NEGATE, /* left */
    EXPRESSION_ADD,    /* left, right; so are the next three */
    EXPRESSION_SUBTRACT,
    EXPRESSION_MULTIPLY,
    EXPRESSION_DIVIDE,
    EXPRESSION_AGGREGATE, /* aggregate over the series of a selector, after its function */
    EXPRESSION_QUANTILE,  /* number: q. Over the sum of a selector's histograms, as the next two */
    EXPRESSION_COUNT_OF,
    EXPRESSION_SUM_OF
};

enum expression_aggregate { EXPRESSION_SUM, EXPRESSION_MIN, EXPRESSION_MAX, EXPRESSION_AVG, EXPRESSION_COUNT };

enum expression_function {
    EXPRESSION_VALUE, /* the present value; without a window */
    EXPRESSION_RATE,
    EXPRESSION_INCREASE,
    EXPRESSION_DELTA,
    EXPRESSION_MIN_OVER_TIME,
    EXPRESSION_MAX_OVER_TIME,
    EXPRESSION_AVG_OVER_TIME
};

struct expression_node {
    enum expression_kind kind;
    double number;
    struct expression_node *left, *right;
    enum expression_aggregate aggregate;
    enum expression_function function;
    double window_seconds;
    struct selector *selector; /* for the last four kinds */
    uint32_t is_classic;       /* 1: sum by (le) of NAME_bucket; the selector's name has no _bucket */
    double le;                 /* for NAME_bucket{le="..."}; the selector's name has no _bucket. NaN: not a bucket */
    uint32_t idx;              /* its index in the expression's nodes */
};

enum expression_comparison {
    EXPRESSION_GREATER,
    EXPRESSION_GREATER_EQUAL,
    EXPRESSION_LESS,
    EXPRESSION_LESS_EQUAL,
    EXPRESSION_SAME,
    EXPRESSION_DIFFERENT
};

struct expression {
    char *text; /* as given */
    struct expression_node *left, *right;
    enum expression_comparison comparison;
    struct expression_node *nodes[EXPRESSION_NODES]; /* all nodes */
    uint32_t nodes_n;
};

/*
 * Parses a condition. NULL: report, which was empty, has one sentence that says where the mistake is, or "no memory".
 * Free with expression_free().
 */
struct expression *expression_parse(const char *text, struct report *report);
void expression_free(struct expression *expression);

/*
 * Parses a selector alone. NULL: report, which was empty, has one sentence. One bucket, by le, is not accepted: a
 * series has all of them. Free with selector_free().
 */
struct selector *expression_selector(const char *text, struct report *report);

/* The word of a comparison, such as ">"; and whether it holds for a and b. With NaN only != holds, as in PromQL. */
const char *expression_comparison_word(enum expression_comparison comparison);
int expression_compare(enum expression_comparison comparison, double a, double b);

#endif
