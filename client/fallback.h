/*
 * The slow paths of updates: shared lanes, refused values, and gauges that need more than one store or have no slot
 * yet. Lock-free and async-signal-safe, as the updates are.
 */
#ifndef SHMETER_CLIENT_FALLBACK_H
#define SHMETER_CLIENT_FALLBACK_H

#include "../shm/slots/claim.h"

#ifdef __cplusplus
extern "C" {
#endif

SHMETER_WARM void
shmeter_counter_add_slow(struct shmeter_counter counter, uint64_t n)
{
    uint64_t shift = counter.lanes >> 16 & 63, lanes_n = UINT64_C(1) << (counter.lanes >> 22 & 3), lane = 0;
    if (!counter.cell)
        return;
    if (lanes_n > 1)
        lane = shmeter_lane_pick() & (lanes_n - 1);
    shmeter_add((uint64_t *)(void *)(counter.cell + 8 * (counter.lanes >> 24) + (lane << (shift + 1))), n);
}

SHMETER_WARM void
shmeter_counter_f64_add_slow(struct shmeter_counter_f64 counter, double v)
{
    if (!counter.lanes)
        return;
    if (shmeter_f64_is_nan(v) || shmeter_f64_is_negative(shmeter_f64_bits(v)))
        shmeter_lane_lose(counter.lanes, SHMETER_LOSS_ADDS_REFUSED);
    else
        shmeter_lane_add_f64(shmeter_lane_shared_cell(counter.lanes, counter.cell), v);
}

SHMETER_WARM void
shmeter_histogram_observe_slow(struct shmeter_histogram histogram, double v)
{
    const struct shmeter_buckets *buckets = histogram.buckets;
    uint64_t bits = shmeter_f64_bits(v), seen[2];
    double addend = shmeter_f64_is_finite(bits) ? v : 0; /* infinities count in their bucket only */
    struct shmeter_shared_bucket *at;
    uint32_t bucket;
    if (!buckets)
        return;
    if (shmeter_f64_is_nan(v)) {
        shmeter_lane_lose(&buckets->lanes, SHMETER_LOSS_OBSERVATIONS_NAN);
        return;
    }
    if (buckets->exponential && shmeter_f64_is_negative(bits)) {
        shmeter_lane_lose(&buckets->lanes, SHMETER_LOSS_OBSERVATIONS_NEGATIVE);
        return;
    }
    bucket = shmeter_buckets_find(buckets, bits);
    if (bucket >= buckets->buckets_n) {
        shmeter_lane_lose(&buckets->lanes, SHMETER_LOSS_OBSERVATIONS_CLAMPED);
        bucket = buckets->buckets_n - 1;
    }
    at = (struct shmeter_shared_bucket *)(void *)shmeter_lane_shared_cell(
        &buckets->lanes, histogram.cell + sizeof(struct shmeter_histogram_cell) + 8 * (uint64_t)bucket);
    seen[0] = shmeter_load_relaxed(&at->count);
    seen[1] = shmeter_load_relaxed((const uint64_t *)(const void *)&at->sum);
    /* pairs with read_shared_cell */
    while (!shmeter_cas16(at, seen, seen[0] + 1, shmeter_f64_bits(shmeter_f64_sum(shmeter_f64_of(seen[1]), addend))))
        ;
}

/* The attachment of a gauge's handle. The handle points into the page behind the attachment, which is wiped at fork. */
SHMETER_INLINE struct shmeter_attachment *
shmeter_gauge_attachment(struct shmeter_gauge gauge)
{
    uint64_t page = SHMETER_ADDRESS(gauge.slot) - offsetof(struct shmeter_wiped, slot);
    return SHMETER_POINTER(struct shmeter_attachment *, page - SHMETER_ATTACHMENT_BYTES);
}

struct shmeter_gauge_place {
    struct shmeter_gauge_cell *own;              /* NULL: the handle is zeroed, or there is no slot */
    struct shmeter_gauge_cell *common;           /* NULL: the handle is private, or the meter is closed */
    const struct shmeter_attachment *attachment; /* NULL: the handle stays private */
    uint32_t mode;
};

/* The cells of a gauge. Claims a slot if this process has none. */
SHMETER_INLINE struct shmeter_gauge_place
shmeter_gauge_place_of(struct shmeter_gauge gauge)
{
    struct shmeter_gauge_place place = { NULL, NULL, NULL, (uint32_t)(gauge.cell >> 2) & 63 };
    struct shmeter_attachment *attachment;
    uint64_t block, off = SHMETER_GAUGE_OFFSET(gauge.cell);
    if (!gauge.slot)
        return place;
    if (gauge.cell & SHMETER_GAUGE_PRIVATE) {
        /* pairs with none: it never changes, and is older than the handle */
        place.own = SHMETER_POINTER(struct shmeter_gauge_cell *, shmeter_load_acquire(gauge.slot) + off);
        return place;
    }
    attachment = shmeter_gauge_attachment(gauge);
    place.attachment = attachment;
    block = shmeter_claim_block(attachment);
    if (SHMETER_LIKELY(block))
        place.own = SHMETER_POINTER(struct shmeter_gauge_cell *, block + off);
    else if (shmeter_attachment_closed(attachment))
        return place;
    place.common = (struct shmeter_gauge_cell *)(void *)(attachment->base + attachment->header.common_off + off -
                                                         attachment->header.gauges_off);
    return place;
}

/* Counts a refused update as a loss. */
SHMETER_INLINE void
shmeter_gauge_lose(const struct shmeter_attachment *attachment)
{
    if (attachment)
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_GAUGE_REFUSED);
}

/*
 * An update without a slot: it counts privately; or, when the meter is closed, it has no effect. When the process has
 * got a slot meanwhile, returns the slot's cell and has done nothing; else NULL.
 */
SHMETER_LOCAL __attribute__((cold, noinline)) struct shmeter_gauge_cell *
shmeter_gauge_update_private(struct shmeter_gauge gauge, const struct shmeter_gauge_place *place,
                             enum shmeter_gauge_op op, double v)
{
    const uint64_t unset[2] = { 0, 0 };
    struct shmeter_gauge_cell *own = NULL;
    uint64_t next[2];
    int refused;
    if (!place->attachment)
        return NULL;
    if (place->common)
        refused = shmeter_private_update(place->attachment, SHMETER_GAUGE_OFFSET(gauge.cell), place->mode, op, v,
                                         &own) == SHMETER_PRIVATE_REFUSED;
    else
        refused = !shmeter_private_next(place->mode, op, v, 0, 0, unset, next);
    if (refused)
        shmeter_gauge_lose(place->attachment);
    return own;
}

SHMETER_WARM void
shmeter_gauge_set_slow(struct shmeter_gauge gauge, double v)
{
    struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge);
    if (place.mode == SHMETER_POOL && place.common) {
        shmeter_gauge_set_pool(place.common, v);
        return;
    }
    if (SHMETER_UNLIKELY(!place.own))
        place.own = shmeter_gauge_update_private(gauge, &place, SHMETER_GAUGE_SET, v);
    if (!place.own)
        return;
    if (SHMETER_UNLIKELY(shmeter_f64_is_nan(v)) && shmeter_gauge_extreme(place.mode))
        shmeter_gauge_lose(place.attachment);
    else if (shmeter_gauge_latest(place.mode))
        shmeter_gauge_set_latest(place.own, v, place.attachment ? shmeter_attachment_ticks(place.attachment) : 0);
    else
        shmeter_store_relaxed(&place.own->value, shmeter_gauge_encode(v));
}

SHMETER_WARM void
shmeter_gauge_add_slow(struct shmeter_gauge gauge, double v)
{
    struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge);
    if (SHMETER_UNLIKELY(!place.own))
        place.own = shmeter_gauge_update_private(gauge, &place, SHMETER_GAUGE_ADD, v);
    if (!place.own)
        return;
    if (shmeter_gauge_latest(place.mode))
        shmeter_gauge_lose(place.attachment);
    else if (place.mode == SHMETER_POOL && place.common)
        shmeter_gauge_add_pool(place.own, place.common, v);
    else if (!shmeter_gauge_add_value(place.own, place.mode, v))
        shmeter_gauge_lose(place.attachment);
}

SHMETER_WARM void
shmeter_gauge_touch(struct shmeter_gauge gauge)
{
    struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge);
    uint64_t seen[2];
    if (place.mode != SHMETER_POOL || !place.common) {
        if (!place.own)
            place.own = shmeter_gauge_update_private(gauge, &place, SHMETER_GAUGE_TOUCH, 0);
        if (place.own && !shmeter_gauge_latest(place.mode))
            shmeter_gauge_add_value(place.own, place.mode, 0);
        return;
    }
    seen[0] = shmeter_load_relaxed(&place.common->value);
    seen[1] = shmeter_load_relaxed(&place.common->aux);
    /* pairs with snapshot_pair */
    while (!seen[0] && !shmeter_cas16(place.common, seen, shmeter_gauge_encode(0), seen[1]))
        ; /* the epoch stays, so the workers' shares still count */
}

SHMETER_WARM void
shmeter_stateset_set(struct shmeter_stateset stateset, uint32_t state)
{
    struct shmeter_gauge_place place;
    if (state < stateset.states_n) {
        shmeter_gauge_set_slow(stateset.gauge, state);
        return;
    }
    place = shmeter_gauge_place_of(stateset.gauge);
    shmeter_gauge_lose(place.attachment);
}

/*
 * Measures the ratio between a pair of clock readings from earlier and one from now. The ratio gets more exact with
 * each call; after a second it is final. An earlier pair from before a suspension of the machine cannot be used,
 * because the counter may have gone on meanwhile. It is replaced by a new pair, and not overwritten, because another
 * thread may be reading it.
 */
SHMETER_COLD double
shmeter_ns_per_tick_slow(struct shmeter_attachment *attachment)
{
    struct shmeter_clock_pair now = shmeter_ticks_pair(attachment->timer_kind), *fresh;
    /* pairs with shmeter_ns_per_tick_slow */
    uint64_t at = shmeter_load_acquire(&attachment->pair), ticks, ns;
    const struct shmeter_clock_pair *began = SHMETER_POINTER(const struct shmeter_clock_pair *, at);
    double ratio;
    if (shmeter_clock_suspended(began->away_ns, now.away_ns)) {
        fresh = (struct shmeter_clock_pair *)shmeter_heap_take(sizeof *fresh);
        if (fresh) {
            *fresh = now;
            /* pairs with shmeter_ns_per_tick_slow */
            shmeter_cas(&attachment->pair, &at, SHMETER_ADDRESS(fresh));
        }
        began = fresh ? fresh : &now;
        now = shmeter_ticks_pair(attachment->timer_kind);
    }
    ticks = now.ticks - began->ticks;
    ns = now.ns - began->ns;
    ratio = ticks && ns ? (double)ns / (double)ticks : 1;
    if (ns >= UINT64_C(1000000000)) {
        shmeter_store_relaxed(&attachment->ns_per_tick, shmeter_f64_bits(ratio));
        /* pairs with shmeter_ticks_seconds */
        shmeter_store_release(&attachment->calibrated, 1);
    }
    return ratio;
}

#ifdef __cplusplus
}
#endif

#endif
