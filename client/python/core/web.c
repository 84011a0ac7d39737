/*
 * The middleware's metrics: from a request to handles. A request's path is normalised and looked up, which finds the route that such a
 * path had last time; whether it is the one again, the framework says when the request has ended. Only what comes a new way is
 * resolved in Python.
 */
#include "web.h"

#define LINKS_MAX 4096 /* ways that are remembered; then they are learnt anew */

/* ---- exchanges ---- */

/* b"METHOD /normalised/path", new reference. */
static PyObject *
link_of(int method, PyObject *path)
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

struct exchange_object *
web_begin(struct web_object *web, enum web_kind kind, PyObject *method, PyObject *path, PyObject *root_path,
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
    exchange->link = link_of(exchange->method, path);
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
web_answer(struct exchange_object *exchange, int status)
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

void
web_end(struct exchange_object *exchange, int status)
{
    struct web_object *web = exchange->web;
    struct route_object *route;

    if (exchange->done)
        return;
    web_answer(exchange, status);
    exchange->done = 1;
    shmeter_gauge_dec(exchange->route->in_progress);
    route = exchange->answered;
    if (route) {
        shmeter_histogram_observe_since(route->durations, exchange->start_ticks);
        if (web->request_sizes)
            shmeter_histogram_observe(route->request_sizes, exchange->request_bytes);
        if (web->response_sizes)
            shmeter_histogram_observe(route->response_sizes, exchange->response_bytes);
    }
    if (shmeter_add(&web->active, UINT64_MAX) == 1)
        shmeter_idle(web->meter);
}

PyObject *
web_normalize(PyObject *Py_UNUSED(module), PyObject *path)
{
    PyObject *link = link_of(0, path), *text = NULL;

    if (link)
        text = PyUnicode_DecodeUTF8(PyBytes_AsString(link) + 1, PyBytes_Size(link) - 1, "replace");
    Py_XDECREF(link);
    return text;
}

/* ---- webs ---- */

static int
take_metric(struct core *core, PyObject *given, struct metric_object **out)
{
    if (given == Py_None)
        return 0;
    if (!PyObject_TypeCheck(given, core->metric)) {
        PyErr_SetString(PyExc_TypeError, "a metric is wanted");
        return -1;
    }
    *out = (struct metric_object *)Py_NewRef(given);
    return 0;
}

static int
web_words(struct web_object *web)
{
    static const char *const words[WORDS] = { "type",   "method", "path",  "headers", "route",     "endpoint",
                                              "status", "body",   "bytes", "text",    "root_path", "more_body" };
    PyObject *types = PyImport_ImportModule("types");
    int i;

    web->coroutine = types ? PyObject_GetAttrString(types, "CoroutineType") : NULL;
    Py_XDECREF(types);
    for (i = 0; i < WORDS; i++)
        if (!(web->words[i] = PyUnicode_InternFromString(words[i])))
            return -1;
    return web->coroutine ? 0 : -1;
}

PyObject *
web_new(PyObject *module, PyObject *args)
{
    struct core *core = core_of_module(module);
    PyObject *app, *resolver, *excluded, *given[5];
    struct web_object *web;
    int always;

    if (!PyArg_ParseTuple(args, "OOO(OOOOO)p", &app, &resolver, &excluded, &given[0], &given[1], &given[2], &given[3],
                          &given[4], &always))
        return NULL;
    web = PyObject_GC_New(struct web_object, core->web);
    if (!web)
        return NULL;
    memset((char *)web + sizeof(PyObject), 0, sizeof *web - sizeof(PyObject));
    web->core = core;
    web->always = always;
    web->app = Py_NewRef(app);
    web->resolve = Py_NewRef(resolver);
    web->excluded = Py_NewRef(excluded);
    web->links = PyDict_New();
    web->routes = PyDict_New();
    PyObject_GC_Track((PyObject *)web);
    if (!web->links || !web->routes || web_words(web) || take_metric(core, given[0], &web->requests) ||
        take_metric(core, given[1], &web->durations) || take_metric(core, given[2], &web->in_progress) ||
        take_metric(core, given[3], &web->request_sizes) || take_metric(core, given[4], &web->response_sizes))
        Py_CLEAR(web);
    else if (!web->requests || !web->durations || !web->in_progress || !web->requests->meter) {
        PyErr_SetString(PyExc_TypeError, "requests, durations and requests in progress are wanted");
        Py_CLEAR(web);
    } else {
        web->meter = web->requests->meter->meter;
        web->changes = web->requests->changes;
    }
    return (PyObject *)web;
}

/* After a fork: what is under way is the parent's. */
static PyObject *
web_forked(PyObject *self, PyObject *Py_UNUSED(unused))
{
    ((struct web_object *)self)->active = 0;
    Py_RETURN_NONE;
}

static int
web_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct web_object *web = (struct web_object *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(web->app);
    Py_VISIT(web->resolve);
    Py_VISIT(web->excluded);
    Py_VISIT(web->links);
    Py_VISIT(web->routes);
    Py_VISIT((PyObject *)web->requests);
    Py_VISIT((PyObject *)web->durations);
    Py_VISIT((PyObject *)web->in_progress);
    Py_VISIT((PyObject *)web->request_sizes);
    Py_VISIT((PyObject *)web->response_sizes);
    return 0;
}

static int
web_clear(PyObject *self)
{
    struct web_object *web = (struct web_object *)self;

    Py_CLEAR(web->app);
    Py_CLEAR(web->resolve);
    Py_CLEAR(web->excluded);
    Py_CLEAR(web->links);
    Py_CLEAR(web->routes);
    return 0;
}

static void
web_dealloc(PyObject *self)
{
    struct web_object *web = (struct web_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    int i;

    PyObject_GC_UnTrack(self);
    if (web->weak)
        PyObject_ClearWeakRefs(self);
    web_clear(self);
    Py_XDECREF((PyObject *)web->requests);
    Py_XDECREF((PyObject *)web->durations);
    Py_XDECREF((PyObject *)web->in_progress);
    Py_XDECREF((PyObject *)web->request_sizes);
    Py_XDECREF((PyObject *)web->response_sizes);
    Py_XDECREF(web->coroutine);
    for (i = 0; i < WORDS; i++)
        Py_XDECREF(web->words[i]);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef web_methods[] = {
    { "asgi", (PyCFunction)(void (*)(void))web_asgi, METH_FASTCALL,
      PyDoc_STR("asgi(scope, receive, send) -> awaitable\n\nCalls the application.") },
    { "wsgi", (PyCFunction)(void (*)(void))web_wsgi, METH_FASTCALL,
      PyDoc_STR("wsgi(environ, method, path, root_path, request bytes) -> Exchange") },
    { "_forked", web_forked, METH_NOARGS, PyDoc_STR("_forked()\n\nIn a new process: nothing is under way.") },
    { NULL, NULL, 0, NULL },
};

static PyMemberDef web_members[] = {
    { "__weaklistoffset__", T_PYSSIZET, offsetof(struct web_object, weak), READONLY, NULL },
    { "excluded", T_OBJECT, offsetof(struct web_object, excluded), READONLY, PyDoc_STR("which paths are left out") },
    { NULL, 0, 0, 0, NULL },
};

static PyType_Slot web_slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("The metrics of one middleware.") },
    { Py_tp_traverse, (void *)web_traverse },
    { Py_tp_clear, (void *)web_clear },
    { Py_tp_dealloc, (void *)web_dealloc },
    { Py_tp_methods, web_methods },
    { Py_tp_members, web_members },
    { 0, NULL },
};

PyType_Spec web_spec = {
    .name = "shmeter._core.Web",
    .basicsize = sizeof(struct web_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = web_slots,
};
