/*
 * An exposition format: a name, a content type, and one function from plan to bytes. Encoders use only the plan and its
 * model.
 */
#ifndef SHMETER_FORMATS_ENCODE_H
#define SHMETER_FORMATS_ENCODE_H

#include "base/containers/buffer.h"
#include "formats/plan/plan.h"

struct encoder {
    const char *name;         /* for logs and options: "text"                                              */
    const char *content_type; /* the whole header's value                                                  */
    uint32_t parts;           /* of the plan that it needs: plan_update(plan, encoder->parts) goes before render */
    int (*render)(const struct plan *plan, struct buffer *out); /* appends to out; 0 or -ENOMEM             */
};

/*
 * Prometheus text 0.0.4. Integers as integers, other doubles in the shortest form that reads back as the same double,
 * le in one spelling for all formats (0.005 0.1 1.0 10.0 1e+06 +Inf). Info is a gauge of 1. An exponential histogram
 * has the classic buckets of model_shape: its own bounds, thinned out.
 */
extern const struct encoder encode_text;

/*
 * OpenMetrics 1.0.0: the samples of text 0.0.4 by the same names, in families of OpenMetrics' types. Left out is what
 * it forbids: sum and count of histograms that can be negative, counters that are. _created lines only with the second
 * one. Names that would clash make a family unknown (formats/plan/openmetrics.c).
 */
extern const struct encoder encode_openmetrics, encode_openmetrics_created;

/*
 * Protobuf, delimited: io.prometheus.client.MetricFamily messages (exposition.proto), each behind its length. Values
 * are doubles; start timestamps are always there. Info is a gauge of 1. An exponential histogram is a native one,
 * beside its classic buckets.
 */
extern const struct encoder encode_protobuf;

#endif
