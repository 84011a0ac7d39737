/*
 * What a meter's segment holds, seen as the exporter sees it: a snapshot in a model. A take belongs to whoever holds the GIL, or the
 * meter's lock where there is none.
 */
#include "pieces.h"

#include <stdio.h>

#include "read/store.h"

struct view {
    struct store *store;
    struct pieces_all pieces;
};

void
view_free(struct view *view)
{
    if (!view)
        return;
    pieces_free(&view->pieces);
    store_free(view->store);
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
        .without_own = 1,
        .keep_removed = 1,
    };
    struct view *view = calloc(1, sizeof *view);

    if (!view)
        return NULL;
    view->store = store_new(&options);
    if (view->store)
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
        result = store_take(meter->view->store, SNAPSHOT_ALL);
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
    return meter->view ? meter->view->store : NULL;
}

/* Of the last take; NULL: there was none. */
const struct model *
view_model(const struct meter_object *meter)
{
    return meter->view ? store_model(meter->view->store) : NULL;
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
