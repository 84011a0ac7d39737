/*
 * Protobuf: a family's head is its MetricFamily without metrics. A series of a counter, gauge, info or stateset has one
 * piece: its whole Metric as a field of the family. The value is in the last 8 bytes, which each scrape writes. A
 * histogram or summary has two pieces: its labels as fields of Metric, and its start timestamp as a field of Histogram
 * or Summary.
 */
#include <errno.h>

#include "formats/exposition.pb-c.h"
#include "formats/plan/internal.h"
#include "formats/protobuf_fields.h"
#include "formats/protobuf_wire.h"

static const struct {
    Io__Prometheus__Client__MetricType type;
    uint32_t field; /* the field of Metric that has the value */
} protobuf_types[] = {
#define TYPE(name, word, text, protobuf, ...) \
    [MODEL_##name] = { IO__PROMETHEUS__CLIENT__METRIC_TYPE__##protobuf, METRIC_##protobuf },
#include "model/types.def"
};

/*
 * Appends a packed message. Messages may be packed in parts: their bytes one after the other are one message
 * (protobuf.dev, "Message Structure").
 */
static int
add_message(struct buffer *out, const ProtobufCMessage *message)
{
    const size_t bytes = protobuf_c_message_get_packed_size(message);

    if (buffer_reserve(out, bytes))
        return -ENOMEM;
    protobuf_c_message_pack(message, (uint8_t *)out->data + out->len);
    out->len += bytes;
    return 0;
}

static int
add_head(struct plan_family *planned, const struct model *model, const struct model_family *of)
{
    Io__Prometheus__Client__MetricFamily family = IO__PROMETHEUS__CLIENT__METRIC_FAMILY__INIT;
    struct buffer name = { NULL, 0, 0 };
    int result = escape_name(&name, of->name, planned->escaping) | buffer_append(&name, "", 1);
    (void)model;

    family.name = name.data;
    family.help = *of->help ? (char *)of->help : NULL;
    family.unit = *of->unit ? (char *)of->unit : NULL;
    family.has_type = 1;
    family.type = protobuf_types[of->type].type;
    if (!result)
        result = add_message(&planned->head, &family.base);
    buffer_free(&name);
    return result;
}

/* Appends the labels. An empty value counts as no label. */
static int
add_labels(struct buffer *out, const struct model_series *series, enum escaping escaping)
{
    struct buffer name = { NULL, 0, 0 };
    uint32_t i;
    int result = 0;

    for (i = 0; i < series->shape->labels_n && !result; i++) {
        Io__Prometheus__Client__LabelPair pair = IO__PROMETHEUS__CLIENT__LABEL_PAIR__INIT, *label = &pair;
        Io__Prometheus__Client__Metric metric = IO__PROMETHEUS__CLIENT__METRIC__INIT;
        if (!*series->values[i])
            continue;
        name.len = 0;
        result = plan_add_label(&name, series->shape, i, escaping) | buffer_append(&name, "", 1);
        if (result)
            break;
        pair.name = name.data;
        pair.value = (char *)series->values[i];
        metric.n_label = 1;
        metric.label = &label;
        result = add_message(out, &metric.base);
    }
    buffer_free(&name);
    return result;
}

static int
add_start(struct buffer *out, enum model_type type, uint64_t created_ns)
{
    Io__Prometheus__Client__Timestamp start = IO__PROMETHEUS__CLIENT__TIMESTAMP__INIT;
    Io__Prometheus__Client__Counter counter = IO__PROMETHEUS__CLIENT__COUNTER__INIT;
    Io__Prometheus__Client__Histogram histogram = IO__PROMETHEUS__CLIENT__HISTOGRAM__INIT;
    Io__Prometheus__Client__Summary summary = IO__PROMETHEUS__CLIENT__SUMMARY__INIT;

    if (!created_ns)
        return 0;
    start.has_seconds = start.has_nanos = 1;
    start.seconds = (int64_t)(created_ns / 1000000000);
    start.nanos = (int32_t)(created_ns % 1000000000);
    counter.start_timestamp = histogram.start_timestamp = summary.start_timestamp = &start;
    switch (model_kinds[type].value) {
    case MODEL_VALUE_TOTAL:
        return add_message(out, &counter.base);
    case MODEL_VALUE_HISTOGRAM:
        return add_message(out, &histogram.base);
    case MODEL_VALUE_SUMMARY:
        return add_message(out, &summary.base);
    default:
        return 0;
    }
}

static int
add_histogram(struct plan_family *planned, enum model_type type, const struct model_series *series)
{
    const size_t before = planned->text.len;
    size_t labels;
    int result = add_labels(&planned->text, series, planned->escaping);

    labels = planned->text.len;
    if (!result)
        result = plan_lens_add(planned, (uint32_t)(labels - before));
    if (!result)
        result = add_start(&planned->text, type, series->created_ns);
    return result ? result : plan_lens_add(planned, (uint32_t)(planned->text.len - labels));
}

/* Inserts the tag and length of a message before its bytes, which begin at offset from. */
static int
wrap(struct buffer *text, size_t from, uint32_t field)
{
    const size_t len = text->len - from;
    char lead[1 + WIRE_LENGTH_BYTES];
    const size_t lead_len = (size_t)(wire_length(lead, field, len) - lead);

    if (buffer_reserve(text, lead_len))
        return -ENOMEM;
    memmove(text->data + from + lead_len, text->data + from, len);
    memcpy(text->data + from, lead, lead_len);
    text->len += lead_len;
    return 0;
}

static int
add_number(struct plan_family *planned, enum model_type type, const struct model_series *series)
{
    struct buffer *text = &planned->text;
    const size_t metric = text->len;
    char value[9];
    size_t number;
    int result = add_labels(text, series, planned->escaping);

    number = text->len;
    if (!result)
        result = add_start(text, type, series->created_ns);
    wire_f64(value, NUMBER_VALUE, 0);
    if (!result)
        result = buffer_append(text, value, sizeof value);
    if (!result)
        result = wrap(text, number, protobuf_types[type].field);
    return result ? result : wrap(text, metric, FAMILY_METRIC);
}

static int
add_series(struct plan_family *planned, const struct model_family *family, const struct model_series *series)
{
    return (model_is_histogram(family->type) ? add_histogram : add_number)(planned, family->type, series);
}

const struct plan_maker plan_make_protobuf = { .head = add_head, .series = add_series, .has_created = 1 };
