/*
 * Names to watches, watches to one model.
 */
#include "expo/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expo/own.h"
#include "expo/plan.h"
#include "expo/store_watch.h"
#include "shm/reader.h"

#define ABSENT_SLACK 4096u /* absent series that are carried along before the model is begun anew            */

struct store {
    char **patterns;
    uint32_t patterns_n;
    uint32_t *owners;
    uint32_t owners_n;
    int labelled, without_own;
    struct store_watch **watches; /* sorted by name */
    uint32_t watches_n;
    struct store_watch **shown; /* those with a status */
    uint32_t shown_n;
    struct model *model;
    struct plan *plan;
    uint64_t conflicts; /* of the last take                                                                */
};

/* ---- life ---- */

void
store_free(struct store *store)
{
    uint32_t i;

    if (!store)
        return;
    for (i = 0; i < store->watches_n; i++)
        store_watch_free(store->watches[i]);
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

static int
watch_name(struct store *store, const char *name)
{
    struct store_watch **watches, *watch;
    uint32_t at = 0, i;

    while (at < store->watches_n && strcmp(store->watches[at]->name, name) < 0)
        at++;
    if (at < store->watches_n && !strcmp(store->watches[at]->name, name)) {
        store->watches[at]->listed = 1;
        return 0;
    }
    watch = store_watch_new(name);
    if (!watch)
        return -ENOMEM;
    watches = realloc(store->watches, (store->watches_n + 1) * sizeof *watches);
    if (!watches) {
        store_watch_free(watch);
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

/* ---- all of them ---- */

static int
show(struct store *store)
{
    struct store_watch **shown = realloc(store->shown, (store->watches_n + 1) * sizeof *shown);
    uint32_t i;

    if (!shown)
        return -ENOMEM;
    store->shown = shown;
    store->shown_n = 0;
    for (i = 0; i < store->watches_n; i++) {
        struct store_watch *watch = store->watches[i];
        if (watch->plain || watch->current || (watch->listed && watch->fault.fault != SHMETER_READER_ABSENT))
            shown[store->shown_n++] = watch;
    }
    return 0;
}

static int
fill_once(struct store *store)
{
    struct model *model = store->model;
    uint32_t i;
    int result = 0;

    model_begin(model);
    for (i = 0; i < store->watches_n && !result; i++)
        result = store_watch_give(store->watches[i], model, store->labelled);
    for (i = 0; i < store->shown_n && !store->without_own && !result; i++)
        result = own_segment(model, store_watch_status(store->shown[i]));
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
    struct shmeter_reader_options options = { store->owners, store->owners_n };
    uint32_t i;
    int result = find_segments(store);

    for (i = 0; i < store->watches_n && !result; i++)
        result = store_watch_take(store->watches[i], &options, depth);
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
    int result = plan_update(store->plan, encoder->parts);
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
    return idx < store->shown_n ? store_watch_status(store->shown[idx]) : NULL;
}
