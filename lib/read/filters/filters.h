/*
 * An operator's settings for the series of some segments, checked, copied and compiled: expressions are compiled, times
 * are in nanoseconds. It knows names, but neither segments nor a model.
 */
#ifndef SHMETER_READ_FILTERS_FILTERS_H
#define SHMETER_READ_FILTERS_FILTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

#define SETTINGS_LABELS           16u
#define SETTINGS_LABEL_NAME_BYTES 200u
#define SETTINGS_VALUE_BYTES      1024u
#define SETTINGS_PREFIX_BYTES     64u
#define SETTINGS_EXPRESSIONS      64u /* in a list; one expression can have alternatives with | */
#define SETTINGS_IDLE_SECONDS     1e9

/*
 * How the series of some segments are exposed. Settings do not apply to the shmeter_* series. All zero: series are
 * exposed as they were registered.
 */
struct settings_spec {
    const char *match; /* NAME, path or pattern; the first entry that matches a segment is used */
    /*
     * Labels that are added to each series. If a family has a label of that name itself, its own label stays and the
     * added one is left out (counted in segment_status.labels_left_out).
     */
    const char *const *label_names, *const *label_values;
    uint32_t labels_n;
    const char *prefix; /* goes before each metric name; NULL none */
    /*
     * Counters and histograms whose value has not changed for idle_seconds are left out. They are exposed again, with
     * their whole value, from the take that sees a change. The first take that sees a series counts as a change. 0:
     * never. idle_gauges 1: gauges too; setting a gauge to the value that it has is not a change.
     */
    double idle_seconds;
    uint32_t idle_gauges;
    /*
     * Regular expressions (base/regex.h), matched against the whole metric name as it was registered, without the
     * prefix. A metric is left out when no expression of allow matches it (allow_n 0: every metric passes), or one of
     * deny does.
     */
    const char *const *allow, *const *deny;
    uint32_t allow_n, deny_n;
};

/* The fields that a report may name. */
enum settings_field {
    SETTINGS_WHOLE,
    SETTINGS_LABEL, /* the item is the label's index; of ALLOW and DENY, the expression's */
    SETTINGS_PREFIX,
    SETTINGS_IDLE,
    SETTINGS_ALLOW,
    SETTINGS_DENY
};

struct settings_expressions;

struct settings {
    uint64_t id; /* unique within a list, and among lists with different numbers; never 0 */
    const char *match;
    const char *const *label_names, *const *label_values;
    uint32_t labels_n;
    const char *prefix; /* "" none */
    uint64_t idle_ns;   /* 0: never */
    uint32_t idle_gauges;
    const struct settings_expressions *allow, *deny; /* NULL: none */
};

struct settings_list;

/* An empty list. NULL: no memory. */
struct settings_list *settings_new(void);
void settings_free(struct settings_list *list); /* NULL is fine */

/*
 * Checks, compiles and copies an entry, and adds it. Returns 0; -EINVAL, with a sentence that names the setting ("label
 * \"le\" is reserved") and the field in report, which was empty; or -ENOMEM. After an error the list is unchanged.
 */
int settings_add(struct settings_list *list, const struct settings_spec *spec, struct report *report);

/* Gives the list its number among the lists that a store has had, for the ids. list NULL: nothing to do. */
void settings_number(struct settings_list *list, uint32_t number);

/*
 * Whether a match (NAME, path, pattern) selects the segment called name; a path, or a pattern of paths, also selects
 * one called by its NAME.
 */
int settings_match(const char *match, const char *name);

/*
 * The first settings that match the segment called name (NAME or path); NULL: there are none, or list is NULL. Valid as
 * long as the list.
 */
const struct settings *settings_of(const struct settings_list *list, const char *name);

/*
 * Whether a family of this name is exposed: 1, 0 or -ENOMEM. It tries one expression after the other, so it is called
 * once for a family and not for each series.
 */
int settings_allow(const struct settings *settings, const char *name);

#endif
