/*
 * The coroutine of the middleware that a server or an application awaits: it passes everything on to another coroutine,
 * and records how that one ends.
 */
#include "web.h"

struct awaiting_object { /* hands on to another awaitable, and looks at how it ends */
    PyObject_HEAD PyObject *inner;
    struct exchange_object *exchange;
    enum awaiting_kind kind;
};

/* What PyIter_Send takes for an awaitable, new reference. */
static PyObject *
iterator_of(struct web_object *web, PyObject *awaitable)
{
    unaryfunc await;

    if ((PyObject *)Py_TYPE(awaitable) == web->coroutine)
        return Py_NewRef(awaitable);
    await = (unaryfunc)PyType_GetSlot(Py_TYPE(awaitable), Py_am_await);
    if (await)
        return await(awaitable);
    return PyErr_Format(PyExc_TypeError, "object %R can't be used in 'await' expression",
                        (PyObject *)Py_TYPE(awaitable));
}

PyObject *
awaiting_new(struct exchange_object *exchange, PyObject *awaitable, enum awaiting_kind kind)
{
    PyObject *inner = awaitable ? iterator_of(exchange->web, awaitable) : NULL;
    struct awaiting_object *awaiting = inner ? PyObject_GC_New(struct awaiting_object, exchange->web->core->awaiting)
                                             : NULL;

    Py_XDECREF(awaitable);
    if (!awaiting) {
        Py_XDECREF(inner);
        return NULL;
    }
    awaiting->inner = inner;
    awaiting->exchange = (struct exchange_object *)Py_NewRef((PyObject *)exchange);
    awaiting->kind = kind;
    PyObject_GC_Track((PyObject *)awaiting);
    return (PyObject *)awaiting;
}

/* It ended by an exception, which is set; StopIteration is a return. */
static void
ended_by_exception(struct awaiting_object *awaiting)
{
    PyObject *error = PyErr_Occurred();

    if (awaiting->kind == AWAITING_CALL)
        exchange_end(awaiting->exchange,
                     exchange_status(awaiting->exchange,
                                     error && !PyErr_GivenExceptionMatches(error, PyExc_StopIteration) ? error : NULL));
}

static PySendResult
awaiting_send(PyObject *self, PyObject *value, PyObject **result)
{
    struct awaiting_object *awaiting = (struct awaiting_object *)self;
    PySendResult how = PyIter_Send(awaiting->inner, value, result);

    if (how == PYGEN_ERROR)
        ended_by_exception(awaiting);
    else if (how == PYGEN_RETURN && awaiting->kind == AWAITING_CALL)
        exchange_end(awaiting->exchange, exchange_status(awaiting->exchange, NULL));
    else if (how == PYGEN_RETURN)
        message_received(awaiting->exchange, *result);
    return how;
}

static PyObject *
send_or_stop(PyObject *self, PyObject *value)
{
    PyObject *result = NULL, *stop;

    if (awaiting_send(self, value, &result) != PYGEN_RETURN)
        return result;
    stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
    Py_DECREF(result);
    if (stop)
        PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
    return NULL;
}

static PyObject *
awaiting_next(PyObject *self)
{
    return send_or_stop(self, Py_None);
}

/* What throw() was given: an exception, or the type of one and what is made of it. */
static void
raise_given(PyObject *args)
{
    PyObject *error, *value = NULL, *trace = NULL;

    if (!PyArg_UnpackTuple(args, "throw", 1, 3, &error, &value, &trace))
        return;
    if (PyExceptionInstance_Check(error))
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    else if (PyExceptionClass_Check(error))
        PyErr_SetObject(error, value);
    else
        PyErr_Format(PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException, not %R",
                     (PyObject *)Py_TYPE(error));
}

static PyObject *
awaiting_throw(PyObject *self, PyObject *args)
{
    struct awaiting_object *awaiting = (struct awaiting_object *)self;
    PyObject *throw = PyObject_GetAttrString(awaiting->inner, "throw"), *result = NULL;

    if (throw) {
        result = PyObject_Call(throw, args, NULL);
        Py_DECREF(throw);
    } else { /* an iterator without one: the exception ends it */
        PyErr_Clear();
        raise_given(args);
    }
    if (!result)
        ended_by_exception(awaiting);
    return result;
}

static PyObject *
awaiting_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct awaiting_object *awaiting = (struct awaiting_object *)self;
    PyObject *close = PyObject_GetAttrString(awaiting->inner, "close"), *result = NULL;

    if (close)
        result = PyObject_CallNoArgs(close);
    else
        PyErr_Clear();
    if (awaiting->kind == AWAITING_CALL)
        exchange_end(awaiting->exchange, exchange_status(awaiting->exchange, PyExc_GeneratorExit));
    Py_XDECREF(result);
    if (close && !result) {
        Py_DECREF(close);
        return NULL;
    }
    Py_XDECREF(close);
    Py_RETURN_NONE;
}

static PyObject *
awaiting_self(PyObject *self)
{
    return Py_NewRef(self);
}

static int
awaiting_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct awaiting_object *)self)->inner);
    Py_VISIT((PyObject *)((struct awaiting_object *)self)->exchange);
    return 0;
}

static void
awaiting_dealloc(PyObject *self)
{
    struct awaiting_object *awaiting = (struct awaiting_object *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_DECREF(awaiting->inner);
    if (awaiting->kind == AWAITING_CALL) /* nobody went on with it */
        exchange_end(awaiting->exchange, exchange_status(awaiting->exchange, PyExc_GeneratorExit));
    Py_DECREF((PyObject *)awaiting->exchange);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef awaiting_methods[] = {
    { "send", send_or_stop, METH_O, NULL },
    { "throw", awaiting_throw, METH_VARARGS, NULL },
    { "close", awaiting_close, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot awaiting_slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A coroutine that watches another one.") },
    { Py_tp_traverse, (void *)awaiting_traverse },
    { Py_tp_dealloc, (void *)awaiting_dealloc },
    { Py_tp_iter, (void *)awaiting_self },
    { Py_tp_iternext, (void *)awaiting_next },
    { Py_am_await, (void *)awaiting_self },
    { Py_am_send, (void *)awaiting_send },
    { Py_tp_methods, awaiting_methods },
    { 0, NULL },
};

PyType_Spec awaiting_spec = {
    .name = "shmeter._core.Awaiting",
    .basicsize = sizeof(struct awaiting_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = awaiting_slots,
};
