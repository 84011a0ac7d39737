/* Updates, inlined into the program. fallback.h has their slow paths. shmeter.h documents the functions. */
#ifndef SHMETER_CLIENT_UPDATE_H
#define SHMETER_CLIENT_UPDATE_H

#include "../shm/lanes/buckets.h"
#include "../shm/lanes/definition.h"
#include "../shm/lanes/gauge.h"
#include "../shm/machine/compiler.h"
#include "../shm/segment/meter.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A gauge's set is one plain store when the mode allows it and the value is not NaN. One comparison of 64-bit numbers
 * decides both:
 *     2 * bits(value) + 1 <= limit
 * where limit is SHMETER_GAUGE_PLAIN if the mode allows it, else 0 (as in a zeroed handle). Example: bits(infinity) is
 * 0x7ff0000000000000, which gives 0xffe0000000000001 and passes. Each NaN has larger bits and does not pass.
 */
#define SHMETER_GAUGE_PLAIN        UINT64_C(0xffe0000000000001)
#define SHMETER_GAUGE_PRIVATE      UINT64_C(2) /* slot points to the process's own memory, and stays so */
#define SHMETER_GAUGE_OFFSET(cell) ((cell) << 11 >> 19)

/* ---- slow paths (fallback.h) ---- */

SHMETER_WARM void shmeter_counter_add_slow(struct shmeter_counter counter, uint64_t n);
SHMETER_WARM void shmeter_counter_f64_add_slow(struct shmeter_counter_f64 counter, double v);
SHMETER_WARM void shmeter_histogram_observe_slow(struct shmeter_histogram histogram, double v);
SHMETER_WARM void shmeter_gauge_set_slow(struct shmeter_gauge gauge, double v);
SHMETER_WARM void shmeter_gauge_add_slow(struct shmeter_gauge gauge, double v);
SHMETER_COLD double shmeter_ns_per_tick_slow(struct shmeter_attachment *attachment);

#if defined(SHMETER_LINK) || defined(SHMETER_BUILD_LIBRARY)
/*
 * shmeter_family for a description of desc_bytes: its size in the program's header, which may be older or newer than
 * the library's.
 */
SHMETER_COLD const struct shmeter_family *shmeter_family_sized(struct shmeter *meter, const struct shmeter_desc *desc,
                                                               size_t desc_bytes);
#endif
#if defined(SHMETER_LINK) && !defined(SHMETER_BUILD_LIBRARY)
SHMETER_HOT const struct shmeter_family *
shmeter_family(struct shmeter *meter, const struct shmeter_desc *desc)
{
    return shmeter_family_sized(meter, desc, SHMETER_DESC_BYTES);
}
#endif

SHMETER_INLINE const uint64_t *
shmeter_changes(const struct shmeter *meter)
{
    const struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    return attachment && attachment->state ? &attachment->state->changes_begun.value : NULL;
}

/* ---- updates ---- */

SHMETER_HOT void
shmeter_counter_add(struct shmeter_counter counter, uint64_t n)
{
    uint32_t lanes_n = (uint32_t)counter.lanes & 0xffff, shift = (uint32_t)(counter.lanes >> 16) & 63;
    int tries;
    if (SHMETER_LIKELY(lanes_n))
        for (tries = 0; tries < SHMETER_SEQ_TRIES; tries++) {
            enum shmeter_seq seq = shmeter_rseq_add(counter.cell, lanes_n, shift, n);
            if (SHMETER_LIKELY(seq == SHMETER_SEQ_DONE))
                return;
            if (seq == SHMETER_SEQ_ELSEWHERE)
                break;
        }
    shmeter_counter_add_slow(counter, n);
}

SHMETER_HOT void
shmeter_counter_inc(struct shmeter_counter counter)
{
    shmeter_counter_add(counter, 1);
}

SHMETER_HOT void
shmeter_counter_f64_add(struct shmeter_counter_f64 counter, double v)
{
    int tries;
    if (SHMETER_LIKELY(counter.lanes && shmeter_lanes_take(counter.lanes, shmeter_f64_bits(v))))
        for (tries = 0; tries < SHMETER_SEQ_TRIES; tries++) {
            enum shmeter_seq seq = shmeter_rseq_add_f64(counter.lanes->cpu + counter.cell, counter.lanes->cpu_n,
                                                        counter.lanes->shift, v);
            if (SHMETER_LIKELY(seq == SHMETER_SEQ_DONE))
                return;
            if (seq == SHMETER_SEQ_ELSEWHERE)
                break;
        }
    shmeter_counter_f64_add_slow(counter, v);
}

SHMETER_HOT_LARGE void
shmeter_histogram_observe(struct shmeter_histogram histogram, double v)
{
    const struct shmeter_buckets *buckets = histogram.buckets;
    uint64_t bits = shmeter_f64_bits(v);
    uint32_t bucket;
    int tries;
    if (SHMETER_LIKELY(buckets && shmeter_lanes_take(&buckets->lanes, bits & ~SHMETER_F64_SIGN))) {
        bucket = shmeter_buckets_find(buckets, bits);
        if (SHMETER_LIKELY(!buckets->exponential || ((int64_t)bits >= 0 && bucket < buckets->buckets_n)))
            for (tries = 0; tries < SHMETER_SEQ_TRIES; tries++) {
                enum shmeter_seq seq = shmeter_rseq_observe(buckets->lanes.cpu + histogram.cell, buckets->lanes.cpu_n,
                                                            buckets->lanes.shift, bucket, buckets->buckets_n, v);
                if (SHMETER_LIKELY(seq == SHMETER_SEQ_DONE))
                    return;
                if (seq == SHMETER_SEQ_ELSEWHERE)
                    break;
            }
    }
    shmeter_histogram_observe_slow(histogram, v);
}

SHMETER_HOT void
shmeter_gauge_set(struct shmeter_gauge gauge, double v)
{
    uint64_t bits = shmeter_f64_bits(v);
    if (SHMETER_LIKELY((bits << 1 | 1) <= (gauge.cell & SHMETER_GAUGE_PLAIN))) {
        uint64_t block = shmeter_load_relaxed(gauge.slot);
        if (SHMETER_LIKELY(block)) {
            shmeter_store_relaxed(SHMETER_POINTER(uint64_t *, block + SHMETER_GAUGE_OFFSET(gauge.cell)),
                                  bits ^ SHMETER_UNSET_BITS);
            return;
        }
    }
    shmeter_gauge_set_slow(gauge, v);
}

SHMETER_HOT void
shmeter_gauge_add(struct shmeter_gauge gauge, double v)
{
    shmeter_gauge_add_slow(gauge, v);
}

SHMETER_HOT void
shmeter_gauge_sub(struct shmeter_gauge gauge, double v)
{
    shmeter_gauge_add_slow(gauge, shmeter_f64_of(shmeter_f64_bits(v) ^ SHMETER_F64_SIGN));
}

SHMETER_HOT void
shmeter_gauge_inc(struct shmeter_gauge gauge)
{
    shmeter_gauge_add_slow(gauge, 1);
}

SHMETER_HOT void
shmeter_gauge_dec(struct shmeter_gauge gauge)
{
    shmeter_gauge_add_slow(gauge, -1);
}

SHMETER_HOT uint64_t
shmeter_ticks(const struct shmeter *meter)
{
    return shmeter_clock_ticks(meter ? meter->ticks_kind : (uint32_t)SHMETER_TICKS_MONOTONIC_NS);
}

SHMETER_INLINE double
shmeter_ticks_seconds(struct shmeter_attachment *attachment, uint64_t from, uint64_t to)
{
    double ns_per_tick = 1;
    /* pairs with shmeter_ns_per_tick_slow */
    if (attachment)
        ns_per_tick = SHMETER_LIKELY(shmeter_load_acquire(&attachment->calibrated))
                          ? shmeter_f64_of(shmeter_load_relaxed(&attachment->ns_per_tick))
                          : shmeter_ns_per_tick_slow(attachment);
    return to > from ? (double)(to - from) * ns_per_tick * ((double)1 / 1000000000) : 0;
}

SHMETER_HOT double
shmeter_seconds_since(const struct shmeter *meter, uint64_t start_ticks)
{
    uint64_t now = shmeter_ticks(meter);
    return shmeter_ticks_seconds(meter ? shmeter_meter_attachment(meter) : NULL, start_ticks, now);
}

SHMETER_HOT_LARGE void
shmeter_histogram_observe_since(struct shmeter_histogram histogram, uint64_t start_ticks)
{
    struct shmeter_attachment *attachment = histogram.buckets ? histogram.buckets->lanes.attachment : NULL;
    uint64_t now;
    if (!attachment)
        return;
    now = shmeter_clock_ticks(attachment->timer_kind);
    shmeter_histogram_observe(histogram, shmeter_ticks_seconds(attachment, start_ticks, now));
}

#ifdef __cplusplus
}
#endif

#endif
