/*
 * What the files of terms share; no other file includes it.
 */
#ifndef SHMETER_HEALTH_RULES_TERM_INTERNAL_H
#define SHMETER_HEALTH_RULES_TERM_INTERNAL_H

#include "health/rules/term/term.h"

/* Finds the family and the series that match, as far as they are not known. 0 or -ENOMEM. */
int term_bind(struct term *term, const struct model *model, const struct history *history);
void term_series_free(const struct term *term, struct term_series *series);

/* The index of the series' group, TERM_NONE when there are too many; or -ENOMEM. */
int64_t term_group_get(struct term *term, const struct model_series *series);
void term_group_free(const struct term *term, struct term_group *group);

/* Lets go of groups that have no series any more and in which nothing happened in the window. */
void term_groups_compact(struct term *term, const struct history *history);

/* Behind the last bucket that is <= le; 0: no bucket ends there. */
uint32_t term_bucket_end(const struct model_shape *shape, double le);

#endif
