/*
 * Copies a snapshot's values into a model. A giving is the state of this copying for one snapshot. It remembers where
 * the snapshot's families and series are in the model, so that they are looked up once per epoch; values are added at
 * each scrape. It also remembers when each series changed last. It reads the snapshot (snapshot/contents.h) and does
 * not change it.
 */
#ifndef SHMETER_READ_GIVE_GIVE_H
#define SHMETER_READ_GIVE_GIVE_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct giving;
struct model;
struct settings;
struct snapshot;

/* The snapshot must outlive the giving. NULL: no memory. */
struct giving *giving_new(const struct snapshot *snapshot);
void giving_free(struct giving *giving); /* NULL is fine */

struct giving_target {
    const char *segment;             /* value of the label "segment"; NULL: no such label */
    struct giving *newer;            /* NULL, or of what has taken this segment's name (giving_follow()): then only */
                                     /*   counters and histograms are given, and only what fits those of newer */
    const struct settings *settings; /* NULL: as it was registered */
    uint64_t now_ns;                 /* time of the clock for idle series; not 0 */
    struct segment_status *counts;   /* series_idle, series_filtered and labels_left_out are added to */
};

/*
 * Adds the values of the snapshot's last take to a model; series with the same name and labels are added up. The
 * target's segment and settings must stay the same within an epoch of the model. Returns 0 or -ENOMEM.
 */
int giving_give(struct giving *giving, struct model *model, const struct giving_target *target);

/*
 * To be called when the segment of newer has replaced the segment of giving, before either is given: finds for each
 * series of giving the series of newer that it is added to. number: a different one for each newer, not 0. Returns 0 or
 * -ENOMEM.
 */
int giving_follow(struct giving *giving, struct giving *newer, uint64_t number);

/* How often series of replaced segments were assigned to other series of this one. */
uint32_t giving_followed_n(const struct giving *giving);

/*
 * To be called when a series of from was folded into one of into. Neither series has changed, so the time of the last
 * change is kept. from or into NULL: there is no giving.
 */
void giving_keep_idle(struct giving *into, uint32_t number, const struct giving *from, uint32_t from_number);

#endif
