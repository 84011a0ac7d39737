/*
 * Lines of the text formats: the plan's pieces, each followed by a number. Each function writes to out, where the
 * caller has made room, and returns the end of what it wrote.
 */
#ifndef SHMETER_FORMATS_LINES_H
#define SHMETER_FORMATS_LINES_H

#include <string.h>

#include "base/number.h"
#include "base/saturate.h"
#include "model/model.h"

#define LINE_BYTES (NUMBER_BYTES + 1u) /* room behind a piece for a number and the newline */

static inline char *
put_bytes(char *out, const char *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

static inline char *
put_u64(char *out, uint64_t value)
{
    out += number_u64(out, value);
    *out++ = '\n';
    return out;
}

static inline char *
put_f64(char *out, double value)
{
    out += number_f64(out, value);
    *out++ = '\n';
    return out;
}

/* The line of a counter, gauge or info. */
static inline char *
put_number(char *out, const struct model *model, const struct model_series *series, const char *piece, uint32_t len)
{
    out = put_bytes(out, piece, len);
    return series->shape->number == MODEL_U64 ? put_u64(out, model_u64(model, series))
                                              : put_f64(out, model_f64_at(model, series->word));
}

/*
 * The bucket lines of a histogram, +Inf included. Moves *text behind their pieces, and sets *count to the count of all
 * observations.
 */
static inline char *
put_buckets(char *out, const struct model *model, const struct model_series *series, const char **text,
            const uint32_t *lens, uint64_t *count)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *buckets = model_histogram_buckets(model, series);
    uint64_t cumulative = 0;
    uint32_t i, bucket = 0;

    for (i = 0; i <= shape->classic_n; i++) { /* the last one is +Inf */
        uint32_t end = i < shape->classic_n ? shape->classic_ends[i] : shape->buckets_n;
        while (bucket < end)
            cumulative = saturate_add(cumulative, buckets[bucket++]);
        out = put_u64(put_bytes(out, *text, lens[i]), cumulative);
        *text += lens[i];
    }
    *count = cumulative;
    return out;
}

#endif
