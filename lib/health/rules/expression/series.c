/* The parts of conditions that are about series: selectors with their windows, aggregates, histograms. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/expression/internal.h"

#define WINDOW_LEAST 1.0

/* ---- nodes ---- */

int
expression_no_memory(struct expression_parser *parser)
{
    parser->words.kind = WORD_END;
    return report_fail(parser->words.report, -ENOMEM, "no memory");
}

struct expression_node *
expression_node_new(struct expression_parser *parser, enum expression_kind kind)
{
    struct expression *expression = parser->expression;
    struct expression_node *node;

    if (expression->nodes_n == EXPRESSION_NODES) {
        words_fail(&parser->words, NULL, "the condition is too long");
        return NULL;
    }
    node = calloc(1, sizeof *node);
    if (!node) {
        expression_no_memory(parser);
        return NULL;
    }
    node->kind = kind;
    node->le = NAN;
    node->idx = expression->nodes_n;
    expression->nodes[expression->nodes_n++] = node;
    return node;
}

/* Skips the sign, which must be the present word. */
int
expression_expect(struct expression_parser *parser, int sign)
{
    if (words_take(&parser->words, sign))
        return 0;
    return words_fail(&parser->words, NULL, "a \"%c\" is missing", sign);
}

/* ---- selectors ---- */

static int
match_of(const struct words *words)
{
    static const int signs[] = { [MATCHER_IS] = '=',
                                 [MATCHER_IS_NOT] = '!' * 256 + '=',
                                 [MATCHER_LIKE] = '=' * 256 + '~',
                                 [MATCHER_NOT_LIKE] = '!' * 256 + '~' };
    int i;

    for (i = 0; i < (int)(sizeof signs / sizeof *signs); i++)
        if (words_is(words, signs[i]))
            return i;
    return -1;
}

/* Takes le="0.5", which chooses one bucket of a histogram. */
static int
take_le(struct expression_parser *parser, struct expression_node *node, int match, const char *at)
{
    struct words *words = &parser->words;
    char *end;

    if (match != MATCHER_IS)
        return words_fail(words, at, "the label le can only be chosen by le=\"NUMBER\"");
    if (!isnan(node->le))
        return words_fail(words, at, "le is given twice");
    node->le = strtod(words->string, &end);
    if (!*words->string || *end || isnan(node->le))
        return words_fail(words, NULL, "the bound of a bucket must be a number");
    return 0;
}

static int
parse_matcher(struct expression_parser *parser, struct expression_node *node)
{
    struct words *words = &parser->words;
    const char *label = words->at;
    size_t len = words->len;
    struct report report = { 0 };
    int match, result;

    if (words->kind != WORD_NAME)
        return words_fail(words, NULL, "the name of a label belongs here");
    if (memchr(label, ':', len) || (len == 8 && !memcmp(label, "__name__", 8)))
        return words_fail(words, NULL, "this is not the name of a label");
    words_next(words);
    match = match_of(words);
    if (match < 0)
        return words_fail(words, NULL, "one of = != =~ !~ belongs here");
    words_next(words);
    if (words->kind != WORD_STRING)
        return words_fail(words, NULL, "a text in quotes belongs here");
    if (len == 2 && !memcmp(label, "le", 2)) {
        result = take_le(parser, node, match, label);
    } else {
        result = selector_add(node->selector, label, len, (enum matcher_kind)match, words->string, &report);
        if (result)
            result = result == -ENOMEM ? expression_no_memory(parser) : words_fail(words, NULL, "%s", report.text);
    }
    if (!result)
        words_next(words);
    return result;
}

static int
parse_matchers(struct expression_parser *parser, struct expression_node *node)
{
    if (!words_take(&parser->words, '{'))
        return 0;
    while (!words_is(&parser->words, '}')) {
        if (parse_matcher(parser, node))
            return -EINVAL;
        if (!words_take(&parser->words, ',') && !words_is(&parser->words, '}'))
            return words_fail(&parser->words, NULL, "a \",\" or \"}\" is missing");
    }
    words_next(&parser->words);
    return 0;
}

static int
ends_with_bucket(const char *name)
{
    size_t len = strlen(name);

    return len > 7 && !strcmp(name + len - 7, "_bucket");
}

/* Parses NAME{...} into the node. If a bucket is chosen, _bucket is cut off the name. */
static int
parse_selector(struct expression_parser *parser, struct expression_node *node)
{
    struct words *words = &parser->words;
    const char *at = words->at;

    if (words->kind != WORD_NAME)
        return words_fail(words, NULL, "the name of a metric belongs here");
    node->selector = selector_new(words->at, words->len);
    if (!node->selector)
        return expression_no_memory(parser);
    words_next(words);
    if (words_is(words, '('))
        return words_fail(words, at, "this function is not known here");
    if (parse_matchers(parser, node))
        return -EINVAL;
    if (isnan(node->le))
        return 0;
    if (!ends_with_bucket(selector_name(node->selector)))
        return words_fail(words, at, "only NAME_bucket has the label le");
    selector_rename(node->selector, strlen(selector_name(node->selector)) - 7);
    return 0;
}

struct selector *
expression_selector(const char *text, struct report *report)
{
    struct expression_node node = { .le = NAN };
    struct expression_parser *parser = calloc(1, sizeof *parser);

    if (!parser || strlen(text) > EXPRESSION_BYTES) {
        report_fail(report, -EINVAL, parser ? "a selector is too long" : "no memory");
        free(parser);
        return NULL;
    }
    words_begin(&parser->words, text, report);
    if (!parse_selector(parser, &node) && parser->words.kind != WORD_END)
        words_fail(&parser->words, NULL, "the selector should be over here");
    if (!*report->text && !isnan(node.le))
        words_fail(&parser->words, text, "a bucket is no series of its own: leave le out");
    free(parser);
    if (!*report->text)
        return node.selector;
    selector_free(node.selector);
    return NULL;
}

static int
parse_window(struct expression_parser *parser, struct expression_node *node)
{
    struct words *words = &parser->words;
    const char *at = words->at;

    if (!words_is(words, '['))
        return words_fail(words, NULL, "a window like [5m] is missing");
    node->window_seconds = words_duration(words);
    if (isnan(node->window_seconds))
        return -EINVAL;
    if (node->window_seconds < WINDOW_LEAST || node->window_seconds > EXPRESSION_WINDOW_MOST)
        return words_fail(words, at, "a window is at least 1s and at most 1h");
    words_next(words);
    return 0;
}

/* ---- aggregates ---- */

/* Parses a selector, or FUNCTION(selector[window]). */
static int
parse_vector(struct expression_parser *parser, struct expression_node *node)
{
    static const char *const functions[] = { [EXPRESSION_VALUE] = "",
                                             [EXPRESSION_RATE] = "rate",
                                             [EXPRESSION_INCREASE] = "increase",
                                             [EXPRESSION_DELTA] = "delta",
                                             [EXPRESSION_MIN_OVER_TIME] = "min_over_time",
                                             [EXPRESSION_MAX_OVER_TIME] = "max_over_time",
                                             [EXPRESSION_AVG_OVER_TIME] = "avg_over_time" };
    struct words *words = &parser->words;
    int i;

    for (i = EXPRESSION_RATE; i <= EXPRESSION_AVG_OVER_TIME; i++)
        if (words_is_name(words, functions[i]))
            break;
    if (i <= EXPRESSION_AVG_OVER_TIME && words_is_call(words)) {
        node->function = (enum expression_function)i;
        words_next(words);
        words_next(words);
        if (parse_selector(parser, node) || parse_window(parser, node))
            return -EINVAL;
        return expression_expect(parser, ')');
    }
    if (parse_selector(parser, node))
        return -EINVAL;
    if (words_is(words, '['))
        return words_fail(words, NULL, "a window needs a function: rate(NAME[5m])");
    return 0;
}

/* Parses "by (le)". Returns 1; or 0: there is none, or it has a mistake, which is reported. */
static int
parse_by_le(struct expression_parser *parser)
{
    struct words *words = &parser->words;
    const char *at = words->at;

    if (!words_is_keyword(words, "by"))
        return 0;
    words_next(words);
    if (!words_take(words, '(') || !words_is_name(words, "le")) {
        words_fail(words, at, "a condition is one number: only histogram_quantile takes sum by (le) (...)");
        return 0;
    }
    words_next(words);
    expression_expect(parser, ')');
    return 1;
}

static int
aggregate_of(const struct words *words)
{
    static const char *const names[] = { [EXPRESSION_SUM] = "sum",
                                         [EXPRESSION_MIN] = "min",
                                         [EXPRESSION_MAX] = "max",
                                         [EXPRESSION_AVG] = "avg",
                                         [EXPRESSION_COUNT] = "count" };
    int i;

    for (i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (words_is_keyword(words, names[i]))
            return i;
    return -1;
}

static struct expression_node *
parse_aggregate(struct expression_parser *parser, int aggregate)
{
    struct expression_node *node = expression_node_new(parser, EXPRESSION_AGGREGATE);
    struct words *words = &parser->words;

    if (!node)
        return NULL;
    node->aggregate = (enum expression_aggregate)aggregate;
    words_next(words);
    if (!words_is(words, '(')) {
        words_fail(words, NULL, "a condition is one number: write sum(...), without by or without");
        return NULL;
    }
    words_next(words);
    if (parse_vector(parser, node) || expression_expect(parser, ')'))
        return NULL;
    if (words_is_keyword(words, "by") || words_is_keyword(words, "without")) {
        words_fail(words, NULL, "a condition is one number: write sum(...), without by or without");
        return NULL;
    }
    return node;
}

/* ---- histograms ---- */

/* Parses sum(rate(NAME[5m])), sum by (le) (rate(NAME_bucket[5m])), or sum(rate(NAME_bucket[5m])) by (le). */
static int
parse_histogram(struct expression_parser *parser, struct expression_node *node)
{
    struct words *words = &parser->words;
    const char *at = words->at;
    const char *name;

    if (!words_is_keyword(words, "sum"))
        return words_fail(words, NULL, "sum(rate(HISTOGRAM[5m])) belongs here");
    words_next(words);
    node->is_classic = (uint32_t)parse_by_le(parser);
    if (expression_expect(parser, '(') || parse_vector(parser, node) || expression_expect(parser, ')'))
        return -EINVAL;
    if (!node->is_classic)
        node->is_classic = (uint32_t)parse_by_le(parser);
    if (*words->report->text)
        return -EINVAL;
    if (node->function != EXPRESSION_RATE && node->function != EXPRESSION_INCREASE)
        return words_fail(words, at, "sum(rate(HISTOGRAM[5m])) belongs here");
    name = selector_name(node->selector);
    if (!isnan(node->le) || ends_with_bucket(name) != (int)node->is_classic)
        return words_fail(words, at, "write sum(rate(NAME[5m])) or sum by (le) (rate(NAME_bucket[5m]))");
    if (node->is_classic)
        selector_rename(node->selector, strlen(name) - 7);
    return 0;
}

static int
parse_quantile_number(struct expression_parser *parser, struct expression_node *node)
{
    struct words *words = &parser->words;
    int negative = words_take(words, '-');

    if (words->kind != WORD_NUMBER)
        return words_fail(words, NULL, "the quantile belongs here: a number like 0.95");
    node->number = negative ? -words->number : words->number;
    words_next(words);
    return expression_expect(parser, ',');
}

static struct expression_node *
parse_of_histogram(struct expression_parser *parser, enum expression_kind kind)
{
    struct expression_node *node = expression_node_new(parser, kind);
    const char *at = parser->words.at;

    if (!node)
        return NULL;
    words_next(&parser->words);
    if (expression_expect(parser, '(') || (kind == EXPRESSION_QUANTILE && parse_quantile_number(parser, node)) ||
        parse_histogram(parser, node) || expression_expect(parser, ')'))
        return NULL;
    if (kind != EXPRESSION_QUANTILE && node->is_classic) {
        words_fail(&parser->words, at, "this takes sum(rate(NAME[5m])); or write sum(rate(NAME_count[5m]))");
        return NULL;
    }
    return node;
}

struct expression_node *
expression_series(struct expression_parser *parser)
{
    struct words *words = &parser->words;
    int aggregate = aggregate_of(words);

    if (aggregate >= 0)
        return parse_aggregate(parser, aggregate);
    if (words_is_name(words, "histogram_quantile"))
        return parse_of_histogram(parser, EXPRESSION_QUANTILE);
    if (words_is_name(words, "histogram_count"))
        return parse_of_histogram(parser, EXPRESSION_COUNT_OF);
    if (words_is_name(words, "histogram_sum"))
        return parse_of_histogram(parser, EXPRESSION_SUM_OF);
    words_fail(words, NULL, "a condition is one number: put sum(...), min, max, avg or count around what has series");
    return NULL;
}
