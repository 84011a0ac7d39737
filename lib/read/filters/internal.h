/*
 * What the files of filters/ share; no other file includes it.
 */
#ifndef SHMETER_READ_FILTERS_INTERNAL_H
#define SHMETER_READ_FILTERS_INTERNAL_H

#include "read/filters/filters.h"

/* Checks everything except expressions. 0, or -EINVAL with a sentence and the field. */
int settings_check(const struct settings_spec *spec, struct report *report);

#endif
