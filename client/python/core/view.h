/*
 * Reading a meter's segment, for the files that make something of it.
 */
#ifndef SHMETER_PYTHON_VIEW_H
#define SHMETER_PYTHON_VIEW_H

#include "core.h"

#include "model/model.h"

int view_take(struct meter_object *meter);
struct pieces_all;
struct pieces_all *view_pieces(const struct meter_object *meter); /* pieces.h */
const struct store *view_store(const struct meter_object *meter); /* NULL: no take yet */
const struct model *view_model(const struct meter_object *meter);

/* A stored family's name without the suffix that its type has in the store. */
#define VIEW_NAME_BYTES 512u
const char *view_short_name(const struct model_family *family, char out[VIEW_NAME_BYTES]);

/* A label's name as it is shown: a stateset that is stored by another name has a label of that name. */
static inline const char *
view_label(const char *label, const char *stored, const char *shown)
{
    return strcmp(label, stored) ? label : shown;
}

#endif
