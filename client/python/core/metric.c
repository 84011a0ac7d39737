/*
 * The type that all metrics derive from: a family, or one of its children; and opening a family.
 */
#include "own/own.h"

/* The bounds, or the states, of a description; new memory. -1 with an exception. */
static int
read_list(const struct metric_object *metric, PyObject *list, struct shmeter_desc *desc)
{
    const Py_ssize_t len = PyList_Size(list);
    void *memory = len < 0 ? NULL : PyMem_Calloc((size_t)len + 1, sizeof(double));
    const char **states = memory;
    double *bounds = memory;
    Py_ssize_t i;
    int failed = 0;

    if (!memory) {
        if (len >= 0)
            PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < len && !failed; i++)
        if (metric->kind == KIND_STATESET)
            failed = !(states[i] = PyUnicode_AsUTF8AndSize(PyList_GetItem(list, i), NULL));
        else
            failed = core_double(PyList_GetItem(list, i), &bounds[i]);
    if (metric->kind == KIND_STATESET)
        desc->states = states;
    else
        desc->bounds = bounds;
    desc->bounds_len = (uint32_t)len;
    return failed ? -1 : 0;
}

/* Bounds, states, or the range of exponential buckets: a tuple. -1 with an exception. */
static int
read_more(const struct metric_object *metric, PyObject *more, struct shmeter_desc *desc)
{
    if (!PyTuple_Check(more))
        return read_list(metric, more, desc);
    return PyArg_ParseTuple(more, "idd", &desc->schema, &desc->min_value, &desc->max_value) ? 0 : -1;
}

/* How long series stay that are idle. -1 with an exception. */
static int
read_lifetime(double expire_after, int evict, struct shmeter_desc *desc)
{
    if (!(expire_after >= 0 && expire_after <= SHMETER_IDLE_MOST_SECONDS)) {
        PyErr_Format(PyExc_ValueError, "expire_after is a number of seconds from 0 to %u", SHMETER_IDLE_MOST_SECONDS);
        return -1;
    }
    desc->idle_seconds = (uint32_t)expire_after;
    desc->idle_seconds += desc->idle_seconds < expire_after;
    desc->evict = evict != 0;
    return 0;
}

static uint8_t
kind_of(const struct core *core, PyTypeObject *type)
{
    const PyTypeObject *const types[] = {
        [KIND_COUNTER] = core->counter, [KIND_GAUGE] = core->gauge, [KIND_HISTOGRAM] = core->histogram,
        [KIND_SUMMARY] = core->summary, [KIND_INFO] = core->info,   [KIND_STATESET] = core->stateset,
    };
    uint8_t kind;

    for (kind = sizeof types / sizeof *types - 1; kind > KIND_NONE; kind--)
        if (PyType_IsSubtype(type, (PyTypeObject *)(uintptr_t)types[kind]))
            break;
    return kind;
}

/* The family of the metric's names, and of a description that has the rest. NULL with an exception. */
static const struct shmeter_family *
open_family(struct metric_object *metric, struct shmeter_desc *desc)
{
    static const enum shmeter_type types[] = {
        [KIND_NONE] = SHMETER_COUNTER_F64,    [KIND_COUNTER] = SHMETER_COUNTER_F64, [KIND_GAUGE] = SHMETER_GAUGE,
        [KIND_HISTOGRAM] = SHMETER_HISTOGRAM, [KIND_SUMMARY] = SHMETER_SUMMARY,     [KIND_INFO] = SHMETER_INFO,
        [KIND_STATESET] = SHMETER_STATESET,
    };

    const struct shmeter_family *family;
    const uint8_t may_be_apart = metric->apart;

    desc->type = types[metric->kind];
    family = metric_family(metric, desc, NULL);
    metric->apart = family && shmeter_family_refused(family);
    if (metric->apart && (!may_be_apart || SHMETER_FAMILY_INVALID(family))) {
        PyErr_Format(PyExc_ValueError, "%s", shmeter_error(metric->meter->meter));
        return NULL;
    }
    metric->tracks |= metric->apart;
    metric->shows_own |= metric->apart;
    return family;
}

/* ... with more label names behind the metric's own: a tuple, or NULL. */
const struct shmeter_family *
metric_family(const struct metric_object *metric, struct shmeter_desc *desc, PyObject *more)
{
    const char *labels[SHMETER_MAX_LABELS + 1] = { NULL };
    const struct shmeter_family *family;
    const uint32_t more_n = more ? (uint32_t)PyTuple_Size(more) : 0;
    uint32_t i;

    if (metric->labels_n + more_n > SHMETER_MAX_LABELS) {
        PyErr_Format(PyExc_ValueError, "%U has more than %u labels", metric->name, SHMETER_MAX_LABELS);
        return NULL;
    }
    for (i = 0; i < metric->labels_n + more_n; i++) {
        PyObject *name = i < metric->labels_n ? PyTuple_GetItem(metric->labelnames, i)
                                              : PyTuple_GetItem(more, i - metric->labels_n);
        labels[i] = name ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
        if (!labels[i])
            return NULL;
    }
    desc->name = PyUnicode_AsUTF8AndSize(metric->stored_name, NULL);
    desc->help = desc->name ? PyUnicode_AsUTF8AndSize(metric->documentation, NULL) : NULL;
    desc->unit = desc->help ? PyUnicode_AsUTF8AndSize(metric->unit, NULL) : NULL;
    if (!desc->unit)
        return NULL;
    desc->labels = labels;
    family = shmeter_family(metric->meter->meter, desc);
    desc->labels = NULL;
    if (!family)
        PyErr_NoMemory();
    else if (!metric->apart && shmeter_family_refused(family))
        PyErr_Format(PyExc_ValueError, "%s", shmeter_error(metric->meter->meter));
    return PyErr_Occurred() ? NULL : family;
}

/* As if nothing had been tried. */
static PyObject *
refused(struct metric_object *metric)
{
    Py_CLEAR(metric->meter);
    Py_CLEAR(metric->name);
    Py_CLEAR(metric->stored_name);
    Py_CLEAR(metric->documentation);
    Py_CLEAR(metric->unit);
    Py_CLEAR(metric->labelnames);
    Py_CLEAR(metric->labelvalues);
    Py_CLEAR(metric->extra);
    use_end(metric);
    metric->kind = KIND_NONE;
    metric->labels_n = 0;
    metric->tracks = metric->shows_own = metric->apart = 0;
    metric->ready = 0;
    return NULL;
}

const char metric_open_doc[] = "_open_metric(metric, stored_name, name, documentation, unit, labelnames, extra, mode, "
                               "bounds, range or states, view=VIEW_PLAIN, expire_after=0, max_series=0, "
                               "evict=False) -> bool or None\n\n"
                               "Opens the family; whether the store has a place for it. False: the meter's error says "
                               "why. None: it has said so before. Without a place it counts into private memory.";

PyObject *
metric_open(PyObject *meter, PyObject *args)
{
    const struct core *core = ((struct meter_object *)meter)->core;
    struct metric_object *metric;
    struct shmeter_desc desc = { .by_pid = 1 };
    PyObject *stored_name, *name, *documentation, *unit, *labelnames, *extra, *list;
    int mode, view = METRIC_PLAIN, failed = 0, evict = 0;
    double expire_after = 0;
    uint64_t said;

    if (!PyArg_ParseTuple(args, "O!UUUUO!OiO|idIp", core->metric, &metric, &stored_name, &name, &documentation, &unit,
                          &PyTuple_Type, &labelnames, &extra, &mode, &list, &view, &expire_after, &desc.max_series,
                          &evict) ||
        read_lifetime(expire_after, evict, &desc))
        return NULL;
    if (metric->kind)
        return PyErr_Format(PyExc_RuntimeError, "%S is open", metric);
    metric->meter = (struct meter_object *)Py_NewRef(meter);
    metric->core = ((struct meter_object *)meter)->core;
    metric->stored_name = Py_NewRef(stored_name);
    metric->name = Py_NewRef(name);
    metric->documentation = Py_NewRef(documentation);
    metric->unit = Py_NewRef(unit);
    metric->labelnames = Py_NewRef(labelnames);
    metric->labelvalues = PyTuple_New(0);
    metric->extra = Py_NewRef(extra);
    metric->labels_n = (uint32_t)PyTuple_Size(labelnames);
    metric->tracks = view == METRIC_OWN || view == METRIC_TRACKED;
    metric->shows_own = view == METRIC_OWN;
    metric->apart = view != METRIC_PLAIN; /* may be */
    metric->follows = 1;
    metric->expires = desc.idle_seconds || desc.evict;
    metric->kind = kind_of(core, Py_TYPE((PyObject *)metric));
    desc.mode = (enum shmeter_mode)mode;
    metric->latest = metric->kind == KIND_GAUGE && (mode == SHMETER_LATEST || mode == SHMETER_LIVE_LATEST);
    if (list != Py_None)
        failed = read_more(metric, list, &desc);
    said = shmeter_load_relaxed(&metric->meter->meter->messages_n);
    if (!failed && metric->labelvalues)
        metric->family = open_family(metric, &desc);
    PyMem_Free((void *)(uintptr_t)desc.bounds); /* or its states */
    if (!metric->family || (!metric->apart && use_begin(metric)))
        return refused(metric);
    metric_bind(metric);
    metric->ready = !metric->labels_n;
    if (metric->ready && metric->tracks && own_begin(metric))
        return refused(metric);
    if (!shmeter_family_result(metric->family) && (metric->labels_n || metric_has_place(metric)))
        Py_RETURN_TRUE;
    if (shmeter_load_relaxed(&metric->meter->meter->messages_n) != said)
        Py_RETURN_FALSE;
    Py_RETURN_NONE;
}

/* ---- the type ---- */

static int
metric_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct metric_object *metric = (struct metric_object *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(metric->meter);
    Py_VISIT(metric->extra);
    Py_VISIT(metric->exemplars);
    Py_VISIT(metric->labelnames);
    Py_VISIT(metric->labelvalues);
    if (metric->own)
        Py_VISIT(metric->own->said);
    Py_VISIT(metric->overflow);
    return table_visit(&metric->children, visit, arg);
}

static int
metric_clear(PyObject *self)
{
    struct metric_object *metric = (struct metric_object *)self;

    table_free(&metric->children, metric->labels_n);
    Py_CLEAR(metric->overflow);
    Py_CLEAR(metric->extra);
    Py_CLEAR(metric->exemplars);
    if (metric->own)
        Py_CLEAR(metric->own->said);
    return 0;
}

static void
metric_dealloc(PyObject *self)
{
    struct metric_object *metric = (struct metric_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(self);
    metric_clear(self);
    held_drop(&metric->held);
    own_free(metric); /* which may need all that follows */
    use_end(metric);
    Py_CLEAR(metric->meter);
    Py_CLEAR(metric->name);
    Py_CLEAR(metric->stored_name);
    Py_CLEAR(metric->documentation);
    Py_CLEAR(metric->unit);
    Py_CLEAR(metric->labelnames);
    Py_CLEAR(metric->labelvalues);
    release(self);
    Py_DECREF(type);
}

static PyObject *
metric_hide_own(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct metric_object *metric = (struct metric_object *)self;

    if (!metric->ready)
        return metric_missing(metric);
    metric_hide(metric, metric->labelvalues);
    Py_RETURN_NONE;
}

/* Of a metric that shows what it did itself, that alone. */
static PyObject *
metric_begin_again(PyObject *self, PyObject *unused)
{
    struct metric_object *metric = (struct metric_object *)self;
    PyObject *result = metric->ready && metric->shows_own ? Py_NewRef(Py_None) : metric_hide_own(self, unused);

    own_zero(metric);
    Py_CLEAR(metric->exemplars);
    if (result && !metric->shows_own)
        metric_bind(metric);
    return result;
}

static PyObject *
metric_elsewhere(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(use_elsewhere((struct metric_object *)self));
}

/* {label values: child} of this process. */
static PyObject *
children_of(PyObject *self, void *Py_UNUSED(closure))
{
    struct metric_object *metric = (struct metric_object *)self;
    PyObject *found = PyDict_New();
    size_t i;

    CORE_LOCK(metric)
    for (i = 0; found && metric->children.entries && i <= metric->children.mask; i++) {
        struct metric_object *child = table_child(&metric->children, i);
        if (child && PyDict_SetItem(found, child->labelvalues, (PyObject *)child))
            Py_CLEAR(found);
    }
    if (found && metric->overflow &&
        PyDict_SetItem(found, ((struct metric_object *)metric->overflow)->labelvalues, metric->overflow))
        Py_CLEAR(found);
    CORE_UNLOCK()
    return found;
}

static PyMethodDef methods[] = {
    { "labels", (PyCFunction)(void (*)(void))labels_call, METH_FASTCALL | METH_KEYWORDS,
      PyDoc_STR(
          "labels(*values, **values_by_name) -> child\n\nThe child of these label values, made when it is new.") },
    { "remove", labels_remove, METH_VARARGS,
      PyDoc_STR("remove(*values)\n\nTakes the series of these label values out, for all processes. KeyError: there is "
                "none.") },
    { "_begin_again", metric_begin_again, METH_NOARGS,
      PyDoc_STR("_begin_again()\n\nTakes its series out and has a new one, for all processes.") },
    { "_withdraw", labels_withdraw, METH_VARARGS,
      PyDoc_STR(
          "_withdraw(*values)\n\nThis process says nothing of a gauge's series any more, until the next update.") },
    { "_elsewhere", metric_elsewhere, METH_NOARGS,
      PyDoc_STR("_elsewhere() -> bool\n\nWhether another living process has the family open.") },
    { "_own_samples", own_samples, METH_VARARGS,
      PyDoc_STR("_own_samples(type, created) -> list\n\nWhat it did in this process, where it tracks that.") },
    { "_hide", metric_hide_own, METH_NOARGS, PyDoc_STR("_hide()\n\nTakes its series out until the next update.") },
    { "_reset", labels_reset, METH_NOARGS,
      PyDoc_STR("_reset()\n\nTakes all series out, for all processes; without labels it has a new one.") },
    { "clear", labels_clear, METH_NOARGS, PyDoc_STR("clear()\n\nTakes all series out, for all processes.") },
    { NULL, NULL, 0, NULL },
};

#define MEMBER(name, field, doc)                                                        \
    {                                                                                   \
        name, T_OBJECT, offsetof(struct metric_object, field), READONLY, PyDoc_STR(doc) \
    }

static PyMemberDef members[] = {
    MEMBER("_meter", meter, "the attachment to the segment"),
    MEMBER("_name", name, "without _total and _info"),
    MEMBER("_stored_name", stored_name, "in the segment"),
    MEMBER("_documentation", documentation, NULL),
    MEMBER("_unit", unit, NULL),
    MEMBER("_labelnames", labelnames, NULL),
    MEMBER("_labelvalues", labelvalues, "of a child"),
    MEMBER("_extra", extra, "bounds, states or mode"),
    { "_exemplars", T_OBJECT, offsetof(struct metric_object, exemplars), 0,
      PyDoc_STR("of its buckets, in this process") },
    { "_tracks", T_BOOL, offsetof(struct metric_object, tracks), READONLY, PyDoc_STR("has a view of its own") },
    { "_shows_own", T_BOOL, offsetof(struct metric_object, shows_own), READONLY, PyDoc_STR("and shows it") },
    { "_apart", T_BOOL, offsetof(struct metric_object, apart), READONLY, PyDoc_STR("does not reach the segment") },
    { "_inits_children", T_BOOL, offsetof(struct metric_object, inits), 0, PyDoc_STR("_init_child() is called") },
    { "_ready", T_BOOL, offsetof(struct metric_object, ready), READONLY, PyDoc_STR("can be updated") },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef properties[] = {
    { "_metrics", children_of, NULL, PyDoc_STR("{label values: child} of this process"), NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("A metric: a family, or one of its series.") },
    { Py_tp_traverse, (void *)metric_traverse },
    { Py_tp_clear, (void *)metric_clear },
    { Py_tp_dealloc, (void *)metric_dealloc },
    { Py_tp_methods, methods },
    { Py_tp_members, members },
    { Py_tp_getset, properties },
    { 0, NULL },
};

PyType_Spec metric_spec = {
    .name = "shmeter._core.Metric",
    .basicsize = sizeof(struct metric_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
