/*
 * The way from label values to a series of the segment: text as the store takes it, the handle, and hiding.
 */
#include "core.h"

#include "model/model.h"

/* Stands for the store's count of changes where there is no store: it never moves. */
static const uint64_t no_changes;

/* ---- label values as the store takes them ---- */

void
metric_text_drop(struct metric_text *text, uint32_t n)
{
    while (n)
        Py_XDECREF(text->kept[--n]);
}

/* UTF-8 without zero bytes: a lone surrogate becomes '?', U+0000 the replacement character. */
static PyObject *
text_repair(PyObject *value)
{
    PyObject *nul = PyUnicode_FromStringAndSize("", 1), *other = PyUnicode_FromString("\xef\xbf\xbd"), *bytes = NULL;
    PyObject *whole = nul && other ? PyUnicode_Replace(value, nul, other, -1) : NULL;

    if (whole)
        bytes = PyUnicode_AsEncodedString(whole, "utf-8", "replace");
    Py_XDECREF(whole);
    Py_XDECREF(nul);
    Py_XDECREF(other);
    return bytes;
}

/* A label value as it is shown: the same text as in the store; new reference. */
PyObject *
metric_text_shown(PyObject *value)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(value, &len);
    PyObject *bytes, *shown;

    if (text && strlen(text) == (size_t)len)
        return Py_NewRef(value);
    PyErr_Clear();
    bytes = text_repair(value);
    shown = bytes ? PyUnicode_FromEncodedObject(bytes, "utf-8", "replace") : NULL;
    Py_XDECREF(bytes);
    return shown;
}

/* values: a tuple of str. */
int
metric_text_of(struct metric_text *text, PyObject *values, uint32_t n)
{
    Py_ssize_t len;
    uint32_t i;

    memset(text, 0, sizeof *text);
    for (i = 0; i < n; i++) {
        PyObject *value = PyTuple_GetItem(values, i);
        if (!value)
            return -1;
        text->values[i] = PyUnicode_AsUTF8AndSize(value, &len);
        if (text->values[i] && strlen(text->values[i]) == (size_t)len)
            continue;
        PyErr_Clear();
        text->kept[i] = text_repair(value);
        text->values[i] = text->kept[i] ? PyBytes_AsString(text->kept[i]) : NULL;
        if (!text->values[i])
            return -1;
    }
    return 0;
}

static void
have_handle(struct metric_object *metric, const char *const *values, uint32_t n)
{
    switch (metric->kind) {
    case KIND_COUNTER:
        metric->handle.counter = shmeter_counter_f64_of_v(metric->family, values, n);
        break;
    case KIND_GAUGE:
        metric->handle.gauge = shmeter_gauge_of_v(metric->family, values, n);
        if (!metric->shows_own) /* else the gauge is this process's to say, and not the pool's */
            shmeter_gauge_touch(metric->handle.gauge);
        break;
    case KIND_HISTOGRAM:
    case KIND_SUMMARY:
        metric->handle.histogram = shmeter_histogram_of_v(metric->family, values, n);
        break;
    case KIND_STATESET:
        metric->handle.stateset = shmeter_stateset_of_v(metric->family, values, n);
        break;
    case KIND_INFO:
        if (!shmeter_info_shown_v(metric->family, values, n)) /* else what another process says stays */
            shmeter_info_of_v(metric->family, values, n);
        break;
    default:
        break;
    }
}

/*
 * An exception that is under way stays. Without memory the old handle stays. A family with labels has no series of its
 * own: only the count of changes is its.
 */
void
metric_bind(struct metric_object *metric)
{
    PyObject *type, *value, *trace;
    const uint64_t *changes;
    struct metric_text text;
    uint32_t n = metric->child ? metric->labels_n : 0;
    int tries = 0;

    held_acknowledge(metric->core, metric->meter->meter);
    PyErr_Fetch(&type, &value, &trace);
    do { /* the lookup may attach to another segment, which has another count */
        changes = shmeter_changes(metric->meter->meter);
        metric->changes = changes ? changes : &no_changes;
        /* pairs with shmeter_series_leave */
        metric->seen = shmeter_load_acquire(
            metric->changes); /* before the lookup: what is hidden from now on is noticed */
        if (!metric_text_of(&text, metric->labelvalues, n) && n == metric->labels_n) {
            have_handle(metric, text.values, n);
            if (metric->kind != KIND_INFO)
                held_mark(&metric->series, metric->family, &metric->handle, text.values, n);
            held_add(metric->core, HELD_METRIC, &metric->held);
        }
        metric_text_drop(&text, n);
    } while (shmeter_changes(metric->meter->meter) != changes && ++tries < 3);
    PyErr_Restore(type, value, trace);
}

int
metric_is_gone(const struct metric_object *metric)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(metric->meter->meter);

    if (shmeter_load_relaxed(metric->changes) == metric->seen)
        return 0;
    return !attachment->base || !shmeter_attachment_reuses(attachment) || held_is_lost(&metric->series) ||
           held_is_gone(attachment, &metric->series);
}

void
metric_hide(struct metric_object *metric, PyObject *values)
{
    struct metric_text text;

    if (metric_text_of(&text, values, metric->labels_n))
        PyErr_Clear();
    else if (metric->kind == KIND_INFO)
        shmeter_info_hide_v(metric->family, text.values, metric->labels_n);
    else
        shmeter_hide_v(metric->family, text.values, metric->labels_n);
    metric_text_drop(&text, metric->labels_n);
}

int
metric_shown(struct metric_object *metric, PyObject *values)
{
    struct metric_text text;
    int shown = 0;

    if (metric_text_of(&text, values, metric->labels_n))
        PyErr_Clear();
    else if (metric->kind == KIND_INFO)
        shown = shmeter_info_shown_v(metric->family, text.values, metric->labels_n);
    else
        shown = shmeter_shown_v(metric->family, text.values, metric->labels_n);
    metric_text_drop(&text, metric->labels_n);
    return shown;
}

/* An info has no handle: what it says is looked for when it is said. */
int
metric_has_place(struct metric_object *metric)
{
    struct metric_text text;
    const uint32_t n = metric->child ? metric->labels_n : 0;
    int shown = 0;

    if (metric->kind == KIND_INFO)
        return 1;
    if (metric_text_of(&text, metric->labelvalues, n))
        PyErr_Clear();
    else
        shown = shmeter_shown_v(metric->family, text.values, n);
    metric_text_drop(&text, n);
    return shown;
}

PyObject *
metric_missing(const struct metric_object *metric)
{
    return PyErr_Format(PyExc_ValueError, "%s metric is missing label values",
                        metric->kind ? model_kinds[metric->kind - 1].word : "unopened");
}

/* ---- classes of the program ---- */

int
metric_init_child(struct metric_object *metric, struct metric_object *child)
{
    PyObject *done = PyObject_CallMethod((PyObject *)metric, "_init_child", "OO", child, child->labelvalues);

    Py_XDECREF(done);
    return done ? 0 : -1;
}
