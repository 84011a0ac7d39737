/*
 * labels(): from a family and label values to a child. And the removal of children.
 */
#include "own/own.h"

/* ---- label values ---- */

struct values {
    PyObject *str[SHMETER_MAX_LABELS]; /* new references */
    uint32_t n;
};

static void
values_drop(struct values *values)
{
    while (values->n)
        Py_DECREF(values->str[--values->n]);
}

/* What a program passes as a label value is shown by str(); a subclass's hash and equality do not count. */
static int
values_add(struct values *values, PyObject *value)
{
    PyObject *str = PyUnicode_CheckExact(value) ? Py_NewRef(value) : PyObject_Str(value), *given = str;

    if (str && !PyUnicode_CheckExact(str)) {
        str = PyUnicode_FromObject(given);
        Py_DECREF(given);
    }
    if (!str)
        return -1;
    values->str[values->n++] = str;
    return 0;
}

/* The argument called name, borrowed; NULL: there is none. */
static PyObject *
keyword(PyObject *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t i, n = PyTuple_Size(kwnames);

    for (i = 0; i < n; i++)
        if (PyTuple_GetItem(kwnames, i) == name)
            return args[nargs + i];
    for (i = 0; i < n; i++)
        if (!PyUnicode_Compare(PyTuple_GetItem(kwnames, i), name))
            return args[nargs + i];
    return NULL;
}

static int
refuse(const char *why)
{
    PyErr_SetString(PyExc_ValueError, why);
    return -1;
}

static int
values_of(const struct metric_object *metric, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
          struct values *out)
{
    Py_ssize_t named = kwnames ? PyTuple_Size(kwnames) : 0;
    uint32_t i;

    if (nargs && named)
        return refuse("Can't pass both *args and **kwargs");
    if (named ? named != (Py_ssize_t)metric->labels_n : nargs != (Py_ssize_t)metric->labels_n)
        return refuse(named ? "Incorrect label names" : "Incorrect label count");
    for (i = 0; i < metric->labels_n; i++) {
        PyObject *value = named ? keyword(PyTuple_GetItem(metric->labelnames, i), args, nargs, kwnames) : args[i];
        if (!value)
            return refuse("Incorrect label names");
        if (values_add(out, value))
            return -1;
    }
    return 0;
}

/* ---- children ---- */

static PyObject *
values_tuple(const struct values *values)
{
    PyObject *tuple = PyTuple_New(values->n);
    uint32_t i;

    for (i = 0; tuple && i < values->n; i++)
        PyTuple_SetItem(tuple, i, Py_NewRef(values->str[i]));
    return tuple;
}

static PyObject *
make_child(struct metric_object *metric, const struct values *values)
{
    PyTypeObject *type = Py_TYPE((PyObject *)metric);
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct metric_object *child = (struct metric_object *)alloc(type, 0);
    uint64_t said;

    if (!child)
        return NULL;
    child->kind = metric->kind;
    child->latest = metric->latest;
    child->tracks = metric->tracks;
    child->shows_own = metric->shows_own;
    child->apart = metric->apart;
    child->child = 1;
    child->follows = child->expires = metric->expires;
    child->labels_n = metric->labels_n;
    child->family = metric->family;
    child->core = metric->core;
    child->meter = (struct meter_object *)Py_NewRef((PyObject *)metric->meter);
    child->name = Py_NewRef(metric->name);
    child->stored_name = Py_NewRef(metric->stored_name);
    child->documentation = Py_NewRef(metric->documentation);
    child->unit = Py_NewRef(metric->unit);
    child->labelnames = Py_NewRef(metric->labelnames);
    child->extra = Py_XNewRef(metric->extra);
    child->labelvalues = values_tuple(values);
    if (!child->labelvalues) {
        Py_DECREF(child);
        return NULL;
    }
    use_share(child, metric);
    said = shmeter_load_relaxed(&metric->meter->meter->messages_n);
    metric_bind(child);
    child->ready = 1;
    if (child->tracks && own_begin(child)) {
        Py_DECREF(child);
        return NULL;
    }
    if (core_warn(metric->meter, said) || (metric->inits && metric_init_child(metric, child)))
        Py_CLEAR(child); /* warnings are errors here */
    return (PyObject *)child;
}

/* Makes the family's child of the series __overflow__, if there is none. */
static void
make_overflow(struct metric_object *metric)
{
    struct values values = { .n = 0 };
    PyObject *value = PyUnicode_FromString(SHMETER_OVERFLOW_VALUE), *overflow = NULL;

    while (value && values.n < metric->labels_n)
        values.str[values.n++] = Py_NewRef(value);
    if (value)
        overflow = make_child(metric, &values);
    values_drop(&values);
    Py_XDECREF(value);
    if (overflow && !metric->overflow)
        metric->overflow = Py_NewRef(overflow);
    Py_XDECREF(overflow);
}

/* Whether both update the same cell: handles consist of words, without gaps. */
static int
updates_the_same(const struct metric_object *a, const struct metric_object *b)
{
    uint64_t words[2][sizeof a->handle / sizeof(uint64_t)];

    memcpy(words[0], &a->handle, sizeof words[0]);
    memcpy(words[1], &b->handle, sizeof words[1]);
    return !memcmp(words[0], words[1], sizeof words[0]);
}

/*
 * Past a limit all label values share one child, as they share one series: a program that goes on with new values does
 * not keep an object for each. Takes the reference; returns that of the child to be used.
 */
static PyObject *
shared(struct metric_object *metric, PyObject *child)
{
    struct metric_object *own = (struct metric_object *)child, *overflow;

    if (!metric->overflow)
        make_overflow(metric);
    overflow = (struct metric_object *)metric->overflow;
    if (!overflow) {
        PyErr_Clear();
        return child;
    }
    if (!updates_the_same(own, overflow))
        metric_bind(overflow); /* to another segment by now, perhaps */
    if (!updates_the_same(own, overflow))
        return child;
    Py_DECREF(child);
    return Py_NewRef(metric->overflow);
}

/*
 * Adds the child, unless there is one of these values by now: making it may run other code of the program (a warning's
 * filter, the collector), and other threads. Takes the reference; returns that of the one that stays, or NULL with an
 * exception.
 */
static PyObject *
add_child(struct metric_object *metric, Py_uhash_t hash, PyObject *const *str, PyObject *child)
{
    PyObject *other = child ? Py_XNewRef(table_find(&metric->children, metric->labels_n, hash, str)) : NULL;

    if (other) {
        Py_DECREF(child);
        return other;
    }
    if (child)
        table_prune(&metric->children, metric->labels_n);
    if (child && table_add(&metric->children, metric->labels_n, hash, str, child))
        Py_CLEAR(child);
    return child;
}

static PyObject *
new_child(struct metric_object *metric, Py_uhash_t hash, PyObject *const *str, const struct values *values)
{
    PyObject *child = make_child(metric, values);

    if (child && !metric->tracks && !metric_has_place((struct metric_object *)child)) {
        child = shared(metric, child);
        if (child == metric->overflow)
            return child;
    }
    return add_child(metric, hash, str, child);
}

/* The child of these values, new reference. */
static PyObject *
child_of(struct metric_object *metric, PyObject *const *str, const struct values *values)
{
    Py_uhash_t hash = table_hash(str, metric->labels_n);
    PyObject *child;

    CORE_LOCK(metric)
    child = Py_XNewRef(table_find(&metric->children, metric->labels_n, hash, str));
    if (!child && values)
        child = new_child(metric, hash, str, values);
    CORE_UNLOCK()
    return child;
}

/* Whether somebody has hidden series since the child was had: perhaps this one. */
static inline int
hidden_since(const struct metric_object *child)
{
    return shmeter_load_relaxed(child->changes) != child->seen;
}

/* A child whose series may be hidden gets a new one. */
static inline PyObject *
look_again(PyObject *found)
{
    if (SHMETER_UNLIKELY(found && hidden_since((struct metric_object *)found)))
        metric_bind((struct metric_object *)found);
    return found;
}

static PyObject *
refuse_labels(struct metric_object *metric)
{
    PyObject *given;

    if (!metric->labels_n)
        return PyErr_Format(PyExc_ValueError, "No label names were set when constructing %S", metric);
    given = PyDict_New();
    for (uint32_t i = 0; given && i < metric->labels_n; i++)
        if (PyDict_SetItem(given, PyTuple_GetItem(metric->labelnames, i), PyTuple_GetItem(metric->labelvalues, i)))
            Py_CLEAR(given);
    if (given)
        PyErr_Format(PyExc_ValueError, "%S already has labels set (%S); can not chain calls to .labels()", metric,
                     given);
    Py_XDECREF(given);
    return NULL;
}

PyObject *
labels_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct metric_object *metric = (struct metric_object *)self;
    struct values values = { .n = 0 };
    PyObject *child = NULL;
    Py_ssize_t i;

    if (SHMETER_UNLIKELY(!metric->labels_n || metric->child))
        return refuse_labels(metric);
    if (SHMETER_LIKELY(!kwnames && nargs == (Py_ssize_t)metric->labels_n)) {
        for (i = 0; i < nargs && PyUnicode_CheckExact(args[i]); i++)
            ;
        if (SHMETER_LIKELY(i == nargs))
            child = child_of(metric, args, NULL);
        if (SHMETER_LIKELY(child != NULL))
            return look_again(child);
    }
    if (!values_of(metric, args, nargs, kwnames, &values))
        child = child_of(metric, values.str, &values);
    values_drop(&values);
    return look_again(child);
}

/* ---- removal ---- */

static PyObject *
remove_values(struct metric_object *metric, const struct values *values)
{
    PyObject *tuple = values_tuple(values), *child;
    int had;

    if (!tuple)
        return NULL;
    CORE_LOCK(metric)
    child = table_drop(&metric->children, metric->labels_n, table_hash(values->str, metric->labels_n), values->str);
    CORE_UNLOCK()
    had = (child && (metric->shows_own || !metric_is_gone((struct metric_object *)child))) ||
          metric->overflow; /* nobody knows which values are counted there */
    if (child) {
        ((struct metric_object *)child)->follows = 0;
        own_leave((struct metric_object *)child);
    }
    Py_XDECREF(child);
    if (!metric->shows_own) { /* else the pool's is left alone */
        had = had || metric_shown(metric, tuple);
        metric_hide(metric, tuple);
        held_acknowledge(metric->core, metric->meter->meter);
    }
    if (!had) {
        PyObject *arguments = PyTuple_Pack(1, tuple);
        PyErr_SetObject(PyExc_KeyError, arguments);
        Py_XDECREF(arguments);
    }
    Py_DECREF(tuple);
    return had ? Py_NewRef(Py_None) : NULL;
}

/* The label values that a tuple has, as many as the metric's labels. 0, or -1 with an exception. */
static int
removal_values(struct metric_object *metric, PyObject *args, struct values *values)
{
    Py_ssize_t i, n = PyTuple_Size(args);

    if (n != (Py_ssize_t)metric->labels_n) {
        PyErr_Format(PyExc_ValueError, "Incorrect label count (expected %u, got %S)", metric->labels_n, args);
        return -1;
    }
    for (i = 0; i < n; i++)
        if (values_add(values, PyTuple_GetItem(args, i)))
            return -1;
    return 0;
}

PyObject *
labels_remove(PyObject *self, PyObject *args)
{
    struct metric_object *metric = (struct metric_object *)self;
    struct values values = { .n = 0 };
    PyObject *result = NULL;

    if (!metric->labels_n)
        return refuse_labels(metric);
    if (!removal_values(metric, args, &values))
        result = remove_values(metric, &values);
    values_drop(&values);
    return result;
}

/* A gauge's, or without arguments its own. Other processes' values stay. */
PyObject *
labels_withdraw(PyObject *self, PyObject *args)
{
    struct metric_object *metric = (struct metric_object *)self;
    struct values values = { .n = 0 };
    PyObject *child = NULL;

    if (metric->kind != KIND_GAUGE)
        return metric_missing(metric);
    if (metric->ready && !PyTuple_Size(args)) {
        share_unset(metric);
        Py_RETURN_NONE;
    }
    if (metric->child)
        return refuse_labels(metric);
    if (removal_values(metric, args, &values)) {
        values_drop(&values);
        return NULL;
    }
    CORE_LOCK(metric)
    child = table_drop(&metric->children, metric->labels_n, table_hash(values.str, metric->labels_n), values.str);
    CORE_UNLOCK()
    if (child)
        share_unset((struct metric_object *)child);
    Py_XDECREF(child);
    values_drop(&values);
    Py_RETURN_NONE;
}

/* The children that the program has kept say nothing any more. */
static void
leave_all(struct metric_object *metric)
{
    size_t i;

    for (i = 0; metric->children.entries && i <= metric->children.mask; i++) {
        struct metric_object *child = table_child(&metric->children, i);
        if (!child)
            continue;
        child->follows = 0;
        if (metric->tracks)
            own_leave(child);
    }
}

PyObject *
labels_reset(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct metric_object *metric = (struct metric_object *)self;

    CORE_LOCK(metric)
    leave_all(metric);
    table_free(&metric->children, metric->labels_n);
    Py_CLEAR(metric->overflow);
    CORE_UNLOCK()
    own_zero(metric);
    Py_CLEAR(metric->exemplars);
    if (metric->shows_own)
        return Py_NewRef(Py_None);
    if (metric->family && metric->kind == KIND_INFO)
        shmeter_info_hide_v(metric->family, NULL, 0);
    else if (metric->family && !metric->child)
        shmeter_hide_all(metric->family);
    if (metric->meter)
        held_acknowledge(metric->core, metric->meter->meter);
    if (metric->ready && !metric->child)
        metric_bind(metric); /* a family without labels has always its series */
    return Py_NewRef(Py_None);
}

/* A family without labels has its series as long as it lives. */
PyObject *
labels_clear(PyObject *self, PyObject *unused)
{
    return ((struct metric_object *)self)->labels_n ? labels_reset(self, unused) : Py_NewRef(Py_None);
}
