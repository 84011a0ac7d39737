/*
 * Samples of the model as Python objects: what collect() gives.
 */
#include "view.h"

#include "base/number.h"

struct samples {
    PyObject *list, *type; /* type(name, labels, value) makes one */
    const char *name;      /* without a suffix */
    const char *stored;    /* a stateset's own label has this name in the model */
    int created;
    const struct model_series *series; /* whose samples are added */
};

static int
put_label(PyObject *labels, const char *name, const char *value)
{
    PyObject *text = PyUnicode_DecodeUTF8(value, (Py_ssize_t)strlen(value), "replace");
    int result = text ? PyDict_SetItemString(labels, name, text) : -1;

    Py_XDECREF(text);
    return result;
}

static PyObject *
labels_of(const struct samples *samples)
{
    const struct model_series *series = samples->series;
    PyObject *labels = PyDict_New();
    uint32_t i;

    for (i = 0; labels && i < series->shape->labels_n; i++)
        if (put_label(labels, view_label(series->shape->labels[i], samples->stored, samples->name), series->values[i]))
            Py_CLEAR(labels);
    return labels;
}

static int
add(void *argument, const char *suffix, const double *le, double value)
{
    const struct samples *samples = argument;
    PyObject *labels = labels_of(samples), *sample = NULL, *name = PyUnicode_FromFormat("%s%s", samples->name, suffix);
    PyObject *number = PyFloat_FromDouble(value);
    char text[NUMBER_BYTES + 1];
    int result = -1;

    if (le) {
        text[number_repr(text, *le)] = 0;
        if (labels && put_label(labels, "le", text))
            Py_CLEAR(labels);
    }
    if (labels && name && number)
        sample = PyObject_CallFunctionObjArgs(samples->type, name, labels, number, NULL);
    if (sample)
        result = PyList_Append(samples->list, sample);
    Py_XDECREF(sample);
    Py_XDECREF(number);
    Py_XDECREF(name);
    Py_XDECREF(labels);
    return result;
}

static int
add_series(struct samples *samples, const struct model *model, const struct model_family *family,
           const struct model_series *series)
{
    int result;

    samples->series = series;
    result = view_samples(model, family, series, add, samples);
    if (result || !samples->created || !series->created_ns || !view_has_created(family))
        return result;
    return add(samples, "_created", NULL, (double)series->created_ns * 1e-9);
}

static int
add_family(struct samples *samples, const struct model *model, const struct model_family *family)
{
    uint32_t i;
    int result = 0;

    for (i = 0; i < family->series_n && !result; i++)
        if (family->series[i].present)
            result = add_series(samples, model, family, &family->series[i]);
    return result;
}

PyObject *
meter_samples(PyObject *self, PyObject *args)
{
    struct samples samples = { .list = NULL };
    const struct meter_object *meter = (struct meter_object *)self;
    const struct model_family *family;
    int result = 0;

    if (!PyArg_ParseTuple(args, "ssOp", &samples.stored, &samples.name, &samples.type, &samples.created))
        return NULL;
    samples.list = PyList_New(0);
    CORE_LOCK(self)
    family = samples.list && view_model(meter) ? model_find(view_model(meter), samples.stored) : NULL;
    if (family)
        result = add_family(&samples, view_model(meter), family);
    CORE_UNLOCK()
    if (result)
        Py_CLEAR(samples.list);
    return samples.list;
}

PyObject *
meter_families(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const struct model *model = view_model((struct meter_object *)self);
    PyObject *list = PyList_New(0), *one;
    char name[VIEW_NAME_BYTES];
    uint32_t i;

    for (i = 0; list && model && i < model->families_n; i++) {
        const struct model_family *family = model->families[i];
        if (!family->present_n)
            continue;
        one = Py_BuildValue("(sssss)", family->name, view_short_name(family, name), model_kinds[family->type].word,
                            family->help, family->unit);
        if (!one || PyList_Append(list, one))
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}
