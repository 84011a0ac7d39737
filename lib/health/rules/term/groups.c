/* Groups of histograms and their buckets. Terms other than of histograms have a single group. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/term/internal.h"

static const char *
value_of(const struct model_series *series, const char *label)
{
    uint32_t i;

    for (i = 0; i < series->shape->labels_n; i++)
        if (!strcmp(series->shape->labels[i], label))
            return series->values[i];
    return "";
}

/* ---- buckets ---- */

static int
layout_is(const struct term_layout *layout, const struct model_shape *shape)
{
    return layout->buckets_n == shape->buckets_n && layout->classic_n == shape->classic_n &&
           layout->exponential == shape->exponential && layout->log_n == shape->log_n &&
           layout->schema == shape->schema && layout->first_index == shape->first_index &&
           !(layout->zero_threshold < shape->zero_threshold || layout->zero_threshold > shape->zero_threshold) &&
           !memcmp(layout->bounds, shape->classic_bounds, shape->classic_n * sizeof *layout->bounds);
}

static struct term_layout *
layout_get(struct term *term, const struct model_shape *shape)
{
    struct term_layout **layouts, *layout;
    uint32_t i, n = shape->classic_n;

    for (i = 0; i < term->layouts_n; i++)
        if (layout_is(term->layouts[i], shape))
            return term->layouts[i];
    layouts = realloc(term->layouts, (term->layouts_n + 1) * sizeof *layouts);
    if (!layouts)
        return NULL;
    term->layouts = layouts;
    layout = calloc(1, sizeof *layout + n * (sizeof *layout->bounds + sizeof *layout->ends));
    if (!layout)
        return NULL;
    *layout = (struct term_layout){ shape->buckets_n,
                                    n,
                                    shape->exponential,
                                    shape->log_n,
                                    shape->schema,
                                    shape->first_index,
                                    shape->zero_threshold,
                                    (double *)(layout + 1),
                                    NULL };
    layout->ends = (uint32_t *)(void *)(layout->bounds + n);
    if (n) {
        memcpy(layout->bounds, shape->classic_bounds, n * sizeof *layout->bounds);
        memcpy(layout->ends, shape->classic_ends, n * sizeof *layout->ends);
    }
    layouts[term->layouts_n++] = layout;
    return layout;
}

uint32_t
term_bucket_end(const struct model_shape *shape, double le)
{
    uint32_t i;

    if (isinf(le) && le > 0)
        return shape->buckets_n;
    for (i = 0; i < shape->classic_n; i++)
        if (!(shape->classic_bounds[i] < le || shape->classic_bounds[i] > le))
            return shape->classic_ends[i];
    return 0;
}

/* ---- groups ---- */

void
term_group_free(const struct term *term, struct term_group *group)
{
    uint32_t i;

    for (i = 0; group->columns && i < group->columns_n; i++)
        history_column_free(&group->columns[i]);
    for (i = 0; group->values && i < term->want.by_n; i++)
        free(group->values[i]);
    free(group->values);
    free(group->columns);
    free(group->row);
}

static int
group_is(const struct term *term, const struct term_group *group, const struct term_layout *layout,
         const struct model_series *series)
{
    uint32_t i;

    if (group->layout != layout)
        return 0;
    for (i = 0; i < term->want.by_n; i++)
        if (strcmp(group->values[i], value_of(series, term->want.by[i])))
            return 0;
    return 1;
}

static int
group_fill(const struct term *term, struct term_group *group, struct term_layout *layout,
           const struct model_series *series)
{
    uint32_t i;

    memset(group, 0, sizeof *group);
    group->layout = layout;
    group->columns_n = layout ? 1 + layout->buckets_n : 1;
    group->columns = calloc(group->columns_n, sizeof *group->columns);
    group->row = calloc(group->columns_n, sizeof *group->row);
    group->values = calloc(term->want.by_n + 1, sizeof *group->values);
    if (!group->columns || !group->row || !group->values)
        return -ENOMEM;
    for (i = 0; i < term->want.by_n; i++)
        if (!(group->values[i] = strdup(value_of(series, term->want.by[i]))))
            return -ENOMEM;
    return 0;
}

int64_t
term_group_get(struct term *term, const struct model_series *series)
{
    struct term_layout *layout = NULL;
    struct term_group *groups;
    uint32_t i;

    if (term->want.kind == TERM_HISTOGRAM && !(layout = layout_get(term, series->shape)))
        return -ENOMEM;
    for (i = 0; i < term->groups_n; i++)
        if (group_is(term, &term->groups[i], layout, series))
            return i;
    if (term->groups_n == TERM_GROUPS)
        return TERM_NONE;
    groups = realloc(term->groups, (term->groups_n + 1) * sizeof *groups);
    if (!groups)
        return -ENOMEM;
    term->groups = groups;
    if (group_fill(term, &groups[term->groups_n], layout, series)) {
        term_group_free(term, &groups[term->groups_n]);
        return -ENOMEM;
    }
    return term->groups_n++;
}

void
term_groups_compact(struct term *term, const struct history *history)
{
    uint32_t i, k, n = 0, *places = calloc(term->groups_n + 1, sizeof *places);

    if (!places)
        return; /* without memory: next time */
    for (i = 0; i < term->groups_n; i++) {
        struct term_group *group = &term->groups[i];
        int keep = group->series_n > 0;
        for (k = 0; k < group->columns_n && !keep; k++)
            keep = term_increase(term, history, group, k) > 0;
        if (keep) {
            places[i] = n;
            term->groups[n++] = *group;
        } else {
            term_group_free(term, group);
        }
    }
    term->groups_n = n;
    for (i = 0; i < term->series_n; i++)
        if (term->series[i].group != TERM_NONE)
            term->series[i].group = places[term->series[i].group];
    free(places);
}
