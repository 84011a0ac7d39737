/*
 * What updates fall back to: shared lanes, refused values, gauges that need more than one store or have no slot yet.
 * Lock-free and async-signal-safe like the updates themselves.
 */
#ifndef SHMETER_CLIENT_FALLBACK_H
#define SHMETER_CLIENT_FALLBACK_H

#include "../shm/slot.h"

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
    while (!shmeter_cas16(at, seen, seen[0] + 1, shmeter_f64_bits(shmeter_f64_sum(shmeter_f64_of(seen[1]), addend))))
        ;
}

/* What a gauge handle's pointer leads to: the attachment whose wiped page it points into. */
SHMETER_INLINE struct shmeter_attachment *
shmeter_gauge_attachment(struct shmeter_gauge gauge)
{
    uint64_t page = SHMETER_ADDRESS(gauge.slot) - offsetof(struct shmeter_wiped, slot);
    return SHMETER_POINTER(struct shmeter_attachment *, page - SHMETER_ATTACHMENT_BYTES);
}

struct shmeter_gauge_place {
    struct shmeter_gauge_cell *own, *common; /* common NULL: the gauge counts privately                       */
    const struct shmeter_lanes *lanes;       /* for losses                                                    */
    uint32_t mode, ticks_kind;
};

/* own is NULL for a zeroed handle. Claims the slot if need be. */
SHMETER_LOCAL struct shmeter_gauge_place
shmeter_gauge_place_of(struct shmeter_gauge gauge)
{
    struct shmeter_gauge_place place = { NULL, NULL, NULL, (uint32_t)(gauge.cell >> 2) & 63, 0 };
    struct shmeter_attachment *attachment;
    uint64_t off = SHMETER_GAUGE_OFFSET(gauge.cell), block;
    if (!gauge.slot)
        return place;
    block = shmeter_load_acquire(gauge.slot);
    if (!(gauge.cell & SHMETER_GAUGE_PRIVATE)) {
        attachment = shmeter_gauge_attachment(gauge);
        if (!block) {
            shmeter_slot_claim(attachment);
            block = shmeter_load_acquire(gauge.slot);
        }
        place.lanes = &attachment->lanes;
        place.ticks_kind = attachment->header.ticks_kind;
        if (shmeter_load_acquire(&SHMETER_WIPED(attachment)->claim))
            place.common = (struct shmeter_gauge_cell *)(void *)(attachment->base + attachment->header.common_off +
                                                                 off - attachment->header.gauges_off);
    }
    place.own = SHMETER_POINTER(struct shmeter_gauge_cell *, block + off);
    return place;
}

SHMETER_WARM void
shmeter_gauge_set_slow(struct shmeter_gauge gauge, double v)
{
    struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge);
    if (!place.own)
        return;
    if (SHMETER_UNLIKELY(shmeter_f64_is_nan(v)) && shmeter_gauge_extreme(place.mode))
        shmeter_lane_lose(place.lanes, SHMETER_LOSS_GAUGE_REFUSED);
    else if (place.mode == SHMETER_POOL && place.common)
        shmeter_gauge_set_pool(place.common, v);
    else if (shmeter_gauge_latest(place.mode))
        shmeter_gauge_set_latest(place.own, v, shmeter_clock_ticks(place.ticks_kind));
    else
        shmeter_store_relaxed(&place.own->value, shmeter_gauge_encode(v));
}

SHMETER_WARM void
shmeter_gauge_add_slow(struct shmeter_gauge gauge, double v)
{
    struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge);
    if (!place.own)
        return;
    if (shmeter_gauge_latest(place.mode))
        shmeter_lane_lose(place.lanes, SHMETER_LOSS_GAUGE_REFUSED);
    else if (place.mode == SHMETER_POOL && place.common)
        shmeter_gauge_add_pool(place.own, place.common, v);
    else if (!shmeter_gauge_add_value(place.own, place.mode, v))
        shmeter_lane_lose(place.lanes, SHMETER_LOSS_GAUGE_REFUSED);
}

SHMETER_WARM void
shmeter_gauge_touch(struct shmeter_gauge gauge)
{
    struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge);
    uint64_t seen[2];
    if (!place.own || shmeter_gauge_latest(place.mode))
        return;
    if (place.mode != SHMETER_POOL || !place.common) {
        shmeter_gauge_add_value(place.own, place.mode, 0);
        return;
    }
    seen[0] = shmeter_load_relaxed(&place.common->value);
    seen[1] = shmeter_load_relaxed(&place.common->aux);
    while (!seen[0] && !shmeter_cas16(place.common, seen, shmeter_gauge_encode(0), seen[1]))
        ; /* in the same epoch: shares count on */
}

SHMETER_WARM void
shmeter_stateset_set(struct shmeter_stateset stateset, uint32_t state)
{
    struct shmeter_gauge_place place = shmeter_gauge_place_of(stateset.gauge);
    if (!place.own)
        return;
    if (state < stateset.states_n)
        shmeter_gauge_set_slow(stateset.gauge, state);
    else if (place.lanes)
        shmeter_lane_lose(place.lanes, SHMETER_LOSS_GAUGE_REFUSED);
}

/* While the segment is young the ratio gets better with each call; after a second it is final. */
SHMETER_COLD double
shmeter_ns_per_tick_slow(struct shmeter_attachment *attachment)
{
    uint64_t ticks = shmeter_clock_ticks(attachment->header.ticks_kind) - attachment->calibration_ticks;
    uint64_t ns = shmeter_clock_ns() - attachment->calibration_ns;
    double ratio = ticks && ns ? (double)ns / (double)ticks : 1;
    if (ns >= UINT64_C(1000000000)) {
        shmeter_store_relaxed(&attachment->ns_per_tick, shmeter_f64_bits(ratio));
        shmeter_store_release(&attachment->calibrated, 1);
    }
    return ratio;
}

#ifdef __cplusplus
}
#endif

#endif
