/*
 * Lookups, from label values to handles; and hiding series. client/info.h has infos. shmeter.h documents the functions.
 */
#ifndef SHMETER_CLIENT_LOOKUP_H
#define SHMETER_CLIENT_LOOKUP_H

#include "../shm/registry/noted.h"
#include "../shm/series.h"

#ifdef __cplusplus
extern "C" {
#endif

SHMETER_WARM struct shmeter_counter
shmeter_counter_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    struct shmeter_counter handle = { NULL, 0 };
    struct shmeter_series series;
    if (!family)
        return handle;
    series = shmeter_series_of(family, shmeter_type_counter(family->definition.type), values, values_len);
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
    series = shmeter_series_of(family, shmeter_type_counter_f64(family->definition.type), values, values_len);
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
    series = shmeter_series_of(family, shmeter_type_histogram(family->definition.type), values, values_len);
    if (series.binding) {
        handle.buckets = series.binding->buckets;
        handle.cell = series.cell;
    } else {
        struct shmeter_private *own = shmeter_family_private(family);
        handle.buckets = own ? own->buckets : NULL;
    }
    return handle;
}

/* The unit of the series' record; 0: there is none, or these are no values of the family. */
SHMETER_LOCAL uint32_t
shmeter_series_unit(const struct shmeter_family *family, const struct shmeter_binding *binding,
                    const char *const *values, uint32_t values_len)
{
    struct shmeter_values joined;
    struct shmeter_probe probe;
    struct shmeter_key key;
    uint32_t i;
    int fits = 1;
    if (values_len != family->definition.labels_n)
        return 0;
    for (i = 0; i < values_len; i++)
        if (!values[i])
            return 0;
    if (!shmeter_values_join(&joined, values, values_len))
        return 0;
    shmeter_values_repair(&joined, values_len, &fits);
    key = shmeter_series_key(binding, &joined);
    probe = shmeter_registry_probe(binding->attachment, &key);
    return fits && probe.entry ? (uint32_t)probe.seen : 0;
}

SHMETER_INLINE struct shmeter_gauge
shmeter_lookup_gauge(const struct shmeter_family *family, enum shmeter_type type, const char *const *values,
                     uint32_t values_len)
{
    struct shmeter_gauge handle = { NULL, 0 };
    struct shmeter_series series;
    uint64_t mode;
    if (!family)
        return handle;
    mode = family->definition.mode;
    series = shmeter_series_of(family, family->definition.type == (uint32_t)type, values, values_len);
    if (series.binding) {
        const struct shmeter_attachment *attachment = series.binding->attachment;
        handle.slot = &SHMETER_WIPED(attachment)->slot;
        handle.cell = (shmeter_gauge_plain((uint32_t)mode) ? SHMETER_GAUGE_PLAIN : 0) | mode << 2 |
                      (attachment->header.gauges_off + series.cell * sizeof(struct shmeter_gauge_cell)) << 8;
        if (mode == SHMETER_POOL && type == SHMETER_GAUGE)
            shmeter_noted_put(series.binding, shmeter_series_unit(family, series.binding, values, values_len));
    } else {
        struct shmeter_private *own = shmeter_family_private(family);
        handle.slot = own ? &own->slot : NULL;
        handle.cell = own ? SHMETER_GAUGE_PRIVATE | (uint64_t)SHMETER_LIVE_SUM << 2 : 0;
    }
    return handle;
}

SHMETER_WARM struct shmeter_gauge
shmeter_gauge_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    return shmeter_lookup_gauge(family, SHMETER_GAUGE, values, values_len);
}

SHMETER_WARM struct shmeter_stateset
shmeter_stateset_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    struct shmeter_stateset handle;
    handle.gauge = shmeter_lookup_gauge(family, SHMETER_STATESET, values, values_len);
    handle.states_n = family ? family->definition.states_n : 0;
    return handle;
}

SHMETER_COLD void
shmeter_hide_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    const struct shmeter_binding *binding = family ? shmeter_family_binding(family) : NULL;
    uint32_t unit = binding ? shmeter_series_unit(family, binding, values, values_len) : 0;
    if (unit)
        shmeter_series_hide(binding, &family->definition, unit);
}

SHMETER_COLD int
shmeter_shown_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    const struct shmeter_binding *binding = family ? shmeter_family_binding(family) : NULL;
    uint32_t unit = binding ? shmeter_series_unit(family, binding, values, values_len) : 0;
    const struct shmeter_series_record *record = unit ? shmeter_arena_series(binding->attachment, unit) : NULL;
    /* pairs with shmeter_registry_show */
    uint64_t state = record ? shmeter_load_acquire(&record->state) : (uint64_t)SHMETER_UNPUBLISHED;
    return SHMETER_STATE_KIND(state) == SHMETER_VISIBLE || SHMETER_STATE_KIND(state) == SHMETER_LEAVING;
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

/* ---- values with a length ---- */

/* Values copied as strings with an ending zero. A value that is too long stays too long, so that the lookup sees it. */
struct shmeter_texts {
    const char *list[SHMETER_MAX_LABELS + 1];
    char room[SHMETER_MAX_LABELS + 1][SHMETER_MAX_VALUE_BYTES + 4];
};

SHMETER_LOCAL const char *
shmeter_texts_put(char *out, const struct shmeter_value *value)
{
    size_t at = 0, i;
    if (!value->text && value->bytes)
        return NULL;
    for (i = 0; i < value->bytes && at < SHMETER_MAX_VALUE_BYTES; i++) {
        char c = value->text[i];
        if (c)
            out[at++] = c;
        else {
            memcpy(out + at, "\xef\xbf\xbd", 3); /* U+FFFD */
            at += 3;
        }
    }
    out[at] = 0;
    return out;
}

/* Returns the number of values; SHMETER_MAX_LABELS + 1 when there are more than a family can have. */
SHMETER_LOCAL uint32_t
shmeter_texts_of(struct shmeter_texts *out, const struct shmeter_value *values, uint32_t values_len)
{
    uint32_t n = values_len > SHMETER_MAX_LABELS ? SHMETER_MAX_LABELS + 1 : values_len, i;
    for (i = 0; i < n; i++)
        out->list[i] = shmeter_texts_put(out->room[i], &values[i]);
    return n;
}

SHMETER_WARM struct shmeter_counter
shmeter_counter_of_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len)
{
    struct shmeter_texts texts;
    values_len = shmeter_texts_of(&texts, values, values_len);
    return shmeter_counter_of_v(family, texts.list, values_len);
}

SHMETER_WARM struct shmeter_counter_f64
shmeter_counter_f64_of_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len)
{
    struct shmeter_texts texts;
    values_len = shmeter_texts_of(&texts, values, values_len);
    return shmeter_counter_f64_of_v(family, texts.list, values_len);
}

SHMETER_WARM struct shmeter_gauge
shmeter_gauge_of_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len)
{
    struct shmeter_texts texts;
    values_len = shmeter_texts_of(&texts, values, values_len);
    return shmeter_gauge_of_v(family, texts.list, values_len);
}

SHMETER_WARM struct shmeter_histogram
shmeter_histogram_of_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len)
{
    struct shmeter_texts texts;
    values_len = shmeter_texts_of(&texts, values, values_len);
    return shmeter_histogram_of_v(family, texts.list, values_len);
}

SHMETER_WARM struct shmeter_stateset
shmeter_stateset_of_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len)
{
    struct shmeter_texts texts;
    values_len = shmeter_texts_of(&texts, values, values_len);
    return shmeter_stateset_of_v(family, texts.list, values_len);
}

SHMETER_COLD void
shmeter_info_of_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len)
{
    struct shmeter_texts texts;
    values_len = shmeter_texts_of(&texts, values, values_len);
    shmeter_info_of_v(family, texts.list, values_len);
}

SHMETER_COLD void
shmeter_hide_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len)
{
    struct shmeter_texts texts;
    values_len = shmeter_texts_of(&texts, values, values_len);
    shmeter_hide_v(family, texts.list, values_len);
}

#ifdef __cplusplus
}
#endif

#endif
