/*
 * Timers: the seconds of a block or function, into a histogram, summary or gauge. Two readings of the store's clock and
 * one update.
 */
#include "own/own.h"

struct timer_object {
    PyObject_HEAD PyObject *metric; /* struct metric_object */
    uint64_t start_ticks;
};

PyObject *
timer_new(PyObject *metric, PyObject *Py_UNUSED(unused))
{
    struct metric_object *of = (struct metric_object *)metric;
    struct timer_object *timer;

    if (!of->kind)
        return metric_missing(of);
    timer = PyObject_GC_New(struct timer_object, of->core->timer);
    if (!timer)
        return NULL;
    timer->metric = Py_NewRef(metric);
    timer->start_ticks = 0;
    PyObject_GC_Track((PyObject *)timer);
    return (PyObject *)timer;
}

static PyObject *
timer_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct timer_object *timer = (struct timer_object *)self;

    timer->start_ticks = shmeter_ticks(((struct metric_object *)timer->metric)->meter->meter);
    return Py_NewRef(self);
}

static PyObject *
timer_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    struct timer_object *timer = (struct timer_object *)self;
    struct metric_object *metric = (struct metric_object *)timer->metric;
    double seconds = shmeter_seconds_since(metric->meter->meter, timer->start_ticks);
    PyObject *result;

    if (!metric_updatable(metric, &result))
        return result;
    if (metric->kind == KIND_GAUGE) {
        own_put(metric, seconds);
        Py_RETURN_NONE;
    }
    shmeter_histogram_observe(metric->handle.histogram, seconds);
    if (metric->own)
        own_observe(metric, seconds);
    Py_RETURN_NONE;
}

/* Inside the block: the child that gets the time. */
static PyObject *
timer_labels(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct timer_object *timer = (struct timer_object *)self;
    PyObject *child = labels_call(timer->metric, args, nargs, kwnames), *before = timer->metric;

    if (!child)
        return NULL;
    timer->metric = child;
    Py_DECREF(before);
    Py_RETURN_NONE;
}

static PyObject *
timer_again(PyObject *self, PyObject *unused)
{
    return timer_new(((struct timer_object *)self)->metric, unused);
}

static PyMethodDef again = { "again", timer_again, METH_NOARGS, NULL };

/* As a decorator: each call has a timer of its own, so that calls may overlap. */
static PyObject *
timer_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const struct metric_object *metric = (struct metric_object *)((struct timer_object *)self)->metric;
    PyObject *function, *context, *result = NULL;

    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O", &function))
        return NULL;
    context = PyCFunction_New(&again, self);
    if (context)
        result = PyObject_CallFunctionObjArgs(metric->core->within, function, context, NULL);
    Py_XDECREF(context);
    return result;
}

static int
timer_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct timer_object *)self)->metric);
    return 0;
}

static void
timer_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_DECREF(((struct timer_object *)self)->metric);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "__enter__", timer_enter, METH_NOARGS, NULL },
    { "__exit__", (PyCFunction)(void (*)(void))timer_exit, METH_FASTCALL, NULL },
    { "labels", (PyCFunction)(void (*)(void))timer_labels, METH_FASTCALL | METH_KEYWORDS,
      PyDoc_STR("labels(*values, **values_by_name)\n\nThe child that gets the time.") },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("Times a block (with) or a function (as a decorator).") },
    { Py_tp_traverse, (void *)timer_traverse },
    { Py_tp_dealloc, (void *)timer_dealloc },
    { Py_tp_call, (void *)timer_call },
    { Py_tp_methods, methods },
    { 0, NULL },
};

PyType_Spec timer_spec = {
    .name = "shmeter._core.Timer",
    .basicsize = sizeof(struct timer_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
