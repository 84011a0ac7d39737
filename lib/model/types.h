/*
 * The types of metrics, as the rows of types.def have them.
 */
#ifndef SHMETER_MODEL_TYPES_H
#define SHMETER_MODEL_TYPES_H

enum model_type {
#define TYPE(name, ...) MODEL_##name,
#include "model/types.def"
    MODEL_TYPES
};
enum model_number { MODEL_U64, MODEL_F64 }; /* C type of a value that is one number; counts of buckets are uint64_t */

/* The kind of a series' value. */
enum model_value {
    MODEL_VALUE_TOTAL,     /* a number that only grows from the time when the series was created */
    MODEL_VALUE_NUMBER,    /* any number */
    MODEL_VALUE_HISTOGRAM, /* a sum and counts of buckets */
    MODEL_VALUE_SUMMARY    /* a sum and one count, of the bucket +Inf, which is not shown */
};

struct model_kind { /* a row of types.def, whose columns are described there */
    const char *word, *text, *suffix, *otherwise;
    enum model_value value;
};

extern const struct model_kind model_kinds[MODEL_TYPES];

/* Whether values of this type are a sum and counts of buckets: histograms and summaries. */
static inline int
model_is_histogram(enum model_type type)
{
    return model_kinds[type].value >= MODEL_VALUE_HISTOGRAM;
}

/* Whether such values have a single bucket: summaries. */
static inline int
model_is_summary(enum model_type type)
{
    return model_kinds[type].value == MODEL_VALUE_SUMMARY;
}

#endif
