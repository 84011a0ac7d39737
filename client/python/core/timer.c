/*
 * Timers: the seconds of a block or function, into a histogram, summary or gauge. Two readings of the store's clock and
 * one update.
 */
#include "own/own.h"

struct timer_object {
    PyObject_HEAD PyObject
        *metric; /* with a method of this name, which gets the seconds; most often a struct metric_object */
    PyObject *callback;
    PyObject *seconds;          /* of the block; None: it has not ended */
    struct meter_object *meter; /* whose clock it reads; NULL: the machine's */
    uint64_t start_ticks;
};

static PyObject *
timer_of(PyTypeObject *type, PyObject *metric, PyObject *callback, struct meter_object *meter)
{
    struct timer_object *timer = PyObject_GC_New(struct timer_object, type);

    if (!timer)
        return NULL;
    timer->metric = Py_NewRef(metric);
    timer->callback = Py_NewRef(callback);
    timer->seconds = Py_NewRef(Py_None);
    timer->meter = (struct meter_object *)Py_XNewRef((PyObject *)meter);
    timer->start_ticks = 0;
    PyObject_GC_Track((PyObject *)timer);
    return (PyObject *)timer;
}

PyObject *
timer_new(PyObject *metric, PyObject *Py_UNUSED(unused))
{
    struct metric_object *of = (struct metric_object *)metric;

    if (!of->kind)
        return metric_missing(of);
    return timer_of(of->core->timer, metric, of->kind == KIND_GAUGE ? of->core->set : of->core->observe, of->meter);
}

/* Timer(metric, callback_name): of anything that has such a method. */
static PyObject *
timer_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *words[] = { "metric", "callback_name", NULL };
    const struct core *core = PyType_GetModuleState(type);
    struct metric_object *of;
    PyObject *metric, *callback;

    if (!core || !PyArg_ParseTupleAndKeywords(args, kwargs, "OU:Timer", (char **)(uintptr_t)words, &metric, &callback))
        return NULL;
    of = PyObject_TypeCheck(metric, core->metric) ? (struct metric_object *)metric : NULL;
    if (of && !of->kind)
        return metric_missing(of);
    return timer_of(type, metric, callback, of ? of->meter : NULL);
}

static PyObject *
timer_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct timer_object *timer = (struct timer_object *)self;

    timer->start_ticks = timer->meter ? shmeter_ticks(timer->meter->meter) : shmeter_clock_ns();
    return Py_NewRef(self);
}

/* Whether the method that gets the seconds is this module's, and not a subclass's, or one that a test has put there. */
static int
calls_ours(const struct timer_object *timer, PyObject *method)
{
    const struct core *core;
    PyCFunction function;
    size_t i;

    if (!timer->meter || !PyCFunction_Check(method) || PyCFunction_GetSelf(method) != timer->metric)
        return 0;
    core = timer->meter->core;
    function = PyCFunction_GetFunction(method);
    for (i = 0; i < sizeof core->timed / sizeof *core->timed; i++)
        if (function == core->timed[i])
            return 1;
    return 0;
}

static PyObject *
observe_seconds(struct timer_object *timer, double seconds)
{
    struct metric_object *metric = (struct metric_object *)timer->metric;
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

static PyObject *
timer_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    struct timer_object *timer = (struct timer_object *)self;
    const double seconds = timer->meter ? shmeter_seconds_since(timer->meter->meter, timer->start_ticks)
                                        : (double)(shmeter_clock_ns() - timer->start_ticks) * 1e-9;
    PyObject *number = PyFloat_FromDouble(seconds), *method = NULL, *result = NULL, *before = timer->seconds;

    if (number) {
        timer->seconds = Py_NewRef(number);
        Py_DECREF(before);
        method = PyObject_GetAttr(timer->metric, timer->callback);
    }
    if (method && calls_ours(timer, method))
        result = observe_seconds(timer, seconds);
    else if (method)
        result = PyObject_CallFunctionObjArgs(method, number, NULL);
    Py_XDECREF(method);
    Py_XDECREF(number);
    if (!result)
        return NULL;
    Py_DECREF(result);
    Py_RETURN_NONE; /* what left the block goes on */
}

/* Inside the block: the child that gets the time. */
static PyObject *
timer_labels(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct timer_object *timer = (struct timer_object *)self;
    PyObject *before = timer->metric, *method = PyObject_GetAttrString(before, "labels");
    PyObject *child = method ? PyObject_Call(method, args, kwargs) : NULL;

    Py_XDECREF(method);
    if (!child)
        return NULL;
    timer->metric = child;
    Py_DECREF(before);
    Py_RETURN_NONE;
}

static PyObject *
timer_again(PyObject *self, PyObject *unused)
{
    const struct timer_object *timer = (const struct timer_object *)self;

    (void)unused;
    return timer_of(Py_TYPE(self), timer->metric, timer->callback, timer->meter);
}

static PyMethodDef again = { "again", timer_again, METH_NOARGS, NULL };

/* As a decorator: each call has a timer of its own, so that calls may overlap. */
static PyObject *
timer_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const struct core *core = PyType_GetModuleState(Py_TYPE(self));
    PyObject *function, *context, *result = NULL;

    (void)kwargs;
    if (!core || !PyArg_ParseTuple(args, "O", &function))
        return NULL;
    context = PyCFunction_New(&again, self);
    if (context)
        result = PyObject_CallFunctionObjArgs(core->within, function, context, NULL);
    Py_XDECREF(context);
    return result;
}

static int
timer_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct timer_object *)self)->metric);
    Py_VISIT(((struct timer_object *)self)->meter);
    return 0;
}

static void
timer_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_DECREF(((struct timer_object *)self)->metric);
    Py_DECREF(((struct timer_object *)self)->callback);
    Py_DECREF(((struct timer_object *)self)->seconds);
    Py_XDECREF((PyObject *)((struct timer_object *)self)->meter);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "__enter__", timer_enter, METH_NOARGS, NULL },
    { "__exit__", (PyCFunction)(void (*)(void))timer_exit, METH_FASTCALL, NULL },
    { "labels", (PyCFunction)(void (*)(void))timer_labels, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("labels(*values, **values_by_name)\n\nThe child that gets the time.") },
    { NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
    { "duration", T_OBJECT, offsetof(struct timer_object, seconds), READONLY,
      PyDoc_STR("seconds that the block took; None before it has ended") },
    { NULL, 0, 0, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_new, (void *)timer_make },
    { Py_tp_members, members },
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
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
