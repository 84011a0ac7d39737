/*
 * The values of a segment as the reader side gives them: what tests compare with the work that was done.
 */
#ifndef SHMETER_TESTS_TOOLS_VALUES_H
#define SHMETER_TESTS_TOOLS_VALUES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "read/store.h"

/* A store over one segment, which is read by values_take(). */
static inline struct store *
values_new(const char *segment)
{
    struct store_options options = { .names = &segment, .names_n = 1, .label = STORE_LABEL_NEVER, .without_own = 1 };
    return store_new(&options);
}

/* Reads the segment again. Returns its status; NULL when there is none. */
static inline const struct segment_status *
values_take(struct store *store)
{
    if (store_take(store, SNAPSHOT_ALL) || store_status_n(store) != 1)
        return NULL;
    return store_status(store, 0);
}

/* The series whose first label value is value (NULL: of a family without labels), if it is exposed. */
static inline const struct model_series *
values_series(struct store *store, const char *family_name, const char *value)
{
    const struct model_family *family = model_find(store_model(store), family_name);
    uint32_t i;
    for (i = 0; family && i < family->series_n; i++) {
        const struct model_series *series = &family->series[i];
        if (!series->present || (value != NULL) != (series->shape->labels_n > 0))
            continue;
        if (!value || strcmp(series->values[0], value) == 0)
            return series;
    }
    return NULL;
}

/* The value; NaN when the series is not exposed. */
static inline double
values_number(struct store *store, const char *family_name, const char *value)
{
    const struct model_series *series = values_series(store, family_name, value);
    return series ? model_number(store_model(store), series) : (double)NAN;
}

static inline double
values_sum(struct store *store, const char *family_name, const char *value)
{
    const struct model_series *series = values_series(store, family_name, value);
    return series ? model_histogram_sum(store_model(store), series) : (double)NAN;
}

/* The sum of the buckets; UINT64_MAX when the series is not exposed. */
static inline uint64_t
values_count(struct store *store, const char *family_name, const char *value)
{
    const struct model_series *series = values_series(store, family_name, value);
    return series ? model_histogram_count(store_model(store), series) : UINT64_MAX;
}

#endif
