/*
 * Expressions of rules, of any bytes: taken or refused with a sentence, and what is taken can be worked out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/expression/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1), why[256] = "";
    struct expression *expression;

    if (!text)
        abort();
    memcpy(text, data, bytes);
    text[bytes] = 0;
    expression = expression_parse(text, why, sizeof why);
    if (!expression && !*why)
        abort();
    expression_free(expression);
    free(text);
    return 0;
}
