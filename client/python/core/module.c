/*
 * The module shmeter._core: its types, and the state that each interpreter has of it.
 */
#include "own/own.h"
#include "web/web.h"

#include "base/number.h"
#include "model/model.h"
#include "read/snapshot/modes.h"

static PyTypeObject *
core_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, (PyObject *)base);

    if (type && PyModule_AddType(module, type))
        Py_CLEAR(type);
    return type;
}

static int
add_types(PyObject *module, struct core *core)
{
    const struct {
        PyTypeObject **type;
        PyType_Spec *spec;
        int metric;
    } types[] = {
        { &core->meter, &meter_spec, 0 },         { &core->metric, &metric_spec, 0 },
        { &core->counter, &counter_spec, 1 },     { &core->gauge, &gauge_spec, 1 },
        { &core->histogram, &histogram_spec, 1 }, { &core->summary, &summary_spec, 1 },
        { &core->info, &info_spec, 1 },           { &core->stateset, &stateset_spec, 1 },
        { &core->timer, &timer_spec, 0 },         { &core->web, &web_spec, 0 },
        { &core->route, &route_spec, 0 },         { &core->exchange, &exchange_spec, 0 },
        { &core->awaiting, &awaiting_spec, 0 },
    };
    size_t i;

    for (i = 0; i < sizeof types / sizeof *types; i++) {
        *types[i].type = core_type(module, types[i].spec, types[i].metric ? core->metric : NULL);
        if (!*types[i].type)
            return -1;
    }
    return 0;
}

/* Gives the module a dictionary, new or NULL. 0, or -1 with an exception. */
static int
add_words(PyObject *module, const char *name, PyObject *words)
{
    int result = words ? PyModule_AddObjectRef(module, name, words) : -1;

    Py_XDECREF(words);
    return result;
}

/* {"livesum": 1, ...}: prometheus_client's modes, as metrics are opened with them. */
static PyObject *
mode_words(void)
{
    PyObject *words = PyDict_New(), *number;
    uint32_t i;

    for (i = 0; words && i < modes_n; i++) {
        number = PyLong_FromUnsignedLong(i);
        if (!number || (*modes[i].prometheus && PyDict_SetItemString(words, modes[i].prometheus, number)))
            Py_CLEAR(words);
        Py_XDECREF(number);
    }
    return words;
}

/* {"counter": "_total", ...}: what the names of metrics end with in the store. */
static PyObject *
suffix_words(void)
{
    PyObject *words = PyDict_New(), *suffix;
    uint32_t i;

    for (i = 0; words && i < MODEL_TYPES; i++) {
        suffix = PyUnicode_FromString(model_kinds[i].suffix);
        if (!suffix || PyDict_SetItemString(words, model_kinds[i].word, suffix))
            Py_CLEAR(words);
        Py_XDECREF(suffix);
    }
    return words;
}

static int
module_exec(PyObject *module)
{
    struct core *core = core_of_module(module);

    held_interpreter(core);
    held_look_by(HELD_METRIC, metric_let_go);
    held_look_by(HELD_ROUTE, route_let_go);
    core->error = PyErr_NewExceptionWithDoc(
        "shmeter.Error", "The store cannot do what was asked for; the words say why.", PyExc_OSError, NULL);
    if (!core->error || PyModule_AddObjectRef(module, "Error", core->error))
        return -1;
    core->timed[0] = (PyCFunction)(void (*)(void))gauge_set;
    core->timed[1] = (PyCFunction)(void (*)(void))histogram_observe;
    core->timed[2] = (PyCFunction)(void (*)(void))summary_observe;
    core->set = PyUnicode_InternFromString("set");
    core->observe = PyUnicode_InternFromString("observe");
    if (!core->set || !core->observe || add_types(module, core) || add_words(module, "MODES", mode_words()) ||
        add_words(module, "SUFFIXES", suffix_words()) || PyModule_AddIntConstant(module, "POOL", SHMETER_POOL) ||
        PyModule_AddIntConstant(module, "VIEW_PLAIN", METRIC_PLAIN) ||
        PyModule_AddIntConstant(module, "VIEW_POOL", METRIC_POOL) ||
        PyModule_AddIntConstant(module, "VIEW_TRACKED", METRIC_TRACKED) ||
        PyModule_AddIntConstant(module, "VIEW_OWN", METRIC_OWN))
        return -1;
    return PyModule_AddStringConstant(module, "__version__", SHMETER_VERSION);
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct core *core = core_of_module(module);

    Py_VISIT(core->meter);
    Py_VISIT(core->metric);
    Py_VISIT(core->counter);
    Py_VISIT(core->gauge);
    Py_VISIT(core->histogram);
    Py_VISIT(core->summary);
    Py_VISIT(core->info);
    Py_VISIT(core->stateset);
    Py_VISIT(core->timer);
    Py_VISIT(core->web);
    Py_VISIT(core->route);
    Py_VISIT(core->exchange);
    Py_VISIT(core->awaiting);
    Py_VISIT(core->error);
    Py_VISIT(core->within);
    Py_VISIT(core->keep);
    return 0;
}

static int
module_clear(PyObject *module)
{
    struct core *core = core_of_module(module);

    Py_CLEAR(core->meter);
    Py_CLEAR(core->metric);
    Py_CLEAR(core->counter);
    Py_CLEAR(core->gauge);
    Py_CLEAR(core->histogram);
    Py_CLEAR(core->summary);
    Py_CLEAR(core->info);
    Py_CLEAR(core->stateset);
    Py_CLEAR(core->timer);
    Py_CLEAR(core->web);
    Py_CLEAR(core->route);
    Py_CLEAR(core->exchange);
    Py_CLEAR(core->awaiting);
    Py_CLEAR(core->error);
    Py_CLEAR(core->within);
    Py_CLEAR(core->keep);
    Py_CLEAR(core->set);
    Py_CLEAR(core->observe);
    return 0;
}

/* The package above needs no import from here: it says what timers need of it. */
static PyObject *
core_hand_over(PyObject *module, PyObject *within)
{
    struct core *core = core_of_module(module);
    PyObject *before = core->within;

    core->within = Py_NewRef(within);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

static PyObject *
core_keep_exemplars(PyObject *module, PyObject *keep)
{
    struct core *core = core_of_module(module);
    PyObject *before = core->keep;

    core->keep = Py_NewRef(keep);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

static PyObject *
core_end(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    shmeter_ends_run(NULL);
    Py_RETURN_NONE;
}

static PyObject *
core_before_fork(PyObject *module, PyObject *Py_UNUSED(unused))
{
    held_before_fork(core_of_module(module));
    Py_RETURN_NONE;
}

static PyObject *
core_after_fork(PyObject *module, PyObject *Py_UNUSED(unused))
{
    held_after_fork(core_of_module(module));
    Py_RETURN_NONE;
}

/* (phase, info), as gc.callbacks has it. */
static PyObject *
core_collected(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs && PyUnicode_Check(args[0]) && !PyUnicode_CompareWithASCIIString(args[0], "stop"))
        held_collected(core_of_module(module));
    Py_RETURN_NONE;
}

/* As prometheus_client writes it. */
static PyObject *
core_number(PyObject *Py_UNUSED(module), PyObject *number)
{
    char text[NUMBER_BYTES];
    double value;

    return core_double(number, &value) ? NULL : PyUnicode_FromStringAndSize(text, (Py_ssize_t)core_repr(text, value));
}

static PyMethodDef functions[] = {
    { "_forked", own_forked, METH_NOARGS, PyDoc_STR("_forked()\n\nThis process is a forked child.") },
    { "_hand_over", core_hand_over, METH_O,
      PyDoc_STR("_hand_over(within)\n\nwithin(function, context) -> what a timer returns as a decorator.") },
    { "_keep_exemplars", core_keep_exemplars, METH_O,
      PyDoc_STR("_keep_exemplars(keep)\n\nkeep(metric, labels, value) is called with each exemplar that is good.") },
    { "_before_fork", core_before_fork, METH_NOARGS,
      PyDoc_STR("_before_fork()\n\nThis process has nothing of series that were removed, in any segment.") },
    { "_after_fork", core_after_fork, METH_NOARGS,
      PyDoc_STR("_after_fork()\n\nParks this process until its next call: shmeter_park() of all segments.") },
    { "_collected", (PyCFunction)(void (*)(void))core_collected, METH_FASTCALL,
      PyDoc_STR("_collected(phase, info)\n\nFor gc.callbacks: says the same as _before_fork() now and then.") },
    { "_end", core_end, METH_NOARGS,
      PyDoc_STR("_end()\n\nCloses all meters, as libc does at exit(3): this process is about to end by _exit(2).") },
    { "_spell_as_old", core_spell_as_old, METH_NOARGS,
      PyDoc_STR("_spell_as_old()\n\nFrom now on numbers have the exponents of prometheus_client 0.16: 1e+010.") },
    { "open", (PyCFunction)(void (*)(void))meter_open, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR(
          "open(segment=None, *, mode=0, worker=None, group=-1, lane_bytes=0, max_series=0, "
          "max_family_series=0, max_slots=0, max_gauges=0, cpu_lanes=0, shared_lanes=0, any_owner=False, load=None) -> "
          "Meter\n\nAttaches to a segment, creating it if need be. ValueError: no segment could have this "
          "name.") },
    { "web", web_new, METH_VARARGS,
      PyDoc_STR("web(app, resolve, excluded, metrics, always) -> Web\n\nFor the middleware.") },
    { "normalize_path", web_normalize, METH_O,
      PyDoc_STR("normalize_path(path) -> str\n\nA path with {id} in the place of what names one thing among many.") },
    { "number", core_number, METH_O, PyDoc_STR("number(number) -> str\n\n1.0 0.25 1.234567e+06 +Inf NaN") },
    { "render", core_render, METH_VARARGS,
      PyDoc_STR(
          "render(metrics, openmetrics, created) -> bytes\n\nThe text of metrics, of their meters' last takes.") },
    { NULL, NULL, 0, NULL },
};

static PyModuleDef_Slot slots[] = {
    { Py_mod_exec, (void *)module_exec },
#ifdef Py_mod_multiple_interpreters
    { Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED },
#endif
#ifdef Py_mod_gil
    { Py_mod_gil, Py_MOD_GIL_NOT_USED },
#endif
    { 0, NULL },
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "shmeter._core",
    .m_doc = "Metrics in shared memory: the parts of shmeter that are written in C.",
    .m_size = sizeof(struct core),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
