/*
 * The terms of all rules and summaries; equal ones are shared.
 */
#ifndef SHMETER_HEALTH_RULES_TERM_TERMS_H
#define SHMETER_HEALTH_RULES_TERM_TERMS_H

#include "health/rules/term/term.h"

struct terms { /* zeroed to begin with */
    struct term **list;
    uint32_t n;
};

/*
 * The index of the term with this want, which is added if need be; or -ENOMEM. What want points to must outlive the
 * list.
 */
int64_t terms_add(struct terms *terms, const struct term_want *want);

/* Moves the histories of terms that are the same in both from former to terms. Afterwards former can only be freed. */
void terms_take(struct terms *terms, struct terms *former);

void terms_free(struct terms *terms);

#endif
