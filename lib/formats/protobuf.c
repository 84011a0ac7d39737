/*
 * Delimited protobuf messages (exposition.proto): copies the plan's bytes and writes the values into their places. The
 * messages of histograms and summaries, whose length changes with their values, are encoded here.
 */
#include <errno.h>

#include "base/saturate.h"
#include "formats/encode.h"
#include "formats/protobuf_fields.h"
#include "formats/protobuf_wire.h"

#define HEAD_BYTES    (1 + WIRE_LENGTH_BYTES)
#define BUCKET_BYTES  (2 + 1 + WIRE_VARINT_BYTES + 9) /* longest classic bucket */
#define SPAN_BYTES    (2 + 2 * (1 + WIRE_LENGTH_BYTES))
#define DELTA_BYTES   (1 + WIRE_VARINT_BYTES)
#define ZERO_BYTES    (1 + WIRE_LENGTH_BYTES + 9 + 1 + WIRE_VARINT_BYTES + SPAN_BYTES)
#define NUMBERS_BYTES (1 + WIRE_VARINT_BYTES + 9) /* count and sum */
#define MERGED_GAP    2u                          /* so many empty buckets are shorter as deltas than as a new span */

/* ---- counters, gauges, info, states ---- */

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

static char *
put_span(char *out, int64_t offset, uint32_t length)
{
    char *span = out + 2; /* behind the tag and a length below 128 */

    out = wire_u64(wire_signed(span, SPAN_OFFSET, offset), SPAN_LENGTH, length);
    wire_length(span - 2, HISTOGRAM_POSITIVE_SPAN, (uint64_t)(out - span));
    return out;
}

static int64_t
held_signed(uint64_t count)
{
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

/*
 * The log buckets in one pass: the delta of each bucket, and the span of each run of buckets after its end. Protobuf
 * keeps the order of repeated values of one field only, so spans and deltas may be mixed. A histogram without counts
 * gets one empty span, by which readers recognise a native histogram.
 */
static char *
put_runs(char *out, const struct model_shape *shape, const uint64_t *buckets)
{
    uint32_t from = 0, end = 0, i; /* the present run; end 0: none yet */
    int64_t offset = shape->first_index, last = 0;

    for (i = 0; i < shape->log_n; i++) {
        const int64_t count = held_signed(buckets[i]);
        if (!count)
            continue;
        if (!end) {
            offset += i;
            from = i;
        } else if (i - end > MERGED_GAP) {
            out = put_span(out, offset, end - from);
            offset = i - end;
            from = i;
        } else {
            for (; end < i; end++, last = 0)
                out = wire_signed(out, HISTOGRAM_POSITIVE_DELTA, -last);
        }
        out = wire_signed(out, HISTOGRAM_POSITIVE_DELTA, count - last);
        last = count;
        end = i + 1;
    }
    return end ? put_span(out, offset, end - from) : put_span(out, 0, 0);
}

static char *
put_native(char *out, const struct model_shape *shape, const uint64_t *buckets)
{
    out = wire_signed(out, HISTOGRAM_SCHEMA, shape->schema);
    out = wire_f64(out, HISTOGRAM_ZERO_THRESHOLD, shape->zero_threshold);
    out = wire_u64(out, HISTOGRAM_ZERO_COUNT, buckets[0]);
    return put_runs(out, shape, buckets + 1);
}

/* ---- histograms, summaries ---- */

/* The classic buckets, and *count of all observations, which stands for the bucket +Inf. */
static char *
put_buckets(char *out, const struct model_shape *shape, const uint64_t *buckets, uint64_t *count)
{
    uint64_t cumulative = 0;
    uint32_t i, bucket = 0;

    for (i = 0; i < shape->classic_n; i++) {
        char *message = out + 2; /* behind the tag and a length below 128 */
        while (bucket < shape->classic_ends[i])
            cumulative = saturate_add(cumulative, buckets[bucket++]);
        out = wire_f64(wire_u64(message, BUCKET_COUNT, cumulative), BUCKET_BOUND, shape->classic_bounds[i]);
        wire_length(message - 2, HISTOGRAM_BUCKET, (uint64_t)(out - message));
    }
    while (bucket < shape->buckets_n)
        cumulative = saturate_add(cumulative, buckets[bucket++]);
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
render_histogram(struct buffer *out, const struct model *model, enum model_type type, const struct model_series *series,
                 const char *text, const uint32_t *lens)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *buckets = model_histogram_buckets(model, series);
    const size_t most = 2 * HEAD_BYTES + lens[0];
    char *at, *body, *end;
    size_t body_len;
    uint64_t count;

    if (buffer_reserve(out, most + histogram_bytes(shape) + lens[1]))
        return -ENOMEM;
    /*
     * The message is written first, with enough room before it for the longest head; then the head, and the message is
     * moved to the head's end.
     */
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
    at = wire_length(at + lens[0], model_is_summary(type) ? METRIC_SUMMARY : METRIC_HISTOGRAM, body_len);
    memmove(at, body, body_len);
    out->len = (size_t)(at - out->data) + body_len;
    return 0;
}

static int
render_histograms(struct buffer *out, const struct model *model, const struct model_family *family,
                  const struct plan_family *plan)
{
    const char *text = plan->text.data ? plan->text.data : ""; /* without labels there is no text */
    uint32_t i;
    int result = 0;

    for (i = 0; i < plan->series_n && !result; i++)
        if (family->series[i].present)
            result = render_histogram(out, model, family->type, &family->series[i], text + plan->series[i].off,
                                      plan->lens + plan->series[i].lens);
    return result;
}

/* ---- families ---- */

/* Estimates the length of a family, so that the estimate's varint mostly has as many bytes as that of the length. */
static size_t
guess(const struct model_family *family, const struct plan_family *plan)
{
    const struct model_shape *shape = family->series[0].shape;
    const size_t each = shape->buckets_n ? 30 + shape->classic_n * 14 + (shape->exponential ? 40 : 0) : 0;

    return plan->head.len + (plan->text.len / plan->series_n + each) * family->present_n;
}

/*
 * The length goes before the family, and is known afterwards: the estimate's room is left for it, and if that does not
 * fit, the family is moved.
 */
static int
render_family(struct buffer *out, const struct model *model, const struct model_family *family,
              const struct plan_family *plan)
{
    const size_t begin = out->len;
    uint32_t room, needed;
    size_t len;
    int result;

    if (!family->present_n || plan->clashes)
        return 0;
    room = wire_varint_bytes(guess(family, plan));
    if (buffer_reserve(out, room))
        return -ENOMEM;
    out->len += room;
    result = buffer_append(out, plan->head.data, plan->head.len);
    if (!result)
        result = (model_is_histogram(family->type) ? render_histograms : render_numbers)(out, model, family, plan);
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
