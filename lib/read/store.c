/*
 * Names to watches, watches to one model.
 */
#include "read/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "formats/plan/plan.h"
#include "read/file/reader.h"
#include "read/filters/filters.h"
#include "read/own.h"
#include "read/watch.h"
#include "shm/clock.h"

#define ABSENT_SLACK   4096u /* absent series that are carried along before the model is begun anew            */
#define FRUITLESS_MOST 255u  /* takes between two beginnings because of conflicts that did not go away          */

/* What the program asked for. */
struct chosen {
    char **patterns;
    uint32_t patterns_n;
    uint32_t *owners;
    uint32_t owners_n;
    int labelled, without_own, keep_removed;
    struct settings_list *settings; /* the program's */
    uint64_t (*clock_ns)(void);
};

struct store {
    struct chosen chosen;
    uint32_t chosen_n;            /* how often it was chosen: number of the settings */
    struct store_watch **watches; /* sorted by name */
    uint32_t watches_n;
    struct store_watch **shown; /* those with a status */
    uint32_t shown_n;
    struct model *model;
    struct plan *plan;
    uint64_t conflicts;     /* of the last take                                                            */
    uint64_t definitions_n; /* how often other definitions were in force, likewise                         */
    uint32_t fruitless_n;   /* takes to let pass since the model was begun anew for nothing, ...             */
    uint32_t fruitless_now; /* ... and of them those to come                                               */
};

/* ---- options ---- */

static void
chosen_free(struct chosen *chosen)
{
    uint32_t i;

    for (i = 0; i < chosen->patterns_n; i++)
        free(chosen->patterns[i]);
    free(chosen->patterns);
    free(chosen->owners);
}

/* 0 or -ENOMEM. */
static int
chosen_copy(struct chosen *chosen, const struct store_options *options)
{
    static const char *const standard[] = { "default" };
    const char *const *names = options->names_n ? options->names : standard;
    uint32_t n = options->names_n ? options->names_n : 1, i;
    int several = n > 1;

    memset(chosen, 0, sizeof *chosen);
    chosen->patterns = calloc(n, sizeof *chosen->patterns);
    chosen->owners = calloc(options->owners_n + 1, sizeof *chosen->owners);
    if (!chosen->patterns || !chosen->owners)
        return -ENOMEM;
    for (i = 0; i < n; i++) {
        several |= shmeter_reader_is_pattern(names[i]);
        chosen->patterns[i] = strdup(names[i]);
        if (!chosen->patterns[i])
            return -ENOMEM;
        chosen->patterns_n++;
    }
    if (options->owners_n)
        memcpy(chosen->owners, options->owners, options->owners_n * sizeof *chosen->owners);
    chosen->owners_n = options->owners_n;
    chosen->labelled = options->label == STORE_LABEL_ALWAYS || (options->label == STORE_LABEL_AUTO && several);
    chosen->without_own = options->without_own != 0;
    chosen->keep_removed = options->keep_removed != 0;
    chosen->clock_ns = options->clock_ns ? options->clock_ns : shmeter_clock_ns;
    chosen->settings = options->settings;
    return 0;
}

/* ---- life ---- */

void
store_free(struct store *store)
{
    uint32_t i;

    if (!store)
        return;
    for (i = 0; i < store->watches_n; i++)
        store_watch_free(store->watches[i]);
    free(store->watches);
    free(store->shown);
    chosen_free(&store->chosen);
    plan_free(store->plan);
    model_free(store->model);
    free(store);
}

struct store *
store_new(const struct store_options *options)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    store->model = model_new();
    store->plan = store->model ? plan_new(store->model) : NULL;
    if (store->plan && !chosen_copy(&store->chosen, options)) {
        settings_number(store->chosen.settings, 0);
        return store;
    }
    store_free(store);
    return NULL;
}

/* What the options say of one name. */
static void
choose(const struct store *store, struct store_watch *watch)
{
    uint32_t i;

    watch->settings = settings_of(store->chosen.settings, watch->name);
    watch->keep_removed = (uint32_t)store->chosen.keep_removed;
    watch->plain = 0;
    for (i = 0; i < store->chosen.patterns_n; i++)
        watch->plain |= !strcmp(store->chosen.patterns[i], watch->name);
}

static int
still_watched(const struct store *store, const struct store_watch *watch)
{
    const struct shmeter_reader_options options = { store->chosen.owners, store->chosen.owners_n };
    uint32_t i;

    for (i = 0; i < store->chosen.patterns_n; i++)
        if (shmeter_reader_lists(store->chosen.patterns[i], watch->name))
            return store_watch_accepted(watch, &options);
    return 0;
}

int
store_configure(struct store *store, const struct store_options *options)
{
    struct chosen chosen;
    uint32_t i, kept = 0;
    int result = chosen_copy(&chosen, options);

    if (result) {
        chosen_free(&chosen);
        return result;
    }
    chosen_free(&store->chosen);
    store->chosen = chosen;
    settings_number(chosen.settings, ++store->chosen_n);
    for (i = 0; i < store->watches_n; i++) {
        struct store_watch *watch = store->watches[i];
        if (!still_watched(store, watch)) {
            store_watch_free(watch);
            continue;
        }
        choose(store, watch);
        store->watches[kept++] = watch;
    }
    store->watches_n = kept;
    store->shown_n = 0;
    model_clear(store->model);
    store->conflicts = store->fruitless_n = store->fruitless_now = 0;
    return 0;
}

/* ---- finding segments ---- */

/*
 * Both are in order of name. What no name leads to any more is watched on as long as it has counted something. 0, or -ENOMEM: some names are
 * watched by nobody yet.
 */
static int
watch_names(struct store *store, const struct shmeter_reader_names *names)
{
    struct store_watch **all = calloc((size_t)store->watches_n + names->names_n + 1, sizeof *all), *watch;
    uint32_t i = 0, k = 0, n = 0;
    int order, result = 0;

    if (!all)
        return -ENOMEM;
    while (i < store->watches_n || k < names->names_n) {
        order = i == store->watches_n ? 1 : k == names->names_n ? -1 : strcmp(store->watches[i]->name, names->names[k]);
        watch = order > 0 ? store_watch_new(names->names[k]) : store->watches[i];
        i += order <= 0;
        k += order >= 0;
        if (!watch) {
            result = -ENOMEM;
            continue;
        }
        watch->listed = order >= 0;
        if (order > 0)
            choose(store, watch);
        if (watch->listed || watch->current || watch->before_n)
            all[n++] = watch;
        else
            store_watch_free(watch);
    }
    free(store->watches);
    store->watches = all;
    store->watches_n = n;
    store->shown_n = 0; /* some may be gone */
    return result;
}

static int
find_segments(struct store *store)
{
    struct shmeter_reader_names names;
    int result = shmeter_reader_list(&names, (const char *const *)store->chosen.patterns, store->chosen.patterns_n);

    if (result)
        return result;
    result = watch_names(store, &names);
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
fill_once(struct store *store, uint64_t now_ns)
{
    struct model *model = store->model;
    uint32_t i;
    int result = 0;

    model_begin(model);
    for (i = 0; i < store->watches_n && !result; i++)
        result = store_watch_give(store->watches[i], model, store->chosen.labelled, now_ns);
    for (i = 0; i < store->shown_n && !store->chosen.without_own && !result; i++)
        result = own_segment(model, store_watch_status(store->shown[i]));
    if (!result && !store->chosen.without_own)
        result = own_store(model, store->shown_n);
    return result;
}

/* Whether another definition of some name is in force than in the last take. */
static int
defined_anew(struct store *store)
{
    uint64_t before = store->definitions_n;
    uint32_t i;

    store->definitions_n = 0;
    for (i = 0; i < store->watches_n; i++)
        if (store->watches[i]->current)
            store->definitions_n += snapshot_chosen_n(store->watches[i]->current);
    return store->definitions_n != before;
}

/* Whether the model is to be begun anew because what is left out may be so on account of what is absent: a release before this one. */
static int
worth_clearing(struct store *store)
{
    int defined = defined_anew(store);

    if (!store->model->conflicts || (store->model->conflicts == store->conflicts && !defined))
        return 0;
    if (!store->fruitless_now || defined)
        return 1;
    store->fruitless_now--; /* their number may change with every scrape, and to begin anew costs many times a scrape */
    return 0;
}

static int
fill_model(struct store *store)
{
    struct model *model = store->model;
    uint64_t now_ns = store->chosen.clock_ns(), conflicts;
    int result;

    if (model_series_n(model) > 2 * (model_present_n(model) + model_idle_n(model)) + ABSENT_SLACK)
        model_clear(model);
    result = fill_once(store, now_ns);
    if (!result && worth_clearing(store)) {
        conflicts = model->conflicts;
        model_clear(model);
        result = fill_once(store, now_ns);
        store->fruitless_n = model->conflicts < conflicts ? 0 : 2 * store->fruitless_n + 1;
        if (store->fruitless_n > FRUITLESS_MOST)
            store->fruitless_n = FRUITLESS_MOST;
        store->fruitless_now = store->fruitless_n;
        store->conflicts = model->conflicts;
    } else if (!model->conflicts) {
        store->conflicts = 0;
    }
    return result;
}

/* ---- where memory runs out ---- */

static int
is_address_space_limited(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* The one that takes most of those that have something to give up, or NULL. */
static struct store_watch *
heaviest(const struct store *store, int with_mappings)
{
    struct store_watch *found = NULL;
    uint64_t most = 0, weight;
    uint32_t i;

    for (i = 0; i < store->watches_n; i++) {
        weight = store->watches[i]->current ? store_watch_weight(store->watches[i], with_mappings) : 0;
        if (weight > most) {
            most = weight;
            found = store->watches[i];
        }
    }
    return found;
}

int
store_relieve(struct store *store)
{
    struct store_watch *watch = heaviest(store, is_address_space_limited());
    int relieved = watch != NULL;
    uint32_t i;

    if (watch)
        store_watch_starve(watch);
    for (i = 0; i < store->watches_n && !relieved; i++)
        relieved = store_watch_forget(store->watches[i]);
    if (relieved)
        model_clear(store->model);
    return relieved;
}

/*
 * There was not enough memory for a watch: whoever takes most is given up, which may be itself. Returns 1 when it is to be tried again.
 */
static int
make_room(struct store *store, struct store_watch *watch)
{
    const int with_mappings = is_address_space_limited();
    struct store_watch *most = heaviest(store, with_mappings);

    model_clear(store->model);
    if (most && most != watch && (with_mappings || !watch->refused_bytes) &&
        store_watch_weight(most, with_mappings) > store_watch_weight(watch, with_mappings)) {
        store_watch_starve(most);
        return 1;
    }
    store_watch_starve(watch);
    return 0;
}

static int
take_once(struct store *store, enum snapshot_depth depth)
{
    struct shmeter_reader_options options = { store->chosen.owners, store->chosen.owners_n };
    uint32_t i;
    int result = find_segments(store);

    for (i = 0; i < store->watches_n && !result; i++)
        while (store_watch_take(store->watches[i], &options, depth) == -ENOMEM && make_room(store, store->watches[i]))
            ;
    if (!result)
        result = show(store);
    if (!result && depth == SNAPSHOT_ALL)
        result = fill_model(store);
    return result;
}

int
store_take(struct store *store, enum snapshot_depth depth)
{
    int result;

    do
        result = take_once(store, depth);
    while (result == -ENOMEM && store_relieve(store));
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
