/*
 * Evaluates nodes to numbers, as PromQL does: if no series has a value there is no result, and arithmetic is that of
 * doubles.
 */
#include "health/rules/evaluate.h"

#include <math.h>

#include "health/rules/distribution.h"

static const char no_data[] = "no series has values for it";

struct term_want
evaluate_want(const struct expression_node *node)
{
    static const enum term_kind kinds[] = {
        [EXPRESSION_VALUE] = TERM_VALUE,           [EXPRESSION_RATE] = TERM_INCREASE,
        [EXPRESSION_INCREASE] = TERM_INCREASE,     [EXPRESSION_DELTA] = TERM_DELTA,
        [EXPRESSION_MIN_OVER_TIME] = TERM_MINIMUM, [EXPRESSION_MAX_OVER_TIME] = TERM_MAXIMUM,
        [EXPRESSION_AVG_OVER_TIME] = TERM_MEAN,
    };
    struct term_want want = { .selector = node->selector, .le = node->le, .window_seconds = node->window_seconds };

    want.kind = node->kind == EXPRESSION_AGGREGATE ? kinds[node->function] : TERM_HISTOGRAM;
    want.is_each = want.kind == TERM_MINIMUM || want.kind == TERM_MAXIMUM || want.kind == TERM_MEAN ||
                   ((want.kind == TERM_INCREASE || want.kind == TERM_DELTA) &&
                    (node->aggregate == EXPRESSION_MIN || node->aggregate == EXPRESSION_MAX));
    return want;
}

static int
nothing(struct evaluate *evaluate, const char *problem)
{
    if (!evaluate->problem)
        evaluate->problem = problem ? problem : no_data;
    return -1;
}

static int
evaluate_aggregate(struct evaluate *evaluate, const struct expression_node *node, const struct term *term, double *out)
{
    struct term_total total = term_total(term, evaluate->model, evaluate->history);
    double per = node->function == EXPRESSION_RATE ? term->window.covered_seconds : 1;

    if (!total.n || !(per > 0))
        return nothing(evaluate, term->problem);
    switch (node->aggregate) {
    case EXPRESSION_SUM:
        *out = total.sum / per;
        break;
    case EXPRESSION_MIN:
        *out = total.least / per;
        break;
    case EXPRESSION_MAX:
        *out = total.most / per;
        break;
    case EXPRESSION_AVG:
        *out = total.sum / total.n / per;
        break;
    default:
        *out = total.n;
        break;
    }
    return 0;
}

static double
of_distribution(struct evaluate *evaluate, const struct expression_node *node, const struct term *term,
                const struct distribution *distribution)
{
    double per = node->function == EXPRESSION_RATE ? term->window.covered_seconds : 1;
    const char *problem = NULL;
    double out;

    if (node->kind == EXPRESSION_COUNT_OF)
        return distribution->count / per;
    if (node->kind == EXPRESSION_SUM_OF)
        return distribution->sum / per;
    out = distribution_quantile(distribution, node->number, node->is_classic ? DISTRIBUTION_CLASSIC : DISTRIBUTION_OWN,
                                &problem);
    if (problem)
        nothing(evaluate, problem);
    return out;
}

static int
evaluate_histogram(struct evaluate *evaluate, const struct expression_node *node, const struct term *term, double *out)
{
    struct distribution distribution;
    uint32_t i;
    int failed = 0;

    if (!term_total(term, evaluate->model, evaluate->history).n || !(term->window.covered_seconds > 0))
        return nothing(evaluate, term->problem);
    distribution_begin(&distribution);
    for (i = 0; i < term->groups_n; i++)
        failed |= distribution_add(&distribution, term, evaluate->history, &term->groups[i]);
    *out = of_distribution(evaluate, node, term, &distribution);
    distribution_free(&distribution);
    return failed ? nothing(evaluate, "no memory") : evaluate->problem ? -1 : 0;
}

int
evaluate_node(struct evaluate *evaluate, const struct expression_node *node, double *out)
{
    const struct term *term = node->selector ? evaluate->terms[evaluate->term_of[node->idx]] : NULL;
    double left = 0, right = 0;

    if (node->kind == EXPRESSION_NUMBER) {
        *out = node->number;
        return 0;
    }
    if (term)
        return node->kind == EXPRESSION_AGGREGATE ? evaluate_aggregate(evaluate, node, term, out)
                                                  : evaluate_histogram(evaluate, node, term, out);
    if (evaluate_node(evaluate, node->left, &left) || (node->right && evaluate_node(evaluate, node->right, &right)))
        return -1;
    *out = node->kind == EXPRESSION_NEGATE     ? -left
           : node->kind == EXPRESSION_ADD      ? left + right
           : node->kind == EXPRESSION_SUBTRACT ? left - right
           : node->kind == EXPRESSION_MULTIPLY ? left * right
                                               : left / right;
    return 0;
}
