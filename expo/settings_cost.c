/*
 * What a regular expression would be with its repetitions written out. The C library does write them out: each + and each interval
 * copies what it repeats, so a short line of nested ones takes all memory. It knows no more of the grammar than that.
 */
#include "expo/settings.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 32u /* groups within each other */

/* Behind a bracket expression that begins at *at ("[^]a[:alpha:]-z]"). */
static const char *
skip_brackets(const char *at)
{
    at++;
    if (*at == '^')
        at++;
    if (*at == ']')
        at++;
    while (*at && *at != ']') {
        if (*at == '[' && at[1] && strchr(":.=", at[1])) {
            const char end[3] = { at[1], ']', 0 };
            const char *found = strstr(at + 2, end);
            at = found ? found + 1 : at;
        }
        at++;
    }
    return *at ? at + 1 : at;
}

/* How many times *at copies what is before it; *end is behind the repetition. */
static uint64_t
copies_of(const char *at, const char **end)
{
    unsigned long from, to = 0;
    char *behind;

    *end = at + 1;
    if (*at != '{')
        return *at == '+' ? 2 : 1;
    from = strtoul(at + 1, &behind, 10);
    if (*behind == ',')
        to = strtoul(behind + 1, &behind, 10);
    *end = *behind == '}' ? behind + 1 : behind;
    from = from > to ? from : to;
    return from > SETTINGS_COST ? SETTINGS_COST + 1 : from ? from : 1;
}

static uint64_t
held(uint64_t cost)
{
    return cost > SETTINGS_COST ? SETTINGS_COST + 1 : cost;
}

uint32_t
settings_expression_cost(const char *expression)
{
    uint64_t before[DEPTH + 1] = { 0 }, last = 0; /* parts of each open group but the last one, and of that one */
    const char *at = expression, *end;
    uint32_t depth = 0;

    while (*at) {
        end = at + 1;
        if (*at && strchr("*+?{", *at)) {
            last = held(last * copies_of(at, &end));
        } else if (*at == '(') {
            before[depth] = held(before[depth] + last);
            if (++depth > DEPTH)
                return SETTINGS_COST + 1;
            before[depth] = last = 0;
        } else if (*at == ')' && depth) {
            last = held(before[depth--] + last + 1);
        } else {
            if (*at == '\\' && at[1] >= '1' && at[1] <= '9')
                return SETTINGS_COST_BACK;
            end = *at == '\\' && at[1] ? at + 2 : *at == '[' ? skip_brackets(at) : at + 1;
            before[depth] = held(before[depth] + last);
            last = 1;
        }
        at = end;
    }
    for (last = held(last + before[depth]); depth; depth--)
        last = held(last + before[depth - 1]);
    return (uint32_t)last;
}
