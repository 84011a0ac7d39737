/*
 * The module shmeter._core: its types, and the state that each interpreter has of it.
 */
#include "core.h"

struct core *
core_of_module(PyObject *module)
{
    return (struct core *)PyModule_GetState(module);
}

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
    core->meter = core_type(module, &meter_spec, NULL);
    core->metric = core->meter ? core_type(module, &metric_spec, NULL) : NULL;
    core->counter = core->metric ? core_type(module, &counter_spec, core->metric) : NULL;
    core->gauge = core->counter ? core_type(module, &gauge_spec, core->metric) : NULL;
    core->histogram = core->gauge ? core_type(module, &histogram_spec, core->metric) : NULL;
    core->timer = core->histogram ? core_type(module, &timer_spec, NULL) : NULL;
    return core->timer ? 0 : -1;
}

static int
module_exec(PyObject *module)
{
    struct core *core = core_of_module(module);

    core->error = PyErr_NewExceptionWithDoc(
        "shmeter.Error", "The store cannot do what was asked for; the words say why.", PyExc_OSError, NULL);
    if (!core->error || PyModule_AddObjectRef(module, "Error", core->error))
        return -1;
    if (add_types(module, core))
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
    Py_VISIT(core->timer);
    Py_VISIT(core->error);
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
    Py_CLEAR(core->timer);
    Py_CLEAR(core->error);
    return 0;
}

static PyMethodDef functions[] = {
    { "open", (PyCFunction)(void (*)(void))meter_open, METH_VARARGS | METH_KEYWORDS,
      PyDoc_STR("open(segment=None, *, private=False, ...) -> Meter") },
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
