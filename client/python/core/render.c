/*
 * Text of families, byte for byte as prometheus_client writes it: text 0.0.4, and OpenMetrics as of its 0.16. It sees the model only; a
 * family's head comes from the metric object, which may have no series yet.
 */
#include "view.h"

#include "expo/buffer.h"
#include "expo/text.h"

#define BOUND_BYTES (VIEW_NUMBER_BYTES + 1)
#define LABELS_MOST 64u /* more than any series has */

struct render {
    struct buffer out;
    const struct model *model;
    int openmetrics, created;
    int failed; /* no memory */
    /* One family. */
    const char *name, *documentation, *kind, *unit;
    const struct model_family *family;
    /* One series: its labels in order, those that come before the line's own label and those behind it. */
    struct buffer labels;
    size_t before_len;
    const char *own_label; /* le; NULL none */
    /* The order of label names of the shape that was met last. */
    const struct model_shape *shape;
    uint32_t order[LABELS_MOST], labels_n, before_n;
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
    const char *suffix = "", *type = render->kind;

    if (!render->openmetrics && !strcmp(type, "counter")) {
        suffix = "_total";
    } else if (!render->openmetrics && !strcmp(type, "info")) {
        suffix = "_info";
        type = "gauge";
    } else if (!render->openmetrics && !strcmp(type, "stateset")) {
        type = "gauge";
    }
    put_head(render, suffix, type);
    if (!render->openmetrics || !*render->unit)
        return;
    put_string(render, "# UNIT ");
    put_string(render, render->name);
    put_string(render, " ");
    put_string(render, render->unit);
    put_string(render, "\n");
}

/* ---- labels ---- */

static const char *
label_name(const struct render *render, const struct model_shape *shape, uint32_t label)
{
    return view_label(shape->labels[label], render->family->name, render->name);
}

/* The shape's label names in order; how many of them come before the line's own label. */
static void
order_labels(struct render *render, const struct model_shape *shape)
{
    const uint32_t n = shape->labels_n < LABELS_MOST ? shape->labels_n : LABELS_MOST;
    uint32_t i, k;

    render->shape = shape;
    render->before_n = 0;
    for (i = 0; i < n; i++) {
        const char *label = label_name(render, shape, i);
        for (k = i; k && strcmp(label_name(render, shape, render->order[k - 1]), label) > 0; k--)
            render->order[k] = render->order[k - 1];
        render->order[k] = i;
        render->before_n += !render->own_label || strcmp(label, render->own_label) < 0;
    }
    render->labels_n = n;
}

static void
put_label(struct render *render, struct buffer *out, const char *name, const char *value)
{
    render->failed |= buffer_append_string(out, name) | buffer_append(out, "=\"", 2) | text_escape_value(out, value) |
                      buffer_append(out, "\"", 1);
}

/* Renders the series' labels once for all of its lines. */
static void
begin_series(struct render *render, const struct model_series *series)
{
    struct buffer *labels = &render->labels;
    uint32_t i;

    if (series->shape != render->shape)
        order_labels(render, series->shape);
    labels->len = render->before_len = 0;
    for (i = 0; i < render->labels_n; i++) {
        const uint32_t label = render->order[i];
        if (i)
            render->failed |= buffer_append(labels, ",", 1);
        if (i == render->before_n)
            render->before_len = labels->len; /* with the comma */
        put_label(render, labels, label_name(render, series->shape, label), series->values[label]);
    }
    if (render->before_n >= render->labels_n)
        render->before_len = labels->len;
}

/* ---- lines ---- */

/* name suffix {labels} value. own: value of the line's own label, escaped; NULL: it has none. */
static void
put_line(struct render *render, const char *suffix, const char *own, double value)
{
    const struct buffer *labels = &render->labels;
    const size_t before = render->before_len;
    char number[VIEW_NUMBER_BYTES];

    put_string(render, render->name);
    put_string(render, suffix);
    if (labels->len || own) {
        put(render, "{", 1);
        put(render, labels->data, own ? before : labels->len);
        if (own) {
            if (before && labels->data[before - 1] != ',')
                put(render, ",", 1);
            put_label(render, &render->out, render->own_label, own);
            if (before < labels->len)
                put(render, ",", 1);
            put(render, labels->data + before, labels->len - before);
        }
        put(render, "}", 1);
    }
    put(render, " ", 1);
    put(render, number, view_number(number, value));
    put(render, "\n", 1);
}

static void
put_created(struct render *render, const struct model_series *series)
{
    if (render->created && series->created_ns)
        put_line(render, "_created", NULL, (double)series->created_ns * 1e-9);
}

static void
put_histogram(struct render *render, const struct model_series *series)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *buckets = model_histogram_buckets(render->model, series);
    char bound[BOUND_BYTES];
    uint64_t count = 0;
    uint32_t i, k = 0;

    for (i = 0; i < shape->classic_n; i++) {
        for (; k < shape->classic_ends[i]; k++)
            count = model_add_held(count, buckets[k]);
        bound[view_number(bound, shape->classic_bounds[i])] = 0;
        put_line(render, "_bucket", bound, (double)count);
    }
    count = model_histogram_count(render->model, series);
    put_line(render, "_bucket", "+Inf", (double)count);
    put_line(render, "_count", NULL, (double)count);
    if (!(shape->classic_n && shape->classic_bounds[0] < 0))
        put_line(render, "_sum", NULL, model_histogram_sum(render->model, series));
}

static int
has_created(const struct model_family *family)
{
    return family && family->present_n && (family->type == MODEL_COUNTER || model_is_histogram(family->type));
}

static void
put_series(struct render *render, const struct model_series *series)
{
    begin_series(render, series);
    switch (render->family->type) {
    case MODEL_HISTOGRAM:
        put_histogram(render, series);
        break;
    case MODEL_SUMMARY:
        put_line(render, "_count", NULL, (double)model_histogram_count(render->model, series));
        put_line(render, "_sum", NULL, model_histogram_sum(render->model, series));
        break;
    case MODEL_COUNTER:
        put_line(render, "_total", NULL, model_number(render->model, series));
        break;
    case MODEL_INFO:
        put_line(render, "_info", NULL, 1);
        break;
    default:
        put_line(render, "", NULL, model_number(render->model, series));
        break;
    }
    if (render->openmetrics && has_created(render->family))
        put_created(render, series);
}

/* ---- families ---- */

static void
put_family(struct render *render)
{
    const struct model_family *family = render->family;
    uint32_t i;

    put_heads(render);
    render->shape = NULL;
    render->own_label = family && family->type == MODEL_HISTOGRAM ? "le" : NULL;
    for (i = 0; family && i < family->series_n; i++)
        if (family->series[i].present)
            put_series(render, &family->series[i]);
    if (render->openmetrics || !render->created || !has_created(family))
        return;
    put_head(render, "_created", "gauge");
    for (i = 0; i < family->series_n; i++)
        if (family->series[i].present) {
            begin_series(render, &family->series[i]);
            put_created(render, &family->series[i]);
        }
}

static PyObject *
render_end(struct render *render)
{
    PyObject *bytes = render->failed ? PyErr_NoMemory()
                                     : PyBytes_FromStringAndSize(render->out.data, (Py_ssize_t)render->out.len);

    buffer_free(&render->out);
    buffer_free(&render->labels);
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
    render->kind = metric_words[metric->kind];
    render->model = view_model(metric->meter);
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
            buffer_free(&render.labels);
            return NULL;
        }
    }
    return render_end(&render);
}

/* All families of a meter's last take, whichever process made them; without _created. */
PyObject *
meter_render(PyObject *self, int openmetrics)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram", "info", "summary", "stateset" };
    struct render render = { .model = view_model((struct meter_object *)self), .openmetrics = openmetrics };
    char name[VIEW_NAME_BYTES];
    uint32_t i;

    CORE_LOCK(self)
    for (i = 0; render.model && i < render.model->families_n; i++) {
        render.family = render.model->families[i];
        if (!render.family->present_n)
            continue;
        render.name = view_short_name(render.family, name);
        render.documentation = render.family->help;
        render.unit = render.family->unit;
        render.kind = kinds[render.family->type];
        put_family(&render);
    }
    CORE_UNLOCK()
    return render_end(&render);
}
