/*
 * Shapes: label names and buckets, each combination once; and which classic buckets the text formats show of a
 * histogram.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "model/internal.h"
#include "shm/machine/hash.h"

static int
same_bits(const double *a, const double *b, uint32_t n)
{
    return !n || !memcmp(a, b, n * sizeof *a);
}

static int
shape_same(const struct shape *node, const struct model_shape *wanted, const double *bounds, uint32_t bounds_n)
{
    const struct model_shape *shape = &node->seen;
    uint32_t i;

    if (shape->labels_n != wanted->labels_n || shape->number != wanted->number ||
        shape->buckets_n != wanted->buckets_n || shape->exponential != wanted->exponential ||
        shape->schema != wanted->schema || shape->first_index != wanted->first_index || shape->log_n != wanted->log_n ||
        !same_bits(&shape->zero_threshold, &wanted->zero_threshold, 1) || node->bounds_n != bounds_n ||
        !same_bits(node->bounds, bounds, bounds_n))
        return 0;
    for (i = 0; i < shape->labels_n; i++)
        if (strcmp(shape->labels[i], wanted->labels[i]))
            return 0;
    return 1;
}

/* At most so many classic buckets are shown of an exponential histogram, +Inf not counted. */
#define CLASSIC_LIMIT 40u

/*
 * How many log buckets make one classic bucket: a power of two, so that the bounds are those of a coarser schema. It
 * depends on the definition alone.
 */
static int64_t
shape_step(const struct model_shape *shape)
{
    int64_t step = 1;

    while (shape->log_n / step + 2 > CLASSIC_LIMIT) /* + 2: the zero bucket, and rounding up */
        step *= 2;
    return step;
}

/*
 * Whether the i-th bound is the bound of a classic bucket. In an exponential histogram the zero threshold is one. The
 * last bound is not, because the bucket below it also has observations above the range, so its le would be wrong.
 */
static int
shape_shows(const struct shape *node, uint32_t i, int64_t step)
{
    if (!node->seen.exponential || !i)
        return 1;
    return i + 1 < node->bounds_n && ((int64_t)node->seen.first_index + i - 1) % step == 0;
}

static int
shape_bounds(struct whole *whole, struct shape *node)
{
    struct model_shape *shape = &node->seen;
    const int64_t step = shape->exponential ? shape_step(shape) : 1;
    double *classic = arena_take(&whole->arena, node->bounds_n * sizeof *classic);
    uint32_t *ends = arena_take(&whole->arena, node->bounds_n * sizeof *ends);
    uint32_t i, n = 0;

    if (!classic || !ends)
        return -ENOMEM;
    for (i = 0; i < node->bounds_n; i++) {
        if (!shape_shows(node, i, step))
            continue;
        classic[n] = node->bounds[i];
        ends[n++] = i + 1;
    }
    shape->classic_n = n;
    shape->classic_bounds = classic;
    shape->classic_ends = ends;
    return 0;
}

static struct shape *
shape_add(struct whole *whole, const struct model_shape *wanted, const double *bounds, uint32_t bounds_n)
{
    struct shape *node = arena_take(&whole->arena, sizeof *node);
    double *copy = arena_take(&whole->arena, bounds_n * sizeof *copy);
    const char **labels = arena_take(&whole->arena, wanted->labels_n * sizeof *labels);
    uint32_t i;

    if (!node || !copy || !labels)
        return NULL;
    node->seen = *wanted;
    for (i = 0; i < wanted->labels_n; i++) {
        if (!(labels[i] = arena_string(&whole->arena, wanted->labels[i])))
            return NULL;
        whole->seen.utf8 |= !text_label_legacy(wanted->labels[i]);
    }
    if (bounds_n)
        memcpy(copy, bounds, bounds_n * sizeof *copy);
    node->seen.labels = labels;
    node->bounds = copy;
    node->bounds_n = bounds_n;
    return shape_bounds(whole, node) ? NULL : node;
}

static uint32_t
shape_hash(const struct whole *whole, const struct model_shape *wanted, const double *bounds, uint32_t bounds_n)
{
    uint64_t hash = shmeter_hash_bytes(whole->key + wanted->number, bounds, bounds_n * sizeof *bounds);
    uint32_t i;

    for (i = 0; i < wanted->labels_n; i++)
        hash = shmeter_hash_bytes(hash, wanted->labels[i], strlen(wanted->labels[i]));
    return (uint32_t)(hash >> 32);
}

const struct model_shape *
model_shape_get(struct model *model, const struct model_shape *wanted, const double *bounds, uint32_t bounds_n)
{
    struct whole *whole = whole_of(model);
    struct shape **chain = &whole->shapes[shape_hash(whole, wanted, bounds, bounds_n) % MODEL_SHAPE_CHAINS], *node;

    for (node = *chain; node; node = node->next)
        if (shape_same(node, wanted, bounds, bounds_n))
            return &node->seen;
    node = shape_add(whole, wanted, bounds, bounds_n);
    if (!node)
        return NULL;
    node->next = *chain;
    *chain = node;
    return &node->seen;
}
