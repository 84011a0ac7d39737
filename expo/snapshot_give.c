/*
 * From a snapshot to the model: families and series are looked for once per epoch, values are added at each scrape.
 */
#include <stdio.h>

#include "expo/snapshot_parts.h"

#define ADDED_LABELS 3u /* worker, slot, segment */
#define LABELS_MAX   (SHMETER_MAX_LABELS + ADDED_LABELS)
#define LABEL_BYTES  1280u /* room for a name of a record, however often "exported_" goes before it */

static enum model_type
type_of(const struct snapshot_family *family)
{
    switch (family->type) {
    case SHMETER_COUNTER:
    case SHMETER_COUNTER_F64:
        return MODEL_COUNTER;
    case SHMETER_HISTOGRAM:
        return MODEL_HISTOGRAM;
    case SHMETER_INFO:
        return MODEL_INFO;
    default:
        return MODEL_GAUGE;
    }
}

static int
per_worker(const struct snapshot_family *family)
{
    return family->type == SHMETER_GAUGE && (family->mode == SHMETER_ALL || family->mode == SHMETER_LIVE_ALL);
}

/* ---- definitions ---- */

static int
same_definition(const struct snapshot_family *a, const struct snapshot_family *b)
{
    uint32_t i;

    if (a->type != b->type || a->labels_n != b->labels_n || a->bounds_n != b->bounds_n ||
        a->exponential != b->exponential || a->schema != b->schema || a->first_index != b->first_index ||
        (a->bounds_n && memcmp(a->bounds, b->bounds, a->bounds_n * sizeof *a->bounds)))
        return 0;
    for (i = 0; i < a->labels_n; i++)
        if (strcmp(a->labels[i], b->labels[i]))
            return 0;
    return 1;
}

/* Whether a later segment of this name says something else of the family. */
static int
redefined(struct snapshot_family *family, const struct snapshot *newer)
{
    const struct snapshot_family *other;

    if (!newer || (family->newer == newer && family->newer_families_n == newer->families_n))
        return newer && family->redefined;
    other = snapshot_family_named(newer, family->name);
    family->redefined = other && !same_definition(family, other);
    family->newer = newer;
    family->newer_families_n = newer->families_n;
    return (int)family->redefined;
}

/* ---- labels ---- */

/* A label of the application that has the name of one that is added becomes exported_NAME, as in a scrape. */
static int
rename_clash(const char **names, uint32_t own_n, uint32_t all_n, char renamed[][LABEL_BYTES])
{
    uint32_t i, k;

    for (i = 0; i < own_n; i++)
        for (k = 0; k < all_n; k++) {
            char longer[LABEL_BYTES];
            if (k == i || strcmp(names[k], names[i]))
                continue;
            if (snprintf(longer, sizeof longer, "exported_%s", names[i]) >= (int)sizeof longer)
                return -EEXIST;
            memcpy(renamed[i], longer, sizeof longer);
            names[i] = renamed[i];
            k = (uint32_t)-1; /* the longer name may be taken too */
        }
    return 0;
}

static int
bind_shape(const struct snapshot_family *family, const struct snapshot_target *target, struct model *model,
           const struct model_shape **out)
{
    const char *names[LABELS_MAX];
    char renamed[SHMETER_MAX_LABELS][LABEL_BYTES];
    struct model_shape shape;

    memset(&shape, 0, sizeof shape);
    memcpy(names, family->labels, family->labels_n * sizeof *names);
    shape.labels_n = family->labels_n;
    if (per_worker(family)) {
        names[shape.labels_n++] = "worker";
        names[shape.labels_n++] = "slot";
    }
    if (target->segment)
        names[shape.labels_n++] = "segment";
    if (rename_clash(names, family->labels_n, shape.labels_n, renamed))
        return -EEXIST;
    shape.labels = names;
    shape.number = family->type == SHMETER_COUNTER_F64 || family->type == SHMETER_GAUGE ? MODEL_F64 : MODEL_U64;
    if (family->type == SHMETER_HISTOGRAM) {
        shape.buckets_n = family->buckets_n;
        shape.exponential = family->exponential;
        shape.schema = family->schema;
        shape.first_index = family->first_index;
        shape.log_n = family->log_n;
        shape.zero_threshold = family->zero_threshold;
    }
    *out = model_shape_get(model, &shape, family->bounds, family->bounds_n);
    return *out ? 0 : -ENOMEM;
}

/* 0, also when it is refused; or -ENOMEM. */
static int
bind_family(struct snapshot_family *family, const struct snapshot_target *target, struct model *model)
{
    int result = 0;

    if (family->bound)
        return 0;
    family->target = model_family_get(model, type_of(family), family->name, family->help, family->unit_text, &result);
    if (!result)
        result = bind_shape(family, target, model, &family->shape);
    if (result == -ENOMEM)
        return result;
    family->bound = 1;
    family->refused = result != 0;
    return 0;
}

/* ---- values ---- */

/* Looks for the series in the model. NULL with *error 0 when another series has its labels. */
static struct model_series *
search_series(const struct snapshot *snapshot, const struct snapshot_series *series,
              const struct snapshot_family *family, const struct snapshot_target *target, uint32_t slot,
              struct model *model, uint32_t *idx, int *error)
{
    const char *values[LABELS_MAX];
    char number[16];
    uint32_t n = family->labels_n;
    int64_t found;

    memcpy(values, series->values, n * sizeof *values);
    if (slot != SNAPSHOT_NONE) {
        snprintf(number, sizeof number, "%u", slot);
        values[n++] = snapshot->slots[slot].worker;
        values[n++] = number;
    }
    if (target->segment)
        values[n++] = target->segment;
    found = model_series_get(model, family->target, family->shape, values, series->created_ns);
    *error = found == -ENOMEM ? -ENOMEM : 0;
    if (found < 0) {
        model->conflicts++;
        return NULL;
    }
    *idx = (uint32_t)found;
    return &family->target->series[found];
}

/* The same, at no cost when it was found before: *idx. slot: of a series per worker. */
static inline struct model_series *
find_series(const struct snapshot *snapshot, const struct snapshot_series *series, const struct snapshot_family *family,
            const struct snapshot_target *target, uint32_t slot, struct model *model, uint32_t *idx, int *error)
{
    if (*idx != SNAPSHOT_NONE)
        return &family->target->series[*idx];
    return search_series(snapshot, series, family, target, slot, model, idx, error);
}

static void
add_f64(uint64_t *word, double value)
{
    value += snapshot_f64(*word);
    memcpy(word, &value, sizeof value);
}

static void
add_value(const struct snapshot *snapshot, const struct snapshot_series *series, const struct snapshot_family *family,
          uint64_t *words)
{
    const uint64_t *sums = snapshot->sums + series->place;
    uint32_t i;

    switch (family->type) {
    case SHMETER_COUNTER:
        words[0] = model_add_held(words[0], sums[0]);
        break;
    case SHMETER_COUNTER_F64:
        add_f64(words, snapshot_f64(sums[0]));
        break;
    case SHMETER_HISTOGRAM:
        add_f64(words, snapshot_f64(sums[0]));
        sums += sizeof(struct shmeter_histogram_cell) / 8;
        for (i = 0; i < family->buckets_n; i++)
            words[1 + i] = model_add_held(words[1 + i], sums[i]);
        break;
    default:
        words[0] = 1; /* info */
        break;
    }
}

static int
summed(const struct snapshot *snapshot, const struct snapshot_series *series, const struct snapshot_family *family)
{
    return family->type == SHMETER_INFO || series->place + family->cell_bytes / 8 <= snapshot->sums_words;
}

/* Whether a family's series are given, and where to. 0 no, 1 yes, -ENOMEM. */
static int
give_family(struct snapshot_family *family, struct model *model, const struct snapshot_target *target)
{
    if (!family->visible || family->type == SHMETER_GAUGE || (target->newer && family->type == SHMETER_INFO) ||
        redefined(family, target->newer))
        return 0;
    return bind_family(family, target, model) ? -ENOMEM : 1;
}

static int
give_series(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target)
{
    struct snapshot_family *family = NULL;
    uint32_t i, number = SNAPSHOT_NONE;
    int error = 0, given = 0;

    for (i = 0; i < snapshot->series_n && !error; i++) {
        struct snapshot_series *series = &snapshot->series[i];
        struct model_series *to;
        if (series->family != number) {
            number = series->family;
            family = &snapshot->families[number];
            given = give_family(family, model, target);
            if (given < 0)
                return given;
        }
        if (!given || !series->visible || !summed(snapshot, series, family))
            continue;
        if (family->refused) {
            model->conflicts++;
            continue;
        }
        to = find_series(snapshot, series, family, target, SNAPSHOT_NONE, model, &series->target, &error);
        if (!to)
            continue;
        add_value(snapshot, series, family, model->words + to->word);
        model_present(family->target, to);
    }
    return error;
}

static int
give_gauge(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target, uint32_t number,
           uint32_t slot, uint32_t *idx, double value)
{
    struct snapshot_series *series = &snapshot->series[number];
    struct snapshot_family *family = &snapshot->families[series->family];
    struct model_series *to;
    int error = bind_family(family, target, model);

    if (error)
        return error;
    if (family->refused) {
        model->conflicts++;
        return 0;
    }
    to = find_series(snapshot, series, family, target, slot, model, idx, &error);
    if (!to)
        return error;
    if (to->present)
        add_f64(model->words + to->word, value);
    else
        memcpy(model->words + to->word, &value, sizeof value); /* adding would lose the sign of -0 */
    model_present(family->target, to);
    return 0;
}

static int
give_gauges(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target)
{
    uint32_t i, none;
    int error = 0;

    for (i = 0; i < snapshot->gauges_n && !error; i++) {
        const struct snapshot_gauge *gauge = &snapshot->gauges[i];
        if (gauge->any)
            error = give_gauge(snapshot, model, target, gauge->series, SNAPSHOT_NONE,
                               &snapshot->series[gauge->series].target, gauge->value);
    }
    for (i = 0; i < snapshot->samples_n && !error; i++) {
        const struct snapshot_sample *sample = &snapshot->samples[i];
        none = SNAPSHOT_NONE; /* a slot's worker changes */
        error = give_gauge(snapshot, model, target, sample->series, sample->slot, &none, sample->value);
    }
    return error;
}

static void
unbind(struct snapshot *snapshot, const struct model *model)
{
    uint32_t i;

    if (snapshot->model == model && snapshot->epoch == model->epoch)
        return;
    snapshot->model = model;
    snapshot->epoch = model->epoch;
    for (i = 0; i < snapshot->families_n; i++)
        snapshot->families[i].bound = 0;
    for (i = 0; i < snapshot->series_n; i++)
        snapshot->series[i].target = SNAPSHOT_NONE;
}

int
snapshot_give(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target)
{
    int error;

    unbind(snapshot, model);
    error = give_series(snapshot, model, target);
    if (!error && !target->newer)
        error = give_gauges(snapshot, model, target);
    return error;
}
