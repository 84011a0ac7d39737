/* A selector of series: a name and matchers of labels, as in PromQL. It knows labels, not values. */
#ifndef SHMETER_HEALTH_RULES_SELECTOR_H
#define SHMETER_HEALTH_RULES_SELECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"
#include "model/model.h"

#define SELECTOR_MATCHERS 16u

enum matcher_kind { MATCHER_IS, MATCHER_IS_NOT, MATCHER_LIKE, MATCHER_NOT_LIKE };

struct selector;

/*
 * A selector without matchers; name is copied. NULL: no memory. selector_add() adds a matcher, and returns 0, -ENOMEM,
 * or -EINVAL with a sentence in report. A regular expression (base/regex.h) matches the whole value.
 */
struct selector *selector_new(const char *name, size_t name_len);
int selector_add(struct selector *selector, const char *label, size_t label_len, enum matcher_kind kind,
                 const char *value, struct report *report);
void selector_free(struct selector *selector);

const char *selector_name(const struct selector *selector);
void selector_rename(struct selector *selector, size_t len); /* cuts the name to its first len bytes */

/* Whether the labels match: 1, 0 or -ENOMEM. A label that a series does not have is "". The name is not compared. */
int selector_matches(const struct selector *selector, const struct model_series *series);
int selector_matches_labels(const struct selector *selector, const char *const *labels, const char *const *values,
                            uint32_t labels_n);

/* Whether both have the same name and matchers. */
int selector_same(const struct selector *a, const struct selector *b);

#endif
