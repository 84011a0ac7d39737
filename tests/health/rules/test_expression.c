/*
 * Conditions: what is one, what is refused and with which sentence, and that no text at all does harm:
 * lib/health/rules/expression/expression.h.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "health/rules/expression/expression.h"
#include "health/rules/rules.h"

static const char *const good[] = {
    "sum(shop_active) > 3",
    "sum(rate(shop_requests_total{status=~\"5..\"}[5m])) / sum(rate(shop_requests_total[5m])) > 0.05",
    "histogram_quantile(0.95, sum(rate(shop_latency_seconds[5m]))) > 1",
    "histogram_quantile(-.5e-1, sum by (le) (rate(shop_latency_seconds_bucket{route=\"/\"}[90s]))) > Inf",
    "histogram_quantile(1, sum(increase(x_bucket[1h])) by (le)) != nan",
    "histogram_sum(sum(rate(x[5m]))) / histogram_count(sum(rate(x[5m]))) >= .1",
    "SUM (rate (x_bucket {le=\"0.3\", a!=\"b\" ,} [ 1m30s ] ) )\n# why not\n<= 1e3",
    "-sum(x) + -(2 - max(max_over_time(y[1h]))) * 3 < - - 1",
    "sum(x{a=~\"\\\\d+[\\\\.]\", b!~`(?i)b|(a?)+|c??|\\pL`, c=~\"\"}) > 1",
    "count(increase(a:b_total{a='x\\'y', b=`\\d`, c!~\"a|b[.]c\"}[1s500ms])) == 1",
};

static const struct {
    const char *text, *why;
} bad[] = {
    { "", "a number, sum(...) or the like belongs here, at the end" },
    { "1 > 2", "does not ask for any metric" },
    { "sum(x)", "a comparison is missing: > >= < <= == !=, at the end" },
    { "sum(x) > 1 > 2", "should be over here, at character 12, before \"> 2\"" },
    { "sum(x > 1", "a \")\" is missing, at character 7, before \"> 1\"" },
    { "x > 1", "put sum(...)" },
    { "sum(x) by (a) > 1", "write sum(...), without by" },
    { "sum by (le) (x) > 1", "write sum(...), without by" },
    { "sum(x{le=\"1\"}) > 1", "only NAME_bucket has the label le" },
    { "sum(x_bucket{le=~\"1\"}) > 1", "le=\"NUMBER\"" },
    { "sum(x_bucket{le=\"one\"}) > 1", "must be a number" },
    { "sum(x[5m]) > 1", "needs a function" },
    { "sum(rate(x)) > 1", "a window like [5m] is missing" },
    { "sum(rate(x[2h])) > 1", "at most 1h" },
    { "sum(rate(x[5])) > 1", "a duration like 5m" },
    { "sum(rate(x[5m5h])) > 1", "a duration like 5m" },
    { "sum(irate(x[5m])) > 1", "this function is not known" },
    { "sum(x{a=\"b}) > 1", "this text has no end, at character 9" },
    { "sum(x{a=\"\\d\"}) > 1", "write a backslash as \\\\" },
    { "sum(x{a=~\"(b\"}) > 1", "no regular expression" },
    { "sum(x{a=~\"(a{99}){99}\"}) > 1", "repeats too much" },
    { "sum(x{a=~\"(b)\\\\1\"}) > 1", "back reference" },
    { "sum(x{a=~\"\\\\C\"}) > 1", "a single byte" },
    { "sum(x{a=~`\xff`}) > 1", "invalid UTF-8" },
    { "sum(x{__name__=\"y\"}) > 1", "not the name of a label" },
    { "sum({a=\"b\"}) > 1", "the name of a metric belongs here" },
    { "histogram_quantile(0.5, rate(x[5m])) > 1", "sum(rate(HISTOGRAM[5m])) belongs here" },
    { "histogram_quantile(0.5, sum(rate(x_bucket[5m]))) > 1", "sum by (le)" },
    { "histogram_quantile(0.5, sum by (le) (rate(x[5m]))) > 1", "sum by (le)" },
    { "histogram_quantile(0.5, sum by (job) (rate(x[5m]))) > 1", "only histogram_quantile takes" },
    { "histogram_quantile(sum(x), sum(rate(x[5m]))) > 1", "a number like 0.95" },
    { "histogram_count(sum by (le) (rate(x_bucket[5m]))) > 1", "NAME_count" },
    { "sum(x) > 0x10", "this is no number" },
    { "sum(x) > 5m", "this is no number" },
    { "sum(x) > \xc3\xa4", "not understood, at character 10" },
    { "sum(x) > bool 1", "put sum(...)" },
    { "sum(x) and sum(y) > 1", "a comparison is missing" },
};

static void
conditions_are_read(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        struct report report = { 0 };
        struct expression *expression = expression_parse(good[i], &report);
        if (!expression)
            fail_msg("%s: %s", good[i], report.text);
        expression_free(expression);
    }
}

static void
mistakes_are_answered_with_a_sentence_and_a_place(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct report report = { 0 };
        if (expression_parse(bad[i].text, &report))
            fail_msg("accepted: %s", bad[i].text);
        if (!strstr(report.text, bad[i].why))
            fail_msg("%s: %s", bad[i].text, report.text);
    }
}

static double
value_of(const struct expression_node *node)
{
    switch (node->kind) {
    case EXPRESSION_NUMBER:
        return node->number;
    case EXPRESSION_NEGATE:
        return -value_of(node->left);
    case EXPRESSION_ADD:
        return value_of(node->left) + value_of(node->right);
    case EXPRESSION_SUBTRACT:
        return value_of(node->left) - value_of(node->right);
    case EXPRESSION_MULTIPLY:
        return value_of(node->left) * value_of(node->right);
    case EXPRESSION_DIVIDE:
        return value_of(node->left) / value_of(node->right);
    default:
        return NAN;
    }
}

static void
operators_bind_as_they_do_in_promql(void **state)
{
    static const struct {
        const char *text;
        double wanted;
    } cases[] = {
        { "sum(x) > 2 + 3 * 4", 14 },  { "sum(x) > 2 - 3 - 4", -5 },   { "sum(x) > 24 / 4 / 2", 3 },
        { "sum(x) > -2 * -3 + 1", 7 }, { "sum(x) > (2 + 3) * 4", 20 }, { "sum(x) > 2 * 3 / 4 - -1e1", 11.5 },
        { "sum(x) > - -2 - (-1)", 3 }, { "sum(x) > 1 + +2", 3 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct report report = { 0 };
        struct expression *expression = expression_parse(cases[i].text, &report);
        if (!expression || value_of(expression->right) != cases[i].wanted)
            fail_msg("%s", cases[i].text);
        expression_free(expression);
    }
}

static void
no_condition(const char *text, const char *wanted)
{
    struct report report = { 0 };

    assert_null(expression_parse(text, &report));
    assert_non_null(strstr(report.text, wanted));
}

static void
depth_and_length_are_bounded(void **state)
{
    static char text[EXPRESSION_BYTES + 2];
    size_t i;

    (void)state;
    memset(text, '(', sizeof text - 2);
    no_condition(text, "within each other");
    memset(text, '-', sizeof text - 2);
    no_condition(text, "within each other");
    for (i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "1+", 2);
    no_condition(text, "too long");
    memset(text, ' ', sizeof text - 1);
    no_condition(text, "4096 bytes");
}

/* A generator of our own: the same texts everywhere. */
static uint32_t
draw(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % n;
}

static void
mutate(char *text, size_t room, uint64_t *seed)
{
    static const char bytes[] = "()[]{}\"'`\\,=~!<>+-*/.:#_ \n059aesmhinf\xc3\xff\x01";
    size_t len = strlen(text), at = draw(seed, (uint32_t)len + 1), n;

    switch (draw(seed, 4)) {
    case 0: /* another byte */
        if (at < len)
            text[at] = bytes[draw(seed, sizeof bytes - 1)];
        break;
    case 1: /* one more */
        if (len + 1 < room) {
            memmove(text + at + 1, text + at, len - at + 1);
            text[at] = bytes[draw(seed, sizeof bytes - 1)];
        }
        break;
    case 2: /* a few fewer */
        n = draw(seed, 6);
        if (at + n <= len)
            memmove(text + at, text + at + n, len - at - n + 1);
        break;
    default: /* a part again */
        n = draw(seed, 20);
        if (at + n <= len && len + n < room) {
            memmove(text + at + n, text + at, len - at + 1);
        }
        break;
    }
}

static void
no_mutation_of_a_condition_does_harm(void **state)
{
    uint64_t seed = 7;
    uint32_t i, k, accepted = 0, rounds = 40000;
    char text[512];

    (void)state;
    for (i = 0; i < rounds; i++) {
        struct report report = { 0 };
        struct expression *expression;
        snprintf(text, sizeof text, "%s", good[draw(&seed, sizeof good / sizeof *good)]);
        for (k = draw(&seed, 6) + 1; k; k--)
            mutate(text, sizeof text, &seed);
        expression = expression_parse(text, &report);
        if (!expression && !*report.text)
            fail_msg("no sentence: %s", text);
        if (expression && *report.text)
            fail_msg("accepted with a sentence: %s: %s", text, report.text);
        accepted += expression != NULL;
        expression_free(expression);
    }
    print_message("# %u of %u mutations are conditions still\n", accepted, rounds);
    assert_in_range(accepted, 100, rounds - 100);
}

static void
refused(struct rules *rules, const struct rule_spec *spec, enum rules_field field, const char *wanted)
{
    struct report report = { 0 };

    assert_int_equal(rules_add(rules, spec, &report), -EINVAL);
    assert_int_equal(report.field, field);
    if (!strstr(report.text, wanted))
        fail_msg("%s", report.text);
}

static void
rules_are_checked_and_the_field_is_named(void **state)
{
    const struct rule_spec rule = { "errors", "sum(x) > 1", 60, STATUS_FAILING, "a line" };
    struct rule_spec wrong = rule;
    struct rules *rules = rules_new();
    struct report report = { 0 };

    (void)state;
    assert_int_equal(rules_add(rules, &rule, &report), 0);
    assert_string_equal(report.text, "");
    wrong.name = "two\nlines";
    refused(rules, &wrong, RULES_NAME, "one line of 1 to 128 bytes");
    wrong.name = NULL;
    refused(rules, &wrong, RULES_NAME, "one line");
    wrong = rule;
    wrong.message = "two\nlines";
    refused(rules, &wrong, RULES_MESSAGE, "one line of at most 256 bytes");
    wrong = rule;
    wrong.expression = "sum(x >";
    refused(rules, &wrong, RULES_EXPRESSION, "missing");
    wrong.expression = NULL;
    refused(rules, &wrong, RULES_EXPRESSION, "at the end");
    wrong = rule;
    wrong.for_seconds = 1e6;
    refused(rules, &wrong, RULES_FOR, "1d");
    wrong = rule;
    wrong.severity = STATUS_OK;
    refused(rules, &wrong, RULES_SEVERITY, "degraded or failing");
    assert_int_equal(rules_n(rules), 1); /* what was refused is not there */
    rules_free(rules);
}

static void
refused_summary(const struct summary_spec *spec, enum rules_field field, uint32_t item, const char *wanted)
{
    struct rules *rules = rules_new();
    struct report report = { 0 };

    assert_int_equal(rules_add_summary(rules, spec, &report), -EINVAL);
    assert_int_equal(report.field, field);
    assert_int_equal(report.item, item);
    if (!strstr(report.text, wanted))
        fail_msg("%s", report.text);
    assert_int_equal(rules_summaries_n(rules), 0);
    rules_free(rules);
}

static void
summaries_are_checked_and_the_field_is_named(void **state)
{
    static const char *const by[] = { "method", "route", "method" }, *const le[] = { "a", "le" };
    static const char *const nine[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
    const struct summary_spec summary = { "x_seconds", by, 2, 300, 0.3 };
    struct summary_spec wrong = summary;
    struct rules *rules = rules_new();
    struct report report = { 0 };

    (void)state;
    assert_int_equal(rules_add_summary(rules, &summary, &report), 0);
    assert_string_equal(report.text, "");
    rules_free(rules);
    wrong.by_n = 3;
    refused_summary(&wrong, RULES_BY, 2, "twice");
    wrong.by = le, wrong.by_n = 2;
    refused_summary(&wrong, RULES_BY, 1, "groups");
    wrong.by = nine, wrong.by_n = 9;
    refused_summary(&wrong, RULES_BY, 8, "at most 8 labels");
    wrong = summary;
    wrong.over_seconds = 7200;
    refused_summary(&wrong, RULES_OVER, 0, "1h");
    wrong = summary;
    wrong.apdex_seconds = NAN;
    refused_summary(&wrong, RULES_APDEX, 0, "apdex");
    wrong = summary;
    wrong.histogram = "no-name";
    refused_summary(&wrong, RULES_HISTOGRAM, 0, "no name");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_read),
        cmocka_unit_test(mistakes_are_answered_with_a_sentence_and_a_place),
        cmocka_unit_test(operators_bind_as_they_do_in_promql),
        cmocka_unit_test(depth_and_length_are_bounded),
        cmocka_unit_test(no_mutation_of_a_condition_does_harm),
        cmocka_unit_test(rules_are_checked_and_the_field_is_named),
        cmocka_unit_test(summaries_are_checked_and_the_field_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
