/*
 * Exchanges as an ASGI application has them (asgi.readthedocs.io, "HTTP & WebSocket"): its receive and send, which look at the messages and
 * hand them on as they are. No body is kept, and no task is made.
 */
#include <strings.h>

#include "web.h"

/* ---- messages ---- */

static PyObject *
item(const struct exchange_object *exchange, PyObject *message, enum web_word word)
{
    PyObject *found = PyDict_Check(message) ? PyDict_GetItemWithError(message, exchange->web->words[word]) : NULL;

    if (!found)
        PyErr_Clear();
    return found;
}

static double
length_of(PyObject *bytes)
{
    Py_ssize_t n = bytes && bytes != Py_None ? PyObject_Size(bytes) : 0;

    if (n < 0)
        PyErr_Clear();
    return n > 0 ? (double)n : 0;
}

/* The number of a Content-Length header; -1: there is none, or it is no number (RFC 9110, section 8.6). */
static double
content_length(PyObject *headers)
{
    Py_ssize_t n = headers ? PySequence_Size(headers) : 0, i;
    double found = -1;

    for (i = 0; i < n && found < 0; i++) {
        PyObject *pair = PySequence_GetItem(headers, i), *name = pair ? PySequence_GetItem(pair, 0) : NULL, *value;
        if (name && PyBytes_Check(name) && PyBytes_Size(name) == 14 &&
            !strncasecmp(PyBytes_AsString(name), "content-length", 14)) {
            value = PySequence_GetItem(pair, 1);
            if (value && PyBytes_Check(value)) {
                const char *digits = PyBytes_AsString(value);
                size_t digits_n = strspn(digits, "0123456789");
                if (digits_n && digits_n < 16 && !digits[digits_n])
                    found = (double)strtoull(digits, NULL, 10);
            }
            Py_XDECREF(value);
        }
        Py_XDECREF(name);
        Py_XDECREF(pair);
    }
    PyErr_Clear();
    return found;
}

/* What stands in a message's type, as far as it matters here. */
static const char *
type_of(const struct exchange_object *exchange, PyObject *message)
{
    PyObject *type = item(exchange, message, WORD_TYPE);
    const char *text = type && PyUnicode_Check(type) ? PyUnicode_AsUTF8AndSize(type, NULL) : NULL;

    if (!text)
        PyErr_Clear();
    return text ? text : "";
}

static int
status_of(const struct exchange_object *exchange, PyObject *message)
{
    PyObject *number = item(exchange, message, WORD_STATUS);
    long status = number ? PyLong_AsLong(number) : 500;

    PyErr_Clear();
    return status >= 100 && status <= 999 ? (int)status : 500;
}

static void
answer_begins(struct exchange_object *exchange, PyObject *message)
{
    double length;

    exchange->status = status_of(exchange, message);
    length = content_length(item(exchange, message, WORD_HEADERS));
    if (exchange->method == ROUTE_HEAD) /* HEAD: the header tells of a body that is not sent */
        length = 0;
    exchange->response_known = length >= 0;
    if (length >= 0)
        exchange->response_bytes = length;
    web_answer(exchange, exchange->status);
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

/* What the application sends. */
static void
look_sent(struct exchange_object *exchange, PyObject *message)
{
    const char *type = type_of(exchange, message);

    if (!strcmp(type, "http.response.body")) {
        PyObject *more = item(exchange, message, WORD_MORE_BODY);
        if (!exchange->response_known)
            exchange->response_bytes += length_of(item(exchange, message, WORD_BODY));
        if (!more ||
            more == Py_False) /* the end: counted before the client can see it, so that no answer goes uncounted */
            web_end(exchange, exchange_status(exchange, NULL));
    } else if (!strcmp(type, "http.response.start") || !strcmp(type, "websocket.http.response.start")) {
        answer_begins(exchange, message);
    } else if (!strcmp(type, "websocket.send")) {
        exchange->response_bytes += length_of(item(exchange, message, WORD_BYTES)) +
                                    length_of(item(exchange, message, WORD_TEXT));
    } else if (!strcmp(type, "websocket.accept")) {
        exchange->status = 101;
        web_answer(exchange, 101);
    } else if (!strcmp(type, "websocket.close") && !exchange->status) {
        exchange->status = 403; /* as a server answers then */
        web_answer(exchange, 403);
    }
}

/* What the application receives. */
void
exchange_received(struct exchange_object *exchange, PyObject *message)
{
    const char *type = type_of(exchange, message);

    if (!strcmp(type, "http.request")) {
        if (!exchange->request_known)
            exchange->request_bytes += length_of(item(exchange, message, WORD_BODY));
    } else if (!strcmp(type, "websocket.receive")) {
        exchange->request_bytes += length_of(item(exchange, message, WORD_BYTES)) +
                                   length_of(item(exchange, message, WORD_TEXT));
    } else if (!strcmp(type, "http.disconnect") || !strcmp(type, "websocket.disconnect")) {
        exchange->disconnected = 1;
    }
}

/* ---- the application's receive and send ---- */

static PyObject *
exchange_receive(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct exchange_object *exchange = (struct exchange_object *)self;

    return awaiting_new(exchange, PyObject_CallNoArgs(exchange->receive), AWAITING_RECEIVE);
}

static PyObject *
exchange_send(PyObject *self, PyObject *message)
{
    struct exchange_object *exchange = (struct exchange_object *)self;

    look_sent(exchange, message);
    return PyObject_CallFunctionObjArgs(exchange->send, message, NULL);
}

static PyMethodDef receive_method = { "receive", exchange_receive, METH_NOARGS, NULL };
static PyMethodDef send_method = { "send", exchange_send, METH_O, NULL };

static PyObject *
call_application(struct exchange_object *exchange)
{
    PyObject *receive = PyCFunction_New(&receive_method, (PyObject *)exchange);
    PyObject *send = receive ? PyCFunction_New(&send_method, (PyObject *)exchange) : NULL, *awaitable = NULL;

    if (send)
        awaitable = PyObject_CallFunctionObjArgs(exchange->web->app, exchange->scope, receive, send, NULL);
    Py_XDECREF(receive);
    Py_XDECREF(send);
    awaitable = awaiting_new(exchange, awaitable, AWAITING_CALL);
    if (!awaitable)
        web_end(exchange, exchange_status(exchange, PyErr_Occurred()));
    return awaitable;
}

static int
is_excluded(struct web_object *web, PyObject *path)
{
    PyObject *answer;
    int yes;

    if (web->excluded == Py_None)
        return 0;
    answer = PyObject_CallFunctionObjArgs(web->excluded, path, NULL);
    yes = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return yes;
}

PyObject *
web_asgi(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct web_object *web = (struct web_object *)self;
    PyObject *scope = nargs == 3 ? args[0] : NULL, *type, *path, *root_path, *headers, *empty, *result;
    struct exchange_object *exchange;
    int http, socket, excluded = 0;
    double length;

    if (!scope)
        return PyErr_Format(PyExc_TypeError, "asgi() takes scope, receive and send");
    type = PyDict_Check(scope) ? PyDict_GetItemWithError(scope, web->words[WORD_TYPE]) : NULL;
    http = type && PyUnicode_Check(type) && !PyUnicode_CompareWithASCIIString(type, "http");
    socket = !http && type && PyUnicode_Check(type) && !PyUnicode_CompareWithASCIIString(type, "websocket");
    path = http || socket ? PyDict_GetItemWithError(scope, web->words[WORD_PATH]) : NULL;
    if (!PyErr_Occurred() && path)
        excluded = is_excluded(web, path);
    if (PyErr_Occurred())
        return NULL;
    if (!http && !socket) /* the lifespan of this worker begins: health knows it before its first request */
        shmeter_attach_worker(web->meter);
    if (!path || excluded)
        return PyObject_CallFunctionObjArgs(web->app, scope, args[1], args[2], NULL);
    empty = PyUnicode_FromStringAndSize(NULL, 0);
    root_path = PyDict_GetItemWithError(scope, web->words[WORD_ROOT_PATH]);
    exchange = web_begin(web, http ? WEB_HTTP : WEB_SOCKET, PyDict_GetItemWithError(scope, web->words[WORD_METHOD]),
                         path, root_path ? root_path : empty, scope);
    Py_XDECREF(empty);
    if (!exchange)
        return NULL;
    exchange->receive = Py_NewRef(args[1]);
    exchange->send = Py_NewRef(args[2]);
    headers = http ? PyDict_GetItemWithError(scope, web->words[WORD_HEADERS]) : NULL;
    length = web->request_sizes ? content_length(headers) : 0;
    exchange->request_known = length >= 0 && http;
    if (exchange->request_known)
        exchange->request_bytes = length;
    result = call_application(exchange);
    Py_DECREF((PyObject *)exchange);
    return result;
}

/* ---- WSGI: Python wraps, and tells ---- */

PyObject *
web_wsgi(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct web_object *web = (struct web_object *)self;
    struct exchange_object *exchange;

    if (nargs != 5 || !PyUnicode_Check(args[2]) || !PyUnicode_Check(args[3]))
        return PyErr_Format(PyExc_TypeError, "wsgi() takes environ, method, path, root_path and request bytes");
    exchange = web_begin(web, WEB_HTTP, args[1], args[2], args[3], args[0]);
    if (exchange)
        exchange->request_bytes = PyFloat_AsDouble(args[4]);
    return (PyObject *)exchange;
}

static PyObject *
exchange_end(PyObject *self, PyObject *args)
{
    struct exchange_object *exchange = (struct exchange_object *)self;
    double sent, received = exchange->request_bytes;
    int status;

    if (!PyArg_ParseTuple(args, "id|d", &status, &sent, &received))
        return NULL;
    exchange->response_bytes = sent;
    exchange->request_bytes = received;
    web_end(exchange, status);
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
    web_end(exchange, 499); /* if nobody has */
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
exchange_answer(PyObject *self, PyObject *status)
{
    long number = PyLong_AsLong(status);

    if (number == -1 && PyErr_Occurred())
        return NULL;
    web_answer((struct exchange_object *)self, (int)number);
    Py_RETURN_NONE;
}

static PyMethodDef exchange_methods[] = {
    { "answer", exchange_answer, METH_O, PyDoc_STR("answer(status)\n\nIts answer begins.") },
    { "end", exchange_end, METH_VARARGS, PyDoc_STR("end(status, response bytes[, request bytes])") },
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
