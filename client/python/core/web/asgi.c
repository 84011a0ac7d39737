/*
 * ASGI: the application's receive and send, which look at the messages and hand them on as they are. No task is made.
 */
#include "web.h"

static PyObject *
receive_one(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct exchange_object *exchange = (struct exchange_object *)self;

    return awaiting_new(exchange, PyObject_CallNoArgs(exchange->receive), AWAITING_RECEIVE);
}

static PyObject *
send_one(PyObject *self, PyObject *message)
{
    struct exchange_object *exchange = (struct exchange_object *)self;

    message_sent(exchange, message);
    return PyObject_CallFunctionObjArgs(exchange->send, message, NULL);
}

static PyMethodDef receive_method = { "receive", receive_one, METH_NOARGS, NULL };
static PyMethodDef send_method = { "send", send_one, METH_O, NULL };

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
        exchange_end(exchange, exchange_status(exchange, PyErr_Occurred()));
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
asgi_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
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
    exchange = exchange_begin(web, http ? WEB_HTTP : WEB_SOCKET,
                              PyDict_GetItemWithError(scope, web->words[WORD_METHOD]), path,
                              root_path ? root_path : empty, scope);
    Py_XDECREF(empty);
    if (!exchange)
        return NULL;
    exchange->receive = Py_NewRef(args[1]);
    exchange->send = Py_NewRef(args[2]);
    headers = http ? PyDict_GetItemWithError(scope, web->words[WORD_HEADERS]) : NULL;
    length = web->request_sizes ? message_content_length(headers) : 0;
    exchange->request_known = length >= 0 && http;
    if (exchange->request_known)
        exchange->request_bytes = length;
    result = call_application(exchange);
    Py_DECREF((PyObject *)exchange);
    return result;
}
