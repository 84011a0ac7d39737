/*
 * Reading a meter's segment, for the files that make Python objects or text of it.
 */
#ifndef SHMETER_PYTHON_VIEW_H
#define SHMETER_PYTHON_VIEW_H

#include "core.h"

#include "model/model.h"

int view_take(struct meter_object *meter);
struct pieces_all;
struct pieces_all *view_pieces(const struct meter_object *meter); /* pieces.h */
/* Reads the processes of the segment's workers. NULL with an exception. */
struct process_pool *view_processes(struct meter_object *meter);
const struct store *view_store(const struct meter_object *meter); /* NULL: no take yet */
const struct model *view_model(const struct meter_object *meter);

/*
 * The samples of a series, in the order in which they are exposed; le NULL: it has none. Stops at the first that fn
 * returns not 0 for, and returns it.
 */
typedef int view_sample_fn(void *argument, const char *suffix, const double *le, double value);
int view_samples(const struct model *model, const struct model_family *family, const struct model_series *series,
                 view_sample_fn *fn, void *argument);

/* Whether such series say when they were created. */
static inline int
view_has_created(const struct model_family *family)
{
    return model_kinds[family->type].value != MODEL_VALUE_NUMBER;
}

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
