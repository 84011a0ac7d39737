/*
 * meter.health(): the verdict that the exporter gives at /health, for one segment.
 */
#include "view.h"

#include <stdlib.h>

#include "health/health.h"
#include "health/json.h"
#include "read/store.h"

/* The text of a JSON object as a dict. */
static PyObject *
load(const char *text)
{
    PyObject *json = PyImport_ImportModule("json"), *dict = json ? PyObject_CallMethod(json, "loads", "s", text) : NULL;

    Py_XDECREF(json);
    return dict;
}

PyObject *
meter_health(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const struct segment_status *status;
    const struct store *store;
    struct health health;
    PyObject *dict = NULL;
    char *text = NULL;
    int failed;

    CORE_LOCK(self)
    failed = view_take((struct meter_object *)self);
    if (!failed) {
        store = view_store((struct meter_object *)self);
        status = store_status(store, 0);
        failed = health_judge(&health, &status, store_status_n(store), NULL);
        if (!failed) {
            text = health_json_text(&health, &status, store_status_n(store));
            health_free(&health);
        }
        if (!text)
            PyErr_NoMemory();
    }
    CORE_UNLOCK()
    if (text)
        dict = load(text);
    free(text);
    return dict;
}
