/*
 * The plain API's families: meter.counter(...) and its like. The definitions are those of the public header.
 */
#include "core.h"

#include "read/snapshot/modes.h"

struct plain {
    const char *name, *help, *unit, *mode;
    PyObject *labels, *list; /* label names; bounds or states */
    double expire_after;
    unsigned max_series;
    int evict;
};

/* The words of what all families have; one of a type's own in the middle. */
#define WORDS(...)   "name", "help", "labels", "unit", __VA_ARGS__ "expire_after", "max_series", "evict", NULL
#define FIRST(plain) &(plain)->name, &(plain)->help, &(plain)->labels, &(plain)->unit
#define LAST(plain)  &(plain)->expire_after, &(plain)->max_series, &(plain)->evict

/* A name without the suffix that the kind has in the store. */
static PyObject *
short_name(const char *name, const char *suffix)
{
    size_t len = strlen(name), n = strlen(suffix);

    return PyUnicode_FromStringAndSize(name, (Py_ssize_t)(len > n && !strcmp(name + len - n, suffix) ? len - n : len));
}

static int
mode_of(const char *word)
{
    uint32_t mode;

    for (mode = 0; mode < modes_n; mode++)
        if (!strcmp(word, modes[mode].word))
            return (int)mode;
    PyErr_Format(PyExc_ValueError,
                 "mode is pool, sum, min, max, latest, all, or one of the last five with live_ before it, not %s",
                 word);
    return -1;
}

/* A new metric of this type. extra: bounds, or None. */
static PyObject *
open_plain(PyObject *self, PyTypeObject *type, const struct plain *plain, const char *suffix, PyObject *extra)
{
    PyObject *metric = PyObject_CallNoArgs((PyObject *)type), *name = short_name(plain->name, suffix), *args = NULL;
    PyObject *labels = plain->labels ? PySequence_Tuple(plain->labels) : PyTuple_New(0), *opened = NULL;
    const struct meter_object *meter = (const struct meter_object *)self;
    int mode = mode_of(plain->mode);

    if (metric && name && labels && mode >= 0)
        args = Py_BuildValue("(OsOssOOiOidIi)", metric, plain->name, name, plain->help, plain->unit, labels, extra,
                             mode, extra, METRIC_PLAIN, plain->expire_after, plain->max_series, plain->evict);
    if (args)
        opened = metric_open(self, args);
    if (!opened || (opened == Py_False && core_warn(meter, UINT64_MAX)))
        Py_CLEAR(metric);
    Py_XDECREF(opened);
    Py_XDECREF(args);
    Py_XDECREF(labels);
    Py_XDECREF(name);
    return metric;
}

static void
begin(struct plain *plain)
{
    memset(plain, 0, sizeof *plain);
    plain->help = plain->unit = "";
    plain->mode = modes[SHMETER_POOL].word;
}

/* What has no words of its own. */
static int
parse(PyObject *args, PyObject *kwargs, const char *format, struct plain *plain)
{
    static const char *words[] = { WORDS() };

    begin(plain);
    return PyArg_ParseTupleAndKeywords(args, kwargs, format, (char **)(uintptr_t)words, FIRST(plain), LAST(plain));
}

PyObject *
plain_counter(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct plain plain;

    if (!parse(args, kwargs, "s|sOs$dIp:counter", &plain))
        return NULL;
    return open_plain(self, ((struct meter_object *)self)->core->counter, &plain, "_total", Py_None);
}

PyObject *
plain_gauge(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *words[] = { WORDS("mode", ) };
    struct plain plain;

    begin(&plain);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|sOs$sdIp:gauge", (char **)(uintptr_t)words, FIRST(&plain),
                                     &plain.mode, LAST(&plain)))
        return NULL;
    return open_plain(self, ((struct meter_object *)self)->core->gauge, &plain, "", Py_None);
}

/* The bounds that were given, those of a range, or None for the usual ones; new reference. */
static PyObject *
bounds_of(PyObject *list, int schema, double min_value, double max_value)
{
    const int given = list && list != Py_None;

    if (max_value != 0 && given) {
        PyErr_SetString(PyExc_TypeError, "histogram() takes bounds, or a range (schema, min_value, max_value)");
        return NULL;
    }
    if (max_value != 0)
        return Py_BuildValue("(idd)", schema, min_value, max_value);
    return given ? PySequence_List(list) : Py_NewRef(Py_None);
}

PyObject *
plain_histogram(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *words[] = { WORDS("bounds", "schema", "min_value", "max_value", ) };
    struct plain plain;
    PyObject *bounds, *metric;
    double min_value = 0, max_value = 0;
    int schema = 0;

    begin(&plain);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|sOs$OidddIp:histogram", (char **)(uintptr_t)words, FIRST(&plain),
                                     &plain.list, &schema, &min_value, &max_value, LAST(&plain)))
        return NULL;
    bounds = bounds_of(plain.list, schema, min_value, max_value);
    if (!bounds)
        return NULL;
    metric = open_plain(self, ((struct meter_object *)self)->core->histogram, &plain, "", bounds);
    Py_DECREF(bounds);
    return metric;
}

PyObject *
plain_summary(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct plain plain;

    if (!parse(args, kwargs, "s|sOs$dIp:summary", &plain))
        return NULL;
    return open_plain(self, ((struct meter_object *)self)->core->summary, &plain, "", Py_None);
}

PyObject *
plain_info(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct plain plain;

    if (!parse(args, kwargs, "s|sOs$dIp:info", &plain))
        return NULL;
    return open_plain(self, ((struct meter_object *)self)->core->info, &plain, "_info", Py_None);
}

PyObject *
plain_stateset(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *words[] = { WORDS("states", ) };
    PyObject *states, *metric;
    struct plain plain;

    begin(&plain);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|sOs$OdIp:stateset", (char **)(uintptr_t)words, FIRST(&plain),
                                     &plain.list, LAST(&plain)))
        return NULL;
    states = PySequence_List(plain.list ? plain.list : Py_None);
    if (!states)
        return NULL;
    metric = open_plain(self, ((struct meter_object *)self)->core->stateset, &plain, "", states);
    Py_DECREF(states);
    return metric;
}
