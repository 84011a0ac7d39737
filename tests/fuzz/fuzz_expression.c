/*
 * Expressions of rules, of any bytes: taken or refused with a sentence, and the selectors of what is taken can be
 * asked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/expression/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Each selector, of a series with labels that the corpus has. */
static void
match(const struct expression *expression)
{
    static const char *const labels[] = { "a", "status" };
    static const char *const values[] = { "b\xc3\xa4", "503" };
    static const struct model_shape shape = { .labels = labels, .labels_n = 2 };
    static const struct model_series series = { .shape = &shape, .values = values };
    uint32_t i;

    for (i = 0; i < expression->nodes_n; i++)
        if (expression->nodes[i]->selector && selector_matches(expression->nodes[i]->selector, &series) < 0)
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1);
    struct report report = { 0 };
    struct expression *expression;

    if (!text)
        abort();
    memcpy(text, data, bytes);
    text[bytes] = 0;
    expression = expression_parse(text, &report);
    if (!expression == !*report.text)
        abort();
    if (expression)
        match(expression);
    expression_free(expression);
    free(text);
    return 0;
}
