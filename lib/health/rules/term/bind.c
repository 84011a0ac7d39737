/*
 * Finds the series that match a term. Each series of the family is examined once in an epoch of the model. In a new
 * epoch all are examined again, and known ones keep their history.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/term/internal.h"

/* ---- series of the last epoch ---- */

struct former {
    struct term_series *series;
    uint32_t series_n;
    uint32_t *places; /* a hash table: index + 1 into series, 0 empty */
    uint32_t places_n;
};

void
term_series_free(const struct term *term, struct term_series *series)
{
    history_column_free(&series->column);
    if (term->want.kind == TERM_HISTOGRAM)
        free(series->last.words);
    series->last.words = NULL;
}

static int
former_begin(struct former *former, struct term *term)
{
    uint32_t n = 16, i, at;

    memset(former, 0, sizeof *former);
    while (n < 2 * term->series_n)
        n *= 2;
    former->places = calloc(n, sizeof *former->places);
    if (!former->places)
        return -ENOMEM;
    former->places_n = n;
    former->series = term->series;
    former->series_n = term->series_n;
    for (i = 0; i < former->series_n; i++) {
        for (at = (uint32_t)former->series[i].key & (n - 1); former->places[at]; at = (at + 1) & (n - 1))
            ;
        former->places[at] = i + 1;
    }
    term->series = NULL;
    term->series_n = term->series_capacity = term->bound_n = 0;
    term->left_out_n = 0;
    return 0;
}

/* Moves the former series with this key to *out; its former key becomes 0. Returns 1, or 0: there is none. */
static int
former_take(struct former *former, uint64_t key, struct term_series *out)
{
    uint32_t at;

    if (!former->places_n)
        return 0;
    for (at = (uint32_t)key & (former->places_n - 1); former->places[at]; at = (at + 1) & (former->places_n - 1)) {
        struct term_series *found = &former->series[former->places[at] - 1];
        if (found->key != key)
            continue;
        *out = *found;
        memset(found, 0, sizeof *found);
        return 1;
    }
    return 0;
}

static void
former_end(struct former *former, struct term *term)
{
    uint32_t i;

    for (i = 0; i < former->series_n; i++)
        if (former->series[i].key)
            term_series_free(term, &former->series[i]);
    free(former->series);
    free(former->places);
}

/* ---- labels ---- */

static uint64_t
hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/*
 * Hash of the labels as a set; never 0. It is keyed by an address that is not known outside the process, because
 * strangers choose label values.
 */
static uint64_t
key_of(const struct term *term, const struct model_series *series)
{
    uint64_t key = 0;
    uint32_t i;

    for (i = 0; i < series->shape->labels_n; i++)
        if (*series->values[i])
            key += hash_text(hash_text((uint64_t)(uintptr_t)term, series->shape->labels[i]), series->values[i]);
    return key ? key : 1;
}

/* ---- series ---- */

static int
series_room(struct term *term)
{
    uint32_t capacity = term->series_capacity ? term->series_capacity + term->series_capacity / 2 : 4;
    struct term_series *series;

    if (term->series_n < term->series_capacity)
        return 0;
    series = realloc(term->series, capacity * sizeof *series);
    if (!series)
        return -ENOMEM;
    term->series = series;
    term->series_capacity = capacity;
    return 0;
}

/* Adds a series of the family if it matches. 0 or -ENOMEM. */
static int
bind_series(struct term *term, struct former *former, uint32_t idx)
{
    const struct model_series *series = &term->family->series[idx];
    uint64_t key = key_of(term, series);
    uint32_t end = term->part == TERM_PART_BUCKET ? term_bucket_end(series->shape, term->want.le) : 0;
    int matches = selector_matches(term->want.selector, series);
    struct term_series *added;
    int64_t group;

    if (matches <= 0 || (term->part == TERM_PART_BUCKET && !end))
        return matches < 0 ? matches : 0;
    if (series_room(term))
        return -ENOMEM;
    group = term->want.is_each || term->want.kind == TERM_VALUE ? TERM_NONE : term_group_get(term, series);
    if (group < 0)
        return -ENOMEM;
    added = &term->series[term->series_n];
    memset(added, 0, sizeof *added);
    if (former_take(former, key, added) && added->group != group && term->want.kind == TERM_HISTOGRAM) {
        term_series_free(term, added); /* its buckets have changed */
        memset(added, 0, sizeof *added);
    }
    added->key = key;
    added->idx = idx;
    added->group = (uint32_t)group;
    added->end = end;
    term->series_n++;
    if (group != TERM_NONE)
        term->groups[group].series_n++;
    else
        term->left_out_n += !term->want.is_each && term->want.kind != TERM_VALUE;
    return 0;
}

/* ---- families ---- */

static int
ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);

    return len > suffix_len && !strcmp(name + len - suffix_len, suffix);
}

/* The histogram or summary whose name is this name without the suffix; or NULL. */
static const struct model_family *
find_histogram(const struct model *model, const char *name, const char *suffix)
{
    const struct model_family *family;
    char base[512];
    size_t len = strlen(name) - strlen(suffix);

    if (!ends_with(name, suffix) || len >= sizeof base)
        return NULL;
    memcpy(base, name, len);
    base[len] = 0;
    family = model_find(model, base);
    return family && model_is_histogram(family->type) ? family : NULL;
}

/* The family, and in *part what of its values is meant. NULL: term->problem says why. */
static const struct model_family *
find_family(struct term *term, const struct model *model, enum term_part *part)
{
    const char *name = selector_name(term->want.selector);
    const struct model_family *family = model_find(model, name);
    int is_summary = family && model_is_summary(family->type);
    int is_histogram = family && !is_summary && model_is_histogram(family->type);

    term->problem = NULL;
    if (term->want.kind == TERM_HISTOGRAM || !isnan(term->want.le)) {
        *part = term->want.kind == TERM_HISTOGRAM ? TERM_PART_HISTOGRAM : TERM_PART_BUCKET;
        if (family && !is_histogram)
            term->problem = "the metric is no histogram";
        else if (!family)
            term->problem = "there is no histogram of this name";
        return is_histogram ? family : NULL;
    }
    *part = TERM_PART_NUMBER;
    if (family && !is_histogram && !is_summary)
        return family;
    *part = TERM_PART_COUNT;
    if ((family = find_histogram(model, name, "_count")))
        return family;
    *part = TERM_PART_SUM;
    if ((family = find_histogram(model, name, "_sum")))
        return family;
    term->problem = is_histogram ? "the metric is a histogram: ask for its _count or _sum, or by histogram_quantile"
                    : is_summary ? "the metric is a summary: ask for its _count or _sum"
                                 : "there is no metric of this name";
    return NULL;
}

int
term_bind(struct term *term, const struct model *model, const struct history *history)
{
    enum term_part part;
    const struct model_family *family = find_family(term, model, &part);
    struct former former = { 0 };
    int anew = term->epoch != model->epoch || term->family != family || term->part != part, result = 0;
    uint32_t i;

    if (anew) {
        if (former_begin(&former, term))
            return -ENOMEM;
        if (term->part != part)
            former.places_n = 0; /* the former values were of another part */
        for (i = 0; i < term->groups_n; i++)
            term->groups[i].series_n = 0;
        term->epoch = model->epoch;
        term->family = family;
        term->part = part;
    }
    for (; family && !result && term->bound_n < family->series_n; term->bound_n += !result)
        result = bind_series(term, &former, term->bound_n);
    if (!anew)
        return result;
    former_end(&former, term);
    term_groups_compact(term, history);
    return result;
}
