/* Numbers of the fields of exposition.proto that protobuf.c encodes itself. */
#ifndef SHMETER_FORMATS_PROTOBUF_FIELDS_H
#define SHMETER_FORMATS_PROTOBUF_FIELDS_H

enum { FAMILY_METRIC = 4 };
enum { METRIC_GAUGE = 2, METRIC_COUNTER = 3, METRIC_SUMMARY = 4, METRIC_UNTYPED = 5, METRIC_HISTOGRAM = 7 };
enum { NUMBER_VALUE = 1 }; /* of Gauge, Counter and Untyped */
enum {
    HISTOGRAM_COUNT = 1, /* the same in Summary */
    HISTOGRAM_SUM = 2,
    HISTOGRAM_BUCKET = 3,
    HISTOGRAM_SCHEMA = 5,
    HISTOGRAM_ZERO_THRESHOLD = 6,
    HISTOGRAM_ZERO_COUNT = 7,
    HISTOGRAM_POSITIVE_SPAN = 12,
    HISTOGRAM_POSITIVE_DELTA = 13
};
enum { BUCKET_COUNT = 1, BUCKET_BOUND = 2 };
enum { SPAN_OFFSET = 1, SPAN_LENGTH = 2 };

#endif
