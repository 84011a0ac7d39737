/*
 * Gauge cells: what a mode's set and add do to them, and what becomes of a dead worker's when its slot is taken over.
 * layout.h has the encoding: values XOR a NaN, so that zero bytes are "never set".
 */
#ifndef SHMETER_SHM_GAUGE_H
#define SHMETER_SHM_GAUGE_H

#include "lane.h"
#include "../process/ticks.h"
#include "../layout/types.h"

SHMETER_INLINE uint64_t
shmeter_gauge_encode(double v)
{
    return (SHMETER_UNLIKELY(shmeter_f64_is_nan(v)) ? SHMETER_F64_NAN : shmeter_f64_bits(v)) ^ SHMETER_UNSET_BITS;
}

/* Of a cell that is set. */
SHMETER_INLINE double
shmeter_gauge_decode(uint64_t value)
{
    return shmeter_f64_of(value ^ SHMETER_UNSET_BITS);
}

/* Whether set is one plain store into the worker's own cell. */
SHMETER_INLINE int
shmeter_gauge_plain(uint32_t mode)
{
    return mode != SHMETER_POOL && mode != SHMETER_LATEST && mode != SHMETER_LIVE_LATEST;
}

SHMETER_INLINE int
shmeter_gauge_latest(uint32_t mode)
{
    return mode == SHMETER_LATEST || mode == SHMETER_LIVE_LATEST;
}

/* NaN would stick to a minimum or maximum. */
SHMETER_INLINE int
shmeter_gauge_extreme(uint32_t mode)
{
    return mode == SHMETER_MIN || mode == SHMETER_MAX || mode == SHMETER_LIVE_MIN || mode == SHMETER_LIVE_MAX;
}

/* value += v; an unset one counts as 0. Returns 0 when the result is NaN and the mode has no use for it. */
SHMETER_LOCAL int
shmeter_gauge_add_value(struct shmeter_gauge_cell *cell, uint32_t mode, double v)
{
    uint64_t seen = shmeter_load_relaxed(&cell->value), bits;
    double sum;
    do {
        sum = shmeter_f64_sum(seen ? shmeter_gauge_decode(seen) : 0, v);
        bits = shmeter_f64_bits(sum);
        if (SHMETER_UNLIKELY(shmeter_f64_is_nan(sum))) {
            if (shmeter_gauge_extreme(mode))
                return 0;
            bits = SHMETER_F64_NAN;
        }
    } while (!shmeter_cas(&cell->value, &seen, bits ^ SHMETER_UNSET_BITS));
    return 1;
}

/* {value, stamp} as one; stamps of a cell only grow. */
SHMETER_LOCAL void
shmeter_gauge_set_latest(struct shmeter_gauge_cell *cell, double v, uint64_t ticks)
{
    uint64_t seen[2];
    seen[0] = shmeter_load_relaxed(&cell->value);
    seen[1] = shmeter_load_relaxed(&cell->aux);
    /* pairs with snapshot_pair */
    while (!shmeter_cas16(cell, seen, shmeter_gauge_encode(v), ticks > seen[1] ? ticks : seen[1] + 1))
        ;
}

/* Replaces the pool's value: a new epoch, in which no worker has a share yet. */
SHMETER_LOCAL void
shmeter_gauge_set_pool(struct shmeter_gauge_cell *common, double v)
{
    uint64_t seen[2];
    seen[0] = shmeter_load_relaxed(&common->value);
    seen[1] = shmeter_load_relaxed(&common->aux);
    /* pairs with snapshot_pair */
    while (!shmeter_cas16(common, seen, shmeter_gauge_encode(v), seen[1] + 1))
        ;
}

/*
 * Adds to this worker's share of the current epoch. A set that comes in between simply came after. The share's epoch is
 * loaded before the pool's: were it after it, another thread's share of a newer epoch could be taken for an old one's
 * and be replaced.
 */
SHMETER_LOCAL void
shmeter_gauge_add_pool(struct shmeter_gauge_cell *own, const struct shmeter_gauge_cell *common, double v)
{
    uint64_t seen[2], epoch;
    double share;
    seen[0] = shmeter_load_relaxed(&own->value);
    /* pairs with shmeter_gauge_add_pool */
    seen[1] = shmeter_load_acquire(&own->aux);
    do {
        /* pairs with shmeter_gauge_set_pool */
        epoch = shmeter_load_acquire(&common->aux);
        share = seen[0] && seen[1] == epoch ? shmeter_gauge_decode(seen[0]) : 0;
        /* pairs with snapshot_pair */
    } while (!shmeter_cas16(own, seen, shmeter_gauge_encode(shmeter_f64_sum(share, v)), epoch));
}

/* Two encoded values, of which either may be unset, as one of the mode. */
SHMETER_LOCAL uint64_t
shmeter_gauge_combine(uint32_t mode, uint64_t a, uint64_t b)
{
    int64_t x, y;
    if (!a || !b)
        return a ? a : b;
    if (mode == SHMETER_SUM)
        return shmeter_gauge_encode(shmeter_f64_sum(shmeter_gauge_decode(a), shmeter_gauge_decode(b)));
    x = shmeter_f64_order(a ^ SHMETER_UNSET_BITS);
    y = shmeter_f64_order(b ^ SHMETER_UNSET_BITS);
    return mode == SHMETER_MIN ? (y < x ? b : a) : (y > x ? b : a);
}

/*
 * A dead worker's cell, at the hands of whoever takes its slot: retained modes fold value into aux by one
 * compare-and-swap (dying here loses and doubles nothing), LATEST stays as it is, all others become unset.
 */
SHMETER_LOCAL void
shmeter_gauge_inherit(struct shmeter_gauge_cell *cell, uint32_t mode)
{
    uint64_t seen[2], low, high;
    if (mode == SHMETER_LATEST)
        return;
    seen[0] = shmeter_load_relaxed(&cell->value);
    seen[1] = shmeter_load_relaxed(&cell->aux);
    do {
        low = high = 0;
        if (mode == SHMETER_SUM || mode == SHMETER_MIN || mode == SHMETER_MAX)
            high = shmeter_gauge_combine(mode, seen[0], seen[1]);
        /* pairs with snapshot_pair */
    } while (!shmeter_cas16(cell, seen, low, high));
}

#endif
