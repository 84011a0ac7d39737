/*
 * The set of segments that a program watches, with one model over all of them: names and patterns are looked up at each take, a
 * segment may appear, disappear or be created again, and totals do not drop when it is.
 *
 * A store belongs to one thread at a time. The flow of a scrape:
 *     store_take(store, SNAPSHOT_ALL);
 *     model_put_f64(store_model(store), &my_metric, NULL, value);      (whatever the program has to add)
 *     store_render(store, &encode_text, &out);
 */
#ifndef SHMETER_READ_STORE_H
#define SHMETER_READ_STORE_H

#include <stdint.h>

#include "base/buffer.h"
#include "formats/encode.h"
#include "model/model.h"
#include "read/snapshot/snapshot.h"
#include "read/status.h"

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
    uint32_t without_own;   /* 1: no shmeter_* series of the store's own                                       */
    uint32_t keep_removed;  /* 1: a segment that has lost its name is read on even when no worker lives        */
    const uint32_t *owners; /* user ids whose segments are read. owners_n 0: anybody's                          */
    uint32_t owners_n;
    struct settings_list *settings; /* of filters.h; NULL none. They must outlive their being in force */
    uint64_t (*clock_ns)(void);     /* for idle_seconds, never 0; NULL: CLOCK_MONOTONIC                               */
};

/* NULL: no memory. Nothing is opened yet. */
struct store *store_new(const struct store_options *options);
void store_free(struct store *store);

/*
 * Replaces all options. What is watched before and after is not opened again: totals of replaced segments stay, and so do the clocks
 * of idle series. What no name leads to any more, or belongs to somebody who is not accepted any more, is closed. The model begins
 * another epoch, and until the next take there is no status. Returns 0, or -ENOMEM and all is as before.
 */
int store_configure(struct store *store, const struct store_options *options);

/*
 * Looks for the segments, reads them, and with SNAPSHOT_ALL fills the model. A segment that cannot be read is no error: its
 * status says why. Where memory runs out, the segment that takes most of it is left out, and the next one, until there is enough for the
 * others. Returns 0, or -ENOMEM: there is not enough for any.
 */
int store_take(struct store *store, enum snapshot_depth depth);

/*
 * For who finds no memory for what comes after a take: gives up the segment that takes most. Returns 1, and the next store_take() is without
 * it; or 0, there is none.
 */
int store_relieve(struct store *store);

/* The model of the last take with SNAPSHOT_ALL; values may be added to it until the next one. */
struct model *store_model(struct store *store);

/* Appends all families to out. Returns 0 or -ENOMEM: after store_relieve() there may be memory, from a new take on. */
int store_render(struct store *store, const struct encoder *encoder, struct buffer *out);

/* One for each segment found, and for each plain name that was asked for; sorted by name. Valid until the next take. */
uint32_t store_status_n(const struct store *store);
const struct segment_status *store_status(const struct store *store, uint32_t idx);

#endif
