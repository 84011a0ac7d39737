/* There are few matchers, and they are tried once for each new series, not at each evaluation. */
#include "health/rules/selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/regex.h"

struct matcher {
    char *label, *value;
    enum matcher_kind kind;
    struct regex *pattern; /* for =~ and !~; else NULL */
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

int
selector_add(struct selector *selector, const char *label, size_t label_len, enum matcher_kind kind, const char *value,
             struct report *report)
{
    struct matcher *matcher = &selector->matchers[selector->matchers_n];
    int result;

    if (selector->matchers_n == SELECTOR_MATCHERS)
        return report_fail(report, -EINVAL, "a selector may have at most %u matchers", SELECTOR_MATCHERS);
    matcher->kind = kind;
    matcher->label = strndup(label, label_len);
    matcher->value = strdup(value);
    result = matcher->label && matcher->value ? 0 : -ENOMEM;
    if (!result && (kind == MATCHER_LIKE || kind == MATCHER_NOT_LIKE))
        result = regex_new(&matcher->pattern, value, report);
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
        regex_free(selector->matchers[i].pattern);
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

/* Whether a matcher matches: 1, 0 or -ENOMEM. */
static int
matches(const struct matcher *matcher, const char *const *labels, const char *const *values, uint32_t labels_n)
{
    const char *value = "";
    uint32_t i;
    int fits;

    for (i = 0; i < labels_n; i++)
        if (!strcmp(labels[i], matcher->label))
            value = values[i];
    fits = matcher->pattern ? regex_matches(matcher->pattern, value) : !strcmp(matcher->value, value);
    return fits < 0 ? fits : fits == (matcher->kind == MATCHER_IS || matcher->kind == MATCHER_LIKE);
}

int
selector_matches_labels(const struct selector *selector, const char *const *labels, const char *const *values,
                        uint32_t labels_n)
{
    uint32_t i;
    int result = 1;

    for (i = 0; i < selector->matchers_n && result == 1; i++)
        result = matches(&selector->matchers[i], labels, values, labels_n);
    return result;
}

int
selector_matches(const struct selector *selector, const struct model_series *series)
{
    return selector_matches_labels(selector, series->shape->labels, series->values, series->shape->labels_n);
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
