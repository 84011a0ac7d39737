/*
 * Counters: doubles that only grow.
 */
#include "own/own.h"

static PyObject *
counter_refuse(void)
{
    PyErr_SetString(PyExc_ValueError, "Counters can only be incremented by non-negative amounts.");
    return NULL;
}

static PyObject *
counter_inc(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct metric_object *counter = (struct metric_object *)self;
    PyObject *amount = NULL, *exemplar = NULL, *result;
    double value = 1;

    if (SHMETER_UNLIKELY(kwnames || nargs > 1)) {
        if (core_arguments("inc", args, nargs, kwnames, "amount", &amount, "exemplar", &exemplar))
            return NULL;
    } else if (nargs) {
        amount = args[0];
    }
    if (!metric_takes(counter, &result))
        return result;
    if (amount && core_double(amount, &value))
        return NULL;
    metric_follow(counter);
    if (SHMETER_UNLIKELY(value < 0))
        return counter_refuse();
    shmeter_counter_f64_add(counter->handle.counter, value);
    if (SHMETER_UNLIKELY(counter->own != NULL))
        own_count(counter, value);
    if (SHMETER_UNLIKELY(exemplar != NULL) && core_exemplar(counter, exemplar, value))
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    { "inc", (PyCFunction)(void (*)(void))counter_inc, METH_FASTCALL | METH_KEYWORDS,
      PyDoc_STR(
          "inc(amount=1, exemplar=None)\n\nAdds amount, which is not negative. In about the time of an empty call.") },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A counter: counts what happens, and only grows.") },
    { Py_tp_methods, methods },
    { 0, NULL },
};

PyType_Spec counter_spec = {
    .name = "shmeter._core.Counter",
    .basicsize = sizeof(struct metric_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, /* collected as Metric is */
    .slots = slots,
};
