/*
 * The set of segments that a program watches, with one model over all of them: names and patterns are looked up at each take, a
 * segment may appear, disappear or be created again, and totals do not drop when it is.
 *
 * A store belongs to one thread at a time. The flow of a scrape:
 *     store_take(store, SNAPSHOT_ALL);
 *     model_put_f64(store_model(store), &my_metric, NULL, value);      (whatever the program has to add)
 *     store_render(store, &encode_text, &out);
 */
#ifndef SHMETER_EXPO_STORE_H
#define SHMETER_EXPO_STORE_H

#include <stdint.h>

#include "expo/buffer.h"
#include "expo/encode.h"
#include "expo/model.h"
#include "expo/snapshot.h"
#include "expo/status.h"

struct store;

enum store_label {
    STORE_LABEL_AUTO, /* series get the label segment="NAME" when several names or a pattern were given       */
    STORE_LABEL_ALWAYS,
    STORE_LABEL_NEVER /* series of the same name and labels are added up over segments                      */
};

struct store_options {
    const char *const *names; /* NAMEs, paths, patterns; copied. names_n 0: "default"                        */
    uint32_t names_n;
    enum store_label label;
    uint32_t without_own;   /* 1: no shmeter_* series of the store's own                                       */
    const uint32_t *owners; /* user ids whose segments are read; copied. owners_n 0: anybody's                  */
    uint32_t owners_n;
};

/* NULL: no memory. Nothing is opened yet. */
struct store *store_new(const struct store_options *options);
void store_free(struct store *store);

/*
 * Looks for the segments, reads them, and with SNAPSHOT_ALL fills the model. A segment that cannot be read is no error: its
 * status says why. Returns 0 or -ENOMEM.
 */
int store_take(struct store *store, enum snapshot_depth depth);

/* The model of the last take with SNAPSHOT_ALL; values may be added to it until the next one. */
struct model *store_model(struct store *store);

/* Appends all families to out. Returns 0 or -ENOMEM. */
int store_render(struct store *store, const struct encoder *encoder, struct buffer *out);

/* One for each segment found, and for each plain name that was asked for; sorted by name. Valid until the next take. */
uint32_t store_status_n(const struct store *store);
const struct segment_status *store_status(const struct store *store, uint32_t idx);

#endif
