/*
 * Histogram buckets: bounds, and the exact bucket of a value in constant time. The value's exponent and top mantissa
 * bits choose, from a small table, the first bucket that it can be in; then `while (v > bound[k]) k++` is exact for any
 * ascending bounds (`le` is inclusive). Everything here is private memory.
 */
#ifndef SHMETER_SHM_BUCKETS_H
#define SHMETER_SHM_BUCKETS_H

#include "heap.h"
#include "lane.h"

#define SHMETER_STARTS_MAX 1024u

struct shmeter_buckets {
    struct shmeter_lanes lanes; /* first, so that a histogram's update finds all in two cache lines         */
    const double *bounds;       /* bounds_n of them, then +Inf                                            */
    const uint16_t *starts;     /* starts_n of them                                                        */
    int64_t first_key;
    uint32_t key_shift, starts_n;
    uint32_t buckets_n;   /* cells' buckets                                                                */
    uint32_t exponential; /* 1: negative values are refused, values above the range go into the last bucket */
};

/* Doubles in ascending order as integers in ascending order. */
SHMETER_INLINE int64_t
shmeter_buckets_key(double v)
{
    int64_t bits = (int64_t)shmeter_f64_bits(v);
    return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
}

/* v is not NaN. May be buckets_n for an exponential histogram, whose last bucket is not +Inf. */
SHMETER_INLINE uint32_t
shmeter_buckets_find(const struct shmeter_buckets *buckets, double v)
{
    int64_t at = (shmeter_buckets_key(v) >> buckets->key_shift) - buckets->first_key;
    uint32_t k;
    if (at < 0)
        at = 0;
    if (at >= (int64_t)buckets->starts_n)
        at = (int64_t)buckets->starts_n - 1;
    k = buckets->starts[at];
    while (v > buckets->bounds[k])
        k++;
    return k;
}

/* Bytes of a table, its bounds and its starts included. */
SHMETER_INLINE uint64_t
shmeter_buckets_bytes(uint32_t bounds_n)
{
    return ((sizeof(struct shmeter_buckets) + 15) & ~UINT64_C(15)) + (bounds_n + UINT64_C(1)) * sizeof(double) +
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
 * Makes the table for bounds (ascending; copied). exponential: the last bound closes the range, else a bucket for +Inf
 * follows. Returns NULL when there is no memory.
 */
SHMETER_LOCAL struct shmeter_buckets *
shmeter_buckets_make(const double *bounds, uint32_t bounds_n, int exponential)
{
    uint64_t head = (sizeof(struct shmeter_buckets) + 15) & ~UINT64_C(15);
    uint64_t bounds_bytes = (bounds_n + UINT64_C(1)) * sizeof(double);
    unsigned char *memory = (unsigned char *)shmeter_heap_take(shmeter_buckets_bytes(bounds_n));
    struct shmeter_buckets *buckets = (struct shmeter_buckets *)(void *)memory;
    double *own_bounds;
    uint16_t *starts;
    uint32_t shift = 48, i, k = 0; /* 4 bits of mantissa to begin with */
    int64_t first, last;
    if (!memory)
        return NULL;
    own_bounds = (double *)(void *)(memory + head);
    starts = (uint16_t *)(void *)(memory + head + bounds_bytes);
    if (bounds_n)
        memcpy(own_bounds, bounds, bounds_n * sizeof(double));
    own_bounds[bounds_n] = shmeter_f64_of(UINT64_C(0x7ff0000000000000));
    first = shmeter_buckets_key(own_bounds[0]);
    last = shmeter_buckets_key(own_bounds[bounds_n ? bounds_n - 1 : 0]);
    while ((last >> shift) - (first >> shift) + 2 > (int64_t)SHMETER_STARTS_MAX)
        shift++;
    buckets->first_key = first >> shift;
    buckets->key_shift = shift;
    buckets->starts_n = (uint32_t)((last >> shift) - (first >> shift)) + 2;
    for (i = 0; i < buckets->starts_n; i++) { /* bounds of smaller keys are below every value of this key */
        while (k < bounds_n && (shmeter_buckets_key(own_bounds[k]) >> shift) < buckets->first_key + (int64_t)i)
            k++;
        starts[i] = (uint16_t)k;
    }
    buckets->bounds = own_bounds;
    buckets->starts = starts;
    buckets->exponential = exponential ? 1 : 0;
    buckets->buckets_n = exponential ? bounds_n : bounds_n + 1;
    return buckets;
}

/* 2^(index * 2^-schema), from literal powers 2^(2^-k): no libm, the same on every machine. The largest double at most: bounds are finite. */
SHMETER_LOCAL double
shmeter_buckets_bound(int32_t schema, int64_t index)
{
    static const long double roots[9] = { 2.0L,
                                          1.414213562373095048801688724209698079L,
                                          1.189207115002721066717499970560475915L,
                                          1.090507732665257659207010655760707978L,
                                          1.044273782427413840321966478739929009L,
                                          1.021897148654116678234480134783299408L,
                                          1.010889286051700460067846602217211868L,
                                          1.005429901112802821214107093163416416L,
                                          1.002711275050202485430745265152411088L };
    long double value = 1.0L, power = 2.0L;
    int64_t whole, rest = 0, n;
    int32_t bit;
    if (schema <= 0)
        whole = index * (INT64_C(1) << -schema);
    else {
        whole = index >> schema;
        rest = index - whole * (INT64_C(1) << schema);
    }
    for (bit = schema; bit > 0; bit--, rest >>= 1)
        if (rest & 1)
            value *= roots[bit];
    n = whole < 0 ? -whole : whole;
    if (n > 1100)
        n = 1100;
    for (; n; n >>= 1) {
        if (n & 1)
            value = whole < 0 ? value / power : value * power;
        power *= power;
    }
    return value < (long double)__DBL_MAX__ ? (double)value : __DBL_MAX__;
}

/* The index of the log bucket that v (> 0, finite) is in: the smallest index with v <= bound(index). */
SHMETER_LOCAL int64_t
shmeter_buckets_index(int32_t schema, double v)
{
    int64_t low = -1100, high = 1100, middle;
    if (schema > 0) {
        low *= INT64_C(1) << schema;
        high *= INT64_C(1) << schema;
    }
    while (low < high) {
        middle = low + ((high - low) >> 1);
        if (v <= shmeter_buckets_bound(schema, middle))
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
        if (!(min_value < shmeter_buckets_bound(range.schema, first)))
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
