/*
 * Text of families, byte for byte as prometheus_client writes it: text 0.0.4, and OpenMetrics as of its 0.16. It sees
 * the model only; a family's head comes from the metric object, which may have no series yet.
 */
#include "pieces.h"

#include "base/saturate.h"
#include "base/text.h"

struct render {
    struct buffer out;
    const struct model *model;
    struct pieces_all *all;
    int openmetrics, created;
    int failed; /* no memory */
    /* One family. */
    const char *name, *documentation, *unit;
    const struct model_kind *kind;
    size_t name_len;
    const struct model_family *family;
    const struct pieces *pieces;
    /* One series. */
    const struct piece *piece;
};

static void
put(struct render *render, const char *text, size_t len)
{
    render->failed |= buffer_append(&render->out, text, len);
}

static void
put_string(struct render *render, const char *text)
{
    put(render, text, strlen(text));
}

/* ---- heads ---- */

/* HELP and TYPE of name + suffix. */
static void
put_head(struct render *render, const char *suffix, const char *type)
{
    put_string(render, "# HELP ");
    put_string(render, render->name);
    put_string(render, suffix);
    put_string(render, " ");
    render->failed |= (render->openmetrics ? text_escape_value : text_escape_help)(&render->out, render->documentation);
    put_string(render, "\n# TYPE ");
    put_string(render, render->name);
    put_string(render, suffix);
    put_string(render, " ");
    put_string(render, type);
    put_string(render, "\n");
}

static void
put_heads(struct render *render)
{
    const char *suffix = render->openmetrics ? "" : render->kind->suffix;
    const char *type = render->openmetrics ? render->kind->word : render->kind->text;

    put_head(render, suffix, type);
    if (!render->openmetrics || !*render->unit)
        return;
    put_string(render, "# UNIT ");
    put_string(render, render->name);
    put_string(render, " ");
    put_string(render, render->unit);
    put_string(render, "\n");
}

/* ---- lines ---- */

static void
put_own_label(struct render *render, const char *own)
{
    put_string(render, render->pieces->own_label);
    put(render, "=\"", 2);
    put_string(render, own);
    put(render, "\"", 1);
}

/* name suffix {labels} . own: value of the line's own label; NULL: it has none. */
static void
put_name(struct render *render, const char *suffix, const char *own)
{
    const struct piece *piece = render->piece;
    const char *labels = render->pieces->text.data + piece->off;

    put(render, render->name, render->name_len);
    put_string(render, suffix);
    if (!own && piece->len) {
        put(render, "{", 1);
        put(render, labels, piece->len);
        put(render, "} ", 2);
    } else if (own) {
        put(render, "{", 1);
        put(render, labels, piece->before);
        if (piece->before && labels[piece->before - 1] != ',')
            put(render, ",", 1);
        put_own_label(render, own);
        if (piece->before < piece->len)
            put(render, ",", 1);
        put(render, labels + piece->before, piece->len - piece->before);
        put(render, "} ", 2);
    } else {
        put(render, " ", 1);
    }
}

static int
put_sample(void *argument, const char *suffix, const double *le, double value)
{
    struct render *render = argument;
    char number[NUMBER_BYTES + 1], own[NUMBER_BYTES + 1];
    size_t len = core_repr(number, value);

    number[len++] = '\n';
    if (le)
        own[core_repr(own, *le)] = 0;
    put_name(render, suffix, le ? own : NULL);
    put(render, number, len);
    return render->failed;
}

static void
put_created(struct render *render)
{
    if (!render->created || !render->piece->created_n)
        return;
    put_name(render, "_created", NULL);
    put(render, render->piece->created, render->piece->created_n);
    put(render, "\n", 1);
}

static void
put_series(struct render *render, uint32_t number)
{
    render->piece = &render->pieces->list[number];
    view_samples(render->model, render->family, &render->family->series[number], put_sample, render);
    if (render->openmetrics && view_has_created(render->family))
        put_created(render);
}

/* ---- families ---- */

static void
put_family(struct render *render)
{
    const struct model_family *family = render->family;
    uint32_t i;

    render->name_len = strlen(render->name);
    put_heads(render);
    if (!family)
        return;
    render->pieces = pieces_of(render->all, render->model, family, render->name,
                               model_kinds[family->type].value == MODEL_VALUE_HISTOGRAM ? "le" : NULL);
    render->failed |= !render->pieces;
    for (i = 0; render->pieces && i < family->series_n; i++)
        if (family->series[i].present)
            put_series(render, i);
    if (render->openmetrics || !render->created || !family->present_n || !view_has_created(family))
        return;
    put_head(render, "_created", "gauge");
    for (i = 0; render->pieces && i < family->series_n; i++)
        if (family->series[i].present) {
            render->piece = &render->pieces->list[i];
            put_created(render);
        }
}

static PyObject *
render_end(struct render *render)
{
    PyObject *bytes = render->failed ? PyErr_NoMemory()
                                     : PyBytes_FromStringAndSize(render->out.data, (Py_ssize_t)render->out.len);

    buffer_free(&render->out);
    return bytes;
}

/* The text of one metric object's family. -1 with an exception. */
static int
render_metric(struct render *render, PyObject *object)
{
    const struct metric_object *metric = (struct metric_object *)object;
    const char *stored = PyUnicode_AsUTF8AndSize(metric->stored_name, NULL);

    render->name = stored ? PyUnicode_AsUTF8AndSize(metric->name, NULL) : NULL;
    render->documentation = render->name ? PyUnicode_AsUTF8AndSize(metric->documentation, NULL) : NULL;
    render->unit = render->documentation ? PyUnicode_AsUTF8AndSize(metric->unit, NULL) : NULL;
    if (!render->unit)
        return -1;
    render->kind = &model_kinds[metric->kind - 1];
    render->model = view_model(metric->meter);
    render->all = view_pieces(metric->meter);
    render->family = render->model ? model_find(render->model, stored) : NULL;
    put_family(render);
    return 0;
}

/* Metrics of whatever meters, as they were at their last takes. */
PyObject *
core_render(PyObject *module, PyObject *args)
{
    const struct core *core = core_of_module(module);
    struct render render = { .failed = 0 };
    PyObject *metrics;
    Py_ssize_t i;

    if (!PyArg_ParseTuple(args, "O!pp", &PyList_Type, &metrics, &render.openmetrics, &render.created))
        return NULL;
    for (i = 0; i < PyList_Size(metrics); i++) {
        PyObject *metric = PyList_GetItem(metrics, i);
        if (!PyObject_TypeCheck(metric, core->metric) || !((struct metric_object *)metric)->kind)
            PyErr_SetString(PyExc_TypeError, "a list of open metrics is wanted");
        if (PyErr_Occurred() || render_metric(&render, metric)) {
            buffer_free(&render.out);
            return NULL;
        }
    }
    return render_end(&render);
}

/* Whether a name is in the set; without a set it is not. -1 with an exception. */
static int
is_left_out(PyObject *left_out, const char *name)
{
    PyObject *text = left_out ? PyUnicode_FromString(name) : NULL;
    int found = text ? PySet_Contains(left_out, text) : left_out ? -1 : 0;

    Py_XDECREF(text);
    return found;
}

/*
 * All families of a meter's last take, whichever process made them, but for those whose names in the store are in the
 * set left_out.
 */
PyObject *
meter_render(PyObject *self, int openmetrics, int created, PyObject *left_out)
{
    const struct meter_object *meter = (struct meter_object *)self;
    struct render render = {
        .model = view_model(meter), .all = view_pieces(meter), .openmetrics = openmetrics, .created = created
    };
    char name[VIEW_NAME_BYTES];
    int out = 0;
    uint32_t i;

    CORE_LOCK(self)
    for (i = 0; render.model && i < render.model->families_n && out >= 0; i++) {
        render.family = render.model->families[i];
        out = render.family->present_n ? is_left_out(left_out, render.family->name) : 1;
        if (out)
            continue;
        render.name = view_short_name(render.family, name);
        render.documentation = render.family->help;
        render.unit = render.family->unit;
        render.kind = &model_kinds[render.family->type];
        put_family(&render);
    }
    CORE_UNLOCK()
    if (out >= 0)
        return render_end(&render);
    buffer_free(&render.out);
    return NULL;
}
