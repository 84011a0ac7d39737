/*
 * The bodies of the header's cold and warm functions, and of what updates fall back to. shmeter.h documents them.
 */
#ifndef SHMETER_CLIENT_COLD_H
#define SHMETER_CLIENT_COLD_H

#include "../shm/open.h"
#include "../shm/series.h"
#include "../shm/worker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- attachment ------------------------------------------------------------------------------------------------------ */

SHMETER_COLD int
shmeter_open(struct shmeter **out, const char *segment, const struct shmeter_options *options)
{
    char path[256];
    int result;
    segment = shmeter_open_name(segment);
    result = shmeter_segment_path(segment, path);
    *out = shmeter_open_find(result ? segment : path);
    if (*out)
        result = shmeter_open_again(*out, result);
    else
        *out = shmeter_open_new(path, segment, options, &result);
    if (*out && !result) /* so that no update of this process has a slot to claim; without one it counts privately */
        shmeter_slot_claim(shmeter_meter_attachment(*out));
    return *out ? result : -ENOMEM;
}

SHMETER_COLD void
shmeter_close(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    uint64_t seen = meter ? shmeter_load_acquire(&meter->opened_n) : 0;
    do {
        if (!seen)
            return;
    } while (!shmeter_cas(&meter->opened_n, &seen, seen - 1));
    if (seen > 1 || !attachment)
        return;
    attachment->closed = 1;
    shmeter_slot_release(attachment);
}

SHMETER_COLD const char *
shmeter_error(const struct shmeter *meter)
{
    uint64_t at = meter ? shmeter_load_acquire(&meter->error) : 0;
    return at ? SHMETER_POINTER(const char *, at) : meter ? "" : "out of memory";
}

SHMETER_COLD const struct shmeter_family *
shmeter_family(struct shmeter *meter, const struct shmeter_desc *desc)
{
    struct shmeter_definition definition;
    struct shmeter_family *family;
    const char *why;
    int conflict;
    if (!meter || !desc)
        return NULL;
    why = shmeter_definition_check(desc);
    if (why) {
        shmeter_meter_say(meter, "family ", desc->name ? desc->name : "(no name)", " ", why);
        shmeter_meter_lose(meter, SHMETER_LOSS_FAMILIES_REFUSED);
        return shmeter_family_refuse(meter, desc);
    }
    if (shmeter_definition_make(desc, &definition))
        return NULL;
    shmeter_meter_refresh(meter);
    family = shmeter_family_find(meter, &definition, &conflict);
    if (family)
        shmeter_definition_drop(&definition);
    else
        family = shmeter_family_push(meter, &definition, conflict ? 1 : 0);
    if (!family)
        return NULL;
    if (family->refused) {
        shmeter_meter_say(meter, "family ", family->definition.strings,
                          " is open in this process with another type, labels or buckets; this one counts privately",
                          NULL);
        shmeter_meter_lose(meter, SHMETER_LOSS_FAMILY_CONFLICTS);
        return family;
    }
    if (family->definition.exponential && family->definition.schema != desc->schema)
        shmeter_meter_say(meter, "family ", family->definition.strings,
                          ": the schema is coarser than asked for, so that the range fits 320 buckets", NULL);
    if (shmeter_family_binding(family) && family->definition.labels_n) /* its __overflow__ series is made with it */
        shmeter_series_overflow(shmeter_family_binding(family), &family->definition, 0);
    shmeter_populate(shmeter_meter_attachment(meter));
    return family;
}

/* ---- lookups --------------------------------------------------------------------------------------------------------- */

SHMETER_WARM struct shmeter_counter
shmeter_counter_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    struct shmeter_counter handle = { NULL, 0 };
    struct shmeter_series series;
    if (!family)
        return handle;
    series = shmeter_series_of(family, SHMETER_COUNTER, values, values_len);
    if (series.binding) {
        const struct shmeter_lanes *lanes = &series.binding->attachment->lanes;
        unsigned char *shared = lanes->shared + 2 * series.cell;
        uint64_t log2 = lanes->shared_mask == 0 ? 0 : lanes->shared_mask == 1 ? 1 : lanes->shared_mask == 3 ? 2 : 3;
        handle.cell = lanes->cpu + series.cell;
        handle.lanes = lanes->cpu_n | (uint64_t)lanes->shift << 16 | log2 << 22 |
                       (uint64_t)(shared - handle.cell) / 8 << 24;
    } else {
        struct shmeter_private *own = shmeter_family_private(family);
        handle.cell = own ? (unsigned char *)own->cell : NULL;
    }
    return handle;
}

SHMETER_WARM struct shmeter_counter_f64
shmeter_counter_f64_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    struct shmeter_counter_f64 handle = { NULL, 0 };
    struct shmeter_series series;
    if (!family)
        return handle;
    series = shmeter_series_of(family, SHMETER_COUNTER_F64, values, values_len);
    if (series.binding) {
        handle.lanes = &series.binding->attachment->lanes;
        handle.cell = series.cell;
    } else {
        struct shmeter_private *own = shmeter_family_private(family);
        handle.lanes = own ? &own->lanes : NULL;
    }
    return handle;
}

SHMETER_WARM struct shmeter_histogram
shmeter_histogram_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    struct shmeter_histogram handle = { NULL, 0 };
    struct shmeter_series series;
    if (!family)
        return handle;
    series = shmeter_series_of(family, SHMETER_HISTOGRAM, values, values_len);
    if (series.binding) {
        handle.buckets = series.binding->buckets;
        handle.cell = series.cell;
    } else {
        struct shmeter_private *own = shmeter_family_private(family);
        handle.buckets = own ? own->buckets : NULL;
    }
    return handle;
}

SHMETER_WARM struct shmeter_gauge
shmeter_gauge_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    struct shmeter_gauge handle = { NULL, 0 };
    struct shmeter_series series;
    uint64_t mode;
    if (!family)
        return handle;
    mode = family->definition.mode;
    series = shmeter_series_of(family, SHMETER_GAUGE, values, values_len);
    if (series.binding) {
        const struct shmeter_attachment *attachment = series.binding->attachment;
        handle.slot = &SHMETER_WIPED(attachment)->slot;
        handle.cell = (shmeter_gauge_extreme((uint32_t)mode) ? SHMETER_GAUGE_EXTREME
                       : shmeter_gauge_plain((uint32_t)mode) ? SHMETER_GAUGE_PLAIN
                                                             : 0) |
                      mode << 2 |
                      (attachment->header.gauges_off + series.cell * sizeof(struct shmeter_gauge_cell)) << 8;
    } else {
        struct shmeter_private *own = shmeter_family_private(family);
        handle.slot = own ? &own->slot : NULL;
        handle.cell = own ? SHMETER_GAUGE_PRIVATE | (uint64_t)SHMETER_LIVE_SUM << 2 : 0;
    }
    return handle;
}

SHMETER_COLD void
shmeter_info_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    if (family)
        shmeter_series_of(family, SHMETER_INFO, values, values_len);
}

SHMETER_COLD void
shmeter_hide_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    const struct shmeter_binding *binding = family ? shmeter_family_binding(family) : NULL;
    struct shmeter_values joined;
    struct shmeter_probe probe;
    struct shmeter_key key;
    uint32_t i;
    int fits = 1;
    if (!binding || values_len != family->definition.labels_n)
        return;
    for (i = 0; i < values_len; i++)
        if (!values[i])
            return;
    if (!shmeter_values_join(&joined, values, values_len))
        return;
    shmeter_utf8_repair(joined.text, &joined.bytes, SHMETER_MAX_VALUES_BYTES, &fits);
    key = shmeter_series_key(binding, &joined);
    probe = shmeter_registry_probe(binding->attachment, &key);
    if (fits && probe.entry && probe.seen)
        shmeter_series_hide(binding, &family->definition, (uint32_t)probe.seen);
}

SHMETER_COLD void
shmeter_hide_all(const struct shmeter_family *family)
{
    const struct shmeter_binding *binding = family ? shmeter_family_binding(family) : NULL;
    uint64_t unit = 0, at;
    int kind;
    if (!binding)
        return;
    while ((kind = shmeter_arena_next(binding->attachment, &unit, &at)) >= 0)
        if (kind == SHMETER_KIND_SERIES)
            shmeter_series_hide(binding, &family->definition, (uint32_t)at);
}

/* ---- the worker itself ------------------------------------------------------------------------------------------------- */

SHMETER_COLD int
shmeter_attach_worker(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    char buffer[24];
    int result;
    if (!attachment)
        return -ENOMEM;
    if (!shmeter_load_acquire(&SHMETER_WIPED(attachment)->claim))
        shmeter_slot_forget(attachment); /* none was free the last time: try again */
    shmeter_slot_block_of(attachment);
    result = shmeter_slot_claim(attachment);
    if (result == -EUSERS)
        shmeter_meter_say(meter, "segment ", meter->path,
                          ": all slots are taken (create it with more: max_slots); gauges count privately", NULL);
    else if (result && attachment->base)
        shmeter_meter_say(meter, "segment ", meter->path, ": no slot: ", shmeter_text_errno(-result, buffer));
    return result;
}

SHMETER_WARM void
shmeter_heartbeat(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    if (attachment)
        shmeter_store_relaxed(&shmeter_slot_block_of(attachment)->heartbeat_ticks,
                              shmeter_clock_ticks(attachment->header.ticks_kind));
}

SHMETER_WARM void
shmeter_busy(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    struct shmeter_slot_block *block;
    if (!attachment)
        return;
    block = shmeter_slot_block_of(attachment);
    shmeter_store_relaxed(&block->busy_ticks, shmeter_clock_ticks(attachment->header.ticks_kind));
    shmeter_add(&block->work_n, 1);
}

SHMETER_WARM void
shmeter_idle(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    if (attachment)
        shmeter_store_relaxed(&shmeter_slot_block_of(attachment)->busy_ticks, 0);
}

SHMETER_COLD void
shmeter_check(struct shmeter *meter, const char *check, enum shmeter_health health, const char *message)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    struct shmeter_slot_check *place;
    if (!attachment || !check || !*check)
        return;
    place = shmeter_worker_check_place(shmeter_slot_block_of(attachment), check);
    if (place)
        shmeter_worker_check_put(place, (uint32_t)health > SHMETER_FAILING ? SHMETER_FAILING : health, message,
                                 shmeter_clock_ticks(attachment->header.ticks_kind));
    else
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_CHECKS_REFUSED);
}

/* ---- what updates fall back to -------------------------------------------------------------------------------------------- */

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
    if (!(v >= 0))
        shmeter_lane_lose(counter.lanes, SHMETER_LOSS_ADDS_REFUSED);
    else
        shmeter_lane_add_f64(shmeter_lane_shared_cell(counter.lanes, counter.cell), v);
}

SHMETER_WARM void
shmeter_histogram_observe_slow(struct shmeter_histogram histogram, double v)
{
    const struct shmeter_buckets *buckets = histogram.buckets;
    double addend = v - v == 0 ? v : 0; /* infinities count in their bucket only */
    struct shmeter_shared_bucket *at;
    uint32_t bucket;
    uint64_t seen[2];
    if (!buckets)
        return;
    if (v != v || (buckets->exponential && v < 0)) {
        shmeter_lane_lose(&buckets->lanes, v != v ? SHMETER_LOSS_OBSERVATIONS_NAN : SHMETER_LOSS_OBSERVATIONS_NEGATIVE);
        return;
    }
    bucket = shmeter_buckets_find(buckets, v);
    if (bucket >= buckets->buckets_n) {
        shmeter_lane_lose(&buckets->lanes, SHMETER_LOSS_OBSERVATIONS_CLAMPED);
        bucket = buckets->buckets_n - 1;
    }
    at = (struct shmeter_shared_bucket *)(void *)shmeter_lane_shared_cell(
        &buckets->lanes, histogram.cell + sizeof(struct shmeter_histogram_cell) + 8 * (uint64_t)bucket);
    seen[0] = shmeter_load_relaxed(&at->count);
    seen[1] = shmeter_load_relaxed((const uint64_t *)(const void *)&at->sum);
    while (!shmeter_cas16(at, seen, seen[0] + 1, shmeter_f64_bits(shmeter_f64_of(seen[1]) + addend)))
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
    struct shmeter_gauge_place place = { NULL, NULL, NULL, (uint32_t)(gauge.cell >> 2) & 31, 0 };
    struct shmeter_attachment *attachment;
    uint64_t off = gauge.cell >> 8, block;
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
    if (v != v && shmeter_gauge_extreme(place.mode))
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
