/*
 * An exposition format: a name, a content type, and a function that renders the plan's model as bytes. Encoders use
 * only the plan and its model.
 */
#ifndef SHMETER_FORMATS_ENCODE_H
#define SHMETER_FORMATS_ENCODE_H

#include "base/containers/buffer.h"
#include "formats/plan/plan.h"

struct encoder {
    const char *name;         /* for logs and options: "text" */
    const char *content_type; /* value of the Content-Type header */
    uint32_t parts; /* parts of the plan that it needs: call plan_update(plan, encoder->parts) before render */
    int (*render)(const struct plan *plan, struct buffer *out); /* appends to out; 0 or -ENOMEM */
};

/*
 * Prometheus text 0.0.4. Integers as integers, other doubles in the shortest form that reads back as the same double,
 * le in one spelling for all formats (0.005 0.1 1.0 10.0 1e+06 +Inf). Info is a gauge of 1. An exponential histogram
 * has the classic buckets of its model_shape, which are a part of its own bounds.
 */
extern const struct encoder encode_text;

/*
 * OpenMetrics 1.0.0: the samples of text 0.0.4 under the same names, in families of OpenMetrics' types. What the
 * specification forbids is left out: sum and count of histograms that can have a negative sum, and negative counters.
 * Only encode_openmetrics_created adds _created lines. A family whose names would clash gets the type unknown
 * (formats/plan/openmetrics.c).
 */
extern const struct encoder encode_openmetrics, encode_openmetrics_created;

/*
 * Protobuf, delimited: io.prometheus.client.MetricFamily messages (exposition.proto), each after its length. Values are
 * doubles; start timestamps are always included. Info is a gauge of 1. An exponential histogram has native buckets and
 * its classic buckets.
 */
extern const struct encoder encode_protobuf;

#endif
