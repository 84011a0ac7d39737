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
enum model_number { MODEL_U64, MODEL_F64 }; /* of counters, gauges, info, states; a histogram's buckets are MODEL_U64 */

/* What a series' words are. */
enum model_value {
    MODEL_VALUE_TOTAL,     /* a number that only grows from the time when the series was created                */
    MODEL_VALUE_NUMBER,    /* any number                                                                    */
    MODEL_VALUE_HISTOGRAM, /* a sum and buckets                                                             */
    MODEL_VALUE_SUMMARY    /* the same of one bucket, +Inf, which is not shown                               */
};

struct model_kind { /* a row of types.def, which says what they are */
    const char *word, *text, *suffix, *otherwise;
    enum model_value value;
};

extern const struct model_kind model_kinds[MODEL_TYPES];

/* Whether its series' values are a sum and buckets. */
static inline int
model_is_histogram(enum model_type type)
{
    return model_kinds[type].value >= MODEL_VALUE_HISTOGRAM;
}

/* Whether these are of one bucket. */
static inline int
model_is_summary(enum model_type type)
{
    return model_kinds[type].value == MODEL_VALUE_SUMMARY;
}

#endif
