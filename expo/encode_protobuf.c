/*
 * Delimited protobuf messages (exposition.proto): the plan's bytes, with values put into their places and, for histograms, the
 * messages that change with every observation written out.
 */
#include <errno.h>

#include "expo/encode.h"
#include "expo/protobuf_fields.h"
#include "expo/protobuf_wire.h"

#define HEAD_BYTES    (1 + WIRE_LENGTH_BYTES)
#define BUCKET_BYTES  (2 + 1 + WIRE_VARINT_BYTES + 9) /* a classic bucket at most                               */
#define SPAN_BYTES    (2 + 2 * (1 + WIRE_LENGTH_BYTES))
#define DELTA_BYTES   (1 + WIRE_VARINT_BYTES)
#define ZERO_BYTES    (1 + WIRE_LENGTH_BYTES + 9 + 1 + WIRE_VARINT_BYTES + SPAN_BYTES)
#define NUMBERS_BYTES (1 + WIRE_VARINT_BYTES + 9) /* count and sum                                              */
#define MERGED_GAP    2u /* so many empty buckets are cheaper as deltas of 0 than as an end and a beginning of runs */

/* ---- counters, gauges, info ---- */

static char *
put_numbers(char *out, const struct model *model, const struct model_family *family, const struct plan_family *plan)
{
    uint32_t i;

    for (i = 0; i < plan->series_n; i++) {
        const struct model_series *series = &family->series[i];
        double value;
        if (!series->present)
            continue;
        memcpy(out, plan->text.data + plan->series[i].off, plan->series[i].len);
        out += plan->series[i].len;
        value = model_number(model, series);
        memcpy(out - sizeof value, &value, sizeof value);
    }
    return out;
}

static int
render_numbers(struct buffer *out, const struct model *model, const struct model_family *family,
               const struct plan_family *plan)
{
    char *end;

    if (buffer_reserve(out, plan->text.len))
        return -ENOMEM;
    end = put_numbers(out->data + out->len, model, family, plan);
    out->len = (size_t)(end - out->data);
    return 0;
}

/* ---- native histograms ---- */

/* The next run of log buckets, from *from on: *from to *end, both without empty buckets beyond them, with only small gaps inside. */
static int
next_run(const uint64_t *buckets, uint32_t n, uint32_t *from, uint32_t *end)
{
    uint32_t i;

    while (*from < n && !buckets[*from])
        ++*from;
    if (*from == n)
        return 0;
    *end = *from + 1;
    for (i = *end; i < n && i <= *end + MERGED_GAP; i++)
        if (buckets[i])
            *end = i + 1;
    return 1;
}

static char *
put_span(char *out, int64_t offset, uint32_t length)
{
    char span[SPAN_BYTES], *end = wire_u64(wire_signed(span, SPAN_OFFSET, offset), SPAN_LENGTH, length);
    const size_t bytes = (size_t)(end - span);

    out = wire_length(out, HISTOGRAM_POSITIVE_SPAN, bytes);
    memcpy(out, span, bytes);
    return out + bytes;
}

/* A native histogram without observations above zero has a span of no buckets: that it is one is to be seen all the same. */
static char *
put_spans(char *out, const struct model_shape *shape, const uint64_t *buckets)
{
    uint32_t from = 0, end, before = 0;

    if (!next_run(buckets, shape->log_n, &from, &end))
        return put_span(out, 0, 0);
    out = put_span(out, (int64_t)shape->first_index + from, end - from);
    for (before = from = end; next_run(buckets, shape->log_n, &from, &end); before = from = end)
        out = put_span(out, from - before, end - from);
    return out;
}

static int64_t
held_signed(uint64_t count)
{
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

static char *
put_deltas(char *out, const struct model_shape *shape, const uint64_t *buckets)
{
    uint32_t from = 0, end;
    int64_t before = 0;

    for (; next_run(buckets, shape->log_n, &from, &end); from = end)
        for (; from < end; from++) {
            out = wire_signed(out, HISTOGRAM_POSITIVE_DELTA, held_signed(buckets[from]) - before);
            before = held_signed(buckets[from]);
        }
    return out;
}

static char *
put_native(char *out, const struct model_shape *shape, const uint64_t *buckets)
{
    out = wire_signed(out, HISTOGRAM_SCHEMA, shape->schema);
    out = wire_f64(out, HISTOGRAM_ZERO_THRESHOLD, shape->zero_threshold);
    out = wire_u64(out, HISTOGRAM_ZERO_COUNT, buckets[0]);
    out = put_spans(out, shape, buckets + 1);
    return put_deltas(out, shape, buckets + 1);
}

/* ---- histograms ---- */

/* The classic buckets, and *count of all; +Inf is the sample count and no bucket. */
static char *
put_buckets(char *out, const struct model_shape *shape, const uint64_t *buckets, uint64_t *count)
{
    uint64_t cumulative = 0;
    uint32_t i, bucket = 0;

    for (i = 0; i < shape->classic_n; i++) {
        char *message = out + 2; /* behind a tag and a length below 128 */
        while (bucket < shape->classic_ends[i])
            cumulative = model_add_held(cumulative, buckets[bucket++]);
        out = wire_f64(wire_u64(message, BUCKET_COUNT, cumulative), BUCKET_BOUND, shape->classic_bounds[i]);
        wire_length(message - 2, HISTOGRAM_BUCKET, (uint64_t)(out - message));
    }
    while (bucket < shape->buckets_n)
        cumulative = model_add_held(cumulative, buckets[bucket++]);
    *count = cumulative;
    return out;
}

static size_t
histogram_bytes(const struct model_shape *shape)
{
    return NUMBERS_BYTES + shape->classic_n * BUCKET_BYTES +
           (shape->exponential ? ZERO_BYTES + shape->log_n * (SPAN_BYTES + DELTA_BYTES) : 0);
}

static int
render_histogram(struct buffer *out, const struct model *model, const struct model_series *series, const char *text,
                 const uint32_t *lens)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *buckets = model_histogram_buckets(model, series);
    const size_t most = 2 * HEAD_BYTES + lens[0];
    char *at, *body, *end;
    size_t body_len;
    uint64_t count;

    if (buffer_reserve(out, most + histogram_bytes(shape) + lens[1]))
        return -ENOMEM;
    /* The message first, where its head is sure to have room; then the head, and the message moved up to it. */
    at = out->data + out->len;
    body = at + most;
    end = put_buckets(body, shape, buckets, &count);
    if (shape->exponential)
        end = put_native(end, shape, buckets);
    end = wire_u64(end, HISTOGRAM_COUNT, count);
    end = wire_f64(end, HISTOGRAM_SUM, model_histogram_sum(model, series));
    memcpy(end, text + lens[0], lens[1]);
    body_len = (size_t)(end - body) + lens[1];
    at = wire_length(at, FAMILY_METRIC, lens[0] + 1 + wire_varint_bytes(body_len) + body_len);
    memcpy(at, text, lens[0]);
    at = wire_length(at + lens[0], METRIC_HISTOGRAM, body_len);
    memmove(at, body, body_len);
    out->len = (size_t)(at - out->data) + body_len;
    return 0;
}

static int
render_histograms(struct buffer *out, const struct model *model, const struct model_family *family,
                  const struct plan_family *plan)
{
    uint32_t i;
    int result = 0;

    for (i = 0; i < plan->series_n && !result; i++)
        if (family->series[i].present)
            result = render_histogram(out, model, &family->series[i], plan->text.data + plan->series[i].off,
                                      plan->lens + plan->series[i].lens);
    return result;
}

/* ---- families ---- */

/* About how long a family will be: near enough that its length mostly has as many bytes. */
static size_t
guess(const struct model_family *family, const struct plan_family *plan)
{
    const struct model_shape *shape = family->series[0].shape;
    const size_t each = shape->buckets_n ? 30 + shape->classic_n * 14 + (shape->exponential ? 40 : 0) : 0;

    return plan->head.len + (plan->text.len / plan->series_n + each) * family->present_n;
}

/* The length stands before the family and is known after it: room is left, and should it not fit, the family is moved. */
static int
render_family(struct buffer *out, const struct model *model, const struct model_family *family,
              const struct plan_family *plan)
{
    const size_t begin = out->len;
    uint32_t room, needed;
    size_t len;
    int result;

    if (!family->present_n)
        return 0;
    room = wire_varint_bytes(guess(family, plan));
    if (buffer_reserve(out, room))
        return -ENOMEM;
    out->len += room;
    result = buffer_append(out, plan->head.data, plan->head.len);
    if (!result)
        result = family->type == MODEL_HISTOGRAM ? render_histograms(out, model, family, plan)
                                                 : render_numbers(out, model, family, plan);
    if (result || buffer_reserve(out, WIRE_VARINT_BYTES))
        return -ENOMEM;
    len = out->len - begin - room;
    needed = wire_varint_bytes(len);
    if (needed != room)
        memmove(out->data + begin + needed, out->data + begin + room, len);
    wire_varint(out->data + begin, len);
    out->len = begin + needed + len;
    return 0;
}

static int
render(const struct plan *plan, struct buffer *out)
{
    const struct model *model = plan->model;
    uint32_t i;
    int result = 0;

    for (i = 0; i < model->families_n && !result; i++)
        result = render_family(out, model, model->families[i], plan_of(plan, PLAN_PROTOBUF, model->families[i]));
    return result;
}

const struct encoder encode_protobuf = {
    "protobuf", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    PLAN_BIT(PLAN_PROTOBUF), render
};
