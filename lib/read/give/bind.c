/*
 * Finds a snapshot's families and series in the model, by name, labels and shape, with the labels and prefix of the
 * operator's settings. Done once per epoch.
 */
#include <stdio.h>

#include "base/text.h"
#include "read/give/internal.h"

#define ADDED_LABELS 3u /* worker, slot, segment; or a state, segment */
#define LABELS_MAX   (SHMETER_MAX_LABELS + ADDED_LABELS + SETTINGS_LABELS)
#define LABEL_BYTES  1280u /* room for a label name of a record, with "exported_" before it many times */

/* ---- replaced segments ---- */

/*
 * Finds the family of the newer segment that a family of a replaced segment is added to. Returns whether it has
 * changed.
 */
static int
follow_family(struct giving *giving, uint32_t number, struct giving *newer)
{
    struct giving_family *given = &giving->families[number];
    const struct snapshot_family *family = &giving->read.families[number],
                                 *other = snapshot_definition(newer->snapshot, family->name);
    const uint32_t fits = other && snapshot_adds_up(family, other);
    const uint32_t later = fits ? (uint32_t)(other - newer->read.families) + 1 : 0, redefined = other && !fits;
    int changed = given->later != later || given->redefined != redefined;

    given->later = later;
    given->redefined = redefined;
    if (fits && shmeter_type_counter_f64(family->type) && shmeter_type_counter(other->type) &&
        !newer->families[later - 1].after_f64) {
        newer->families[later - 1].after_f64 = 1;
        newer->model = NULL; /* the newer family has doubles from now on: it is bound again */
        changed = 1;
    }
    return changed;
}

int
giving_follow(struct giving *giving, struct giving *newer, uint64_t number)
{
    const int other_one = giving->newer_number != number;
    uint32_t chosen_n, i;
    int changed = 0;

    if (giving_look(giving) || giving_look(newer))
        return -ENOMEM;
    chosen_n = snapshot_chosen_n(newer->snapshot) + newer->followed_n;
    if (!other_one && giving->newer_families_n == newer->families_n && giving->newer_chosen_n == chosen_n &&
        giving->newer_own_n == giving->families_n)
        return 0;
    for (i = 0; i < giving->families_n; i++)
        changed |= follow_family(giving, i, newer);
    if (changed || other_one || giving->newer_chosen_n != chosen_n)
        giving->model = NULL; /* families may be at other places in the newer segment */
    newer->followed_n += (uint32_t)(changed && !other_one);
    giving->newer_number = number;
    giving->newer_families_n = newer->families_n;
    giving->newer_chosen_n = snapshot_chosen_n(newer->snapshot) + newer->followed_n;
    giving->newer_own_n = giving->families_n;
    return 0;
}

uint32_t
giving_followed_n(const struct giving *giving)
{
    return giving->followed_n;
}

/* ---- labels ---- */

/*
 * If the application has a label with the name of an added one (worker, slot, pid, segment, a stateset's), its own
 * becomes exported_NAME, as in Prometheus.
 */
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
            k = (uint32_t)-1; /* begin again: the longer name may be taken too */
        }
    return 0;
}

/* Appends the labels of the settings, except those whose names are there already. Returns the number of labels. */
static uint32_t
add_labels(struct giving_family *given, const struct settings *settings, const char **names, uint32_t names_n)
{
    uint32_t i, k;

    given->labels_added = given->labels_left_out = 0;
    for (i = 0; settings && i < settings->labels_n; i++) {
        for (k = 0; k < names_n && strcmp(names[k], settings->label_names[i]); k++)
            ;
        if (k < names_n) {
            given->labels_left_out++;
            continue;
        }
        given->labels_added |= 1u << i;
        names[names_n++] = settings->label_names[i];
    }
    return names_n;
}

/* Whether a family's values are doubles: because of its type, or because a fractional counter is added to it. */
static int
counts_in_f64(const struct snapshot_family *family, const struct giving_family *given)
{
    return shmeter_type_counter_f64(family->type) || family->type == SHMETER_GAUGE || family->as_f64 ||
           given->after_f64;
}

static int
bind_shape(const struct snapshot_family *family, struct giving_family *given, const struct giving_target *target,
           struct model *model)
{
    const char *names[LABELS_MAX];
    char renamed[SHMETER_MAX_LABELS][LABEL_BYTES];
    struct model_shape shape;

    memset(&shape, 0, sizeof shape);
    memcpy(names, family->labels, family->labels_n * sizeof *names);
    shape.labels_n = family->labels_n;
    if (family->type == SHMETER_STATESET)
        names[shape.labels_n++] = given->target->name;
    if (snapshot_per_worker(family) && family->by_pid) {
        names[shape.labels_n++] = "pid";
    } else if (snapshot_per_worker(family)) {
        names[shape.labels_n++] = "worker";
        names[shape.labels_n++] = "slot";
    }
    if (target->segment)
        names[shape.labels_n++] = "segment";
    if (rename_clash(names, family->labels_n, shape.labels_n, renamed))
        return -EEXIST;
    shape.labels_n = add_labels(given, target->settings, names, shape.labels_n);
    shape.labels = names;
    shape.number = counts_in_f64(family, given) ? MODEL_F64 : MODEL_U64;
    if (shmeter_type_histogram(family->type)) {
        shape.buckets_n = family->buckets_n;
        shape.exponential = family->exponential;
        shape.schema = family->schema;
        shape.first_index = family->first_index;
        shape.log_n = family->log_n;
        shape.zero_threshold = family->zero_threshold;
    }
    given->shape = model_shape_get(model, &shape, family->bounds, family->bounds_n);
    return given->shape ? 0 : -ENOMEM;
}

/* The family's name in the model. NULL: with the prefix it would be a reserved name. */
static const char *
name_of(const struct snapshot_family *family, const struct settings *settings, char *out, size_t out_bytes)
{
    if (!settings || !*settings->prefix)
        return family->name;
    snprintf(out, out_bytes, "%s%s", settings->prefix, family->name);
    if (text_metric_reserved(out) || (family->type == SHMETER_STATESET && !text_label_valid(out)))
        return NULL;
    return out;
}

static int
bind_alone(struct giving *giving, uint32_t number, const struct giving_target *target, struct model *model)
{
    const struct snapshot_family *family = &giving->read.families[number];
    struct giving_family *given = &giving->families[number];
    char prefixed[SETTINGS_PREFIX_BYTES + SHMETER_MAX_NAME_BYTES + 1];
    const char *name = name_of(family, target->settings, prefixed, sizeof prefixed);
    int result = name ? 0 : -EEXIST;

    if (name)
        given->target = model_family_collect(model, giving_model_type(family), name, family->help, family->unit_text,
                                             &result);
    if (!result)
        result = bind_shape(family, given, target, model);
    if (result == -ENOMEM)
        return result;
    snapshot_label_order(family, family, given->order);
    given->bound = 1;
    given->refused = result != 0;
    return 0;
}

int
giving_bind_family(struct giving *giving, uint32_t number, const struct giving_target *target, struct model *model)
{
    const struct snapshot_family *family = &giving->read.families[number];
    struct giving_family *given = &giving->families[number];
    struct giving *with = target->newer && given->later ? target->newer
                                                        : giving; /* has the family that this one is added to */
    const uint32_t to = with == giving ? family->joins : given->later;
    const struct giving_family *joined;

    if (!to)
        return bind_alone(giving, number, target, model);
    joined = &with->families[to - 1];
    if (!joined->bound && bind_alone(with, to - 1, target, model))
        return -ENOMEM;
    given->target = joined->target;
    given->shape = joined->shape;
    given->refused = joined->refused;
    given->labels_added = joined->labels_added;
    given->labels_left_out = 0; /* the family that it joins counts them */
    snapshot_label_order(family, &with->read.families[to - 1], given->order);
    given->bound = 1;
    return 0;
}

/* ---- series ---- */

struct model_series *
giving_bind_series(const struct giving *giving, uint32_t number, const struct giving_target *target,
                   struct giving_part part, struct model *model, uint32_t *idx, int *error)
{
    const struct snapshot_series *series = &giving->read.series[number];
    const struct snapshot_family *family = &giving->read.families[series->family];
    const struct giving_family *given = &giving->families[series->family];
    const char *values[LABELS_MAX];
    char decimal[16];
    uint32_t n = family->labels_n, i;
    int64_t found;

    for (i = 0; i < n; i++)
        values[i] = series->values[given->order[i]];
    if (part.state)
        values[n++] = part.state;
    if (part.slot != GIVING_NONE) {
        const struct snapshot_worker worker = snapshot_worker(giving->snapshot, part.slot);
        snprintf(decimal, sizeof decimal, "%u", family->by_pid ? worker.pid : part.slot);
        if (!family->by_pid)
            values[n++] = worker.name;
        values[n++] = decimal;
    }
    if (target->segment)
        values[n++] = target->segment;
    for (i = 0; given->labels_added >> i; i++)
        if (given->labels_added >> i & 1)
            values[n++] = target->settings->label_values[i];
    found = model_series_get(model, given->target, given->shape, values, series->created_ns);
    *error = found == -ENOMEM ? -ENOMEM : 0;
    if (found < 0) {
        model->conflicts++;
        return NULL;
    }
    *idx = (uint32_t)found;
    return &given->target->series[found];
}

/* ---- epochs ---- */

/* What is known of a series whose record has become another one is void. 0 or -ENOMEM. */
static int
follow_binds(struct giving *giving)
{
    const uint32_t before = giving->binds_capacity;
    uint32_t i, binds;

    if (giving->binds_n == giving->read.binds_n)
        return 0;
    if (array_room(&giving->binds, &giving->binds_capacity, giving->read.series_n, sizeof *giving->binds))
        return -ENOMEM;
    if (giving->binds_capacity > before)
        memset(giving->binds + before, 0, (giving->binds_capacity - before) * sizeof *giving->binds);
    for (i = 0; i < giving->read.series_n; i++) {
        /* the states' places of all statesets are handed out anew: one that is none any more has left some */
        if (giving->read.families[giving->read.series[i].family].type == SHMETER_STATESET)
            giving->targets[i] = GIVING_NONE;
        binds = snapshot_binds(giving->snapshot, i);
        if (binds == giving->binds[i])
            continue;
        giving->binds[i] = binds;
        giving->targets[i] = GIVING_NONE;
        if (giving->idle && i < giving->idle_capacity)
            giving->idle[i].since_ns = 0;
    }
    giving->state_targets_n = 0;
    giving->binds_n = giving->read.binds_n;
    return 0;
}

int
giving_look(struct giving *giving)
{
    const struct snapshot_contents *read = &giving->read;

    giving->read = snapshot_contents(giving->snapshot);
    if (array_room(&giving->families, &giving->families_capacity, read->families_n, sizeof *giving->families) ||
        array_room(&giving->targets, &giving->targets_capacity, read->series_n, sizeof *giving->targets))
        return -ENOMEM;
    for (; giving->families_n < read->families_n; giving->families_n++)
        memset(&giving->families[giving->families_n], 0, sizeof *giving->families);
    for (; giving->targets_n < read->series_n; giving->targets_n++)
        giving->targets[giving->targets_n] = GIVING_NONE;
    return follow_binds(giving);
}

void
giving_unbind(struct giving *giving, const struct model *model)
{
    const uint32_t chosen_n = snapshot_chosen_n(giving->snapshot); /* changes with definitions in force */
    uint32_t i;

    if (giving->model == model && giving->epoch == model->epoch && giving->chosen_n == chosen_n)
        return;
    giving->model = model;
    giving->epoch = model->epoch;
    giving->chosen_n = chosen_n;
    for (i = 0; i < giving->families_n; i++)
        giving->families[i].bound = 0;
    for (i = 0; i < giving->targets_n; i++)
        giving->targets[i] = GIVING_NONE;
    giving->state_targets_n = 0;
}
