/*
 * Histograms: observations in buckets. Summaries: their number and sum alone.
 */
#include "own/own.h"

PyObject *
histogram_observe(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct metric_object *histogram = (struct metric_object *)self;
    PyObject *amount = NULL, *exemplar = NULL, *result;
    double value;

    if (SHMETER_LIKELY(nargs == 1 && !kwnames))
        amount = args[0];
    else if (core_arguments("observe", args, nargs, kwnames, "amount", &amount, "exemplar", &exemplar))
        return NULL;
    if (!amount)
        return PyErr_Format(PyExc_TypeError, "observe() missing 1 required positional argument: 'amount'");
    if (!metric_takes(histogram, &result))
        return result;
    if (core_double(amount, &value))
        return NULL;
    metric_follow(histogram);
    shmeter_histogram_observe(histogram->handle.histogram, value);
    if (SHMETER_UNLIKELY(histogram->own != NULL))
        own_observe(histogram, value);
    if (SHMETER_UNLIKELY(exemplar != NULL) && core_exemplar(histogram, exemplar, value))
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    { "observe", (PyCFunction)(void (*)(void))histogram_observe, METH_FASTCALL | METH_KEYWORDS,
      PyDoc_STR("observe(amount, exemplar=None)") },
    { "time", timer_new, METH_NOARGS,
      PyDoc_STR("time() -> Timer\n\nObserves the seconds that a block or function takes.") },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A histogram: observations, counted in buckets.") },
    { Py_tp_methods, methods },
    { 0, NULL },
};

PyType_Spec histogram_spec = {
    .name = "shmeter._core.Histogram",
    .basicsize = sizeof(struct metric_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, /* collected as Metric is */
    .slots = slots,
};

PyObject *
summary_observe(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct metric_object *summary = (struct metric_object *)self;
    PyObject *amount = NULL, *result;
    double value;

    if (SHMETER_LIKELY(nargs == 1 && !kwnames))
        amount = args[0];
    else if (core_arguments("observe", args, nargs, kwnames, "amount", &amount, NULL, NULL))
        return NULL;
    if (!amount)
        return PyErr_Format(PyExc_TypeError, "observe() missing 1 required positional argument: 'amount'");
    if (!metric_takes(summary, &result))
        return result;
    if (core_double(amount, &value))
        return NULL;
    metric_follow(summary);
    shmeter_histogram_observe(summary->handle.histogram, value);
    if (SHMETER_UNLIKELY(summary->own != NULL))
        own_observe(summary, value);
    Py_RETURN_NONE;
}

static PyMethodDef summary_methods[] = {
    { "observe", (PyCFunction)(void (*)(void))summary_observe, METH_FASTCALL | METH_KEYWORDS,
      PyDoc_STR("observe(amount)") },
    { "time", timer_new, METH_NOARGS,
      PyDoc_STR("time() -> Timer\n\nObserves the seconds that a block or function takes.") },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot summary_slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A summary: the number and the sum of observations.") },
    { Py_tp_methods, summary_methods },
    { 0, NULL },
};

PyType_Spec summary_spec = {
    .name = "shmeter._core.Summary",
    .basicsize = sizeof(struct metric_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, /* collected as Metric is */
    .slots = summary_slots,
};
