/*
 * The values of a process's own view: changes of them, and samples. They are no more than a double or some counts for
 * each series, and change under the GIL (without one, under the lock of their metric).
 */
#include "own.h"

#include <stdlib.h>

#include "base/number.h"
#include "model/model.h"

static uint64_t orders; /* series made in this process and in its parents */

/* The last thing of a fork, in the child. */
PyObject *
own_forked(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    use_forked();
    Py_RETURN_NONE;
}

static double
now(void)
{
    return (double)shmeter_clock_real_ns() * 1e-9;
}

static uint32_t
buckets_of(const struct metric_object *metric)
{
    return metric->kind == KIND_HISTOGRAM ? metric->family->definition.bounds_n + 1
                                          : (uint32_t)(metric->kind == KIND_SUMMARY);
}

int
own_begin(struct metric_object *metric)
{
    const uint32_t buckets_n = buckets_of(metric);
    struct own *own = PyMem_Calloc(1, sizeof *own + buckets_n * sizeof *own->buckets);

    if (!own) {
        PyErr_NoMemory();
        return -1;
    }
    own->order = shmeter_add(&orders, 1);
    own->created = now();
    own->buckets_n = buckets_n;
    metric->own = own;
    if (metric->shows_own && (metric->kind == KIND_GAUGE || metric->kind == KIND_STATESET))
        own_gauge(metric, OWN_TOUCH, 0);
    own->is_info = metric->kind == KIND_INFO && metric->shows_own;
    if (own->is_info)
        use_info(metric, 1);
    return 0;
}

/*
 * What it said of the moment is not so any more: a gauge, a state or an info leaves the segment when no other process
 * says it. An exception that is under way stays.
 */
void
own_leave(struct metric_object *metric)
{
    struct own *own = metric->own;
    PyObject *type, *value, *trace;

    if (!own)
        return;
    PyErr_Fetch(&type, &value, &trace);
    CORE_LOCK(metric)
    if (own->share)
        share_take_back(metric);
    if (own->is_info && use_info(metric, -1) && !use_elsewhere(metric))
        shmeter_info_hide_v(metric->family, NULL, 0);
    own->is_info = 0;
    CORE_UNLOCK()
    Py_CLEAR(own->said);
    PyErr_Restore(type, value, trace);
}

void
own_free(struct metric_object *metric)
{
    own_leave(metric);
    PyMem_Free(metric->own);
    metric->own = NULL;
}

/* Begins at 0 again, for this process's view alone. */
void
own_zero(struct metric_object *metric)
{
    struct own *own = metric->own;
    uint32_t i;

    if (!own)
        return;
    CORE_LOCK(metric)
    own->value = 0;
    own->created = now();
    for (i = 0; i < own->buckets_n; i++)
        own->buckets[i] = 0;
    CORE_UNLOCK()
}

/* Of a metric whose series was removed, the handle: it counts nowhere until it is had again. */
void
metric_let_go(struct held *held, const struct shmeter_attachment *attachment)
{
    struct metric_object *metric = (struct metric_object *)(void *)((char *)held -
                                                                    offsetof(struct metric_object, held));

    if (metric->changes != &attachment->state->changes_begun.value)
        return; /* of another segment */
    if (held_is_gone(attachment, &metric->series)) {
        memset(&metric->handle, 0, sizeof metric->handle);
        held_lose(&metric->series);
        metric->seen = shmeter_load_relaxed(metric->changes) - 1;
    }
    if (metric->own)
        share_follow(metric);
}

/* ---- changes ---- */

void
own_count(struct metric_object *counter, double amount)
{
    CORE_LOCK(counter)
    if (amount > 0) /* not NaN, which the store refuses too */
        counter->own->value += amount;
    CORE_UNLOCK()
}

/* The first bucket whose bound is not less. */
static uint32_t
bucket_of(const struct metric_object *metric, double value)
{
    const struct shmeter_definition *definition = &metric->family->definition;
    uint32_t low = 0, high = metric->own->buckets_n - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (definition->bounds[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* As the store does: NaN is refused, and infinities are counted in their bucket alone. */
void
own_observe(struct metric_object *metric, double value)
{
    struct own *own = metric->own;

    CORE_LOCK(metric)
    if (!Py_IS_NAN(value)) {
        own->buckets[bucket_of(metric, value)]++;
        own->value += Py_IS_INFINITY(value) ? 0 : value;
    }
    CORE_UNLOCK()
}

void
own_gauge(struct metric_object *gauge, enum own_change change, double value)
{
    CORE_LOCK(gauge)
    if (change == OWN_ADD)
        gauge->own->value += value;
    else if (change == OWN_SET)
        gauge->own->value = value;
    if (gauge->shows_own)
        share_give(gauge, change, value);
    else
        share_say(gauge, change, value);
    CORE_UNLOCK()
}

int
own_info(struct metric_object *info, PyObject *names, PyObject *values)
{
    PyObject *said = PyTuple_Pack(2, names, values), *before = info->own->said;

    if (!said)
        return -1;
    info->own->said = said;
    Py_XDECREF(before);
    return 0;
}

/* ---- samples ---- */

struct samples {
    PyObject *list, *type;
    const struct metric_object *metric;
    int failed;
};

/* Label values are tuples, which nobody changes. */
static void
put_labels(struct samples *samples, PyObject *labels, PyObject *names, PyObject *values)
{
    Py_ssize_t i, n = PyTuple_Size(values);

    for (i = 0; i < n && !samples->failed; i++) {
        PyObject *value = metric_text_shown(PyTuple_GetItem(values, i));
        samples->failed = !value || PyDict_SetItem(labels, PyTuple_GetItem(names, i), value);
        Py_XDECREF(value);
    }
}

/* One more, whose last label may be this one. */
static void
put(struct samples *samples, const char *suffix, PyObject *own_label, PyObject *own_value, double value)
{
    const struct metric_object *metric = samples->metric;
    PyObject *labels = PyDict_New(), *name = PyUnicode_FromFormat("%U%s", metric->name, suffix);
    PyObject *number = PyFloat_FromDouble(value), *one = NULL;

    samples->failed |= !labels || !name || !number;
    if (!samples->failed)
        put_labels(samples, labels, metric->labelnames, metric->labelvalues);
    if (!samples->failed && metric->own->said)
        put_labels(samples, labels, PyTuple_GetItem(metric->own->said, 0), PyTuple_GetItem(metric->own->said, 1));
    if (!samples->failed && own_label)
        samples->failed = !own_value || PyDict_SetItem(labels, own_label, own_value);
    if (!samples->failed)
        one = PyObject_CallFunctionObjArgs(samples->type, name, labels, number, NULL);
    samples->failed |= !one || PyList_Append(samples->list, one);
    Py_XDECREF(one);
    Py_XDECREF(number);
    Py_XDECREF(name);
    Py_XDECREF(labels);
}

static void
put_bucket(struct samples *samples, double bound, uint64_t below)
{
    PyObject *label = PyUnicode_FromString("le"), *value;
    char text[NUMBER_BYTES];

    value = PyUnicode_FromStringAndSize(text, (Py_ssize_t)core_repr(text, bound));
    samples->failed |= !label || !value;
    put(samples, "_bucket", label, value, (double)below);
    Py_XDECREF(label);
    Py_XDECREF(value);
}

static void
put_histogram(struct samples *samples)
{
    const struct own *own = samples->metric->own;
    const double *bounds = samples->metric->family->definition.bounds;
    uint64_t below = 0;
    uint32_t i;

    for (i = 0; i < own->buckets_n; i++) {
        below += own->buckets[i];
        put_bucket(samples, i + 1 < own->buckets_n ? bounds[i] : Py_HUGE_VAL, below);
    }
    put(samples, "_count", NULL, NULL, (double)below);
    if (own->buckets_n == 1 || bounds[0] >= 0)
        put(samples, "_sum", NULL, NULL, own->value);
}

static void
put_states(struct samples *samples)
{
    const struct metric_object *metric = samples->metric;
    Py_ssize_t i, n = PySequence_Size(metric->extra);

    for (i = 0; i < n && !samples->failed; i++) {
        PyObject *state = PySequence_GetItem(metric->extra, i);
        put(samples, "", metric->name, state, metric->own->value == (double)i);
        Py_XDECREF(state);
    }
}

static void
put_series(struct samples *samples, int created)
{
    const struct metric_object *metric = samples->metric;
    const struct model_kind *kind = &model_kinds[metric->kind - 1];

    switch (metric->kind) {
    case KIND_HISTOGRAM:
        put_histogram(samples);
        break;
    case KIND_SUMMARY:
        put(samples, "_count", NULL, NULL, (double)metric->own->buckets[0]);
        put(samples, "_sum", NULL, NULL, metric->own->value);
        break;
    case KIND_STATESET:
        put_states(samples);
        break;
    default:
        put(samples, kind->suffix, NULL, NULL, metric->kind == KIND_INFO ? 1 : metric->own->value);
    }
    if (created && (metric->kind == KIND_COUNTER || metric->kind == KIND_HISTOGRAM || metric->kind == KIND_SUMMARY))
        put(samples, "_created", NULL, NULL, metric->own->created);
}

static int
by_order(const void *a, const void *b)
{
    const struct metric_object *const *left = a, *const *right = b;

    return (*left)->own->order < (*right)->own->order ? -1 : (*left)->own->order > (*right)->own->order;
}

/* The series of a metric, in the order in which they were made; new references. NULL: no memory. */
static struct metric_object **
series_of(struct metric_object *metric, size_t *n)
{
    struct metric_object **all;
    size_t i;

    *n = 0;
    CORE_LOCK(metric)
    all = PyMem_Calloc(metric->children.used + 1, sizeof *all);
    if (all && metric->own)
        all[(*n)++] = (struct metric_object *)Py_NewRef((PyObject *)metric);
    for (i = 0; all && metric->children.entries && i <= metric->children.mask; i++) {
        struct metric_object *child = table_child(&metric->children, i);
        if (child && child->own)
            all[(*n)++] = (struct metric_object *)Py_NewRef((PyObject *)child);
    }
    CORE_UNLOCK()
    if (all)
        qsort(all, *n, sizeof *all, by_order);
    return all;
}

PyObject *
own_samples(PyObject *self, PyObject *args)
{
    struct samples samples = { .failed = 0 };
    struct metric_object **all;
    size_t i, n;
    int created;

    if (!PyArg_ParseTuple(args, "Op", &samples.type, &created))
        return NULL;
    samples.list = PyList_New(0);
    all = series_of((struct metric_object *)self, &n);
    if (!all)
        PyErr_NoMemory();
    samples.failed = !samples.list || !all;
    for (i = 0; all && i < n; i++) {
        samples.metric = all[i];
        if (!samples.failed)
            put_series(&samples, created);
        Py_DECREF((PyObject *)all[i]);
    }
    PyMem_Free(all);
    if (samples.failed)
        Py_CLEAR(samples.list);
    return samples.list;
}
