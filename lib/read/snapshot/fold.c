/*
 * Merges two replaced segments of one name in which no process counts any more: the values of the older one are added
 * to the newer one, and series that the newer one does not have are added too. So the memory for a name depends on its
 * series, and not on how often its segment is created again.
 */
#include <stdlib.h>

#include "base/saturate.h"
#include "read/snapshot/internal.h"

#define NAMESAKES_MOST 16u /* at most so many definitions of a name are tried */

/* ---- values ---- */

static void
add_f64(uint64_t *word, uint64_t more)
{
    double sum = snapshot_f64(*word) + snapshot_f64(more);

    memcpy(word, &sum, sizeof sum);
}

static void
add_words(const struct snapshot_family *family, uint64_t *words, const uint64_t *more)
{
    const uint32_t words_n = snapshot_sum_words(family);
    const uint32_t fractions = !shmeter_type_counter(family->type); /* a fractional counter, or a histogram's sum */
    uint32_t i;

    if (fractions)
        add_f64(words, more[0]);
    for (i = fractions; i < words_n; i++)
        words[i] = saturate_add(words[i], more[i]);
}

static int
has_words(const struct snapshot *snapshot, const struct snapshot_series *series, const struct snapshot_family *family)
{
    return (uint64_t)series->place + snapshot_sum_words(family) <= snapshot->sums_words;
}

/* ---- families ---- */

static int
counts(const struct snapshot_family *family)
{
    return family->visible && (shmeter_type_counts(family->type) || shmeter_type_histogram(family->type));
}

static int
takes(const struct snapshot_family *family, const struct snapshot_family *older)
{
    return counts(family) && family->type == older->type && snapshot_adds_up(older, family);
}

/* The number of the family to which the counts of an older one can be added, or SNAPSHOT_NONE. */
static uint32_t
find_family(const struct snapshot *into, const struct snapshot_family *older)
{
    const struct snapshot_family *family = snapshot_definition(into, older->name);
    uint32_t number, tries = 0;

    if (!family)
        return SNAPSHOT_NONE;
    if (takes(family, older))
        return (uint32_t)(family - into->families);
    number = family->several ? into->several[family->several - 1].last : 0;
    for (; number && tries < NAMESAKES_MOST; number = into->families[number - 1].namesake, tries++)
        if (takes(&into->families[number - 1], older))
            return number - 1;
    return SNAPSHOT_NONE;
}

static const char *const *
copy_strings(struct arena *arena, const char *const *strings, uint32_t n)
{
    const char **copies = arena_take(arena, n * sizeof *copies);
    uint32_t i;

    for (i = 0; copies && i < n; i++)
        if (!(copies[i] = arena_string(arena, strings[i])))
            return NULL;
    return copies;
}

/* Adds a copy of a family. Returns the copy's number, or SNAPSHOT_NONE: no memory. */
static uint32_t
copy_family(struct snapshot *into, const struct snapshot_family *older)
{
    struct snapshot_family copy = *older;
    double *bounds = arena_take(&into->arena, older->bounds_n * sizeof *bounds);

    copy.name = arena_string(&into->arena, older->name);
    copy.help = arena_string(&into->arena, older->help);
    copy.unit_text = arena_string(&into->arena, older->unit_text);
    copy.labels = copy_strings(&into->arena, older->labels, older->labels_n);
    if (!bounds || !copy.name || !copy.help || !copy.unit_text || !copy.labels)
        return SNAPSHOT_NONE;
    if (older->bounds_n)
        memcpy(bounds, older->bounds, older->bounds_n * sizeof *bounds);
    copy.bounds = bounds;
    copy.several = copy.namesake = copy.joins = 0;
    return snapshot_put_family(into, &copy);
}

/* ---- series ---- */

/* Room for the words of one more series behind the sums. 0 or -ENOMEM. */
static int
room_for_words(struct snapshot *into, uint32_t words)
{
    uint64_t *sums, n;

    if (into->sums_words + words <= into->sums_n)
        return 0;
    n = (into->sums_words + words) * 3 / 2;
    if (n > UINT32_MAX)
        return -ENOMEM;
    sums = realloc(into->sums, n * sizeof *sums);
    if (!sums)
        return -ENOMEM;
    into->sums = sums;
    into->sums_n = n;
    return 0;
}

/* Adds a copy of a series with its value, when there is no series with its labels. 0 or -ENOMEM. */
static int
copy_series(struct snapshot *into, uint32_t number, const struct snapshot_series *older, const char *const *values,
            const uint64_t *words)
{
    const struct snapshot_family *family = &into->families[number];
    const uint32_t words_n = snapshot_sum_words(family);
    struct snapshot_series copy = *older;

    copy.values = copy_strings(&into->arena, values, family->labels_n);
    copy.family = number;
    copy.place = (uint32_t)into->sums_words;
    copy.twins = 0;
    if (!copy.values || room_for_words(into, words_n) || snapshot_put_series(into, &copy))
        return -ENOMEM;
    memcpy(into->sums + into->sums_words, words, words_n * sizeof *words);
    into->sums_words += words_n;
    return 0;
}

/* Adds a series to *same, the series with its labels. 0; or -ENOMEM, and nothing was added. */
static int
fold_series(struct snapshot *into, uint32_t number, struct snapshot *from, uint32_t older_number, uint32_t *same)
{
    struct snapshot_series *older = &from->series[older_number];
    const struct snapshot_family *older_family = &from->families[older->family];
    const uint64_t *words = from->sums + older->place;
    const char *values[SHMETER_MAX_LABELS];
    uint8_t order[SHMETER_MAX_LABELS];
    uint32_t i;

    if (!snapshot_label_order(older_family, &into->families[number], order))
        return -EINVAL;
    for (i = 0; i < older_family->labels_n; i++)
        values[i] = older->values[order[i]];
    *same = snapshot_series_labelled(into, number, values);
    if (*same != SNAPSHOT_NONE && has_words(into, &into->series[*same], &into->families[number])) {
        add_words(older_family, into->sums + into->series[*same].place, words);
        if (older->created_ns < into->series[*same].created_ns)
            into->series[*same].created_ns = older->created_ns;
    } else {
        *same = into->series_n;
        if (copy_series(into, number, older, values, words))
            return -ENOMEM;
    }
    older->visible = 0;
    return 0;
}

int
snapshot_fold(struct snapshot *into, struct snapshot *from, snapshot_folded_fn folded, void *argument)
{
    uint32_t i, family = SNAPSHOT_NONE, to = SNAPSHOT_NONE, same;

    if (into->reader || from->reader)
        return 0;
    for (i = 0; i < from->series_n; i++) {
        const struct snapshot_series *series = &from->series[i];
        if (!series->visible || !counts(&from->families[series->family]) ||
            !has_words(from, series, &from->families[series->family]))
            continue;
        if (series->family != family) {
            family = series->family;
            to = find_family(into, &from->families[family]);
            if (to == SNAPSHOT_NONE)
                to = copy_family(into, &from->families[family]);
        }
        if (to == SNAPSHOT_NONE || fold_series(into, to, from, i, &same))
            return 0;
        folded(argument, i, same);
    }
    for (i = 0; i < STATUS_LOSSES; i++)
        into->status.losses[i] = saturate_add(into->status.losses[i], from->status.losses[i]);
    into->status.died = saturate_add(into->status.died, from->status.died);
    into->status.killed = saturate_add(into->status.killed, from->status.killed);
    into->chosen_n++; /* so that the values are bound again */
    return 1;
}
