/*
 * What the files of filters/ share; no other file includes it.
 */
#ifndef SHMETER_READ_FILTERS_INTERNAL_H
#define SHMETER_READ_FILTERS_INTERNAL_H

#include "read/filters/filters.h"

/* Whatever is known without compiling an expression. 0, or -EINVAL with a sentence and the field. */
int settings_check(const struct settings_spec *spec, struct report *report);

#endif
