/*
 * One exposition of the segments of a store: their values in one model, and the model as a document. The steps of a
 * scrape:
 *     exposition_read(exposition, add, argument);          take all segments, give their values to the model,
 *                                                          add the program's own
 *     exposition_render(exposition, &encode_text, &out);   plan, encode
 * An exposition belongs to one thread at a time.
 */
#ifndef SHMETER_EXPOSITION_EXPOSITION_H
#define SHMETER_EXPOSITION_EXPOSITION_H

#include <stdint.h>

#include "base/containers/buffer.h"
#include "formats/encode.h"
#include "model/model.h"
#include "read/store.h"

struct exposition {
    struct store *store;
    struct model *model;           /* of the last exposition_read(); values may be added to it until the next one */
    struct plan *plans[ESCAPINGS]; /* NULL: not wanted yet. Without names to escape the first one does for all */
    uint64_t conflicts;            /* at the last rebuild of the model; 0 when there are none */
    uint64_t definitions;          /* store_definitions() at the last reading */
    uint32_t fruitless_n;          /* readings until the next rebuild, after one that removed no conflict, ... */
    uint32_t fruitless_now;        /* ... and how many of them are left */
};

/* NULL: no memory. Nothing is opened yet. */
struct exposition *exposition_new(const struct store_options *options);
void exposition_free(struct exposition *exposition); /* NULL is fine */

/* Replaces all options, as store_configure(); the model begins another epoch. */
int exposition_configure(struct exposition *exposition, const struct store_options *options);

/* Adds the program's own series to the model. Returns 0 or -ENOMEM. */
typedef int (*exposition_add_fn)(void *argument, struct model *model);

/*
 * Reads all segments and fills the model. When memory runs out, the segment that takes most memory is left out, then
 * the next one, until there is enough for the others. add NULL: there is nothing to add. Returns 0, or -ENOMEM: there
 * is not enough for a single segment.
 */
int exposition_read(struct exposition *exposition, exposition_add_fn add, void *argument);

/*
 * Appends all families to out. Returns 0 or -ENOMEM. After -ENOMEM, call store_relieve() and read again to try with
 * more memory.
 */
int exposition_render(struct exposition *exposition, const struct encoder *encoder, struct buffer *out);

/* The same, with names escaped in another way than by ESCAPE_UNDERSCORES. */
int exposition_render_escaped(struct exposition *exposition, const struct encoder *encoder, enum escaping escaping,
                              struct buffer *out);

#endif
