/*
 * Samples of the model as Python objects: what collect() gives.
 */
#include "view.h"

#include "base/saturate.h"

struct samples {
    PyObject *list, *type; /* type(name, labels, value) makes one */
    const char *name;      /* without a suffix */
    const char *stored;    /* a stateset's own label has this name in the model */
    int created;
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
labels_of(const struct samples *samples, const struct model_series *series)
{
    PyObject *labels = PyDict_New();
    uint32_t i;

    for (i = 0; labels && i < series->shape->labels_n; i++)
        if (put_label(labels, view_label(series->shape->labels[i], samples->stored, samples->name), series->values[i]))
            Py_CLEAR(labels);
    return labels;
}

/* le: NULL none. */
static int
add(struct samples *samples, const struct model_series *series, const char *suffix, const double *le, double value)
{
    PyObject *labels = labels_of(samples, series), *sample = NULL,
             *name = PyUnicode_FromFormat("%s%s", samples->name, suffix);
    PyObject *number = PyFloat_FromDouble(value);
    char text[VIEW_NUMBER_BYTES + 1];
    int result = -1;

    if (le) {
        text[view_number(text, *le)] = 0;
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
add_created(struct samples *samples, const struct model_series *series)
{
    if (!samples->created || !series->created_ns)
        return 0;
    return add(samples, series, "_created", NULL, (double)series->created_ns * 1e-9);
}

static int
add_histogram(struct samples *samples, const struct model *model, const struct model_series *series)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *buckets = model_histogram_buckets(model, series);
    const double infinity = Py_HUGE_VAL;
    uint64_t count = 0;
    uint32_t i, k = 0;
    int result = 0;

    for (i = 0; i < shape->classic_n && !result; i++) {
        for (; k < shape->classic_ends[i]; k++)
            count = saturate_add(count, buckets[k]);
        result = add(samples, series, "_bucket", &shape->classic_bounds[i], (double)count);
    }
    count = model_histogram_count(model, series);
    result = result ? result : add(samples, series, "_bucket", &infinity, (double)count);
    result = result ? result : add(samples, series, "_count", NULL, (double)count);
    if (!result && !(shape->classic_n && shape->classic_bounds[0] < 0))
        result = add(samples, series, "_sum", NULL, model_histogram_sum(model, series));
    return result ? result : add_created(samples, series);
}

static int
add_summary(struct samples *samples, const struct model *model, const struct model_series *series)
{
    int result = add(samples, series, "_count", NULL, (double)model_histogram_count(model, series));

    result = result ? result : add(samples, series, "_sum", NULL, model_histogram_sum(model, series));
    return result ? result : add_created(samples, series);
}

static int
add_series(struct samples *samples, const struct model *model, const struct model_family *family,
           const struct model_series *series)
{
    int result;

    switch (family->type) {
    case MODEL_HISTOGRAM:
        return add_histogram(samples, model, series);
    case MODEL_SUMMARY:
        return add_summary(samples, model, series);
    case MODEL_COUNTER:
        result = add(samples, series, "_total", NULL, model_number(model, series));
        return result ? result : add_created(samples, series);
    case MODEL_INFO:
        return add(samples, series, "_info", NULL, 1);
    default:
        return add(samples, series, "", NULL, model_number(model, series));
    }
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
    static const char *const types[] = { "counter", "gauge", "histogram", "info", "summary", "stateset" };
    const struct model *model = view_model((struct meter_object *)self);
    PyObject *list = PyList_New(0), *one;
    char name[VIEW_NAME_BYTES];
    uint32_t i;

    for (i = 0; list && model && i < model->families_n; i++) {
        const struct model_family *family = model->families[i];
        if (!family->present_n)
            continue;
        one = Py_BuildValue("(sssss)", family->name, view_short_name(family, name), types[family->type], family->help,
                            family->unit);
        if (!one || PyList_Append(list, one))
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}
