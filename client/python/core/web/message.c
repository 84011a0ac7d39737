/*
 * What is recorded of an exchange from the application's ASGI messages (asgi.readthedocs.io, "HTTP & WebSocket"). No
 * body is kept.
 */
#include <stdlib.h>
#include <strings.h>

#include "web.h"

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
double
message_content_length(PyObject *headers)
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
    length = message_content_length(item(exchange, message, WORD_HEADERS));
    if (exchange->method == ROUTE_HEAD) /* HEAD: the header tells of a body that is not sent */
        length = 0;
    exchange->response_known = length >= 0;
    if (length >= 0)
        exchange->response_bytes = length;
    exchange_answer(exchange, exchange->status);
}

/* What the application sends. */
void
message_sent(struct exchange_object *exchange, PyObject *message)
{
    const char *type = type_of(exchange, message);

    if (!strcmp(type, "http.response.body")) {
        PyObject *more = item(exchange, message, WORD_MORE_BODY);
        if (!exchange->response_known)
            exchange->response_bytes += length_of(item(exchange, message, WORD_BODY));
        if (!more ||
            more == Py_False) /* the end: counted before the client can see it, so that no answer goes uncounted */
            exchange_end(exchange, exchange_status(exchange, NULL));
    } else if (!strcmp(type, "http.response.start") || !strcmp(type, "websocket.http.response.start")) {
        answer_begins(exchange, message);
    } else if (!strcmp(type, "websocket.send")) {
        exchange->response_bytes += length_of(item(exchange, message, WORD_BYTES)) +
                                    length_of(item(exchange, message, WORD_TEXT));
    } else if (!strcmp(type, "websocket.accept")) {
        exchange->status = 101;
        exchange_answer(exchange, 101);
    } else if (!strcmp(type, "websocket.close") && !exchange->status) {
        exchange->status = 403; /* as a server answers then */
        exchange_answer(exchange, 403);
    }
}

/* What the application receives. */
void
message_received(struct exchange_object *exchange, PyObject *message)
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
