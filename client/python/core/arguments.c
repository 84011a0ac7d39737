/*
 * Arguments of METH_FASTCALL | METH_KEYWORDS methods that have at most two, by position or by name; and exemplars,
 * which are one.
 */
#include "core.h"

#include "base/text.h"

#define EXEMPLAR_RUNES   128 /* of all its labels (OpenMetrics 1.0, section "Exemplars") */
#define LABEL_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static int
wrong(const char *function, const char *why)
{
    PyErr_Format(PyExc_TypeError, "%s() %s", function, why);
    return -1;
}

int
core_arguments(const char *function, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char *first,
               PyObject **first_out, const char *second, PyObject **second_out)
{
    Py_ssize_t i, named = kwnames ? PyTuple_Size(kwnames) : 0;

    if (nargs > (second ? 2 : 1))
        return wrong(function, "takes fewer positional arguments");
    if (nargs > 0)
        *first_out = args[0];
    if (nargs > 1)
        *second_out = args[1];
    for (i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(kwnames, i), **out;
        if (!PyUnicode_CompareWithASCIIString(name, first))
            out = nargs > 0 ? NULL : first_out;
        else if (second && !PyUnicode_CompareWithASCIIString(name, second))
            out = nargs > 1 ? NULL : second_out;
        else {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function, name);
            return -1;
        }
        if (!out)
            return wrong(function, "got multiple values for an argument");
        *out = args[nargs + i];
    }
    return 0;
}

/* As the names of a metric's own labels. */
static int
check_label(PyObject *name)
{
    const char *text;
    Py_ssize_t len;
    int reserved;

    if (!PyUnicode_Check(name)) {
        PyObject *type = PyType_GetName(Py_TYPE(name));
        PyErr_Format(PyExc_TypeError, "expected string or bytes-like object, got '%S'", type);
        Py_XDECREF(type);
        return -1;
    }
    text = PyUnicode_AsUTF8AndSize(name, &len);
    if (!text)
        return -1;
    if (strlen(text) == (size_t)len && text_label_legacy(text))
        return 0;
    reserved = !strncmp(text, "__", 2) && strspn(text, LABEL_CHARACTERS) == (size_t)len;
    PyErr_Format(PyExc_ValueError, "%s label metric name: %U", reserved ? "Reserved" : "Invalid", name);
    return -1;
}

/* The runes of an exemplar's labels; -1 with an exception. */
static Py_ssize_t
exemplar_runes(PyObject *items)
{
    Py_ssize_t i, runes = 0;

    for (i = 0; i < PyList_Size(items); i++) {
        PyObject *name, *value;
        Py_ssize_t len;
        if (!PyArg_ParseTuple(PyList_GetItem(items, i), "OO", &name, &value) || check_label(name))
            return -1;
        len = PyObject_Size(value);
        if (len < 0)
            return -1;
        runes += PyUnicode_GetLength(name) + len;
    }
    return runes;
}

int
core_exemplar(struct metric_object *metric, PyObject *exemplar, double value)
{
    const int wanted = exemplar ? PyObject_IsTrue(exemplar) : 0;
    PyObject *items = wanted > 0 ? PyMapping_Items(exemplar) : NULL;
    const Py_ssize_t runes = items ? exemplar_runes(items) : -1;
    PyObject *kept;

    Py_XDECREF(items);
    if (runes > EXEMPLAR_RUNES)
        PyErr_Format(PyExc_ValueError, "Exemplar labels have %zd UTF-8 characters, exceeding the limit of %d", runes,
                     EXEMPLAR_RUNES);
    if (!wanted || runes < 0 || runes > EXEMPLAR_RUNES)
        return wanted ? -1 : 0;
    kept = metric->core->keep ? PyObject_CallFunction(metric->core->keep, "OOd", metric, exemplar, value) : NULL;
    Py_XDECREF(kept);
    return PyErr_Occurred() ? -1 : 0;
}
