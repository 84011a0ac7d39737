/*
 * Renders the labels of each series once. They are in the order of their names, as prometheus_client has them.
 */
#include "pieces.h"

#include <stdlib.h>

#include "base/text.h"

#define LABELS_MOST 64u /* more than any series has */

/* The order of label names of the shape that was met last. */
struct order {
    const struct model_shape *shape;
    const char *names[LABELS_MOST];
    uint32_t idx[LABELS_MOST], n, before_n;
};

static void
order_labels(struct order *order, const struct model_shape *shape, const struct model_family *family,
             const struct pieces *pieces)
{
    uint32_t i, k;

    order->shape = shape;
    order->n = shape->labels_n < LABELS_MOST ? shape->labels_n : LABELS_MOST;
    order->before_n = 0;
    for (i = 0; i < order->n; i++) {
        const char *name = view_label(shape->labels[i], family->name, pieces->name);
        for (k = i; k && strcmp(order->names[k - 1], name) > 0; k--) {
            order->names[k] = order->names[k - 1];
            order->idx[k] = order->idx[k - 1];
        }
        order->names[k] = name;
        order->idx[k] = i;
        order->before_n += !pieces->own_label || strcmp(name, pieces->own_label) < 0;
    }
}

static int
add_labels(struct pieces *pieces, struct piece *piece, const struct order *order, const struct model_series *series)
{
    struct buffer *text = &pieces->text;
    uint32_t i;
    int failed = 0;

    piece->off = text->len;
    for (i = 0; i < order->n && !failed; i++) {
        if (i)
            failed |= buffer_append(text, ",", 1);
        if (i == order->before_n)
            piece->before = (uint32_t)(text->len - piece->off);
        failed |= buffer_append_string(text, order->names[i]) | buffer_append(text, "=\"", 2) |
                  text_escape_value(text, series->values[order->idx[i]]) | buffer_append(text, "\"", 1);
    }
    piece->len = (uint32_t)(text->len - piece->off);
    if (order->before_n >= order->n)
        piece->before = piece->len;
    return failed;
}

static void
put_created(struct piece *piece, const struct model_series *series)
{
    if (series->created_ns)
        piece->created_n = (uint32_t)core_repr(piece->created, (double)series->created_ns * 1e-9);
}

static int
add_series(struct pieces *pieces, const struct model_family *family)
{
    struct order order = { .shape = NULL };
    uint32_t i;

    if (pieces->capacity < family->series_n) {
        uint32_t capacity = family->series_n + family->series_n / 2;
        struct piece *list = realloc(pieces->list, capacity * sizeof *list);
        if (!list)
            return -1;
        pieces->list = list;
        pieces->capacity = capacity;
    }
    for (; pieces->n < family->series_n; pieces->n++) {
        const struct model_series *series = &family->series[pieces->n];
        struct piece *piece = &pieces->list[pieces->n];
        memset(piece, 0, sizeof *piece);
        if (series->shape != order.shape)
            order_labels(&order, series->shape, family, pieces);
        if (add_labels(pieces, piece, &order, series))
            return -1;
        put_created(piece, series);
    }
    for (i = 0; pieces->renewed_n != family->renewed_n && i < pieces->n; i++)
        put_created(&pieces->list[i], &family->series[i]);
    pieces->renewed_n = family->renewed_n;
    return 0;
}

static void
forget(struct pieces *pieces)
{
    free(pieces->name);
    free(pieces->list);
    buffer_free(&pieces->text);
    memset(pieces, 0, sizeof *pieces);
}

void
pieces_free(struct pieces_all *all)
{
    uint32_t i;

    for (i = 0; i < all->families_n; i++)
        forget(&all->families[i]);
    free(all->families);
    memset(all, 0, sizeof *all);
}

static int
have_families(struct pieces_all *all, const struct model *model)
{
    struct pieces *families;

    if (all->epoch != model->epoch)
        pieces_free(all);
    all->epoch = model->epoch;
    if (all->families_n >= model->families_n)
        return 0;
    families = realloc(all->families, model->families_n * sizeof *families);
    if (!families)
        return -1;
    memset(families + all->families_n, 0, (model->families_n - all->families_n) * sizeof *families);
    all->families = families;
    all->families_n = model->families_n;
    return 0;
}

const struct pieces *
pieces_of(struct pieces_all *all, const struct model *model, const struct model_family *family, const char *name,
          const char *own_label)
{
    struct pieces *pieces;

    if (have_families(all, model) || family->idx >= all->families_n)
        return NULL;
    pieces = &all->families[family->idx];
    if (pieces->name && strcmp(pieces->name, name))
        forget(pieces);
    if (!pieces->name)
        pieces->name = strdup(name);
    pieces->own_label = own_label;
    return pieces->name && !add_series(pieces, family) ? pieces : NULL;
}
