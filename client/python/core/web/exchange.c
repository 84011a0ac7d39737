/*
 * Exchanges: from a request to the metrics of its route. A request's path is normalised and looked up, which finds the
 * route that the path had last time. When the request has ended, the framework says whether that was right. Only a path
 * without a known route is resolved in Python.
 */
#include "web.h"

#define LINKS_MAX 4096 /* ways that are remembered; then they are learnt anew */

struct exchange_object *
exchange_begin(struct web_object *web, enum web_kind kind, PyObject *method, PyObject *path, PyObject *root_path,
               PyObject *scope)
{
    struct exchange_object *exchange = PyObject_GC_New(struct exchange_object, web->core->exchange);
    struct route_object *route;

    if (!exchange)
        return NULL;
    memset((char *)exchange + sizeof(PyObject), 0, sizeof *exchange - sizeof(PyObject));
    exchange->done = 1;
    exchange->kind = (char)kind;
    exchange->method = kind == WEB_SOCKET ? ROUTE_SOCKET : route_method(method);
    exchange->web = (struct web_object *)Py_NewRef((PyObject *)web);
    exchange->scope = Py_NewRef(scope);
    exchange->path = Py_NewRef(path);
    exchange->root_path = Py_NewRef(root_path);
    exchange->link = route_link(exchange->method, path);
    PyObject_GC_Track((PyObject *)exchange);
    route = exchange->link ? (struct route_object *)PyDict_GetItemWithError(web->links, exchange->link) : NULL;
    if (route)
        Py_INCREF((PyObject *)route);
    else if (!PyErr_Occurred())
        route = route_unmatched(web, exchange->method);
    if (!route || (shmeter_load_relaxed(web->changes) != route->seen && route_bind(web, route))) {
        Py_XDECREF((PyObject *)route);
        Py_DECREF((PyObject *)exchange);
        return NULL;
    }
    exchange->route = route;
    exchange->done = 0;
    if (SHMETER_UNLIKELY(web->tracked))
        tracked_in_progress(web, route, 1);
    else
        shmeter_gauge_inc(route->in_progress);
    shmeter_add(&web->active, 1);
    shmeter_busy(web->meter);
    exchange->start_ticks = shmeter_ticks(web->meter);
    return exchange;
}

/* What the framework has put into the scope: borrowed, or NULL. */
static PyObject *
token_of(const struct exchange_object *exchange)
{
    const struct web_object *web = exchange->web;
    PyObject *token;

    if (!PyDict_Check(exchange->scope))
        return NULL;
    token = PyDict_GetItemWithError(exchange->scope, web->words[WORD_ROUTE]);
    if (!token && !PyErr_Occurred())
        token = PyDict_GetItemWithError(exchange->scope, web->words[WORD_ENDPOINT]);
    PyErr_Clear();
    return token;
}

/* Asks Python for the endpoint, and remembers the way. New reference. */
static struct route_object *
resolve(struct exchange_object *exchange, PyObject *token, int status)
{
    struct web_object *web = exchange->web;
    PyObject *number = PyLong_FromLong(status), *endpoint = NULL;
    struct route_object *route = NULL;

    if (number)
        endpoint = PyObject_CallFunctionObjArgs(web->resolve, exchange->scope, exchange->path, exchange->root_path,
                                                number, NULL);
    Py_XDECREF(number);
    if (endpoint && endpoint == Py_None)
        route = route_unmatched(web, exchange->method);
    else if (endpoint && PyUnicode_Check(endpoint))
        route = route_get(web, exchange->method, endpoint);
    else if (endpoint)
        PyErr_Format(PyExc_TypeError, "an endpoint is a str or None, not %R", endpoint);
    if (route && endpoint != Py_None) {
        PyObject *before = route->token;
        if (PyDict_Size(web->links) >= LINKS_MAX)
            PyDict_Clear(web->links);
        route->token = Py_XNewRef(token);
        Py_XDECREF(before);
        if (PyDict_SetItem(web->links, exchange->link, (PyObject *)route))
            PyErr_Clear();
    }
    Py_XDECREF(endpoint);
    if (!route) {
        PyErr_WriteUnraisable(web->resolve);
        route = route_unmatched(web, exchange->method);
    }
    return route;
}

/* Where the exchange in progress turns out to belong. New reference. */
static struct route_object *
settle(struct exchange_object *exchange, int status)
{
    PyObject *token = token_of(exchange);
    struct route_object *route = exchange->route;

    if (SHMETER_LIKELY(!exchange->web->always) &&
        (token ? token == route->token
               : !route->token && status != 404 &&
                     PyDict_GetItemWithError(exchange->web->links, exchange->link) == (PyObject *)route))
        return (struct route_object *)Py_NewRef((PyObject *)route);
    return resolve(exchange, token, status);
}

/* The route with its handles in order, to be counted in; new reference, NULL at worst. */
static struct route_object *
settled(struct exchange_object *exchange, int status)
{
    struct web_object *web = exchange->web;
    struct route_object *route = settle(exchange, status);

    if (route && shmeter_load_relaxed(web->changes) != route->seen)
        route_bind(web, route);
    PyErr_Clear();
    return route;
}

void
exchange_answer(struct exchange_object *exchange, int status)
{
    PyObject *type, *value, *traceback;

    if (exchange->answered || exchange->done)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    exchange->answered = settled(exchange, status);
    if (exchange->answered)
        route_count(exchange->web, exchange->answered, status);
    PyErr_Restore(type, value, traceback);
}

/* What is known of it at its end, in the route where it was counted. */
static void
observe(const struct exchange_object *exchange, const struct route_object *route)
{
    const struct web_object *web = exchange->web;

    if (SHMETER_UNLIKELY(web->tracked)) {
        tracked_observe(web->durations, route, shmeter_seconds_since(web->meter, exchange->start_ticks));
        if (web->request_sizes)
            tracked_observe(web->request_sizes, route, exchange->request_bytes);
        if (web->response_sizes)
            tracked_observe(web->response_sizes, route, exchange->response_bytes);
        return;
    }
    shmeter_histogram_observe_since(route->durations, exchange->start_ticks);
    if (web->request_sizes)
        shmeter_histogram_observe(route->request_sizes, exchange->request_bytes);
    if (web->response_sizes)
        shmeter_histogram_observe(route->response_sizes, exchange->response_bytes);
}

void
exchange_end(struct exchange_object *exchange, int status)
{
    struct web_object *web = exchange->web;
    struct route_object *route;

    if (exchange->done)
        return;
    exchange_answer(exchange, status);
    exchange->done = 1;
    if (SHMETER_UNLIKELY(web->tracked))
        tracked_in_progress(web, exchange->route, -1);
    else
        shmeter_gauge_dec(exchange->route->in_progress);
    route = exchange->answered;
    if (route)
        observe(exchange, route);
    if (shmeter_add(&web->active, UINT64_MAX) == 1)
        shmeter_idle(web->meter);
}

int
exchange_status(const struct exchange_object *exchange, PyObject *error)
{
    if (error && PyErr_GivenExceptionMatches(error, PyExc_Exception))
        return 500; /* unless its answer had begun, which was counted then */
    if (error)      /* cancelled, or closed: its client or its server has gone away */
        return 499;
    if (exchange->status)
        return exchange->status;
    return exchange->disconnected ? 499 : 500;
}

/* ---- the type ---- */

static PyObject *
method_end(PyObject *self, PyObject *args)
{
    struct exchange_object *exchange = (struct exchange_object *)self;
    double sent, received = exchange->request_bytes;
    int status;

    if (!PyArg_ParseTuple(args, "id|d", &status, &sent, &received))
        return NULL;
    exchange->response_bytes = sent;
    exchange->request_bytes = received;
    exchange_end(exchange, status);
    Py_RETURN_NONE;
}

static int
exchange_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct exchange_object *exchange = (struct exchange_object *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT((PyObject *)exchange->web);
    Py_VISIT((PyObject *)exchange->route);
    Py_VISIT((PyObject *)exchange->answered);
    Py_VISIT(exchange->scope);
    Py_VISIT(exchange->receive);
    Py_VISIT(exchange->send);
    return 0;
}

static int
exchange_clear(PyObject *self)
{
    struct exchange_object *exchange = (struct exchange_object *)self;

    Py_CLEAR(exchange->receive);
    Py_CLEAR(exchange->send);
    return 0;
}

static void
exchange_dealloc(PyObject *self)
{
    struct exchange_object *exchange = (struct exchange_object *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    exchange_end(exchange, 499); /* if nobody has */
    exchange_clear(self);
    Py_XDECREF(exchange->scope);
    Py_XDECREF(exchange->path);
    Py_XDECREF(exchange->root_path);
    Py_XDECREF(exchange->link);
    Py_XDECREF((PyObject *)exchange->route);
    Py_XDECREF((PyObject *)exchange->answered);
    Py_DECREF((PyObject *)exchange->web);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyObject *
method_answer(PyObject *self, PyObject *status)
{
    long number = PyLong_AsLong(status);

    if (number == -1 && PyErr_Occurred())
        return NULL;
    exchange_answer((struct exchange_object *)self, (int)number);
    Py_RETURN_NONE;
}

static PyMethodDef exchange_methods[] = {
    { "answer", method_answer, METH_O, PyDoc_STR("answer(status)\n\nIts answer begins.") },
    { "end", method_end, METH_VARARGS, PyDoc_STR("end(status, response bytes[, request bytes])") },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot exchange_slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A request and its answer.") },
    { Py_tp_traverse, (void *)exchange_traverse },
    { Py_tp_clear, (void *)exchange_clear },
    { Py_tp_dealloc, (void *)exchange_dealloc },
    { Py_tp_methods, exchange_methods },
    { 0, NULL },
};

PyType_Spec exchange_spec = {
    .name = "shmeter._core.Exchange",
    .basicsize = sizeof(struct exchange_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = exchange_slots,
};
