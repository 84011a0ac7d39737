/*
 * Names to watches, watches to snapshots, snapshots to one model.
 *
 * A watch is one name: its current segment, and those that had the name before and were replaced. Their counters and histograms
 * are added up for as long as the store lives, so that totals do not drop; after a few of them the oldest give their
 * memory back and keep their last values.
 */
#include "expo/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expo/own.h"
#include "expo/plan.h"
#include "expo/text.h"
#include "shm/reader.h"

#define MAPPED_BEFORE 4u    /* replaced segments of one name that stay mapped: workers may still count in them */
#define ABSENT_SLACK  4096u /* absent series that are carried along before the model is begun anew            */

struct watch {
    char *name;
    uint32_t plain;  /* was asked for by this very name                                        */
    uint32_t listed; /* was found, or asked for, in this take                                   */
    uint64_t generation;
    struct snapshot *current; /* NULL: there is none                                                    */
    struct snapshot **before; /* the newest last                                                        */
    uint32_t before_n;
    struct segment_status fault; /* stands for the segment while it cannot be read                           */
};

struct store {
    char **patterns;
    uint32_t patterns_n;
    uint32_t *owners;
    uint32_t owners_n;
    int labelled, without_own;
    struct watch **watches; /* sorted by name */
    uint32_t watches_n;
    struct watch **shown; /* those with a status */
    uint32_t shown_n;
    struct model *model;
    struct plan *plan;
    uint64_t conflicts; /* of the last take                                                                */
};

/* ---- life ---- */

static void
watch_free(struct watch *watch)
{
    uint32_t i;

    snapshot_free(watch->current);
    for (i = 0; i < watch->before_n; i++)
        snapshot_free(watch->before[i]);
    free(watch->before);
    free(watch->name);
    free(watch);
}

void
store_free(struct store *store)
{
    uint32_t i;

    if (!store)
        return;
    for (i = 0; i < store->watches_n; i++)
        watch_free(store->watches[i]);
    for (i = 0; i < store->patterns_n; i++)
        free(store->patterns[i]);
    free(store->watches);
    free(store->shown);
    free(store->patterns);
    free(store->owners);
    plan_free(store->plan);
    model_free(store->model);
    free(store);
}

static int
copy_options(struct store *store, const struct store_options *options)
{
    static const char *const standard[] = { "default" };
    const char *const *names = options->names_n ? options->names : standard;
    uint32_t n = options->names_n ? options->names_n : 1, i;
    int several = n > 1;

    store->patterns = calloc(n, sizeof *store->patterns);
    store->owners = calloc(options->owners_n + 1, sizeof *store->owners);
    if (!store->patterns || !store->owners)
        return -ENOMEM;
    for (i = 0; i < n; i++) {
        several |= shmeter_reader_is_pattern(names[i]);
        store->patterns[i] = strdup(names[i]);
        if (!store->patterns[i])
            return -ENOMEM;
        store->patterns_n++;
    }
    if (options->owners_n)
        memcpy(store->owners, options->owners, options->owners_n * sizeof *store->owners);
    store->owners_n = options->owners_n;
    store->labelled = options->label == STORE_LABEL_ALWAYS || (options->label == STORE_LABEL_AUTO && several);
    store->without_own = options->without_own != 0;
    return 0;
}

struct store *
store_new(const struct store_options *options)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    store->model = model_new();
    store->plan = store->model ? plan_new(store->model) : NULL;
    if (store->plan && !copy_options(store, options))
        return store;
    store_free(store);
    return NULL;
}

/* ---- finding segments ---- */

static struct watch *
watch_new(const char *name)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return NULL;
    watch->name = strdup(name);
    if (watch->name)
        return watch;
    free(watch);
    return NULL;
}

static int
watch_name(struct store *store, const char *name)
{
    struct watch **watches, *watch;
    uint32_t at = 0, i;

    while (at < store->watches_n && strcmp(store->watches[at]->name, name) < 0)
        at++;
    if (at < store->watches_n && !strcmp(store->watches[at]->name, name)) {
        store->watches[at]->listed = 1;
        return 0;
    }
    watch = watch_new(name);
    if (!watch)
        return -ENOMEM;
    watches = realloc(store->watches, (store->watches_n + 1) * sizeof *watches);
    if (!watches) {
        watch_free(watch);
        return -ENOMEM;
    }
    memmove(watches + at + 1, watches + at, (store->watches_n - at) * sizeof *watches);
    watches[at] = watch;
    store->watches = watches;
    store->watches_n++;
    watch->listed = 1;
    for (i = 0; i < store->patterns_n; i++)
        watch->plain |= !strcmp(store->patterns[i], name);
    return 0;
}

static int
find_segments(struct store *store)
{
    struct shmeter_reader_names names;
    uint32_t i;
    int result;

    for (i = 0; i < store->watches_n; i++)
        store->watches[i]->listed = 0;
    result = shmeter_reader_list(&names, (const char *const *)store->patterns, store->patterns_n);
    if (result)
        return result;
    for (i = 0; i < names.names_n && !result; i++)
        result = watch_name(store, names.names[i]);
    shmeter_reader_list_free(&names);
    return result;
}

/* ---- one watch ---- */

static void
remember_fault(struct watch *watch, const struct shmeter_reader_error *error)
{
    struct segment_status *fault = &watch->fault;
    char path[SHMETER_READER_PATH_BYTES];

    memset(fault, 0, sizeof *fault);
    text_clip(fault->name, sizeof fault->name, watch->name, TEXT_ONE_LINE);
    text_clip(fault->path, sizeof fault->path, shmeter_reader_path(watch->name, path, sizeof path) ? watch->name : path,
              TEXT_ONE_LINE);
    fault->fault = (int32_t)error->fault;
    text_clip(fault->error, sizeof fault->error, error->text, TEXT_ONE_LINE);
    fault->generation = watch->generation;
}

/* Takes over what is counted over all segments of a name. */
static void
carry_on(struct segment_status *to, const struct segment_status *from)
{
    uint32_t i;

    to->torn += from->torn;
    for (i = 0; i < STATUS_LOSSES; i++)
        to->losses_before[i] = model_add_held(from->losses_before[i], from->losses[i]);
}

/* Opens the segment that has the name. *out NULL: there is none that can be read. */
static int
open_segment(struct store *store, struct watch *watch, struct snapshot **out)
{
    struct shmeter_reader_options options = { store->owners, store->owners_n };
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;
    int result = shmeter_reader_open(&reader, watch->name, &options, &error);

    *out = NULL;
    if (result) {
        remember_fault(watch, &error);
        return result == -ENOMEM ? result : 0;
    }
    *out = snapshot_new(reader);
    return *out ? 0 : -ENOMEM;
}

static int
retire(struct watch *watch, struct snapshot *old)
{
    struct snapshot **before = realloc(watch->before, (watch->before_n + 1) * sizeof *before);

    if (!before)
        return -ENOMEM;
    watch->before = before;
    before[watch->before_n++] = old;
    if (watch->before_n > MAPPED_BEFORE)
        snapshot_freeze(before[watch->before_n - 1 - MAPPED_BEFORE]);
    return 0;
}

static int
install(struct watch *watch, struct snapshot *snapshot)
{
    struct segment_status *status = snapshot_status_mutable(snapshot);
    struct snapshot *old = watch->current;

    if (!old && watch->before_n)
        old = watch->before[watch->before_n - 1];
    if (old)
        carry_on(status, snapshot_status(old));
    if (watch->current && retire(watch, watch->current)) {
        snapshot_free(snapshot);
        return -ENOMEM;
    }
    watch->current = snapshot;
    status->generation = ++watch->generation;
    return 0;
}

/* Whether somebody may still count in a segment that has lost its name. */
static int
still_used(const struct snapshot *snapshot)
{
    const struct segment_status *status = snapshot_status(snapshot);
    return status->slots_live || status->slots_unknown;
}

/* The name leads elsewhere, or the file was truncated: look for another one. */
static int
replace(struct store *store, struct watch *watch, enum snapshot_depth depth)
{
    struct snapshot *snapshot;
    int result;

    result = open_segment(store, watch, &snapshot);
    if (result)
        return result;
    if (snapshot) {
        result = install(watch, snapshot);
        return result ? result : snapshot_take(snapshot, depth);
    }
    if (watch->current && (!snapshot_status(watch->current)->readable || !still_used(watch->current))) {
        result = retire(watch, watch->current);
        if (!result) {
            snapshot_freeze(watch->current); /* nobody counts in it any more */
            watch->current = NULL;
        }
    }
    return result;
}

static int
take_watch(struct store *store, struct watch *watch, enum snapshot_depth depth)
{
    uint32_t i;
    int result = 0;

    for (i = 0; i < watch->before_n && depth == SNAPSHOT_ALL; i++) {
        result = snapshot_take(watch->before[i], depth);
        if (result == -ENOMEM)
            return result;
    }
    if (watch->current)
        result = snapshot_take(watch->current, depth);
    if (result == -ENOMEM)
        return result;
    if (watch->current && result == 0 && snapshot_place(watch->current) == SHMETER_READER_HERE)
        return 0;
    if (!watch->current && !watch->listed)
        return 0;
    result = replace(store, watch, depth);
    return result == -ENOMEM ? result : 0;
}

/* ---- all of them ---- */

static const struct segment_status *
watch_status(const struct watch *watch)
{
    return watch->current ? snapshot_status(watch->current) : &watch->fault;
}

static int
show(struct store *store)
{
    struct watch **shown = realloc(store->shown, (store->watches_n + 1) * sizeof *shown);
    uint32_t i;

    if (!shown)
        return -ENOMEM;
    store->shown = shown;
    store->shown_n = 0;
    for (i = 0; i < store->watches_n; i++) {
        struct watch *watch = store->watches[i];
        if (watch->plain || watch->current || (watch->listed && watch->fault.fault != SHMETER_READER_ABSENT))
            shown[store->shown_n++] = watch;
    }
    return 0;
}

static int
give_watch(struct store *store, const struct watch *watch)
{
    struct snapshot_target target = { store->labelled ? watch_status(watch)->name : NULL, NULL };
    uint32_t i;
    int result;

    if (!watch->current || !snapshot_status(watch->current)->readable)
        return 0; /* gone: its series leave, and what it counted is remembered */
    result = snapshot_give(watch->current, store->model, &target); /* first: the newest defines the families */
    target.newer = watch->current;
    for (i = watch->before_n; i > 0 && !result; i--)
        result = snapshot_give(watch->before[i - 1], store->model, &target);
    return result;
}

static int
fill_once(struct store *store)
{
    struct model *model = store->model;
    uint32_t i;
    int result = 0;

    model_begin(model);
    for (i = 0; i < store->watches_n && !result; i++)
        result = give_watch(store, store->watches[i]);
    for (i = 0; i < store->shown_n && !store->without_own && !result; i++)
        result = own_segment(model, watch_status(store->shown[i]));
    if (!result && !store->without_own)
        result = own_store(model, store->shown_n);
    return result;
}

static int
fill_model(struct store *store)
{
    struct model *model = store->model;
    int result;

    if (model_series_n(model) > 2 * model_present_n(model) + ABSENT_SLACK)
        model_clear(model);
    result = fill_once(store);
    if (!result && model->conflicts != store->conflicts) { /* perhaps with what is absent: a release before this one */
        model_clear(model);
        result = fill_once(store);
    }
    store->conflicts = model->conflicts;
    return result;
}

int
store_take(struct store *store, enum snapshot_depth depth)
{
    uint32_t i;
    int result = find_segments(store);

    for (i = 0; i < store->watches_n && !result; i++)
        result = take_watch(store, store->watches[i], depth);
    if (!result)
        result = show(store);
    if (!result && depth == SNAPSHOT_ALL)
        result = fill_model(store);
    return result;
}

struct model *
store_model(struct store *store)
{
    return store->model;
}

int
store_render(struct store *store, const struct encoder *encoder, struct buffer *out)
{
    int result = plan_update(store->plan);
    return result ? result : encoder->render(store->plan, out);
}

uint32_t
store_status_n(const struct store *store)
{
    return store->shown_n;
}

const struct segment_status *
store_status(const struct store *store, uint32_t idx)
{
    return idx < store->shown_n ? watch_status(store->shown[idx]) : NULL;
}
