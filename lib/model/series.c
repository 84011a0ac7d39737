/* Series: a hash table in each family, and the words of values; and single values that a program puts in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/internal.h"
#include "shm/machine/hash.h"

/*
 * Hash of the labels as a set, where an empty value counts as no label. Two series of one family never have the same
 * set, in whatever order their labels are.
 */
static uint32_t
series_hash(const struct whole *whole, const struct model_shape *shape, const char *const *values)
{
    uint64_t hash = 0;
    uint32_t i;

    for (i = 0; i < shape->labels_n; i++) {
        uint64_t label;
        if (!*values[i])
            continue;
        label = shmeter_hash_bytes(whole->key, shape->labels[i], strlen(shape->labels[i]));
        hash += shmeter_hash_bytes(label, values[i], strlen(values[i]));
    }
    return (uint32_t)(hash >> 32);
}

static const char *
value_of(const struct model_shape *shape, const char *const *values, const char *label)
{
    uint32_t i;

    for (i = 0; i < shape->labels_n; i++)
        if (!strcmp(shape->labels[i], label))
            return values[i];
    return "";
}

static int
covers(const struct model_shape *a, const char *const *a_values, const struct model_shape *b,
       const char *const *b_values)
{
    uint32_t i;

    for (i = 0; i < a->labels_n; i++)
        if (strcmp(a_values[i], value_of(b, b_values, a->labels[i])))
            return 0;
    return 1;
}

static int
same_labels(const struct model_series *series, const struct model_shape *shape, const char *const *values)
{
    uint32_t i;

    if (series->shape != shape)
        return covers(series->shape, series->values, shape, values) &&
               covers(shape, values, series->shape, series->values);
    for (i = 0; i < shape->labels_n; i++)
        if (strcmp(series->values[i], values[i]))
            return 0;
    return 1;
}

static int
places_grow(struct family *family)
{
    uint32_t n = family->places_n ? 2 * family->places_n : 16, i;
    struct place *places = calloc(n, sizeof *places);

    if (!places)
        return -ENOMEM;
    for (i = 0; i < family->places_n; i++) {
        uint32_t at = family->places[i].hash & (n - 1);
        if (!family->places[i].number)
            continue;
        while (places[at].number)
            at = (at + 1) & (n - 1);
        places[at] = family->places[i];
    }
    free(family->places);
    family->places = places;
    family->places_n = n;
    return 0;
}

/* Makes room for one more series and its value. */
static int
series_room(struct whole *whole, struct family *family, uint32_t words)
{
    if (2 * (uint64_t)family->seen.series_n >= family->places_n && places_grow(family))
        return -ENOMEM;
    if (family->seen.series_n == family->series_capacity) {
        uint32_t capacity = family->series_capacity ? 2 * family->series_capacity : 4;
        struct model_series *series = realloc(family->seen.series, capacity * sizeof *series);
        if (!series)
            return -ENOMEM;
        family->seen.series = series;
        family->series_capacity = capacity;
    }
    if (whole->words_n + words > whole->words_capacity) {
        uint64_t capacity = 2 * whole->words_capacity + words + 64;
        uint64_t *all = realloc(whole->seen.words, capacity * sizeof *all);
        if (!all)
            return -ENOMEM;
        memset(all + whole->words_n, 0, (capacity - whole->words_n) * sizeof *all);
        whole->seen.words = all;
        whole->words_capacity = capacity;
    }
    return 0;
}

static int
series_fill(struct whole *whole, struct model_series *series, const struct model_shape *shape,
            const char *const *values, uint64_t created_ns)
{
    const char **copies = arena_take(&whole->arena, shape->labels_n * sizeof *copies);
    uint32_t i;

    if (!copies)
        return -ENOMEM;
    for (i = 0; i < shape->labels_n; i++)
        if (!(copies[i] = arena_string(&whole->arena, values[i])))
            return -ENOMEM;
    memset(series, 0, sizeof *series);
    series->shape = shape;
    series->values = copies;
    series->created_ns = created_ns;
    series->word = whole->words_n;
    return 0;
}

int64_t
model_series_get(struct model *model, struct model_family *seen, const struct model_shape *shape,
                 const char *const *values, uint64_t created_ns)
{
    struct whole *whole = whole_of(model);
    struct family *family = family_of(seen);
    uint32_t hash = series_hash(whole, shape, values), words = shape->buckets_n ? 1 + shape->buckets_n : 1, at;

    if (series_room(whole, family, words))
        return -ENOMEM;
    for (at = hash & (family->places_n - 1); family->places[at].number; at = (at + 1) & (family->places_n - 1)) {
        uint32_t idx = family->places[at].number - 1;
        if (family->places[at].hash == hash && same_labels(&seen->series[idx], shape, values))
            return seen->series[idx].shape == shape ? (int64_t)idx : -EEXIST;
    }
    if (series_fill(whole, &seen->series[seen->series_n], shape, values, created_ns))
        return -ENOMEM;
    whole->words_n += words;
    family->places[at].hash = hash;
    family->places[at].number = ++seen->series_n;
    return seen->series_n - 1;
}

/* ---- times of creation ---- */

void
model_created(struct model_family *family, struct model_series *series, uint64_t created_ns)
{
    const int first = !series->present && !series->idle;

    if (!created_ns)
        return;
    if (created_ns > series->created_ns && series->created_ns) {
        if (first || (series->begun_ns && created_ns < series->begun_ns)) {
            family->begun_n += !series->begun_ns;
            series->begun_ns = created_ns;
        }
        return;
    }
    family->begun_n -= series->begun_ns != 0;
    series->begun_ns = 0;
    family->renewed_n += series->created_ns != created_ns;
    series->created_ns = created_ns;
}

void
model_end(struct model *model)
{
    uint32_t i, k;

    for (i = 0; i < model->families_n; i++) {
        struct model_family *family = model->families[i];
        for (k = 0; k < family->series_n && family->begun_n; k++) {
            struct model_series *series = &family->series[k];
            if (!series->begun_ns)
                continue;
            series->created_ns = series->begun_ns;
            series->begun_ns = 0;
            family->begun_n--;
            family->renewed_n++;
        }
    }
}

/* ---- single values ---- */

static int
put(struct model *model, const struct model_metric *metric, const char *const *values, enum model_number number,
    uint64_t bits)
{
    struct model_shape wanted;
    const struct model_shape *shape;
    struct model_family *family;
    int64_t idx;
    int error;

    family = model_family_get(model, metric->type, metric->name, metric->help, metric->unit, &error);
    if (!family) {
        model->conflicts += error == -EEXIST;
        return error;
    }
    memset(&wanted, 0, sizeof wanted);
    wanted.number = number;
    wanted.labels = metric->labels;
    while (metric->labels && metric->labels[wanted.labels_n])
        if (!text_label_valid(metric->labels[wanted.labels_n++]))
            return -EINVAL;
    shape = model_shape_get(model, &wanted, NULL, 0);
    idx = shape ? model_series_get(model, family, shape, values, 0) : -ENOMEM;
    if (idx < 0) {
        model->conflicts += idx == -EEXIST;
        return (int)idx;
    }
    model->words[family->series[idx].word] = bits;
    model_present(family, &family->series[idx]);
    return 0;
}

int
model_put_u64(struct model *model, const struct model_metric *metric, const char *const *values, uint64_t value)
{
    return put(model, metric, values, MODEL_U64, value);
}

int
model_put_f64(struct model *model, const struct model_metric *metric, const char *const *values, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return put(model, metric, values, MODEL_F64, bits);
}
