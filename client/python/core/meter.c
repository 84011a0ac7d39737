/*
 * Meters: attachments to segments. The plain API, and what metrics are opened on.
 */
#include "view.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "read/snapshot/status.h"
#include "saved/saved.h"

/* Fills report when the text of file was to be had, and could not be. */
static void
load_text(const char *path, const char *file, const struct shmeter_options *options, struct report *report)
{
    struct buffer bytes = { NULL, 0, 0 };
    struct saved_facts facts;
    int result = saved_file_read(file, &bytes, report);

    if (!result) {
        const struct saved_text text = { bytes.data, bytes.len, file };
        result = saved_load(path, options, &text, &facts, report);
    }
    buffer_free(&bytes);
    if (result == -ENOENT || result == -EEXIST) /* nothing was saved; another process was faster */
        *report->text = 0;
}

/*
 * Where there is no segment yet, makes one of what `shmeter save` has put into file (NULL: $SHMETER_LOAD). A segment
 * that cannot be made so is made empty, as without the file. Returns -1 with an exception.
 */
static int
load(const char *segment, const char *file, const struct shmeter_options *options)
{
    struct report report = { "", 0, 0 };
    struct stat status;
    char path[256];

    file = file ? file : getenv("SHMETER_LOAD");
    if (!file || !*file || shmeter_segment_path(shmeter_open_name(segment), path) || !lstat(path, &status))
        return 0;
    Py_BEGIN_ALLOW_THREADS load_text(path, file, options, &report);
    Py_END_ALLOW_THREADS return *report.text
        ? PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "%s; the segment begins empty", report.text)
        : 0;
}

/* No meter can be made, since the kernel gives no memory: an error that says how it refuses that. */
static void
raise_no_memory(const struct core *core)
{
    const long mapped = shmeter_heap_map(SHMETER_HEAP_CHUNK_BYTES);
    const int error = shmeter_sys_failed(mapped) ? (int)-mapped : ENOMEM;
    PyObject *why = PyUnicode_FromFormat("no memory for a meter: mmap(2): %s", strerror(error)), *args;

    if (!shmeter_sys_failed(mapped))
        shmeter_sys_unmap(SHMETER_POINTER(void *, mapped), SHMETER_HEAP_CHUNK_BYTES);
    args = why ? Py_BuildValue("(iO)", error, why) : NULL;
    if (args)
        PyErr_SetObject(core->error, args);
    Py_XDECREF(args);
    Py_XDECREF(why);
}

PyObject *
meter_open(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {
        "segment",   "mode",       "worker",    "group",        "lane_bytes", "max_series", "max_family_series",
        "max_slots", "max_gauges", "cpu_lanes", "shared_lanes", "any_owner",  "load",       NULL
    };
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1 };
    struct core *core = core_of_module(module);
    struct meter_object *meter;
    const char *segment = NULL, *file = NULL;
    long long group = -1;
    unsigned long long lane_bytes = 0;
    int any_owner = 0, result;
    char path[256];

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|z$IzLKIIIIIIpz", words, &segment, &options.mode, &options.worker,
                                     &group, &lane_bytes, &options.max_series, &options.max_family_series,
                                     &options.max_slots, &options.max_gauges, &options.cpu_lanes, &options.shared_lanes,
                                     &any_owner, &file))
        return NULL;
    options.group = group;
    options.lane_bytes = lane_bytes;
    options.any_owner = any_owner != 0;
    if (load(segment, file, &options))
        return NULL;
    meter = PyObject_GC_New(struct meter_object, core->meter);
    if (!meter)
        return NULL;
    meter->core = core;
    meter->view = NULL;
    result = shmeter_open(&meter->meter, segment, &options);
    meter->open = meter->meter != NULL;
    PyObject_GC_Track((PyObject *)meter);
    if (!meter->open || held_meter(core, meter->meter))
        raise_no_memory(core);
    else if (result && segment && *segment && shmeter_segment_path(segment, path) == -EINVAL)
        PyErr_Format(PyExc_ValueError, "%s", shmeter_error(meter->meter));
    else
        nameless_have(meter, &options);
    if (PyErr_Occurred())
        Py_CLEAR(meter);
    return (PyObject *)meter;
}

static PyObject *
meter_expose(PyObject *self, PyObject *args)
{
    int openmetrics = 0, failed;

    if (!PyArg_ParseTuple(args, "|p", &openmetrics))
        return NULL;
    CORE_LOCK(self)
    failed = view_take((struct meter_object *)self);
    CORE_UNLOCK()
    return failed ? NULL : meter_render(self, openmetrics, 0, NULL);
}

static PyObject *
meter_rest(PyObject *self, PyObject *args)
{
    PyObject *left_out;
    int openmetrics, created;

    if (!PyArg_ParseTuple(args, "ppO!", &openmetrics, &created, &PyFrozenSet_Type, &left_out))
        return NULL;
    return meter_render(self, openmetrics, created, left_out);
}

static PyObject *
meter_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct meter_object *meter = (struct meter_object *)self;
    int open;

    CORE_LOCK(self)
    open = meter->open;
    meter->open = 0;
    CORE_UNLOCK()
    if (open)
        shmeter_close(meter->meter);
    Py_RETURN_NONE;
}

/* with shmeter.open() as meter: ... */
static PyObject *
meter_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return Py_NewRef(self);
}

static PyObject *
meter_exit(PyObject *self, PyObject *Py_UNUSED(args))
{
    return meter_close(self, NULL);
}

static PyObject *
meter_forget(PyObject *self, PyObject *args)
{
    const char *name;

    if (!PyArg_ParseTuple(args, "s", &name))
        return NULL;
    shmeter_family_forget(((struct meter_object *)self)->meter, name);
    Py_RETURN_NONE;
}

static PyObject *
meter_attach(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct meter_object *meter = (struct meter_object *)self;
    int result = shmeter_attach_worker(meter->meter);
    PyObject *why;

    if (!result)
        Py_RETURN_NONE;
    errno = -result;
    why = Py_BuildValue("(is)", -result, shmeter_error(meter->meter));
    if (why)
        PyErr_SetObject(meter->core->error, why);
    Py_XDECREF(why);
    return NULL;
}

/* Keeps a descriptor of the file, so that locks of it can be had when it has no name any more. */
static PyObject *
meter_keep_file(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(((struct meter_object *)self)->meter);
    int fd = attachment && attachment->base && !attachment->own && !attachment->file ? shmeter_lock_open(attachment)
                                                                                     : -1;

    if (fd >= 0)
        attachment->file = (uint32_t)fd + 1;
    Py_RETURN_NONE;
}

static PyObject *
meter_acknowledge(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const struct meter_object *meter = (const struct meter_object *)self;

    held_acknowledge(meter->core, meter->meter);
    Py_RETURN_NONE;
}

static PyObject *
meter_heartbeat(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const struct meter_object *meter = (const struct meter_object *)self;

    shmeter_heartbeat(meter->meter);
    held_acknowledge(meter->core, meter->meter);
    Py_RETURN_NONE;
}

static PyObject *
meter_busy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    shmeter_busy(((struct meter_object *)self)->meter);
    Py_RETURN_NONE;
}

static PyObject *
meter_idle(PyObject *self, PyObject *Py_UNUSED(unused))
{
    shmeter_idle(((struct meter_object *)self)->meter);
    Py_RETURN_NONE;
}

static PyObject *
meter_check(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *words[] = { "check", "health", "message", NULL };
    const char *check, *word, *message = "";
    enum status_health health;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "ss|s", words, &check, &word, &message))
        return NULL;
    if (status_health_of(word, &health))
        return PyErr_Format(PyExc_ValueError, "health is 'ok', 'degraded' or 'failing', not '%s'", word);
    shmeter_check(((struct meter_object *)self)->meter, check, (enum shmeter_health)health, message);
    Py_RETURN_NONE;
}

static PyObject *
meter_error(PyObject *self, void *Py_UNUSED(closure))
{
    const char *error = shmeter_error(((struct meter_object *)self)->meter);

    return PyUnicode_DecodeUTF8(error, (Py_ssize_t)strlen(error), "replace");
}

static PyObject *
meter_path(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_DecodeFSDefault(((struct meter_object *)self)->meter->path);
}

/* Whether there is a segment that is shared: else everything counts in this process's own memory. */
static PyObject *
meter_attached(PyObject *self, void *Py_UNUSED(closure))
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(((struct meter_object *)self)->meter);

    return PyBool_FromLong(attachment && attachment->base && !attachment->own);
}

static PyObject *
meter_repr(PyObject *self)
{
    PyObject *path = meter_path(self, NULL), *error = meter_error(self, NULL), *attached = meter_attached(self, NULL);
    PyObject *text = NULL;

    if (path && error && attached)
        text = attached == Py_True ? PyUnicode_FromFormat("<shmeter.Meter of %U>", path)
                                   : PyUnicode_FromFormat("<shmeter.Meter of private memory: %U>", error);
    Py_XDECREF(path);
    Py_XDECREF(error);
    Py_XDECREF(attached);
    return text;
}

static void
meter_dealloc(PyObject *self)
{
    struct meter_object *meter = (struct meter_object *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    view_free(meter->view); /* the meter stays: handles do, and the slot is given back when the process ends */
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static int
meter_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static PyMethodDef methods[] = {
    { "_open_metric", metric_open, METH_VARARGS, metric_open_doc },
    { "_forget", meter_forget, METH_VARARGS,
      PyDoc_STR("_forget(stored_name)\n\nAnother definition may take the name.") },
    { "_acknowledge", meter_acknowledge, METH_NOARGS,
      PyDoc_STR("_acknowledge()\n\nThis process has nothing of series that were removed: their room may be used.") },
    { "_keep_file", meter_keep_file, METH_NOARGS,
      PyDoc_STR("_keep_file()\n\nKeeps a descriptor of the segment's file, which is about to lose its name.") },
    { "_take", meter_take, METH_NOARGS, PyDoc_STR("_take()\n\nReads the segment.") },
    { "_samples", meter_samples, METH_VARARGS,
      PyDoc_STR("_samples(stored_name, name, type, created) -> list\n\nOf the last take.") },
    { "_odd", meter_odd, METH_NOARGS,
      PyDoc_STR("_odd() -> set\n\nStored names of the last take whose families have names that need quotes.") },
    { "_families", meter_families, METH_NOARGS,
      PyDoc_STR("_families() -> [(stored name, name, type, help, unit)]\n\nOf the last take.") },
    { "_render", meter_rest, METH_VARARGS,
      PyDoc_STR("_render(openmetrics, created, left_out) -> bytes\n\nThe text of the last take, but for families whose "
                "names in the store are in a frozenset.") },
    { "expose", meter_expose, METH_VARARGS,
      PyDoc_STR("expose(openmetrics=False) -> bytes\n\nAll metrics of all processes, as text 0.0.4 or OpenMetrics "
                "without its # EOF.") },
    { "health", meter_health, METH_NOARGS,
      PyDoc_STR("health() -> dict\n\nThe verdict on the segment and its workers, as the exporter's /health has it.") },
    { "_processes", meter_processes, METH_NOARGS,
      PyDoc_STR(
          "_processes() -> (figures, (counted, foreign, hidden), [(pid, figures, worker)])\n\nOf the pool's "
          "processes; figures are (cpu, start, memory, virtual, threads, open_fds, max_fds), in seconds and bytes, "
          "None where unknown.") },
    { "_note_cpu", meter_note_cpu, METH_NOARGS,
      PyDoc_STR("_note_cpu()\n\nNotes what this process has used so far in its slot, if it has one.") },
    { "counter", (PyCFunction)(void (*)(void))plain_counter, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("counter(name, help='', labels=(), unit='') -> Counter\n\nname ends in _total.") },
    { "gauge", (PyCFunction)(void (*)(void))plain_gauge, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("gauge(name, help='', labels=(), unit='', *, mode='pool') -> Gauge") },
    { "histogram", (PyCFunction)(void (*)(void))plain_histogram, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR(
          "histogram(name, help='', labels=(), unit='', *, bounds=None, schema=0, min_value=0.0, max_value=0.0) -> "
          "Histogram\n\nWith a max_value its buckets are exponential, and scrapers that speak protobuf get a native "
          "histogram.") },
    { "summary", (PyCFunction)(void (*)(void))plain_summary, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("summary(name, help='', labels=(), unit='') -> Summary") },
    { "info", (PyCFunction)(void (*)(void))plain_info, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("info(name, help='', labels=(), unit='') -> Info\n\nname ends in _info.") },
    { "stateset", (PyCFunction)(void (*)(void))plain_stateset, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("stateset(name, help='', labels=(), *, states) -> Stateset") },
    { "close", meter_close, METH_NOARGS, PyDoc_STR("close()\n\nUndoes the open; metrics stay safe to use.") },
    { "__enter__", meter_enter, METH_NOARGS, PyDoc_STR("__enter__() -> itself") },
    { "__exit__", meter_exit, METH_VARARGS, PyDoc_STR("__exit__(...)\n\nclose()") },
    { "attach_worker", meter_attach, METH_NOARGS,
      PyDoc_STR("attach_worker()\n\nClaims this process's slot now. Error: there is none.") },
    { "heartbeat", meter_heartbeat, METH_NOARGS, PyDoc_STR("heartbeat()\n\nThis worker is alive, for health.") },
    { "busy", meter_busy, METH_NOARGS, PyDoc_STR("busy()\n\nA unit of work begins.") },
    { "idle", meter_idle, METH_NOARGS, PyDoc_STR("idle()\n\nIt ends.") },
    { "check", (PyCFunction)(void (*)(void))meter_check, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR(
          "check(check, health, message='')\n\nThe state of a check of this worker: 'ok', 'degraded' or 'failing'.") },
    { NULL, NULL, 0, NULL },
};

static PyGetSetDef properties[] = {
    { "error", meter_error, NULL, PyDoc_STR("the last error in words, '' if none"), NULL },
    { "path", meter_path, NULL, PyDoc_STR("the segment's file"), NULL },
    { "attached", meter_attached, NULL, PyDoc_STR("whether there is a segment"), NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_doc, (void *)PyDoc_STR("An attachment to a segment.") },
    { Py_tp_traverse, (void *)meter_traverse },
    { Py_tp_dealloc, (void *)meter_dealloc },
    { Py_tp_repr, (void *)meter_repr },
    { Py_tp_methods, methods },
    { Py_tp_getset, properties },
    { 0, NULL },
};

PyType_Spec meter_spec = {
    .name = "shmeter._core.Meter",
    .basicsize = sizeof(struct meter_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
