/*
 * What a meter's segment holds, seen as the exporter sees it: a snapshot in a model. A take belongs to whoever holds the GIL, or the
 * meter's lock where there is none.
 */
#include "pieces.h"

#include <stdio.h>

#include "exposition/exposition.h"

struct view {
    struct exposition *exposition;
    struct pieces_all pieces;
};

void
view_free(struct view *view)
{
    if (!view)
        return;
    pieces_free(&view->pieces);
    exposition_free(view->exposition);
    free(view);
}

/* Where the segment is, for a reader. */
static struct view *
view_new(const char *path)
{
    const struct store_options options = {
        .names = &path,
        .names_n = 1,
        .label = STORE_LABEL_NEVER,
        .keep_removed = 1,
    };
    struct view *view = calloc(1, sizeof *view);

    if (!view)
        return NULL;
    view->exposition = exposition_new(&options);
    if (view->exposition)
        return view;
    free(view);
    return NULL;
}

/* The segment of the moment. Returns 0, or -1 with an exception. */
int
view_take(struct meter_object *meter)
{
    int result = -ENOMEM;

    if (!meter->view && meter->meter)
        meter->view = view_new(meter->meter->path);
    if (meter->view)
        result = exposition_read(meter->view->exposition, NULL, NULL);
    if (result)
        PyErr_NoMemory();
    return result ? -1 : 0;
}

struct pieces_all *
view_pieces(const struct meter_object *meter)
{
    return meter->view ? &meter->view->pieces : NULL;
}

const struct store *
view_store(const struct meter_object *meter)
{
    return meter->view ? meter->view->exposition->store : NULL;
}

/* Of the last take; NULL: there was none. */
const struct model *
view_model(const struct meter_object *meter)
{
    return meter->view ? meter->view->exposition->model : NULL;
}

PyObject *
meter_take(PyObject *self, PyObject *Py_UNUSED(unused))
{
    int result;

    CORE_LOCK(self)
    result = view_take((struct meter_object *)self);
    CORE_UNLOCK()
    return result ? NULL : Py_NewRef(Py_None);
}

/* An info's, a stateset's and a worker's series have more labels behind those of their family. */
static int
has_values(const struct model_series *series, PyObject *values)
{
    const uint32_t n = (uint32_t)PyTuple_Size(values);
    uint32_t i;

    if (series->shape->labels_n < n)
        return 0;
    for (i = 0; i < n; i++) {
        const char *value = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(values, i), NULL);
        if (!value || strcmp(value, series->values[i]))
            return 0;
    }
    return 1;
}

/* Whether the store exposes a series of these values, whichever process made it. */
int
metric_stored(struct metric_object *metric, PyObject *values)
{
    const char *name = PyUnicode_AsUTF8AndSize(metric->stored_name, NULL);
    const struct model_family *family = NULL;
    uint32_t i;
    int found = 0;

    CORE_LOCK((PyObject *)metric->meter)
    if (!view_take(metric->meter))
        family = model_find(view_model(metric->meter), name);
    for (i = 0; family && i < family->series_n && !found; i++)
        found = family->series[i].present && has_values(&family->series[i], values);
    CORE_UNLOCK()
    PyErr_Clear();
    return found;
}

const char *
view_short_name(const struct model_family *family, char out[VIEW_NAME_BYTES])
{
    const char *suffix = family->type == MODEL_COUNTER ? "_total" : family->type == MODEL_INFO ? "_info" : "";
    size_t len = strlen(family->name), n = strlen(suffix);

    if (len > n && !strcmp(family->name + len - n, suffix))
        len -= n;
    snprintf(out, VIEW_NAME_BYTES, "%.*s", (int)len, family->name);
    return out;
}
