/*
 * Names in UTF-8 for scrapers: as they are, or escaped to [a-zA-Z_:][a-zA-Z0-9_:]* by one of the schemes of Prometheus
 * (prometheus.io/docs/instrumenting/escaping_schemes). Names of that form are the same in every scheme.
 */
#ifndef SHMETER_FORMATS_ESCAPE_H
#define SHMETER_FORMATS_ESCAPE_H

#include "base/containers/buffer.h"

enum escaping {
    ESCAPE_UNDERSCORES, /* every other character becomes _ */
    ESCAPE_NOTHING,     /* allow-utf-8: names stay, in quotes where the format has lines */
    ESCAPE_DOTS,        /* . becomes _dot_, _ becomes __, others become __ */
    ESCAPE_VALUES,      /* U__, and _HEX_ for each other character */
    ESCAPINGS
};

extern const char *const escape_words[ESCAPINGS]; /* of the parameter escaping */

/* Appends the escaped name. 0 or -ENOMEM. */
int escape_name(struct buffer *out, const char *name, enum escaping escaping);

#endif
