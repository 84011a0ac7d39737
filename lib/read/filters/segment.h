/*
 * What an operator may want of some segments' series, as strings and numbers; filters.h makes it ready.
 */
#ifndef SHMETER_READ_FILTERS_SEGMENT_H
#define SHMETER_READ_FILTERS_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

/* How the series of some segments are exposed. The shmeter_* series are not touched by it. All zero: as they were registered. */
struct store_segment {
    const char *match; /* NAME, path or pattern: the first entry that matches a segment counts for it             */
    /*
     * Added to each series. A family's own label of the same name stays, and the added one is left out there (counted in
     * segment_status.labels_left_out).
     */
    const char *const *label_names, *const *label_values;
    uint32_t labels_n;
    const char *prefix; /* goes before each metric name; NULL none                                          */
    /*
     * Counters and histograms whose value has not changed for so long are left out, and are back, with their whole value, in
     * the take that sees it change. To be seen for the first time is a change. 0: never. idle_gauges 1: gauges too; one
     * that is set to the value that it has does not change.
     */
    double idle_seconds;
    uint32_t idle_gauges;
    /*
     * POSIX extended regular expressions against the whole metric name as it was registered, before the prefix. Left out is
     * what no expression of allow matches (allow_n 0: all do), or one of deny does.
     */
    const char *const *allow, *const *deny;
    uint32_t allow_n, deny_n;
};

/*
 * Whether the settings can be used. Returns 0, or -EINVAL and why not in a sentence without a full stop that names the
 * setting ("label \"le\" is reserved"). Thread-safe.
 */
int store_segment_check(const struct store_segment *segment, char *why, size_t why_bytes);

#endif
