/*
 * The segments that a program has open. Names and patterns are looked up at each take, so a segment may appear,
 * disappear or be created again; totals do not drop when it is created again. The store does not know formats, and does
 * not own the model: it gives its values to the caller's (exposition/exposition.h).
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
struct shmeter_reader_memory;
struct store;

enum store_label {
    STORE_LABEL_AUTO, /* series get the label segment="NAME" when several names or a pattern were given */
    STORE_LABEL_ALWAYS,
    STORE_LABEL_NEVER /* series of the same name and labels are added up over segments */
};

struct store_options {        /* everything is copied except the settings */
    const char *const *names; /* NAMEs, paths, patterns. names_n 0: "default" */
    uint32_t names_n;
    enum store_label label;
    uint32_t keep_removed;  /* 1: an unlinked segment is still read when none of its workers lives */
    const uint32_t *owners; /* user ids whose segments are read; owners_n 0: those of all users */
    uint32_t owners_n;
    uint32_t spare_fds; /* as struct shmeter_reader_options has it */
    uint32_t witness;   /* 1: workers that were killed are noticed where the kernel tells; a descriptor for each */
    const struct shmeter_reader_memory *memory; /* for each of the names, as struct shmeter_reader_options has it */
    struct settings_list *settings; /* of read/filters/filters.h; NULL none. They must live until they are replaced */
    uint64_t (*clock_ns)(void);     /* for idle_seconds; never returns 0; NULL: CLOCK_MONOTONIC */
    /*
     * Called when memory runs out, before a segment is opened again: frees what the program can make again. NULL: there
     * is nothing to free.
     */
    void (*spare)(void *argument);
    void *spare_argument;
};

/* NULL: no memory. Nothing is opened yet. */
struct store *store_new(const struct store_options *options);
void store_free(struct store *store);

/*
 * Replaces all options. A segment that both the former and the new options name is not opened again: totals of replaced
 * segments stay, and so do the clocks of idle series. A segment that the new options do not name, or whose owner they
 * do not accept, is closed. Afterwards values must be given to another model, or after model_clear(), and there is no
 * status until the next take. Returns 0; or -ENOMEM, and nothing has changed.
 */
int store_configure(struct store *store, const struct store_options *options);

/*
 * Finds the segments and reads them. A segment that cannot be read is not an error: its status says why. When memory
 * runs out, the segment that takes most memory is left out, then the next one, until there is enough for the others.
 * Returns 0, or -ENOMEM: there is not enough for a single segment.
 */
int store_take(struct store *store, enum snapshot_depth depth);

/*
 * Adds the values of the last take with SNAPSHOT_ALL to a model. A series is left out, and counted in model->conflicts,
 * when another metric of the model has its name, or another series its labels. Returns 0 or -ENOMEM.
 */
int store_give(struct store *store, struct model *model);

/* A number that changes when another definition of a name comes into force. */
uint64_t store_definitions(const struct store *store);

/*
 * Gives up the segment that takes most memory. For callers that run out of memory after a take. Returns 1: the next
 * store_take() leaves out this segment and those that were given up before. Returns 0: there is no segment to give up.
 */
int store_relieve(struct store *store);

/*
 * A status for each segment found, and for each name that was asked for and is no pattern; sorted by name. Valid until
 * the next take.
 */
uint32_t store_status_n(const struct store *store);
const struct segment_status *store_status(const struct store *store, uint32_t idx);

#endif
