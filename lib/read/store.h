/*
 * The segments that a program has open: names and patterns are looked up at each take, a segment may appear, disappear or be created
 * again, and totals do not drop when it is. It knows no format, and of a model only how to give it the values
 * (exposition/exposition.h has the model).
 *
 * A store belongs to one thread at a time.
 */
#ifndef SHMETER_READ_STORE_H
#define SHMETER_READ_STORE_H

#include <stdint.h>

#include "read/snapshot/snapshot.h"
#include "read/snapshot/status.h"

struct model;
struct settings_list;
struct store;

enum store_label {
    STORE_LABEL_AUTO, /* series get the label segment="NAME" when several names or a pattern were given       */
    STORE_LABEL_ALWAYS,
    STORE_LABEL_NEVER /* series of the same name and labels are added up over segments                      */
};

struct store_options {        /* all of it is copied but for the settings                                     */
    const char *const *names; /* NAMEs, paths, patterns. names_n 0: "default"                                 */
    uint32_t names_n;
    enum store_label label;
    uint32_t keep_removed;  /* 1: a segment that has lost its name is read on even when no worker lives        */
    const uint32_t *owners; /* user ids whose segments are read. owners_n 0: anybody's                          */
    uint32_t owners_n;
    struct settings_list *settings; /* of filters.h; NULL none. They must outlive their being in force */
    uint64_t (*clock_ns)(void);     /* for idle_seconds, never 0; NULL: CLOCK_MONOTONIC                               */
    /* Called where memory runs out, before a segment is opened again: gives back what can be made again. NULL: there is nothing. */
    void (*spare)(void *argument);
    void *spare_argument;
};

/* NULL: no memory. Nothing is opened yet. */
struct store *store_new(const struct store_options *options);
void store_free(struct store *store);

/*
 * Replaces all options. What is watched before and after is not opened again: totals of replaced segments stay, and so do the clocks
 * of idle series. What no name leads to any more, or belongs to somebody who is not accepted any more, is closed. Values are to be
 * given to another model from then on, or in another epoch of it, and until the next take there is no status. Returns 0, or -ENOMEM
 * and all is as before.
 */
int store_configure(struct store *store, const struct store_options *options);

/*
 * Looks for the segments and reads them. A segment that cannot be read is no error: its status says why. Where memory runs out, the
 * segment that takes most of it is left out, and the next one, until there is enough for the others. Returns 0, or -ENOMEM: there is not
 * enough for any.
 */
int store_take(struct store *store, enum snapshot_depth depth);

/*
 * Adds the values of the last take with SNAPSHOT_ALL to a model. A series whose name or labels stand for something else there is left out
 * and counted (model->conflicts). Returns 0 or -ENOMEM.
 */
int store_give(struct store *store, struct model *model);

/* A number that is another one when other definitions of names are in force than before. */
uint64_t store_definitions(const struct store *store);

/*
 * For who finds no memory for what comes after a take: gives up the segment that takes most. Returns 1, and the next store_take() is
 * without it and without those that were given up before it; or 0, there is none.
 */
int store_relieve(struct store *store);

/* One for each segment found, and for each plain name that was asked for; sorted by name. Valid until the next take. */
uint32_t store_status_n(const struct store *store);
const struct segment_status *store_status(const struct store *store, uint32_t idx);

#endif
