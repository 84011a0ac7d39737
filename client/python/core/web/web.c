/*
 * Webs: the metrics of one middleware, and the ways from its requests to their routes.
 */
#include "web.h"

PyObject *
web_normalize(PyObject *Py_UNUSED(module), PyObject *path)
{
    PyObject *link = route_link(0, path), *text = NULL;

    if (link)
        text = PyUnicode_DecodeUTF8(PyBytes_AsString(link) + 1, PyBytes_Size(link) - 1, "replace");
    Py_XDECREF(link);
    return text;
}

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
        web->tracked = web->requests->tracks;
    }
    return (PyObject *)web;
}

PyObject *
web_wsgi(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct web_object *web = (struct web_object *)self;
    struct exchange_object *exchange;
    double request_bytes;

    if (nargs != 5 || !PyUnicode_Check(args[2]) || !PyUnicode_Check(args[3]))
        return PyErr_Format(PyExc_TypeError, "wsgi() takes environ, method, path, root_path and request bytes");
    if (core_double(args[4], &request_bytes))
        return NULL;
    exchange = exchange_begin(web, WEB_HTTP, args[1], args[2], args[3], args[0]);
    if (exchange)
        exchange->request_bytes = request_bytes;
    return (PyObject *)exchange;
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
    { "asgi", (PyCFunction)(void (*)(void))asgi_call, METH_FASTCALL,
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
