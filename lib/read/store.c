/*
 * Watches (watch.h), one for each name: finds the names, takes and gives all watches one after the other, and gives up
 * the largest ones when memory runs out.
 */
#include "read/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "read/file/reader.h"
#include "read/filters/filters.h"
#include "read/give/give.h"
#include "read/watch.h"
#include "shm/process/clock.h"

/* The options, copied. */
struct chosen {
    char **patterns;
    uint32_t patterns_n;
    uint32_t *owners;
    uint32_t owners_n, witness, spare_fds;
    const struct shmeter_reader_memory *memory;
    int labelled, keep_removed;
    struct settings_list *settings; /* owned by the program */
    uint64_t (*clock_ns)(void);
    void (*spare)(void *argument);
    void *spare_argument;
};

struct store {
    struct chosen chosen;
    uint32_t chosen_n;            /* how often options were set; the number of the settings */
    struct store_watch **watches; /* sorted by name */
    uint32_t watches_n;
    struct store_watch **shown; /* the watches that have a status */
    uint32_t shown_n;
    int relieved; /* 1: the next take continues after store_relieve() */
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
    chosen->memory = options->memory;
    chosen->witness = options->witness;
    chosen->spare_fds = options->spare_fds;
    chosen->labelled = options->label == STORE_LABEL_ALWAYS || (options->label == STORE_LABEL_AUTO && several);
    chosen->keep_removed = options->keep_removed != 0;
    chosen->clock_ns = options->clock_ns ? options->clock_ns : shmeter_clock_ns;
    chosen->spare = options->spare;
    chosen->spare_argument = options->spare_argument;
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
    free(store);
}

struct store *
store_new(const struct store_options *options)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    if (!chosen_copy(&store->chosen, options)) {
        settings_number(store->chosen.settings, 0);
        return store;
    }
    store_free(store);
    return NULL;
}

/* Sets what the options say about one name. */
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
    const struct shmeter_reader_options options = { .owners = store->chosen.owners,
                                                    .owners_n = store->chosen.owners_n,
                                                    .witness = store->chosen.witness };
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
    return 0;
}

/* ---- finding segments ---- */

/*
 * Merges the watches with the names that were found; both are in order of name. A segment that no name leads to any
 * more is still watched as long as it has values. 0, or -ENOMEM: some names are not watched yet.
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
        if (watch->listed || watch->current.snapshot || watch->before_n)
            all[n++] = watch;
        else
            store_watch_free(watch);
    }
    free(store->watches);
    store->watches = all;
    store->watches_n = n;
    store->shown_n = 0; /* some watches may have been freed */
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

/* ---- all watches ---- */

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
        if (watch->plain || watch->current.snapshot || (watch->listed && watch->fault.fault != SHMETER_READER_ABSENT))
            shown[store->shown_n++] = watch;
    }
    return 0;
}

int
store_give(struct store *store, struct model *model)
{
    const uint64_t now_ns = store->chosen.clock_ns();
    uint32_t i;
    int result = 0;

    for (i = 0; i < store->watches_n && !result; i++)
        result = store_watch_give(store->watches[i], model, store->chosen.labelled, now_ns);
    return result;
}

uint64_t
store_definitions(const struct store *store)
{
    uint64_t n = 0;
    uint32_t i;

    for (i = 0; i < store->watches_n; i++) {
        const struct store_reading *current = &store->watches[i]->current;
        n += current->snapshot ? snapshot_chosen_n(current->snapshot) : 0;
        n += current->giving ? giving_followed_n(current->giving) : 0;
    }
    return n;
}

/* ---- when memory runs out ---- */

static int
is_address_space_limited(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* The watch that takes most memory, of those that have a segment open; or NULL. */
static struct store_watch *
heaviest(const struct store *store, int with_mappings)
{
    struct store_watch *found = NULL;
    uint64_t most = 0, weight;
    uint32_t i;

    for (i = 0; i < store->watches_n; i++) {
        weight = store->watches[i]->current.snapshot ? store_watch_weight(store->watches[i], with_mappings) : 0;
        if (weight > most) {
            most = weight;
            found = store->watches[i];
        }
    }
    return found;
}

/* Has the program free what it can make again. */
static void
spare(const struct store *store)
{
    if (store->chosen.spare)
        store->chosen.spare(store->chosen.spare_argument);
}

int
store_relieve(struct store *store)
{
    struct store_watch *watch = heaviest(store, is_address_space_limited());
    int relieved = watch != NULL;
    uint32_t i;

    if (watch) {
        store_watch_starve(watch);
        watch->given_up = 1;
    }
    for (i = 0; i < store->watches_n && !relieved; i++)
        relieved = store_watch_forget(store->watches[i]);
    if (relieved)
        spare(store);
    store->relieved = relieved;
    return relieved;
}

/*
 * To be called when there was not enough memory for a watch. Gives up the watch that takes most memory, which may be
 * the same one. Returns 1 when the watch is to be tried again.
 */
static int
make_room(struct store *store, struct store_watch *watch)
{
    const int with_mappings = is_address_space_limited();
    struct store_watch *most = heaviest(store, with_mappings);

    spare(store);
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
    struct shmeter_reader_options options = { store->chosen.owners, store->chosen.owners_n, store->chosen.witness,
                                              store->chosen.memory, store->chosen.spare_fds };
    uint32_t i;
    int result = find_segments(store);

    for (i = 0; i < store->watches_n && !result; i++)
        while (!store->watches[i]->given_up && store_watch_take(store->watches[i], &options, depth) == -ENOMEM &&
               make_room(store, store->watches[i]))
            ;
    return result ? result : show(store);
}

int
store_take(struct store *store, enum snapshot_depth depth)
{
    uint32_t i;
    int result;

    for (i = 0; i < store->watches_n && !store->relieved; i++)
        store->watches[i]->given_up = 0;
    do
        result = take_once(store, depth);
    while (result == -ENOMEM && store_relieve(store));
    store->relieved = 0;
    return result;
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
