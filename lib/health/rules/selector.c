/*
 * Matchers are few and are asked once for each series that appears, not at each evaluation.
 */
#include "health/rules/selector.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read/filters/filters.h"

struct matcher {
    char *label, *value;
    enum matcher_kind kind;
    regex_t pattern; /* of the two LIKE kinds */
};

struct selector {
    char *name;
    struct matcher matchers[SELECTOR_MATCHERS];
    uint32_t matchers_n;
};

struct selector *
selector_new(const char *name, size_t name_len)
{
    struct selector *selector = calloc(1, sizeof *selector);

    if (selector && (selector->name = strndup(name, name_len)))
        return selector;
    free(selector);
    return NULL;
}

static int
is_pattern(enum matcher_kind kind)
{
    return kind == MATCHER_LIKE || kind == MATCHER_NOT_LIKE;
}

/*
 * What RE2, which Prometheus has, reads in another way: "\d" and its like, "(?i)", a backslash between brackets. To match something else
 * silently would be worse than to refuse.
 */
static int
check_dialect(const char *value, char *why, size_t why_bytes)
{
    const char *at, *wrong = NULL;
    int in_brackets = 0;

    for (at = value; *at && !wrong; at++) {
        if (*at == '\\' &&
            (in_brackets || (at[1] >= '0' && at[1] <= '9') || ((at[1] | 32) >= 'a' && (at[1] | 32) <= 'z')))
            wrong = at;
        else if (*at == '(' && at[1] == '?' && !in_brackets)
            wrong = at;
        else if (*at == '\\' && at[1])
            at++;
        else if (*at == '[' && !in_brackets) {
            in_brackets = 1;
            at += at[1] == '^';
            at += at[1] == ']';
        } else if (*at == ']')
            in_brackets = 0;
        else if (*at == '[' && at[1] == ':')
            at = strstr(at, ":]") ? strstr(at, ":]") + 1 : at;
    }
    if (!wrong)
        return 0;
    snprintf(why, why_bytes, "\"%.2s\" in the regular expression \"%.80s\" is not POSIX: write sets like [0-9] or [.]",
             wrong, value);
    return -EINVAL;
}

static int
compile(struct matcher *matcher, char *why, size_t why_bytes)
{
    int wrong;

    if (*matcher->value &&
        (check_dialect(matcher->value, why, why_bytes) || settings_expression_check(matcher->value, why, why_bytes)))
        return -EINVAL;
    wrong = regcomp(&matcher->pattern, matcher->value, REG_EXTENDED);
    return wrong ? -ENOMEM : 0;
}

int
selector_add(struct selector *selector, const char *label, size_t label_len, enum matcher_kind kind, const char *value,
             char *why, size_t why_bytes)
{
    struct matcher *matcher = &selector->matchers[selector->matchers_n];
    int result;

    if (selector->matchers_n == SELECTOR_MATCHERS) {
        snprintf(why, why_bytes, "a selector may have at most %u matchers", SELECTOR_MATCHERS);
        return -EINVAL;
    }
    matcher->kind = kind;
    matcher->label = strndup(label, label_len);
    matcher->value = strdup(value);
    result = !matcher->label || !matcher->value ? -ENOMEM : is_pattern(kind) ? compile(matcher, why, why_bytes) : 0;
    if (!result) {
        selector->matchers_n++;
        return 0;
    }
    free(matcher->label);
    free(matcher->value);
    return result;
}

void
selector_free(struct selector *selector)
{
    uint32_t i;

    if (!selector)
        return;
    for (i = 0; i < selector->matchers_n; i++) {
        free(selector->matchers[i].label);
        free(selector->matchers[i].value);
        if (is_pattern(selector->matchers[i].kind))
            regfree(&selector->matchers[i].pattern);
    }
    free(selector->name);
    free(selector);
}

const char *
selector_name(const struct selector *selector)
{
    return selector->name;
}

void
selector_rename(struct selector *selector, size_t len)
{
    selector->name[len] = 0;
}

static int
matches(const struct matcher *matcher, const struct model_series *series)
{
    const char *value = "";
    regmatch_t match;
    uint32_t i;
    int fits;

    for (i = 0; i < series->shape->labels_n; i++)
        if (!strcmp(series->shape->labels[i], matcher->label))
            value = series->values[i];
    if (is_pattern(matcher->kind)) /* the leftmost match is the longest one from there (POSIX.1-2017, 9.1) */
        fits = !regexec(&matcher->pattern, value, 1, &match, 0) && match.rm_so == 0 && !value[match.rm_eo];
    else
        fits = !strcmp(matcher->value, value);
    return fits == (matcher->kind == MATCHER_IS || matcher->kind == MATCHER_LIKE);
}

int
selector_matches(const struct selector *selector, const struct model_series *series)
{
    uint32_t i;

    for (i = 0; i < selector->matchers_n; i++)
        if (!matches(&selector->matchers[i], series))
            return 0;
    return 1;
}

int
selector_same(const struct selector *a, const struct selector *b)
{
    uint32_t i;

    if (strcmp(a->name, b->name) || a->matchers_n != b->matchers_n)
        return 0;
    for (i = 0; i < a->matchers_n; i++)
        if (a->matchers[i].kind != b->matchers[i].kind || strcmp(a->matchers[i].label, b->matchers[i].label) ||
            strcmp(a->matchers[i].value, b->matchers[i].value))
            return 0;
    return 1;
}
