/*
 * Histogram buckets: bounds, and the exact bucket of a value in constant time. The value's exponent and top mantissa
 * bits choose, from a small table, the first bucket that it can be in; then `while (key(v) > key(bound[k])) k++` is
 * exact for any ascending bounds (`le` is inclusive). Everything here is private memory, and nothing compares doubles
 * (shm/machine/f64.h says why).
 */
#ifndef SHMETER_SHM_BUCKETS_H
#define SHMETER_SHM_BUCKETS_H

#include "../process/heap.h"
#include "lane.h"

#define SHMETER_STARTS_MAX 1024u

struct shmeter_buckets {
    struct shmeter_lanes lanes; /* first, so that a histogram's update finds all in two cache lines         */
    const int64_t *keys;        /* of the bounds, then of +Inf                                             */
    const uint16_t *starts;     /* starts_n of them                                                        */
    int64_t first_key;
    uint32_t key_shift, starts_n;
    uint32_t buckets_n;   /* cells' buckets                                                                */
    uint32_t exponential; /* 1: negative values are refused, values above the range go into the last bucket */
};

/* Numbers in ascending order as integers in ascending order, negative zero just below zero. */
SHMETER_INLINE int64_t
shmeter_buckets_key(uint64_t bits)
{
    return (int64_t)(bits ^ ((uint64_t)((int64_t)bits >> 63) >> 1));
}

/*
 * The bucket of a value, which is not NaN, by its bits. May be buckets_n for an exponential histogram, whose last
 * bucket is not +Inf.
 */
SHMETER_INLINE uint32_t
shmeter_buckets_find(const struct shmeter_buckets *buckets, uint64_t bits)
{
    int64_t key = shmeter_buckets_key(bits), at = (key >> buckets->key_shift) - buckets->first_key;
    uint32_t k;
    if (at < 0)
        at = 0;
    if (at >= (int64_t)buckets->starts_n)
        at = (int64_t)buckets->starts_n - 1;
    k = buckets->starts[at];
    while (key > buckets->keys[k])
        k++;
    return k;
}

/* Bytes of a table, its keys and its starts included. */
SHMETER_INLINE uint64_t
shmeter_buckets_bytes(uint32_t bounds_n)
{
    return ((sizeof(struct shmeter_buckets) + 15) & ~UINT64_C(15)) + (bounds_n + UINT64_C(1)) * sizeof(int64_t) +
           SHMETER_STARTS_MAX * sizeof(uint16_t);
}

/* Gives back a table that nobody has seen. */
SHMETER_LOCAL void
shmeter_buckets_give(struct shmeter_buckets *buckets)
{
    if (buckets)
        shmeter_heap_give(buckets, shmeter_buckets_bytes(buckets->buckets_n - !buckets->exponential));
}

/*
 * Makes the table for bounds (ascending, no negative zero; copied). exponential: the last bound closes the range, else
 * a bucket for +Inf follows. Returns NULL when there is no memory.
 */
SHMETER_LOCAL struct shmeter_buckets *
shmeter_buckets_make(const double *bounds, uint32_t bounds_n, int exponential)
{
    uint64_t head = (sizeof(struct shmeter_buckets) + 15) & ~UINT64_C(15);
    uint64_t keys_bytes = (bounds_n + UINT64_C(1)) * sizeof(int64_t);
    unsigned char *memory = (unsigned char *)shmeter_heap_take(shmeter_buckets_bytes(bounds_n));
    struct shmeter_buckets *buckets = (struct shmeter_buckets *)(void *)memory;
    int64_t *keys;
    uint16_t *starts;
    uint32_t shift = 48, i, k = 0; /* 4 bits of mantissa to begin with */
    int64_t first, last;
    if (!memory)
        return NULL;
    keys = (int64_t *)(void *)(memory + head);
    starts = (uint16_t *)(void *)(memory + head + keys_bytes);
    for (i = 0; i < bounds_n; i++)
        keys[i] = shmeter_buckets_key(shmeter_f64_bits(bounds[i]));
    keys[bounds_n] = shmeter_buckets_key(SHMETER_F64_INF);
    first = keys[0];
    last = keys[bounds_n ? bounds_n - 1 : 0];
    while ((last >> shift) - (first >> shift) + 2 > (int64_t)SHMETER_STARTS_MAX)
        shift++;
    buckets->first_key = first >> shift;
    buckets->key_shift = shift;
    buckets->starts_n = (uint32_t)((last >> shift) - (first >> shift)) + 2;
    for (i = 0; i < buckets->starts_n; i++) { /* bounds of smaller keys are below every value of this key */
        while (k < bounds_n && (keys[k] >> shift) < buckets->first_key + (int64_t)i)
            k++;
        starts[i] = (uint16_t)k;
    }
    buckets->keys = keys;
    buckets->starts = starts;
    buckets->exponential = exponential ? 1 : 0;
    buckets->buckets_n = exponential ? bounds_n : bounds_n + 1;
    return buckets;
}

__extension__ typedef unsigned __int128 shmeter_product;

/*
 * a * b of two mantissas, integers from 2^63 on that stand for 1 to 2, rounded to 64 bits, ties to even. The product is
 * below 2.
 */
SHMETER_LOCAL uint64_t
shmeter_buckets_times(uint64_t a, uint64_t b)
{
    shmeter_product product = (shmeter_product)a * b;
    uint64_t whole = (uint64_t)(product >> 63), rest = (uint64_t)product << 1;
    return whole + (rest > SHMETER_F64_SIGN || (rest == SHMETER_F64_SIGN && (whole & 1)));
}

/* The double nearest to mantissa * 2^(exponent - 63), ties to even; the largest one at most. */
SHMETER_LOCAL double
shmeter_buckets_double(uint64_t mantissa, int64_t exponent)
{
    uint64_t bits, rest, half, drop = 11;
    if (exponent < -1022)
        drop += (uint64_t)(-1022 - exponent);
    if (drop > 63) /* below the smallest subnormal: that, or 0 */
        return shmeter_f64_of(drop == 64 && mantissa > SHMETER_F64_SIGN);
    bits = mantissa >> drop;
    rest = mantissa & ((UINT64_C(1) << drop) - 1);
    half = UINT64_C(1) << (drop - 1);
    bits += rest > half || (rest == half && (bits & 1));
    if (exponent >= -1022)
        bits += (uint64_t)(exponent + 1022) << 52;
    return shmeter_f64_of(exponent > 1023 || bits > SHMETER_F64_MAX ? SHMETER_F64_MAX : bits);
}

/*
 * 2^(index * 2^-schema), from the mantissas of 2^(2^-k), k from 1 to 8: no libm and nothing that the program's flags
 * change, the same on every machine. The largest double at most: bounds are finite.
 */
SHMETER_LOCAL double
shmeter_buckets_bound(int32_t schema, int64_t index)
{
    static const uint64_t roots[8] = { UINT64_C(0xb504f333f9de6484), UINT64_C(0x9837f0518db8a96f),
                                       UINT64_C(0x8b95c1e3ea8bd6e7), UINT64_C(0x85aac367cc487b15),
                                       UINT64_C(0x82cd8698ac2ba1d7), UINT64_C(0x8164d1f3bc030774),
                                       UINT64_C(0x80b1ed4fd999ab6b), UINT64_C(0x8058d7d2d5e5f6b1) };
    uint64_t mantissa = SHMETER_F64_SIGN; /* 1 */
    int64_t whole, rest = 0;
    int32_t bit;
    if (schema <= 0)
        whole = index * (INT64_C(1) << -schema);
    else {
        whole = index >> schema;
        rest = index - whole * (INT64_C(1) << schema);
    }
    for (bit = schema; bit > 0; bit--, rest >>= 1)
        if (rest & 1)
            mantissa = shmeter_buckets_times(mantissa, roots[bit - 1]);
    return shmeter_buckets_double(mantissa, whole);
}

/* The index of the log bucket that v (> 0, finite) is in: the smallest index with v <= bound(index). */
SHMETER_LOCAL int64_t
shmeter_buckets_index(int32_t schema, double v)
{
    uint64_t bits = shmeter_f64_bits(v);
    int64_t low = -1100, high = 1100, middle;
    if (schema > 0) {
        low *= INT64_C(1) << schema;
        high *= INT64_C(1) << schema;
    }
    while (low < high) {
        middle = low + ((high - low) >> 1);
        if (bits <= shmeter_f64_bits(shmeter_buckets_bound(schema, middle))) /* of positive numbers */
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct shmeter_log_range {
    int32_t schema; /* in use: the one asked for, or the largest one that fits                              */
    int32_t first_index;
    uint32_t log_n;
};

/* The largest schema, at most the one asked for, whose buckets over (min_value, max_value] are few enough. */
SHMETER_LOCAL struct shmeter_log_range
shmeter_buckets_range(int32_t schema, double min_value, double max_value)
{
    struct shmeter_log_range range = { schema, 0, 0 };
    for (;; range.schema--) {
        int64_t first = shmeter_buckets_index(range.schema, min_value);
        int64_t last = shmeter_buckets_index(range.schema, max_value);
        if (shmeter_f64_bits(min_value) >= shmeter_f64_bits(shmeter_buckets_bound(range.schema, first)))
            first++; /* min_value is a bound itself: the zero bucket ends there */
        if (last < first)
            last = first;
        range.first_index = (int32_t)first;
        range.log_n = (uint32_t)(last - first + 1);
        if (last - first < (int64_t)SHMETER_MAX_LOG_BUCKETS || range.schema <= -4)
            return range;
    }
}

#endif
