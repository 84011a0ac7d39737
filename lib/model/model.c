/*
 * Families: found by binary search, kept sorted by name. Additions are collected and merged some at a time, because
 * inserting each one alone would move half of the array. All memory of an epoch, except the growing arrays, is in one
 * arena and is freed with it.
 */
#include "model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/containers/key.h"
#include "base/saturate.h"
#include "base/text.h"
#include "model/internal.h"

struct model *
model_new(void)
{
    struct whole *whole = calloc(1, sizeof *whole);

    if (!whole)
        return NULL;
    whole->seen.epoch = 1;
    whole->key = key_of_process();
    return &whole->seen;
}

static void
family_free(struct model_family *seen)
{
    struct family *family = family_of(seen);

    free(family->seen.series);
    free(family->places);
    free(family);
}

void
model_clear(struct model *model)
{
    struct whole *whole = whole_of(model);
    uint32_t i;

    for (i = 0; i < model->families_n; i++)
        family_free(model->families[i]);
    for (i = 0; i < whole->recent_n; i++)
        family_free(whole->recent[i]);
    whole->recent_n = 0;
    arena_free(&whole->arena);
    free(model->families);
    free(model->words);
    model->families = NULL;
    model->words = NULL;
    model->families_n = whole->families_capacity = 0;
    whole->words_n = whole->words_capacity = 0;
    memset(whole->shapes, 0, sizeof whole->shapes);
    model->conflicts = 0;
    model->utf8 = 0;
    model->epoch++;
}

void
model_free(struct model *model)
{
    if (!model)
        return;
    model_clear(model);
    free(whole_of(model));
}

void
model_begin(struct model *model)
{
    uint32_t i, k;

    if (model_settle(model)) /* additions that are left from a reading that ran out of memory */
        model_clear(model);
    for (i = 0; i < model->families_n; i++) {
        struct model_family *family = model->families[i];
        for (k = 0; k < family->series_n && family->present_n + family->idle_n; k++)
            family->series[k].present = family->series[k].idle = 0;
        family->present_n = family->idle_n = 0;
    }
    if (model->words)
        memset(model->words, 0, whole_of(model)->words_n * sizeof *model->words);
    model->conflicts = 0;
}

uint64_t
model_series_n(const struct model *model)
{
    uint64_t n = 0;
    uint32_t i;

    for (i = 0; i < model->families_n; i++)
        n += model->families[i]->series_n;
    return n;
}

uint64_t
model_present_n(const struct model *model)
{
    uint64_t present = 0;
    uint32_t i;

    for (i = 0; i < model->families_n; i++)
        present += model->families[i]->present_n;
    return present;
}

uint64_t
model_idle_n(const struct model *model)
{
    uint64_t idle = 0;
    uint32_t i;

    for (i = 0; i < model->families_n; i++)
        idle += model->families[i]->idle_n;
    return idle;
}

uint64_t
model_histogram_count(const struct model *model, const struct model_series *series)
{
    const uint64_t *buckets = model_histogram_buckets(model, series);
    uint64_t count = 0;
    uint32_t i;

    for (i = 0; i < series->shape->buckets_n; i++)
        count = saturate_add(count, buckets[i]);
    return count;
}

/* ---- families ---- */

/* The place of name among families in order; *found says whether it is there. */
static uint32_t
family_place(struct model_family *const *families, uint32_t n, const char *name, int *found)
{
    uint32_t low = 0, high = n;

    *found = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(families[middle]->name, name);
        if (order == 0) {
            *found = 1;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct model_family *
family_find(const struct whole *whole, const char *name)
{
    int found;
    uint32_t at = family_place(whole->seen.families, whole->seen.families_n, name, &found);

    if (found)
        return whole->seen.families[at];
    at = family_place(whole->recent, whole->recent_n, name, &found);
    return found ? whole->recent[at] : NULL;
}

const struct model_family *
model_find(const struct model *model, const char *name)
{
    return family_find((const struct whole *)model, name);
}

int
model_settle(struct model *model)
{
    struct whole *whole = whole_of(model);
    uint32_t from = model->families_n, recent = whole->recent_n, to = from + recent;

    if (to > whole->families_capacity) {
        uint32_t capacity = 2 * whole->families_capacity > to ? 2 * whole->families_capacity : to + 64;
        struct model_family **families = realloc(model->families, capacity * sizeof *families);
        if (!families)
            return -ENOMEM;
        model->families = families;
        whole->families_capacity = capacity;
    }
    model->families_n = to;
    while (recent) /* merges from the end: the larger of the last elements that are left */
        if (from && strcmp(model->families[from - 1]->name, whole->recent[recent - 1]->name) > 0)
            model->families[--to] = model->families[--from];
        else
            model->families[--to] = whole->recent[--recent];
    whole->recent_n = 0;
    return 0;
}

static const char *const histogram_suffixes[] = { "_bucket", "_sum", "_count" };

/* Whether families of this type have samples named with the i-th suffix. */
static int
has_suffix(enum model_type type, size_t i)
{
    return model_is_histogram(type) && (i > 0 || !model_is_summary(type));
}

/*
 * Whether a sample of name could be mistaken for a sample of another family: histograms and summaries have samples of
 * several names.
 */
static int
family_clashes(const struct model *model, enum model_type type, const char *name)
{
    char other[512];
    size_t bytes = strlen(name), i;

    if (bytes >= sizeof other - 8)
        return 1;
    for (i = 0; i < 3; i++) {
        size_t suffix = strlen(histogram_suffixes[i]);
        const struct model_family *family;
        memcpy(other, name, bytes + 1);
        if (bytes > suffix && !strcmp(name + bytes - suffix, histogram_suffixes[i])) {
            other[bytes - suffix] = 0;
            family = model_find(model, other);
            if (family && has_suffix(family->type, i))
                return 1;
        }
        memcpy(other, name, bytes);
        memcpy(other + bytes, histogram_suffixes[i], suffix + 1);
        if (has_suffix(type, i) && model_find(model, other))
            return 1;
    }
    return 0;
}

static struct model_family *
family_add(struct whole *whole, enum model_type type, const char *name, const char *help, const char *unit)
{
    struct family *family;
    int found;
    uint32_t at;

    if (whole->recent_n == MODEL_RECENT && model_settle(&whole->seen))
        return NULL;
    family = calloc(1, sizeof *family);
    if (!family)
        return NULL;
    family->seen.name = arena_string(&whole->arena, name);
    family->seen.help = arena_string(&whole->arena, help ? help : "");
    family->seen.unit = arena_string(&whole->arena, unit ? unit : "");
    if (!family->seen.name || !family->seen.help || !family->seen.unit) {
        free(family);
        return NULL;
    }
    whole->seen.utf8 |= !text_metric_legacy(name);
    family->seen.type = type;
    family->seen.idx = whole->seen.families_n + whole->recent_n;
    at = family_place(whole->recent, whole->recent_n, name, &found);
    memmove(whole->recent + at + 1, whole->recent + at, (whole->recent_n - at) * sizeof *whole->recent);
    whole->recent[at] = &family->seen;
    whole->recent_n++;
    return &family->seen;
}

struct model_family *
model_family_collect(struct model *model, enum model_type type, const char *name, const char *help, const char *unit,
                     int *error)
{
    struct model_family *family = family_find(whole_of(model), name);

    if (family) {
        *error = family->type == type ? 0 : -EEXIST;
        return *error ? NULL : family;
    }
    *error = !text_metric_valid(name) ? -EINVAL : family_clashes(model, type, name) ? -EEXIST : 0;
    if (*error)
        return NULL;
    family = family_add(whole_of(model), type, name, help, unit);
    if (!family)
        *error = -ENOMEM;
    return family;
}

struct model_family *
model_family_get(struct model *model, enum model_type type, const char *name, const char *help, const char *unit,
                 int *error)
{
    struct model_family *family = model_family_collect(model, type, name, help, unit, error);

    if (!family || !model_settle(model))
        return family;
    *error = -ENOMEM;
    return NULL;
}
