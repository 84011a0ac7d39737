/*
 * Gauges: values that go up and down.
 */
#include "own/own.h"

/* sign 1 or -1. */
static PyObject *
gauge_add(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char *function, double sign)
{
    struct metric_object *gauge = (struct metric_object *)self;
    PyObject *amount = NULL, *result;
    double value = 1;

    if (SHMETER_UNLIKELY(kwnames || nargs > 1)) {
        if (core_arguments(function, args, nargs, kwnames, "amount", &amount, NULL, NULL))
            return NULL;
    } else if (nargs) {
        amount = args[0];
    }
    if (!metric_takes(gauge, &result))
        return result;
    if (amount && core_double(amount, &value))
        return NULL;
    metric_follow(gauge);
    if (SHMETER_UNLIKELY(gauge->latest))
        return PyErr_Format(PyExc_RuntimeError, "%s must not be used with the mostrecent mode", function);
    if (SHMETER_UNLIKELY(gauge->own != NULL))
        own_gauge(gauge, OWN_ADD, sign * value);
    else
        shmeter_gauge_add(gauge->handle.gauge, sign * value);
    Py_RETURN_NONE;
}

static PyObject *
gauge_inc(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return gauge_add(self, args, nargs, kwnames, "inc", 1);
}

static PyObject *
gauge_dec(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return gauge_add(self, args, nargs, kwnames, "dec", -1);
}

/* What float() makes of it: also of text. */
static int
gauge_number(PyObject *number, double *out)
{
    PyObject *real;
    int result;

    if (SHMETER_LIKELY(!PyUnicode_Check(number)))
        return core_double(number, out);
    real = PyFloat_FromString(number);
    result = real ? core_double(real, out) : -1;
    Py_XDECREF(real);
    return result;
}

PyObject *
gauge_set(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct metric_object *gauge = (struct metric_object *)self;
    PyObject *given = NULL, *result;
    double value;

    if (SHMETER_LIKELY(nargs == 1 && !kwnames))
        given = args[0];
    else if (core_arguments("set", args, nargs, kwnames, "value", &given, NULL, NULL))
        return NULL;
    if (!given)
        return PyErr_Format(PyExc_TypeError, "set() missing 1 required positional argument: 'value'");
    if (!metric_takes(gauge, &result))
        return result;
    if (gauge_number(given, &value))
        return NULL;
    metric_follow(gauge);
    own_put(gauge, value);
    Py_RETURN_NONE;
}

/* The value that its function gave. */
static PyObject *
gauge_publish(PyObject *self, PyObject *number)
{
    struct metric_object *gauge = (struct metric_object *)self;
    double value;

    if (!gauge->ready)
        return metric_missing(gauge);
    if (gauge_number(number, &value))
        return NULL;
    if (gauge->follows && shmeter_load_relaxed(gauge->changes) != gauge->seen)
        metric_bind(gauge);
    own_put(gauge, value);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    { "inc", (PyCFunction)(void (*)(void))gauge_inc, METH_FASTCALL | METH_KEYWORDS, PyDoc_STR("inc(amount=1)") },
    { "dec", (PyCFunction)(void (*)(void))gauge_dec, METH_FASTCALL | METH_KEYWORDS, PyDoc_STR("dec(amount=1)") },
    { "set", (PyCFunction)(void (*)(void))gauge_set, METH_FASTCALL | METH_KEYWORDS, PyDoc_STR("set(value)") },
    { "time", timer_new, METH_NOARGS,
      PyDoc_STR("time() -> Timer\n\nSets the gauge to the seconds that a block or function took.") },
    { "_publish", gauge_publish, METH_O,
      PyDoc_STR("_publish(value)\n\nSets it also where a function gives the value.") },
    { NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
    { "_by_function", T_BOOL, offsetof(struct metric_object, function), 0, PyDoc_STR("a function gives the value") },
    { NULL, 0, 0, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A gauge: a value that goes up and down.") },
    { Py_tp_methods, methods },
    { Py_tp_members, members },
    { 0, NULL },
};

PyType_Spec gauge_spec = {
    .name = "shmeter._core.Gauge",
    .basicsize = sizeof(struct metric_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, /* collected as Metric is */
    .slots = slots,
};
