/*
 * What the files of the extension module share: the objects' layouts, the module's state, and who does what.
 *
 * A metric is one C object for a family and one for each of its label sets (children). Updates touch the object and the
 * store, and nothing of Python but the call itself. Reading goes through lib/read/, as in the exporter: view.c takes a
 * snapshot into a model, samples.c and render.c make Python objects or text of it.
 */
#ifndef SHMETER_PYTHON_CORE_H
#define SHMETER_PYTHON_CORE_H

#include <Python.h>
#include <structmember.h>

#include "shmeter.h"

/* What free threading needs; nothing under the GIL. */
#if PY_VERSION_HEX >= 0x030d0000 && !defined(Py_LIMITED_API)
#define CORE_LOCK(object) Py_BEGIN_CRITICAL_SECTION(object)
#define CORE_UNLOCK()     Py_END_CRITICAL_SECTION()
#else
#define CORE_LOCK(object) {
#define CORE_UNLOCK()     }
#endif

struct view;
struct own; /* own.h */
struct use;

/* One for each interpreter that imports the module. */
struct core {
    PyTypeObject *meter, *metric, *counter, *gauge, *histogram, *summary, *info, *stateset, *timer;
    PyTypeObject *web, *route, *exchange, *awaiting; /* web/web.h */
    PyObject *error;                                 /* shmeter.Error */
    PyObject *within;        /* handed over: within(function, context) -> a function that runs within context() */
    PyObject *keep;          /* handed over: keep(metric, labels, value) keeps an exemplar; NULL: nobody does */
    PyObject *set, *observe; /* names of the methods that get a timer's seconds */
    PyCFunction timed[3];    /* the same methods, as this module has them */
    int is_main;             /* of the process's first interpreter */
};

static inline struct core *
core_of_module(PyObject *module)
{
    return (struct core *)PyModule_GetState(module);
}

/* An attachment to a segment, as the plain API has it and as metrics are opened on. */
struct meter_object {
    PyObject_HEAD struct core *core;
    struct shmeter *meter;
    struct view *view; /* made at the first look */
    int open;          /* counted by shmeter_open */
};

enum metric_kind { /* 1 + enum model_type */
                   KIND_NONE,
#define TYPE(name, ...) KIND_##name,
#include "model/types.def"
};

/* From label values to children: open addressing over the hashes of str objects. */
struct table_entry {
    Py_uhash_t hash;
    PyObject *child; /* NULL: empty; the dummy of table.c: removed */
};

struct table {
    struct table_entry *entries; /* NULL: no child yet */
    PyObject **keys;             /* labels_n for each entry */
    size_t mask, used, filled;   /* entries - 1; with a child; with a child or removed */
    size_t prune_at;             /* used, when it is looked through for children whose series are gone */
};

/* An object that has handles into a segment, as held.c finds it. */
enum held_kind { HELD_METRIC, HELD_ROUTE, HELD_KINDS };

struct held {
    struct held *next, **at; /* what leads to it; NULL: not in a list */
};

/* The series of a handle: its record, and the record's state for as long as it is this series. */
struct held_series {
    uint64_t state;
    uint32_t unit; /* 0: the handle leads into no segment, or into one that gives no room back */
};

struct metric_object {
    PyObject_HEAD union {
        struct shmeter_counter_f64 counter;
        struct shmeter_gauge gauge;
        struct shmeter_histogram histogram; /* and of a summary */
        struct shmeter_stateset stateset;
    } handle;
    const uint64_t *changes; /* of the store: series hidden or shown again, so that handles may be of hidden ones */
    uint64_t seen;           /* ... when the handle was had */
    struct held held;        /* of a family without labels or a child */
    struct held_series series;
    struct own *own; /* what it did in this process; NULL: it shows the pool's values */
    struct use *use; /* the family's; NULL: not opened, or apart */
    char ready;      /* 1: can be updated, a family without labels or a child */
    char function;   /* 1: a function gives the gauge's value, and updates do nothing. Behind ready */
    uint8_t kind;    /* enum metric_kind; KIND_NONE: not opened */
    uint8_t child;
    uint8_t latest;    /* 1: a gauge that can only be set */
    uint8_t tracks;    /* 1: its series have own */
    uint8_t shows_own; /* 1: and they are what it shows; what it says as a gauge is so while it is there */
    char inits;        /* 1: a class of the program has an __init__ that children run too */
    uint8_t follows;   /* 1: an update of what was removed brings it back: of a family, and a child that may expire */
    uint8_t expires;   /* 1: of the family's series those go that are idle */
    uint8_t apart;     /* 1: another definition has its name in this process, and nothing of it reaches the segment */
    uint32_t labels_n;
    struct table children; /* of a family with labels */
    PyObject *overflow;    /* its one child for all label values past a limit; NULL: none yet */
    const struct shmeter_family *family;
    struct core *core;
    struct meter_object *meter;
    PyObject *name, *stored_name, *documentation, *unit; /* stored_name: in the segment, with _total and _info */
    PyObject *labelnames, *labelvalues;                  /* tuples of str */
    PyObject *extra;                                     /* bounds of a histogram, mode of a gauge, ... */
    PyObject *exemplars;                                 /* what keep has kept; NULL: nothing */
};

/* meter.c */
extern PyType_Spec meter_spec;
PyObject *meter_open(PyObject *module, PyObject *args, PyObject *kwargs);

/* held.c: what this process has of series that were removed, and that it has nothing of them any more. */
void held_interpreter(struct core *core); /* of a new module */
void held_add(const struct core *core, enum held_kind kind, struct held *held);
void held_drop(struct held *held);
typedef void (*held_look_fn)(struct held *held, const struct shmeter_attachment *attachment);
void held_look_by(enum held_kind kind,
                  held_look_fn look); /* takes the handles that are of removed series from an object */
/* What series a handle is of that was had just now, by these values. */
void held_mark(struct held_series *series, const struct shmeter_family *family, const void *handle,
               const char *const *values, uint32_t n);
void held_lose(struct held_series *series);
int held_is_lost(const struct held_series *series);
int held_is_gone(const struct shmeter_attachment *attachment, const struct held_series *series);
/* Where the segment waits for it, acknowledges its epoch. In a cold call, where no handle is in use. */
void held_acknowledge(const struct core *core, struct shmeter *meter);
/* Of all meters that have been made known by held_meter, which returns 0, or -1 without memory. */
int held_meter(const struct core *core, struct shmeter *meter);
void held_before_fork(const struct core *core);
void held_after_fork(const struct core *core);
void held_collected(const struct core *core);

/* nameless.c */
void nameless_have(struct meter_object *meter, const struct shmeter_options *options);
int nameless_is(const struct meter_object *meter);

/* series.c: a metric's series in the segment. */
/* Label values as the store takes them: UTF-8 without zero bytes. */
struct metric_text {
    const char *values[SHMETER_MAX_LABELS];
    PyObject *kept[SHMETER_MAX_LABELS]; /* bytes that had to be made */
};
int metric_text_of(struct metric_text *text, PyObject *values,
                   uint32_t n); /* 0, or -1 with an exception; drop it in both cases */
PyObject *metric_text_shown(PyObject *value);
void metric_text_drop(struct metric_text *text, uint32_t n);
/* Calls the __init__ of a class of the program with a new child. -1 with an exception. */
int metric_init_child(struct metric_object *metric, struct metric_object *child);
PyObject *metric_missing(const struct metric_object *metric); /* raises what an update of a family with labels does */
void metric_bind(struct metric_object *metric); /* has the handle again: the series is new, or was hidden */
void metric_hide(struct metric_object *metric, PyObject *values); /* a tuple of str */
int metric_shown(struct metric_object *metric, PyObject *values); /* whether the store exposes such a series */
int metric_has_place(struct metric_object *metric);               /* whether its own series is one of the store's */
int metric_is_gone(const struct metric_object *metric);           /* whether the series that it counts in was removed */

/*
 * An update: metric_takes() first, then the number is made, which may run the program's own code, and metric_follow()
 * last: what that code or another thread has taken out of the store meanwhile is not counted into.
 */
/* Whether updates do anything; else *result is what they return. */
static inline int
metric_takes(const struct metric_object *metric, PyObject **result)
{
    uint16_t ready_only; /* ready and function as one number */

    memcpy(&ready_only, &metric->ready, sizeof ready_only);
    if (SHMETER_LIKELY(ready_only == 1))
        return 1;
    *result = metric->ready ? Py_NewRef(Py_None) : metric_missing(metric);
    return 0;
}

/* A handle of a hidden series is had again, where the object is a family, or its series may expire. */
static inline void
metric_follow(struct metric_object *metric)
{
    if (SHMETER_UNLIKELY(metric->follows && shmeter_load_relaxed(metric->changes) != metric->seen))
        metric_bind(metric);
}

/* Both, of an update whose number is there. */
static inline int
metric_updatable(struct metric_object *metric, PyObject **result)
{
    if (!metric_takes(metric, result))
        return 0;
    metric_follow(metric);
    return 1;
}

/* metric.c */
extern PyType_Spec metric_spec;
/* What a metric shows, and what becomes of one whose name another definition has in this process. */
enum metric_view {
    METRIC_PLAIN,   /* the pool's; it is refused */
    METRIC_POOL,    /* the pool's; it shows what it does itself, apart from the segment */
    METRIC_TRACKED, /* the pool's, or what it does itself, as it is asked; likewise */
    METRIC_OWN      /* what it does itself; likewise */
};
extern const char metric_open_doc[];
PyObject *metric_open(PyObject *meter, PyObject *args);
/*
 * The family of desc and of the metric's names, more: a tuple of label names behind its own, or NULL. NULL with an
 * exception.
 */
const struct shmeter_family *metric_family(const struct metric_object *metric, struct shmeter_desc *desc,
                                           PyObject *more);

/*
 * What the meter has said, if it has said more than so much before: a RuntimeWarning. -1 with an exception: it is an
 * error.
 */
static inline int
core_warn(const struct meter_object *meter, uint64_t before)
{
    return shmeter_load_relaxed(&meter->meter->messages_n) == before
               ? 0
               : PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "%s", shmeter_error(meter->meter));
}

/* A number as updates take it: float, int, or what has __float__ or __index__. -1 with an exception. */
static inline int
core_double(PyObject *number, double *out)
{
    *out = PyFloat_AsDouble(number);
    return SHMETER_UNLIKELY(*out == -1.0) && PyErr_Occurred() ? -1 : 0;
}

/* spelling.c: a number as prometheus_client writes it, in the spelling that is followed. Returns the bytes written. */
size_t core_repr(char *out, double value);
PyObject *core_spell_as_old(PyObject *module, PyObject *unused);

/*
 * arguments.c: the one argument called name, or the fallback; for METH_FASTCALL | METH_KEYWORDS. second NULL: there is
 * none.
 */
int core_arguments(const char *function, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char *first,
                   PyObject **first_out, const char *second, PyObject **second_out);
/* Checks an exemplar, and has it kept. 0, or -1 with an exception. */
int core_exemplar(struct metric_object *metric, PyObject *exemplar, double value);

/* labels.c */
PyObject *labels_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *labels_remove(PyObject *self, PyObject *values);
PyObject *labels_withdraw(PyObject *self, PyObject *values);
PyObject *labels_clear(PyObject *self, PyObject *unused);
PyObject *labels_reset(PyObject *self, PyObject *unused);

/* table.c: under CORE_LOCK of their owner. */
PyObject *table_find(const struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values);
int table_add(struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values, PyObject *child);
PyObject *table_drop(struct table *table, uint32_t labels_n, Py_uhash_t hash, PyObject *const *values);
void table_prune(struct table *table, uint32_t labels_n);
void table_free(struct table *table, uint32_t labels_n);
int table_visit(const struct table *table, visitproc visit, void *arg);
struct metric_object *table_child(const struct table *table, size_t at);
Py_uhash_t table_hash(PyObject *const *values, uint32_t labels_n);

/* counter.c, gauge.c, histogram.c, states.c; the methods that timers pass by where they are a metric's own */
PyObject *gauge_set(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *histogram_observe(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *summary_observe(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
extern PyType_Spec counter_spec, gauge_spec, histogram_spec, summary_spec, info_spec, stateset_spec;

/* plain.c */
PyObject *plain_counter(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *plain_gauge(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *plain_histogram(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *plain_summary(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *plain_stateset(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *plain_info(PyObject *self, PyObject *args, PyObject *kwargs);

/* health.c */
PyObject *meter_processes(PyObject *self, PyObject *unused);
PyObject *meter_note_cpu(PyObject *self, PyObject *unused);
PyObject *meter_health(PyObject *self, PyObject *unused);

/* timer.c */
extern PyType_Spec timer_spec;
PyObject *timer_new(PyObject *metric, PyObject *unused);

/* view.c, samples.c */
void view_free(struct view *view);
PyObject *meter_take(PyObject *self, PyObject *unused);
PyObject *meter_samples(PyObject *self, PyObject *args);
PyObject *core_render(PyObject *module, PyObject *args); /* render.c */
PyObject *meter_render(PyObject *self, int openmetrics, int created, PyObject *left_out);
PyObject *meter_families(PyObject *self, PyObject *unused);
PyObject *meter_odd(PyObject *self, PyObject *unused);

#endif
