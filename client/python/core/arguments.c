/*
 * Arguments of METH_FASTCALL | METH_KEYWORDS methods that have at most two, by position or by name.
 */
#include "core.h"

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

/* The check is Python's: exemplars are rare, and the rules are those of the labels of metrics. */
int
core_exemplar(PyObject *exemplar)
{
    PyObject *module, *result;
    int wanted = exemplar ? PyObject_IsTrue(exemplar) : 0;

    if (wanted <= 0)
        return wanted;
    module = PyImport_ImportModule("shmeter.prometheus.names");
    result = module ? PyObject_CallMethod(module, "check_exemplar", "O", exemplar) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(result);
    return result ? 0 : -1;
}
