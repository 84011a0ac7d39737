/*
 * What an operator wants of some segments' series (struct store_segment), copied and made ready: expressions compiled, times in
 * nanoseconds. It knows names, neither segments nor a model.
 */
#ifndef SHMETER_READ_FILTERS_FILTERS_H
#define SHMETER_READ_FILTERS_FILTERS_H

#include <stddef.h>
#include <stdint.h>

#include "read/filters/segment.h"

#define SETTINGS_LABELS           16u
#define SETTINGS_LABEL_NAME_BYTES 200u
#define SETTINGS_VALUE_BYTES      1024u
#define SETTINGS_PREFIX_BYTES     64u
#define SETTINGS_EXPRESSIONS      64u   /* in a list; one expression can say as much with |                        */
#define SETTINGS_EXPRESSION_BYTES 512u  /* ... whose compiled form and time grow with it                            */
#define SETTINGS_COST             2000u /* parts of an expression with its repetitions written out              */
#define SETTINGS_COST_BACK        UINT32_MAX
#define SETTINGS_COST_EMPTY       (UINT32_MAX - 1)
#define SETTINGS_IDLE_SECONDS     1e9

struct settings_expressions;

struct settings {
    uint64_t id; /* no two of one list or of lists with different numbers have the same; never 0                 */
    const char *match;
    const char *const *label_names, *const *label_values;
    uint32_t labels_n;
    const char *prefix; /* "" none */
    uint64_t idle_ns;   /* 0: never */
    uint32_t idle_gauges;
    const struct settings_expressions *allow, *deny; /* NULL: none */
};

struct settings_list;

/* Copies them. number: of this list among those that one store has had, for settings.id. 0, -ENOMEM or -EINVAL. */
int settings_new(struct settings_list **out, const struct store_segment *segments, uint32_t segments_n,
                 uint32_t number);
void settings_free(struct settings_list *list); /* NULL is fine */

/* Whether a match (NAME, path, pattern) is of the segment called name; a path, or a pattern of paths, also of one called by its NAME. */
int settings_match(const char *match, const char *name);

/* The first one that matches the segment called name (NAME or path); NULL: none. Valid as long as the list. */
const struct settings *settings_of(const struct settings_list *list, const char *name);

/* Whether a family of this name is exposed. Not for each series: it tries the expressions one after the other. */
int settings_allow(const struct settings *settings, const char *name);

/*
 * How many parts an expression has when + and {n,m} are written out, as the C library does; SETTINGS_COST + 1 when it is more than
 * SETTINGS_COST. SETTINGS_COST_BACK: it has a back reference, which would be matched by trying. SETTINGS_COST_EMPTY: *, +, ? or an
 * interval stands behind what matches nothing too.
 */
uint32_t settings_expression_cost(const char *expression);

/* Whether it is a POSIX extended regular expression that costs little. 0, or -EINVAL and a sentence. */
int settings_expression_check(const char *expression, char *why, size_t why_bytes);

#endif
