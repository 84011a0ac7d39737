/*
 * What the files of terms share; no other file includes it.
 */
#ifndef SHMETER_HEALTH_RULES_TERM_INTERNAL_H
#define SHMETER_HEALTH_RULES_TERM_INTERNAL_H

#include "health/rules/term/term.h"

/* Finds the family, and series that are new and match. 0 or -ENOMEM. */
int term_bind(struct term *term, const struct model *model, const struct history *history);
void term_series_free(const struct term *term, struct term_series *series);

/* The index of a series' group, which is made if need be; TERM_NONE: there are too many groups; or -ENOMEM. */
int64_t term_group_get(struct term *term, const struct model_series *series);
void term_group_free(const struct term *term, struct term_group *group);

/* Frees groups that have no series any more and no increase in the window. */
void term_groups_compact(struct term *term, const struct history *history);

/* 1 + index of the bucket that ends at le; 0: no bucket does. */
uint32_t term_bucket_end(const struct model_shape *shape, double le);

#endif
