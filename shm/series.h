/*
 * From label values to cells. The lookup of a series that exists is the one warm path: hash, probe, compare, no system
 * call. Everything else is cold.
 */
#ifndef SHMETER_SHM_SERIES_H
#define SHMETER_SHM_SERIES_H

#include "machine/utf8.h"
#include "evict.h"
#include "registry/apart.h"
#include "registry/told.h"

struct shmeter_series {
    const struct shmeter_binding *binding; /* NULL: the store cannot be had                                 */
    uint64_t cell;
};

struct shmeter_values {
    uint32_t bytes;
    char text[SHMETER_MAX_VALUES_BYTES + 1];
};

#define SHMETER_OVERFLOW_VALUE "__overflow__"

/* Puts the values one after the other, each with its zero, which does not count. 0 when they are too long. */
SHMETER_INLINE int
shmeter_values_join(struct shmeter_values *out, const char *const *values, uint32_t values_n)
{
    uint32_t at = 0, i, end;
    for (i = 0; i < values_n; i++) {
        const char *value = values[i];
        end = SHMETER_MAX_TEXT_BYTES + 1 + i; /* of the text with i zeros in it, and one */
        if (end > at + SHMETER_MAX_VALUE_BYTES)
            end = at + SHMETER_MAX_VALUE_BYTES;
        do {
            if (at >= end)
                return 0;
            out->text[at] = *value;
            at++;
        } while (*value++);
    }
    out->bytes = at;
    return 1;
}

/* Repairs what is no UTF-8. Returns 1 when something was; *fits becomes 0 when it is too long then. */
SHMETER_LOCAL int
shmeter_values_repair(struct shmeter_values *values, uint32_t values_n, int *fits)
{
    return shmeter_utf8_repair(values->text, &values->bytes, SHMETER_MAX_TEXT_BYTES + values_n, fits);
}

SHMETER_LOCAL void
shmeter_values_overflow(struct shmeter_values *out, uint32_t values_n)
{
    uint32_t i;
    out->bytes = 0;
    for (i = 0; i < values_n; i++) {
        memcpy(out->text + out->bytes, SHMETER_OVERFLOW_VALUE, sizeof SHMETER_OVERFLOW_VALUE);
        out->bytes += (uint32_t)sizeof SHMETER_OVERFLOW_VALUE;
    }
}

SHMETER_INLINE struct shmeter_key
shmeter_series_key(const struct shmeter_binding *binding, const struct shmeter_values *values)
{
    struct shmeter_key key;
    key.hash = shmeter_hash_bytes(binding->hash, values->text, values->bytes);
    key.family = binding->unit;
    key.bytes = values->bytes;
    key.definition = 0;
    key.text = values->text;
    return key;
}

/* A record's cell, if it is inside of what the segment has: a damaged record must not become a wild write. */
SHMETER_INLINE int
shmeter_series_cell(const struct shmeter_binding *binding, const struct shmeter_definition *definition, uint32_t unit,
                    uint64_t *cell)
{
    const struct shmeter_series_record *record = shmeter_arena_series(binding->attachment, unit);
    const struct shmeter_header *header = &binding->attachment->header;
    *cell = record ? shmeter_load_relaxed(&record->cell) : 0;
    if (!record)
        return 0;
    if (shmeter_type_gauge(definition->type))
        return *cell < header->gauges_n;
    if (!definition->cell_bytes)
        return 1;
    return *cell >= SHMETER_FIRST_CELL_OFF && !(*cell & 7) && *cell < UINT64_C(1) << header->lane_shift &&
           definition->cell_bytes <= (UINT64_C(1) << header->lane_shift) - *cell;
}

/* Counts a family's series anew where a limit seems to be reached, at most once a second in a process. */
SHMETER_LOCAL void
shmeter_series_recount(struct shmeter_binding *binding)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    uint64_t now, last = shmeter_load_relaxed(&binding->counted_ns);
    if (!shmeter_attachment_reuses(attachment) ||
        (shmeter_load_relaxed(&binding->record->series_n) < binding->max_series &&
         shmeter_load_relaxed(&attachment->state->series_n.value) < attachment->header.max_series))
        return;
    now = shmeter_clock_ns();
    if (now - last >= UINT64_C(1000000000) && shmeter_cas(&binding->counted_ns, &last, now))
        shmeter_reuse_recount(attachment, binding->record, binding->unit);
}

/* Whether one more series may be made, for which another one may have to go; counts why not. */
SHMETER_LOCAL int
shmeter_series_allowed(const struct shmeter_binding *binding)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    uint64_t made;
    shmeter_series_recount(SHMETER_POINTER(struct shmeter_binding *, SHMETER_ADDRESS(binding)));
    made = shmeter_load_relaxed(&binding->record->series_n) + 1;
    if (made >= binding->max_series && shmeter_evict_does(binding))
        made -= (uint64_t)shmeter_evict(binding, made == binding->max_series);
    if (made > binding->max_series) {
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SERIES_OVERFLOWED);
        return 0;
    }
    if (shmeter_load_relaxed(&attachment->state->series_n.value) >= attachment->header.max_series) {
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SERIES_REFUSED);
        return 0;
    }
    return 1;
}

/*
 * Shows a record that is new, or that stood for a gauge or an info and was hidden. A gauge that an old handle has set
 * meanwhile is unset first (HIDING, then VISIBLE). Returns 0 when the record may be unset after the caller's next set,
 * because another lookup or a hide has it HIDING, or when somebody has given it up for that reason: then another record
 * is to be had.
 */
SHMETER_LOCAL int
shmeter_series_show(const struct shmeter_binding *binding, const struct shmeter_definition *definition,
                    struct shmeter_series_record *record, uint32_t unit)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    uint64_t cell, state = shmeter_registry_show(&record->state);
    if (state == SHMETER_HIDING || state == SHMETER_RETIRED)
        return 0;
    if (state != SHMETER_HIDDEN || definition->cell_bytes)
        return 1;
    if (!shmeter_type_gauge(definition->type) || !shmeter_series_cell(binding, definition, unit, &cell) ||
        !shmeter_series_is_set(attachment, cell)) {
        if (shmeter_series_change(attachment, record, SHMETER_HIDDEN, SHMETER_VISIBLE))
            return 1;
    } else if (shmeter_series_change(attachment, record, SHMETER_HIDDEN, SHMETER_HIDING)) {
        shmeter_series_unset(attachment, cell);
        if (shmeter_series_change(attachment, record, SHMETER_HIDING, SHMETER_VISIBLE))
            return 1;
    }
    /* pairs with shmeter_series_change */
    state = shmeter_load_acquire(&record->state);
    return state != SHMETER_HIDING && state != SHMETER_RETIRED;
}

/* One try of shmeter_series_have; *done is 0 when there has to be another one. */
SHMETER_LOCAL int64_t
shmeter_series_try(const struct shmeter_binding *binding, const struct shmeter_definition *definition,
                   const struct shmeter_values *values, int limited, int show, int *done)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    struct shmeter_key key = shmeter_series_key(binding, values);
    struct shmeter_probe probe = shmeter_registry_probe(attachment, &key);
    struct shmeter_series_record *record = NULL;
    uint64_t state = SHMETER_UNPUBLISHED;
    int64_t unit = (int64_t)(probe.seen & UINT32_MAX);
    int added = 0, retired, renew;
    *done = 1;
    if (!probe.entry)
        return -ENOMEM;
    if (probe.seen) {
        record = shmeter_arena_series(attachment, (uint64_t)unit);
        /* pairs with shmeter_registry_show */
        if (record)
            state = shmeter_load_acquire(&record->state);
        if (record && state == SHMETER_LEAVING) {
            shmeter_series_leave(attachment, record,
                                 shmeter_type_gauge(definition->type) ? SHMETER_HIDING : SHMETER_HIDDEN);
            /* pairs with shmeter_series_leave */
            state = shmeter_load_acquire(&record->state);
        }
    }
    retired = record && (state == SHMETER_HIDING || state == SHMETER_RETIRED) && shmeter_series_retire(record);
    renew = retired || (state == SHMETER_HIDDEN && definition->cell_bytes);
    if (!probe.seen || renew) {
        if (limited && !retired && !shmeter_series_allowed(binding))
            return -EDQUOT;
        unit = shmeter_registry_add_series(attachment, definition, &key, probe.seen, &added);
        if (unit < 0) { /* whoever took the last cell may have taken it for this series */
            uint64_t before = probe.seen;
            probe = shmeter_registry_probe(attachment, &key);
            if (probe.seen && probe.seen != before)
                unit = (int64_t)(probe.seen & UINT32_MAX);
        }
        record = unit < 0 ? NULL : shmeter_arena_series(attachment, (uint64_t)unit);
    }
    if (added && limited) {
        shmeter_add(&binding->record->series_n, 1);
        shmeter_add(&attachment->state->series_n.value, 1);
    }
    if (added && renew)
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SERIES_RENEWED);
    if (show && record)
        *done = shmeter_series_show(binding, definition, record, (uint32_t)unit);
    return unit;
}

/* The same with SHMETER_FEATURE_REUSE: whoever meets a series that is on its way out helps it, and looks again. */
SHMETER_LOCAL int64_t
shmeter_series_try_reuse(const struct shmeter_binding *binding, const struct shmeter_definition *definition,
                         const struct shmeter_values *values, int limited, int show, int *done)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    struct shmeter_key key = shmeter_series_key(binding, values);
    struct shmeter_probe probe = shmeter_registry_probe(attachment, &key);
    struct shmeter_series_record *record;
    int64_t unit = (int64_t)probe.seen, own;
    *done = 1;
    if (!probe.entry)
        return -ENOMEM;
    if (!unit) {
        if (limited && !shmeter_series_allowed(binding))
            return -EDQUOT;
        own = shmeter_reuse_make(attachment->lanes.attachment, definition, &key);
        *done = own != -EAGAIN; /* its record was taken for a dead one's */
        if (own < 0) {          /* whoever took the last room may have taken it for this series */
            probe = shmeter_registry_probe(attachment, &key);
            unit = probe.entry && probe.seen ? (int64_t)probe.seen : own;
        } else {
            unit = shmeter_index_insert(attachment, &key, probe.head, (uint32_t)own, key.bytes);
            if (unit != own)
                shmeter_reuse_give(attachment, (uint32_t)own);
        }
    }
    record = unit > 0 ? shmeter_arena_series(attachment, (uint64_t)unit) : NULL;
    if (!record)
        return unit < 0 ? unit : -EINVAL;
    if (show ? shmeter_reuse_show(attachment, record, (uint32_t)unit) : shmeter_reuse_stays(record))
        return unit;
    shmeter_reuse_leave(attachment, record, (uint32_t)unit);
    shmeter_reuse_finish(attachment, record, (uint32_t)unit);
    *done = 0;
    return -EAGAIN;
}

/*
 * The unit of the series of these values, made if need be and shown if show. -errno, or -EDQUOT past a limit. A gauge
 * that is being hidden gets another cell, because its hider may unset the old one at any time after what the caller is
 * going to set; so does one that was given up while it was to be shown here.
 */
SHMETER_LOCAL int64_t
shmeter_series_have(const struct shmeter_binding *binding, const struct shmeter_definition *definition,
                    const struct shmeter_values *values, int limited, int show)
{
    int64_t unit = 0;
    int tries, done = 0;
    int reuses = shmeter_attachment_reuses(binding->attachment);
    for (tries = 0; tries < (reuses ? 64 : 4) && !done; tries++)
        unit = reuses ? shmeter_series_try_reuse(binding, definition, values, limited, show, &done)
                      : shmeter_series_try(binding, definition, values, limited, show, &done);
    return unit;
}

/* The family's __overflow__ series, shown from its first use. */
SHMETER_LOCAL int64_t
shmeter_series_overflow(const struct shmeter_binding *binding, const struct shmeter_definition *definition, int show)
{
    struct shmeter_values values;
    if (!definition->labels_n)
        return -EDQUOT;
    shmeter_values_overflow(&values, definition->labels_n);
    return shmeter_series_have(binding, definition, &values, 0, show);
}

/* Whether the series of these values is there and visible; its cell. No system call. */
SHMETER_INLINE int
shmeter_series_look(const struct shmeter_binding *binding, const struct shmeter_definition *definition,
                    const struct shmeter_values *values, uint64_t *cell)
{
    struct shmeter_key key = shmeter_series_key(binding, values);
    struct shmeter_probe probe = shmeter_registry_probe(binding->attachment, &key);
    const struct shmeter_series_record *record;
    if (SHMETER_UNLIKELY(!probe.entry || !probe.seen))
        return 0;
    record = shmeter_arena_series(binding->attachment, (uint32_t)probe.seen);
    return record && SHMETER_STATE_KIND(shmeter_load_relaxed(&record->state)) == SHMETER_VISIBLE &&
           shmeter_series_cell(binding, definition, (uint32_t)probe.seen, cell);
}

/* Which limit values are past that get no series. */
SHMETER_LOCAL enum shmeter_told
shmeter_series_limit(const struct shmeter_binding *binding)
{
    return shmeter_load_relaxed(&binding->record->series_n) >= binding->max_series ? SHMETER_TOLD_FAMILY_LIMIT
                                                                                   : SHMETER_TOLD_SEGMENT_LIMIT;
}

/*
 * Values that are too long, or new and past a limit: the __overflow__ series, if it is visible already. Without a
 * system call, but for one lookup in a second (0 then), which goes the long way and so notices a segment that was
 * created again.
 */
SHMETER_LOCAL int
shmeter_series_past_limit(struct shmeter_family *family, const struct shmeter_binding *binding,
                          const struct shmeter_values *values, int fits, uint64_t *cell)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    struct shmeter_values overflow;
    uint64_t now;
    int of_family = shmeter_load_relaxed(&binding->record->series_n) >= binding->max_series;
    if (fits) {
        struct shmeter_key key = shmeter_series_key(binding, values);
        struct shmeter_probe probe = shmeter_registry_probe(attachment, &key);
        if (!probe.entry || probe.seen || (of_family && shmeter_evict_does(binding)))
            return 0;
        if (!of_family && shmeter_load_relaxed(&attachment->state->series_n.value) < attachment->header.max_series)
            return 0;
    }
    now = shmeter_clock_ns();
    if (now - shmeter_load_relaxed(&family->meter->overflowed_ns) >= UINT64_C(1000000000)) {
        shmeter_store_relaxed(&family->meter->overflowed_ns, now);
        return 0;
    }
    shmeter_values_overflow(&overflow, family->definition.labels_n);
    if (!family->definition.labels_n || !shmeter_series_look(binding, &family->definition, &overflow, cell))
        return 0;
    shmeter_lane_lose(&attachment->lanes,
                      fits && of_family ? SHMETER_LOSS_SERIES_OVERFLOWED : SHMETER_LOSS_SERIES_REFUSED);
    if (fits)
        shmeter_told_series(family, shmeter_series_limit(binding), 0, 1);
    return 1;
}

/* Everything that the warm path does not do: repair, re-creation, limits, registration, overflow. */
SHMETER_LOCAL __attribute__((cold, noinline)) struct shmeter_series
shmeter_series_make(const struct shmeter_family *const_family, struct shmeter_values *values, int fits)
{
    struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, SHMETER_ADDRESS(const_family));
    const struct shmeter_definition *definition = &family->definition;
    struct shmeter_series series = { NULL, 0 };
    const struct shmeter_binding *binding = shmeter_family_binding(family);
    int64_t unit = -EDQUOT;
    int refused;
    if (!binding)
        return series;
    if (fits && shmeter_values_repair(values, definition->labels_n, &fits)) {
        shmeter_lane_lose(&binding->attachment->lanes, SHMETER_LOSS_VALUES_REPAIRED);
        if (fits && shmeter_series_look(binding, definition, values, &series.cell)) {
            series.binding = binding;
            return series;
        }
    }
    if (shmeter_series_past_limit(family, binding, values, fits, &series.cell)) {
        series.binding = binding;
        return series;
    }
    shmeter_meter_refresh(family->meter);
    binding = shmeter_family_binding(family);
    if (!binding)
        return series;
    shmeter_populate(binding->attachment);
    shmeter_idle_mind(binding->attachment);
    if (fits)
        unit = shmeter_series_have(binding, definition, values, 1, 1);
    else
        shmeter_lane_lose(&binding->attachment->lanes, SHMETER_LOSS_SERIES_REFUSED);
    if (unit < 0 && unit != -EDQUOT)
        shmeter_lane_lose(&binding->attachment->lanes, SHMETER_LOSS_SERIES_REFUSED);
    refused = (int)(unit < 0 ? unit : 0);
    if (unit < 0)
        unit = shmeter_series_overflow(binding, definition, 1);
    if (unit >= 0 && shmeter_series_cell(binding, definition, (uint32_t)unit, &series.cell))
        series.binding = binding;
    if (refused && fits) /* that values are too long is the program's to see, and counted */
        shmeter_told_series(family, refused == -EDQUOT ? shmeter_series_limit(binding) : SHMETER_TOLD_NO_ROOM, refused,
                            series.binding != NULL);
    shmeter_populate(binding->attachment);
    return series;
}

/* The arguments are wrong: counted, said, and the handle counts privately. */
SHMETER_LOCAL __attribute__((cold, noinline)) void
shmeter_series_refuse(const struct shmeter_family *family, const char *why)
{
    if (shmeter_family_refused(family))
        return; /* said when it was opened */
    shmeter_meter_lose(family->meter, SHMETER_LOSS_HANDLES_REFUSED);
    shmeter_meter_say(family->meter, family->definition.strings, why, NULL, NULL);
}

/*
 * Finds or makes the series. right_type: whether the handle is of the family's type. Thread-safe; not async-signal-safe
 * in what it may say, but lock-free.
 */
SHMETER_INLINE struct shmeter_series
shmeter_series_of(const struct shmeter_family *family, int right_type, const char *const *values, uint32_t values_n)
{
    struct shmeter_series series = { NULL, 0 };
    const struct shmeter_binding *binding;
    struct shmeter_values joined;
    uint32_t i;
    int fits;
    if (SHMETER_UNLIKELY(!right_type)) {
        shmeter_series_refuse(family, " is a family of another type than this handle's");
        return series;
    }
    if (SHMETER_UNLIKELY(shmeter_family_refused(family)))
        return series;
    for (i = 0; i < values_n; i++)
        if (SHMETER_UNLIKELY(!values[i])) {
            shmeter_series_refuse(family, ": a label value is NULL");
            return series;
        }
    if (SHMETER_UNLIKELY(values_n != family->definition.labels_n)) {
        shmeter_series_refuse(family, ": the number of label values is not that of its labels");
        return series;
    }
    binding = shmeter_family_binding(family);
    if (SHMETER_UNLIKELY(!binding))
        return series;
    fits = shmeter_values_join(&joined, values, values_n);
    if (SHMETER_LIKELY(fits && shmeter_series_look(binding, &family->definition, &joined, &series.cell))) {
        series.binding = binding;
        return series;
    }
    return shmeter_series_make(family, &joined, fits);
}

/* Takes an info, a counter or a histogram out of what is exposed. */
SHMETER_LOCAL void
shmeter_series_out(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    if (shmeter_attachment_reuses(attachment))
        shmeter_reuse_remove(attachment, record, unit);
    else
        shmeter_series_leave(attachment, record, SHMETER_HIDDEN);
}

SHMETER_LOCAL void
shmeter_series_hide(const struct shmeter_binding *binding, const struct shmeter_definition *definition, uint32_t unit)
{
    struct shmeter_series_record *record = shmeter_arena_series(binding->attachment, unit);
    uint64_t cell = 0;
    int gauge = shmeter_type_gauge(definition->type) && shmeter_series_cell(binding, definition, unit, &cell);
    if (record && record->family == binding->unit && shmeter_attachment_reuses(binding->attachment))
        shmeter_reuse_remove(binding->attachment, record, unit);
    else if (record && record->family == binding->unit &&
             shmeter_series_leave(binding->attachment, record, gauge ? SHMETER_HIDING : SHMETER_HIDDEN) && gauge)
        shmeter_series_hide_gauge(binding->attachment, record, cell);
}

#endif
