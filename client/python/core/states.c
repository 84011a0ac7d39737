/*
 * Infos and statesets: texts and states, not numbers. Their updates are rare, and cost as much as a lookup.
 */
#include "own/own.h"

/* ---- infos ---- */

/* The metric's label values with those of an info behind them; new reference. */
static PyObject *
all_values(const struct metric_object *info, PyObject *values)
{
    return PySequence_Concat(info->labelvalues, values);
}

static PyObject *
info_put(PyObject *self, PyObject *args)
{
    struct metric_object *info = (struct metric_object *)self;
    struct shmeter_desc desc = { .type = SHMETER_INFO };
    const struct shmeter_family *family;
    PyObject *names, *values, *all;
    struct metric_text text;
    uint64_t said;
    uint32_t n;

    if (!PyArg_ParseTuple(args, "O!O!", &PyTuple_Type, &names, &PyTuple_Type, &values))
        return NULL;
    if (!info->ready)
        return metric_missing(info);
    if (PyTuple_Size(names) != PyTuple_Size(values))
        return PyErr_Format(PyExc_ValueError, "as many values as names are wanted");
    if (info->own && own_info(info, names, values))
        return NULL;
    if (info->apart)
        Py_RETURN_NONE;
    said = shmeter_load_relaxed(&info->meter->meter->messages_n);
    family = metric_family(info, &desc, names);
    all = family ? all_values(info, values) : NULL;
    if (!all)
        return NULL;
    n = (uint32_t)PyTuple_Size(all);
    if (!metric_text_of(&text, all, n))
        shmeter_info_replace_v(family, text.values, n, info->child ? info->labels_n : 0);
    metric_text_drop(&text, n);
    Py_DECREF(all);
    return PyErr_Occurred() || core_warn(info->meter, said) ? NULL : Py_NewRef(Py_None);
}

/* info.say(version="1", host="a") */
static PyObject *
info_say(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *names = kwargs ? PyDict_Keys(kwargs) : PyList_New(0),
             *values = kwargs ? PyDict_Values(kwargs) : PyList_New(0);
    PyObject *both = NULL, *result = NULL;

    if (PyTuple_Size(args))
        PyErr_SetString(PyExc_TypeError, "say() takes keyword arguments only");
    else if (names && values)
        both = Py_BuildValue("(NN)", PyList_AsTuple(names), PyList_AsTuple(values));
    if (both)
        result = info_put(self, both);
    Py_XDECREF(both);
    Py_XDECREF(names);
    Py_XDECREF(values);
    return result;
}

static PyMethodDef info_methods[] = {
    { "say", (PyCFunction)(void (*)(void))info_say, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("say(**labels)\n\nIn the place of what any process said before. Values are str.") },
    { "_put", info_put, METH_VARARGS, PyDoc_STR("_put(names, values)\n\nIn the place of what was said before.") },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot info_slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("An info: constant 1, whose labels say something.") },
    { Py_tp_methods, info_methods },
    { 0, NULL },
};

PyType_Spec info_spec = {
    .name = "shmeter._core.Info",
    .basicsize = sizeof(struct metric_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, /* collected as Metric is */
    .slots = info_slots,
};

/* ---- statesets ---- */

static PyObject *
stateset_put(PyObject *self, PyObject *number)
{
    struct metric_object *stateset = (struct metric_object *)self;
    unsigned long state = PyLong_AsUnsignedLong(number);
    PyObject *result;

    if (PyErr_Occurred())
        return NULL;
    if (!metric_updatable(stateset, &result))
        return result;
    if (stateset->own)
        own_gauge(stateset, OWN_SET, (double)state);
    else
        shmeter_stateset_set(stateset->handle.stateset, state > UINT32_MAX ? UINT32_MAX : (uint32_t)state);
    Py_RETURN_NONE;
}

/* By its name. */
static PyObject *
stateset_enter(PyObject *self, PyObject *name)
{
    struct metric_object *stateset = (struct metric_object *)self;
    PyObject *number, *result;
    Py_ssize_t at = stateset->extra ? PySequence_Index(stateset->extra, name) : -1;

    if (at < 0)
        return PyErr_Occurred() ? NULL : metric_missing(stateset);
    number = PyLong_FromSsize_t(at);
    result = number ? stateset_put(self, number) : NULL;
    Py_XDECREF(number);
    return result;
}

static PyMethodDef stateset_methods[] = {
    { "enter", stateset_enter, METH_O,
      PyDoc_STR("enter(state)\n\nThis state holds from now on. ValueError: it is none of them.") },
    { "_put", stateset_put, METH_O, PyDoc_STR("_put(number)\n\nThe state of this number, from 0.") },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot stateset_slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A stateset: one of some states holds.") },
    { Py_tp_methods, stateset_methods },
    { 0, NULL },
};

PyType_Spec stateset_spec = {
    .name = "shmeter._core.Stateset",
    .basicsize = sizeof(struct metric_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, /* collected as Metric is */
    .slots = stateset_slots,
};
