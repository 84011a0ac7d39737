/*
 * Where a snapshot's families and series are in the model: name, labels and shape, as they were registered and as the operator's
 * settings change them. Looked for once per epoch.
 */
#include <stdio.h>

#include "base/text.h"
#include "read/filters/filters.h"
#include "read/snapshot/internal.h"

#define ADDED_LABELS 3u /* worker, slot, segment; or a state, segment */
#define LABELS_MAX   (SHMETER_MAX_LABELS + ADDED_LABELS + SETTINGS_LABELS)
#define LABEL_BYTES  1280u /* room for a name of a record, however often "exported_" goes before it */

/* ---- definitions ---- */

/*
 * What the family of a replaced segment is added to in the one that has its name. Returns whether that is another one than it was.
 */
static int
follow_family(struct snapshot_family *family, struct snapshot *newer)
{
    struct snapshot_family *other = snapshot_family_named(newer, family->name);
    const uint32_t fits = other && snapshot_adds_up(family, other);
    const uint32_t later = fits ? (uint32_t)(other - newer->families) + 1 : 0, redefined = other && !fits;
    int changed = family->later != later || family->redefined != redefined;

    family->later = later;
    family->redefined = redefined;
    if (fits && shmeter_type_counter_f64(family->type) && shmeter_type_counter(other->type) && !other->after_f64) {
        other->after_f64 = 1;
        newer->model = NULL; /* it counts in doubles from now on */
        changed = 1;
    }
    return changed;
}

void
snapshot_follow(struct snapshot *snapshot, struct snapshot *newer, uint64_t number)
{
    const int other_one = snapshot->newer_number != number;
    uint32_t i;
    int changed = 0;

    if (!other_one && snapshot->newer_families_n == newer->families_n && snapshot->newer_chosen_n == newer->chosen_n &&
        snapshot->newer_own_n == snapshot->families_n)
        return;
    for (i = 0; i < snapshot->families_n; i++)
        changed |= follow_family(&snapshot->families[i], newer);
    if (changed || other_one || snapshot->newer_chosen_n != newer->chosen_n)
        snapshot->model = NULL; /* families have other places in it by now */
    newer->chosen_n += changed && !other_one;
    snapshot->newer_number = number;
    snapshot->newer_families_n = newer->families_n;
    snapshot->newer_chosen_n = newer->chosen_n;
    snapshot->newer_own_n = snapshot->families_n;
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

/* Behind all other labels: what the settings add, but for names that are there already. Returns the number of labels. */
static uint32_t
add_labels(struct snapshot_family *family, const struct settings *settings, const char **names, uint32_t names_n)
{
    uint32_t i, k;

    family->labels_added = family->labels_left_out = 0;
    for (i = 0; settings && i < settings->labels_n; i++) {
        for (k = 0; k < names_n && strcmp(names[k], settings->label_names[i]); k++)
            ;
        if (k < names_n) {
            family->labels_left_out++;
            continue;
        }
        family->labels_added |= 1u << i;
        names[names_n++] = settings->label_names[i];
    }
    return names_n;
}

/* Whether it counts in doubles: by itself, or because a fractional one is added to it. */
static int
counts_in_f64(const struct snapshot_family *family)
{
    return shmeter_type_counter_f64(family->type) || family->type == SHMETER_GAUGE || family->as_f64 ||
           family->after_f64;
}

static int
bind_shape(struct snapshot_family *family, const struct snapshot_target *target, struct model *model,
           const struct model_shape **out)
{
    const char *names[LABELS_MAX];
    char renamed[SHMETER_MAX_LABELS][LABEL_BYTES];
    struct model_shape shape;

    memset(&shape, 0, sizeof shape);
    memcpy(names, family->labels, family->labels_n * sizeof *names);
    shape.labels_n = family->labels_n;
    if (family->type == SHMETER_STATESET)
        names[shape.labels_n++] = family->target->name;
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
    shape.labels_n = add_labels(family, target->settings, names, shape.labels_n);
    shape.labels = names;
    shape.number = counts_in_f64(family) ? MODEL_F64 : MODEL_U64;
    if (shmeter_type_histogram(family->type)) {
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

/* The family's name in the model. NULL: it would be one that is reserved. */
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
bind_alone(struct snapshot_family *family, const struct snapshot_target *target, struct model *model)
{
    char prefixed[SETTINGS_PREFIX_BYTES + SHMETER_MAX_NAME_BYTES + 1];
    const char *name = name_of(family, target->settings, prefixed, sizeof prefixed);
    int result = name ? 0 : -EEXIST;

    if (name)
        family->target = model_family_collect(model, snapshot_model_type(family), name, family->help, family->unit_text,
                                              &result);
    if (!result)
        result = bind_shape(family, target, model, &family->shape);
    if (result == -ENOMEM)
        return result;
    snapshot_label_order(family, family, family->order);
    family->bound = 1;
    family->refused = result != 0;
    return 0;
}

int
snapshot_bind_family(const struct snapshot *snapshot, struct snapshot_family *family,
                     const struct snapshot_target *target, struct model *model)
{
    struct snapshot_family *in_force = family->joins ? &snapshot->families[family->joins - 1] : NULL;

    if (target->newer && family->later)
        in_force = &target->newer->families[family->later - 1];
    if (!in_force)
        return bind_alone(family, target, model);
    if (!in_force->bound && bind_alone(in_force, target, model))
        return -ENOMEM;
    family->target = in_force->target;
    family->shape = in_force->shape;
    family->refused = in_force->refused;
    family->labels_added = in_force->labels_added;
    family->labels_left_out = 0; /* counted once for the name */
    snapshot_label_order(family, in_force, family->order);
    family->bound = 1;
    return 0;
}

/* ---- series ---- */

struct model_series *
snapshot_bind_series(const struct snapshot *snapshot, const struct snapshot_series *series,
                     const struct snapshot_family *family, const struct snapshot_target *target,
                     struct snapshot_part part, struct model *model, uint32_t *idx, int *error)
{
    const char *values[LABELS_MAX];
    char number[16];
    uint32_t n = family->labels_n, i;
    int64_t found;

    for (i = 0; i < n; i++)
        values[i] = series->values[family->order[i]];
    if (part.state)
        values[n++] = part.state;
    if (part.slot != SNAPSHOT_NONE && family->by_pid) {
        snprintf(number, sizeof number, "%u", SHMETER_OWNER_PID(snapshot->slots[part.slot].owner.owner));
        values[n++] = number;
    } else if (part.slot != SNAPSHOT_NONE) {
        snprintf(number, sizeof number, "%u", part.slot);
        values[n++] = snapshot->slots[part.slot].worker;
        values[n++] = number;
    }
    if (target->segment)
        values[n++] = target->segment;
    for (i = 0; family->labels_added >> i; i++)
        if (family->labels_added >> i & 1)
            values[n++] = target->settings->label_values[i];
    found = model_series_get(model, family->target, family->shape, values, series->created_ns);
    *error = found == -ENOMEM ? -ENOMEM : 0;
    if (found < 0) {
        model->conflicts++;
        return NULL;
    }
    *idx = (uint32_t)found;
    return &family->target->series[found];
}

void
snapshot_unbind(struct snapshot *snapshot, const struct model *model)
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
    snapshot->state_targets_n = 0;
}
