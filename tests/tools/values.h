/*
 * The values of a segment as the reader side gives them: what tests compare with the work that was done.
 */
#ifndef SHMETER_TESTS_TOOLS_VALUES_H
#define SHMETER_TESTS_TOOLS_VALUES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exposition/exposition.h"

/* A store over one segment, which is read by values_take(). */
static inline struct exposition *
values_new(const char *segment)
{
    struct store_options options = { .names = &segment, .names_n = 1, .label = STORE_LABEL_NEVER };
    return exposition_new(&options);
}

/* Reads the segment again. Returns its status; NULL when there is none. */
static inline const struct segment_status *
values_take(struct exposition *store)
{
    if (exposition_read(store, NULL, NULL) || store_status_n(store->store) != 1)
        return NULL;
    return store_status(store->store, 0);
}

/* The series whose first label value is value (NULL: of a family without labels), if it is exposed. */
static inline const struct model_series *
values_series(struct exposition *store, const char *family_name, const char *value)
{
    const struct model_family *family = model_find(store->model, family_name);
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
values_number(struct exposition *store, const char *family_name, const char *value)
{
    const struct model_series *series = values_series(store, family_name, value);
    return series ? model_number(store->model, series) : (double)NAN;
}

static inline double
values_sum(struct exposition *store, const char *family_name, const char *value)
{
    const struct model_series *series = values_series(store, family_name, value);
    return series ? model_histogram_sum(store->model, series) : (double)NAN;
}

/* The sum of the buckets; UINT64_MAX when the series is not exposed. */
static inline uint64_t
values_count(struct exposition *store, const char *family_name, const char *value)
{
    const struct model_series *series = values_series(store, family_name, value);
    return series ? model_histogram_count(store->model, series) : UINT64_MAX;
}

#endif
