/*
 * Middleware whose registry shows what its own metrics did: the children of its metrics are updated, which keep that,
 * and not handles of the segment alone. They are looked up at each update, so that clear() and remove() do what they
 * say.
 */
#include "web.h"

#include "../own/own.h"

/*
 * The child of a route, new reference; status NULL: the metric has no such label. NULL: it cannot be had, and nothing
 * is counted.
 */
static struct metric_object *
child_of(struct metric_object *metric, const struct route_object *route, PyObject *status)
{
    PyObject *const values[3] = { route->method, route->endpoint, status };
    PyObject *type, *value, *traceback, *child;

    PyErr_Fetch(&type, &value, &traceback);
    child = labels_call((PyObject *)metric, values, status ? 3 : 2, NULL);
    PyErr_Restore(type, value, traceback);
    return (struct metric_object *)child;
}

void
tracked_count(struct web_object *web, const struct route_object *route, int status)
{
    PyObject *text = PyUnicode_FromFormat("%d", status);
    struct metric_object *child = text ? child_of(web->requests, route, text) : NULL;

    if (child) {
        shmeter_counter_f64_add(child->handle.counter, 1);
        own_count(child, 1);
    }
    Py_XDECREF((PyObject *)child);
    Py_XDECREF(text);
}

void
tracked_in_progress(struct web_object *web, const struct route_object *route, int by)
{
    struct metric_object *child = child_of(web->in_progress, route, NULL);

    if (child)
        own_gauge(child, OWN_ADD, by);
    Py_XDECREF((PyObject *)child);
}

void
tracked_observe(struct metric_object *metric, const struct route_object *route, double value)
{
    struct metric_object *child = child_of(metric, route, NULL);

    if (child) {
        shmeter_histogram_observe(child->handle.histogram, value);
        own_observe(child, value);
    }
    Py_XDECREF((PyObject *)child);
}
