/*
 * Families: found by binary search, kept sorted by name. Everything of one epoch but the arrays that grow lies in one
 * arena and goes with it.
 */
#include "expo/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expo/key.h"
#include "expo/model_parts.h"
#include "expo/text.h"

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

void
model_clear(struct model *model)
{
    struct whole *whole = whole_of(model);
    uint32_t i;

    for (i = 0; i < model->families_n; i++) {
        struct family *family = family_of(model->families[i]);
        free(family->seen.series);
        free(family->places);
        free(family);
    }
    arena_free(&whole->arena);
    free(model->families);
    free(model->words);
    model->families = NULL;
    model->words = NULL;
    model->families_n = whole->families_capacity = 0;
    whole->words_n = whole->words_capacity = 0;
    memset(whole->shapes, 0, sizeof whole->shapes);
    model->conflicts = 0;
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
        count = model_add_held(count, buckets[i]);
    return count;
}

/* ---- families ---- */

/* The place of name among the families; *found says whether it is there. */
static uint32_t
family_place(const struct model *model, const char *name, int *found)
{
    uint32_t low = 0, high = model->families_n;

    *found = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(model->families[middle]->name, name);
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

const struct model_family *
model_find(const struct model *model, const char *name)
{
    int found;
    uint32_t at = family_place(model, name, &found);
    return found ? model->families[at] : NULL;
}

static const char *const histogram_suffixes[] = { "_bucket", "_sum", "_count" };

/* Whether families of the type expose samples of their name and the i-th suffix. */
static int
has_suffix(enum model_type type, size_t i)
{
    return type == MODEL_HISTOGRAM || (type == MODEL_SUMMARY && i > 0);
}

/* Whether a sample of name could be taken for one of another family's: histograms and summaries expose more names than their own. */
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
family_add(struct whole *whole, uint32_t at, enum model_type type, const char *name, const char *help, const char *unit)
{
    struct model *model = &whole->seen;
    struct family *family;

    if (model->families_n == whole->families_capacity) {
        uint32_t capacity = whole->families_capacity ? 2 * whole->families_capacity : 64;
        struct model_family **families = realloc(model->families, capacity * sizeof *families);
        if (!families)
            return NULL;
        model->families = families;
        whole->families_capacity = capacity;
    }
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
    family->seen.type = type;
    family->seen.idx = model->families_n;
    memmove(model->families + at + 1, model->families + at, (model->families_n - at) * sizeof *model->families);
    model->families[at] = &family->seen;
    model->families_n++;
    return &family->seen;
}

struct model_family *
model_family_get(struct model *model, enum model_type type, const char *name, const char *help, const char *unit,
                 int *error)
{
    struct model_family *family;
    int found;
    uint32_t at = family_place(model, name, &found);

    if (found) {
        family = model->families[at];
        *error = family->type == type ? 0 : -EEXIST;
        return *error ? NULL : family;
    }
    *error = !text_metric_valid(name) ? -EINVAL : family_clashes(model, type, name) ? -EEXIST : 0;
    if (*error)
        return NULL;
    family = family_add(whole_of(model), at, type, name, help, unit);
    if (!family)
        *error = -ENOMEM;
    return family;
}
