/*
 * Samples of the model as Python objects: what collect() gives. The program's own code may run while they are made
 * (another thread's, and a finalizer's), and take the segment again: so what the model has is copied first.
 */
#include "view.h"

#include "base/containers/buffer.h"
#include "base/number.h"

struct samples {
    struct buffer copied; /* of each sample a struct sample, and the names and values of its labels */
    const char *name;     /* without a suffix */
    const char *stored;   /* a stateset's own label has this name in the model */
    int created;
    const struct model_series *series; /* whose samples are copied */
};

struct sample {
    const char *suffix;
    double le, value;
    uint32_t labels_n;
    int has_le;
};

/* ---- the copy ---- */

static int
copy_text(struct buffer *copied, const char *text)
{
    return buffer_append(copied, text, strlen(text) + 1);
}

static int
copy(void *argument, const char *suffix, const double *le, double value)
{
    struct samples *samples = argument;
    const struct model_series *series = samples->series;
    const struct sample sample = { suffix, le ? *le : 0, value, series->shape->labels_n, le != NULL };
    int failed = buffer_append(&samples->copied, &sample, sizeof sample);
    uint32_t i;

    for (i = 0; i < sample.labels_n && !failed; i++)
        failed = copy_text(&samples->copied, view_label(series->shape->labels[i], samples->stored, samples->name)) |
                 copy_text(&samples->copied, series->values[i]);
    return failed ? -1 : 0;
}

static int
copy_series(struct samples *samples, const struct model *model, const struct model_family *family,
            const struct model_series *series)
{
    int result;

    samples->series = series;
    result = view_samples(model, family, series, copy, samples);
    if (result || !samples->created || !series->created_ns || !view_has_created(family))
        return result;
    return copy(samples, "_created", NULL, (double)series->created_ns * 1e-9);
}

static int
copy_family(struct samples *samples, const struct model *model, const struct model_family *family)
{
    uint32_t i;
    int result = 0;

    for (i = 0; i < family->series_n && !result; i++)
        if (family->series[i].present)
            result = copy_series(samples, model, family, &family->series[i]);
    return result;
}

/* ---- objects of it ---- */

/* The next text of a copy. */
static const char *
next(const char **at)
{
    const char *text = *at;

    *at += strlen(text) + 1;
    return text;
}

static int
put_label(PyObject *labels, const char *name, const char *value)
{
    PyObject *text = PyUnicode_DecodeUTF8(value, (Py_ssize_t)strlen(value), "replace");
    int result = text ? PyDict_SetItemString(labels, name, text) : -1;

    Py_XDECREF(text);
    return result;
}

static PyObject *
labels_of(const struct sample *sample, const char **at)
{
    PyObject *labels = PyDict_New();
    char le[NUMBER_BYTES + 1];
    uint32_t i;

    for (i = 0; labels && i < sample->labels_n; i++) {
        const char *name = next(at);
        if (put_label(labels, name, next(at)))
            Py_CLEAR(labels);
    }
    if (labels && sample->has_le) {
        le[core_repr(le, sample->le)] = 0;
        if (put_label(labels, "le", le))
            Py_CLEAR(labels);
    }
    return labels;
}

/* Adds the next sample: type(name, labels, value). */
static int
add(PyObject *list, PyObject *type, const char *name, const char **at)
{
    PyObject *labels, *full, *number, *one = NULL;
    struct sample sample;
    int result = -1;

    memcpy(&sample, *at, sizeof sample);
    *at += sizeof sample;
    labels = labels_of(&sample, at);
    full = PyUnicode_FromFormat("%s%s", name, sample.suffix);
    number = PyFloat_FromDouble(sample.value);
    if (labels && full && number)
        one = PyObject_CallFunctionObjArgs(type, full, labels, number, NULL);
    if (one)
        result = PyList_Append(list, one);
    Py_XDECREF(one);
    Py_XDECREF(number);
    Py_XDECREF(full);
    Py_XDECREF(labels);
    return result;
}

PyObject *
meter_samples(PyObject *self, PyObject *args)
{
    struct samples samples = { .series = NULL };
    const struct model *model;
    const struct model_family *family;
    PyObject *type, *list = NULL;
    const char *at, *end;
    int failed = 0;

    if (!PyArg_ParseTuple(args, "ssOp", &samples.stored, &samples.name, &type, &samples.created))
        return NULL;
    CORE_LOCK(self)
    model = view_model((struct meter_object *)self);
    family = model ? model_find(model, samples.stored) : NULL;
    if (family)
        failed = copy_family(&samples, model, family);
    CORE_UNLOCK()
    if (failed)
        PyErr_NoMemory();
    else
        list = PyList_New(0);
    at = samples.copied.data;
    end = at ? at + samples.copied.len : NULL;
    while (list && at != end)
        if (add(list, type, samples.name, &at))
            Py_CLEAR(list);
    buffer_free(&samples.copied);
    return list;
}

/* ---- families ---- */

static int
copy_families(struct buffer *copied, const struct model *model)
{
    char name[VIEW_NAME_BYTES];
    uint32_t i;
    int failed = 0;

    for (i = 0; i < model->families_n && !failed; i++) {
        const struct model_family *family = model->families[i];
        if (family->present_n)
            failed = copy_text(copied, family->name) | copy_text(copied, view_short_name(family, name)) |
                     copy_text(copied, model_kinds[family->type].word) | copy_text(copied, family->help) |
                     copy_text(copied, family->unit);
    }
    return failed;
}

static int
add_family(PyObject *list, const char **at)
{
    const char *texts[5];
    PyObject *one;
    size_t i;
    int result;

    for (i = 0; i < 5; i++)
        texts[i] = next(at);
    one = Py_BuildValue("(sssss)", texts[0], texts[1], texts[2], texts[3], texts[4]);
    result = one ? PyList_Append(list, one) : -1;
    Py_XDECREF(one);
    return result;
}

PyObject *
meter_families(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct buffer copied = { .len = 0 };
    const struct model *model;
    PyObject *list = NULL;
    const char *at, *end;
    int failed = 0;

    CORE_LOCK(self)
    model = view_model((struct meter_object *)self);
    if (model)
        failed = copy_families(&copied, model);
    CORE_UNLOCK()
    if (failed)
        PyErr_NoMemory();
    else
        list = PyList_New(0);
    at = copied.data;
    end = at ? at + copied.len : NULL;
    while (list && at != end)
        if (add_family(list, &at))
            Py_CLEAR(list);
    buffer_free(&copied);
    return list;
}

/* ---- names ---- */

/* Whether a name stands in a text as it is, without quotes and escapes. colons: they may be in it. */
static int
is_plain(const char *name, int colons)
{
    size_t i;

    for (i = 0; name[i]; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') || name[i] == '_' ||
              (name[i] == ':' && colons) || (name[i] >= '0' && name[i] <= '9' && i)))
            return 0;
    return i != 0;
}

static int
has_plain_names(const struct model_family *family)
{
    const struct model_shape *shape = NULL;
    uint32_t i, k;

    for (i = 0; i < family->series_n; i++) {
        if (family->series[i].shape == shape)
            continue;
        shape = family->series[i].shape;
        for (k = 0; k < shape->labels_n; k++)
            if (!is_plain(shape->labels[k], family->type == MODEL_STATESET))
                return 0;
    }
    return is_plain(family->name, 1);
}

/* Those of the last take that only Python renders. */
PyObject *
meter_odd(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *found = PySet_New(NULL), *name;
    const struct model *model;
    uint32_t i;

    CORE_LOCK(self)
    model = view_model((struct meter_object *)self);
    for (i = 0; model && found && i < model->families_n; i++) {
        if (has_plain_names(model->families[i]))
            continue;
        name = PyUnicode_FromString(model->families[i]->name);
        if (!name || PySet_Add(found, name))
            Py_CLEAR(found);
        Py_XDECREF(name);
    }
    CORE_UNLOCK()
    return found;
}
