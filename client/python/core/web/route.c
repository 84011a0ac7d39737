/*
 * Routes: the handles of one method and endpoint, looked up once; and the ways, which lead from the paths of requests
 * to them.
 */
#include "web.h"

#include "shmeter_path.h"

#define UNMATCHED "__unmatched__"

static const char *const methods[] = { "OTHER", "GET",     "HEAD",  "POST",    "PUT",      "DELETE",
                                       "PATCH", "OPTIONS", "TRACE", "CONNECT", "WEBSOCKET" };
#define METHODS_N 10 /* of HTTP, OTHER included */

/* An unknown method is OTHER, since clients choose it. The known ones: RFC 9110, section 9, and RFC 5789. */
int
route_method(PyObject *method)
{
    Py_ssize_t n = 0;
    const char *text = method && PyUnicode_Check(method) ? PyUnicode_AsUTF8AndSize(method, &n) : NULL;
    int i;

    for (i = 1; text && i < METHODS_N; i++)
        if (text[0] == methods[i][0] && !strcmp(text, methods[i]))
            return i;
    PyErr_Clear();
    return 0;
}

/* b"METHOD /normalised/path", new reference. */
PyObject *
route_link(int method, PyObject *path)
{
    char key[272];
    Py_ssize_t n = 0;
    const char *text = PyUnicode_Check(path) ? PyUnicode_AsUTF8AndSize(path, &n) : NULL;
    size_t used;

    if (!text)
        PyErr_Clear(); /* lone surrogates: not UTF-8 */
    key[0] = (char)('A' + method);
    used = shmeter_normalize_path(key + 1, sizeof key - 1, text, (size_t)n);
    return PyBytes_FromStringAndSize(key, (Py_ssize_t)used + 1);
}

static void
have_histogram(const struct metric_object *metric, const char *const *values, struct shmeter_histogram *histogram,
               struct held_series *series)
{
    if (!metric)
        return;
    *histogram = shmeter_histogram_of_v(metric->family, values, 2);
    held_mark(series, metric->family, histogram, values, 2);
}

static int
route_texts(const struct route_object *route, const char **values)
{
    values[0] = PyUnicode_AsUTF8AndSize(route->method, NULL);
    values[1] = PyUnicode_AsUTF8AndSize(route->endpoint, NULL);
    return values[0] && values[1] ? 0 : -1;
}

/* Has the handles, again when series were hidden since. */
int
route_bind(struct web_object *web, struct route_object *route)
{
    const char *values[2];

    held_acknowledge(web->core, web->meter);
    /* pairs with shmeter_series_leave */
    route->seen = shmeter_load_acquire(web->changes);
    route->changes = web->changes;
    if (route_texts(route, values))
        return -1;
    if (web->tracked)
        return 0;
    route->in_progress = shmeter_gauge_of_v(web->in_progress->family, values, 2);
    held_mark(&route->in_progress_series, web->in_progress->family, &route->in_progress, values, 2);
    have_histogram(web->durations, values, &route->durations, &route->durations_series);
    have_histogram(web->request_sizes, values, &route->request_sizes, &route->request_sizes_series);
    have_histogram(web->response_sizes, values, &route->response_sizes, &route->response_sizes_series);
    memset(route->statuses, 0, sizeof route->statuses);
    held_add(web->core, HELD_ROUTE, &route->held);
    return 0;
}

static void
let_go(const struct shmeter_attachment *attachment, struct held_series *series, void *handle, size_t bytes)
{
    if (!held_is_gone(attachment, series))
        return;
    memset(handle, 0, bytes);
    held_lose(series);
}

/*
 * Of an exchange that is under way when the series is removed, what it has in progress is not in the next one of
 * that name.
 */
void
route_let_go(struct held *held, const struct shmeter_attachment *attachment)
{
    struct route_object *route = (struct route_object *)(void *)((char *)held - offsetof(struct route_object, held));

    if (route->changes != &attachment->state->changes_begun.value)
        return; /* of another segment */
    let_go(attachment, &route->in_progress_series, &route->in_progress, sizeof route->in_progress);
    let_go(attachment, &route->durations_series, &route->durations, sizeof route->durations);
    let_go(attachment, &route->request_sizes_series, &route->request_sizes, sizeof route->request_sizes);
    let_go(attachment, &route->response_sizes_series, &route->response_sizes, sizeof route->response_sizes);
    if (shmeter_load_relaxed(route->changes) != route->seen) /* the others are looked up when they are counted in */
        memset(route->statuses, 0, sizeof route->statuses);
}

/* The route of a method and an endpoint, new reference. */
struct route_object *
route_get(struct web_object *web, int method, PyObject *endpoint)
{
    PyObject *key = Py_BuildValue("(iO)", method, endpoint);
    struct route_object *route = key ? (struct route_object *)PyDict_GetItemWithError(web->routes, key) : NULL;

    if (route) {
        Py_INCREF((PyObject *)route);
    } else if (key && !PyErr_Occurred()) {
        route = PyObject_GC_New(struct route_object, web->core->route);
        if (route) {
            memset((char *)route + sizeof(PyObject), 0, sizeof *route - sizeof(PyObject));
            route->endpoint = Py_NewRef(endpoint);
            route->method = PyUnicode_FromString(methods[method]);
            PyObject_GC_Track((PyObject *)route);
            if (!route->method || route_bind(web, route) || PyDict_SetItem(web->routes, key, (PyObject *)route)) {
                Py_DECREF((PyObject *)route);
                route = NULL;
            }
        }
    }
    Py_XDECREF(key);
    return route;
}

struct route_object *
route_unmatched(struct web_object *web, int method)
{
    PyObject *endpoint = PyUnicode_FromString(UNMATCHED);
    struct route_object *route = endpoint ? route_get(web, method, endpoint) : NULL;

    Py_XDECREF(endpoint);
    return route;
}

void
route_count(struct web_object *web, struct route_object *route, int status)
{
    const uint32_t at = (uint32_t)status % WEB_STATUSES;

    if (SHMETER_UNLIKELY(web->tracked)) {
        tracked_count(web, route, status);
        return;
    }
    if (SHMETER_UNLIKELY(route->statuses[at] != status)) {
        char text[16];
        const char *values[3] = { NULL, NULL, text };
        if (route_texts(route, values)) {
            PyErr_Clear();
            return;
        }
        PyOS_snprintf(text, sizeof text, "%d", status);
        route->requests[at] = shmeter_counter_f64_of_v(web->requests->family, values, 3);
        route->statuses[at] = status;
    }
    shmeter_counter_f64_add(route->requests[at], 1);
}

static int
route_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct route_object *)self)->token);
    return 0;
}

static int
route_clear(PyObject *self)
{
    Py_CLEAR(((struct route_object *)self)->token);
    return 0;
}

static void
route_dealloc(PyObject *self)
{
    struct route_object *route = (struct route_object *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    held_drop(&route->held);
    Py_XDECREF(route->token);
    Py_XDECREF(route->method);
    Py_XDECREF(route->endpoint);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot route_slots[] = {
    { Py_tp_traverse, (void *)route_traverse },
    { Py_tp_clear, (void *)route_clear },
    { Py_tp_dealloc, (void *)route_dealloc },
    { 0, NULL },
};

PyType_Spec route_spec = {
    .name = "shmeter._core.Route",
    .basicsize = sizeof(struct route_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = route_slots,
};
