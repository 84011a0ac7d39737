/*
 * What a regular expression would be with its repetitions written out. The C library does write them out: each + and each interval
 * copies what it repeats, so a short line of nested ones takes all memory; and where what may be nothing is repeated, ways to go through
 * it double with each copy, so that it takes all time. It knows no more of the grammar than that.
 */
#include "read/filters/filters.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 32u /* groups within each other */

struct part {
    uint64_t cost;
    int empty; /* it matches nothing at all, too */
};

struct group {
    struct part branch; /* what stands behind the last | but for its last part            */
    int empty;          /* a branch before it is                                          */
};

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

/* How many times *at copies what is before it, *empty: or not once; *end is behind the repetition. */
static uint64_t
copies_of(const char *at, int *empty, const char **end)
{
    unsigned long from, to = 0;
    char *behind;

    *end = at + 1;
    *empty = *at == '*' || *at == '?';
    if (*at != '{')
        return *at == '+' ? 2 : 1;
    from = strtoul(at + 1, &behind, 10);
    if (*behind == ',')
        to = strtoul(behind + 1, &behind, 10);
    *end = *behind == '}' ? behind + 1 : behind;
    *empty = !from;
    from = from > to ? from : to;
    return from > SETTINGS_COST ? SETTINGS_COST + 1 : from ? from : 1;
}

static uint64_t
held(uint64_t cost)
{
    return cost > SETTINGS_COST ? SETTINGS_COST + 1 : cost;
}

static struct part
joined(struct part a, struct part b)
{
    return (struct part){ held(a.cost + b.cost), a.empty && b.empty };
}

static const struct part nothing = { 0, 1 };

/* Behind the one character, escaped or not, or the bracket expression at *at. */
static const char *
skip_one(const char *at, struct part *out)
{
    *out = (struct part){ 1, *at == '^' || *at == '$' || (*at == '\\' && at[1] && strchr("bB<>`'", at[1])) };
    if (*at == '[')
        return skip_brackets(at);
    return *at == '\\' && at[1] ? at + 2 : at + 1;
}

/* A group with all of its branches, in place of what was open. */
static struct part
closed(const struct group *group, struct part last)
{
    struct part all = joined(group->branch, last);

    return (struct part){ held(all.cost + 1), all.empty || group->empty };
}

uint32_t
settings_expression_cost(const char *expression)
{
    struct group groups[DEPTH + 1] = { { nothing, 0 } }, *group = groups;
    struct part last = nothing;
    const char *at = expression;
    int empty;

    while (*at) {
        if (strchr("*+?{", *at)) {
            if (last.empty && last.cost)
                return SETTINGS_COST_EMPTY;
            last.cost = held(last.cost * copies_of(at, &empty, &at));
            last.empty = empty;
        } else if (*at == ')' && group > groups) {
            last = closed(group--, last);
            at++;
        } else if (*at == '|') {
            last = joined(group->branch, last);
            group->empty |= last.empty;
            group->branch = (struct part){ last.cost, 1 };
            last = nothing;
            at++;
        } else {
            group->branch = joined(group->branch, last);
            last = nothing;
            if (*at == '(') {
                if (++group > groups + DEPTH)
                    return SETTINGS_COST + 1;
                *group = (struct group){ nothing, 0 };
                at++;
            } else {
                if (*at == '\\' && at[1] >= '1' && at[1] <= '9')
                    return SETTINGS_COST_BACK;
                at = skip_one(at, &last);
            }
        }
    }
    for (last = joined(group->branch, last); group > groups; group--)
        last = joined(last, group[-1].branch);
    return (uint32_t)last.cost;
}
