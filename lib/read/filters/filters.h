/*
 * What an operator wants of some segments' series (struct store_segment), copied and made ready: expressions compiled, times in
 * nanoseconds. It knows names, neither segments nor a model.
 */
#ifndef SHMETER_READ_FILTERS_FILTERS_H
#define SHMETER_READ_FILTERS_FILTERS_H

#include <stddef.h>
#include <stdint.h>

#include "read/store.h"

#define SETTINGS_LABELS           16u
#define SETTINGS_LABEL_NAME_BYTES 200u
#define SETTINGS_VALUE_BYTES      1024u
#define SETTINGS_PREFIX_BYTES     64u
#define SETTINGS_EXPRESSIONS      64u /* in a list; one expression can say as much with |                        */
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

/* Whether a family of this name is exposed: 1, 0 or -ENOMEM. Not for each series: it tries the expressions one after the other. */
int settings_allow(const struct settings *settings, const char *name);

#endif
