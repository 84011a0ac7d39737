/*
 * Finds and adds records. A record is written completely while nobody can see it, gets its cells, and is published by
 * one compare-and-swap of an index entry; a process that dies before that leaks a few bytes and no state. A lost race
 * leaves the record and the cells to this process's next series. What cannot be registered, because something is used
 * up, takes nothing: it may be asked for again and again.
 */
#ifndef SHMETER_SHM_REGISTRY_H
#define SHMETER_SHM_REGISTRY_H

#include "../lanes/definition.h"
#include "../process/clock.h"
#include "index.h"

/* Takes a spare out of its place in the wiped page: 0 when there is none. */
SHMETER_LOCAL uint64_t
shmeter_registry_spare(uint64_t *place)
{
    /* pairs with shmeter_registry_keep */
    uint64_t seen = shmeter_load_acquire(place);
    while (seen && !shmeter_cas(place, &seen, 0))
        ;
    return seen;
}

/* Puts one there, unless there is one already: then it is leaked. */
SHMETER_LOCAL void
shmeter_registry_keep(uint64_t *place, uint64_t spare)
{
    uint64_t none = 0;
    /* pairs with shmeter_registry_spare */
    shmeter_cas(place, &none, spare);
}

/* A record's place behind all others, of at least bytes: *unit and *units. 0 or -errno. */
SHMETER_LOCAL int
shmeter_registry_append_record(const struct shmeter_attachment *attachment, uint64_t bytes, uint32_t *unit,
                               uint32_t *units)
{
    uint64_t off;
    int result;
    *units = (uint32_t)((bytes + SHMETER_UNIT_BYTES - 1) / SHMETER_UNIT_BYTES);
    result = shmeter_bump(attachment, &attachment->state->records_fill.value, &attachment->state->records_backed.value,
                          attachment->header.records_bytes, SHMETER_UNIT_BYTES, (uint64_t)*units * SHMETER_UNIT_BYTES,
                          shmeter_back_records, &off);
    *unit = (uint32_t)(off / SHMETER_UNIT_BYTES);
    return result;
}

/* The same, or a spare one, which may stand before others. */
SHMETER_LOCAL int
shmeter_registry_take_record(const struct shmeter_attachment *attachment, uint64_t bytes, uint32_t *unit,
                             uint32_t *units)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t spare = shmeter_registry_spare(&wiped->spare_record);
    if (spare && (spare >> 32) * SHMETER_UNIT_BYTES >= bytes) {
        *unit = (uint32_t)spare;
        *units = (uint32_t)(spare >> 32);
        return 0;
    }
    if (spare)
        shmeter_registry_keep(&wiped->spare_record, spare);
    return shmeter_registry_append_record(attachment, bytes, unit, units);
}

SHMETER_LOCAL int
shmeter_registry_take_cell(const struct shmeter_attachment *attachment, uint32_t bytes, uint64_t *cell)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t spare = shmeter_registry_spare(&wiped->spare_cell);
    if (spare >> 40 == bytes) {
        *cell = spare & ((UINT64_C(1) << 40) - 1);
        return 0;
    }
    if (spare)
        shmeter_registry_keep(&wiped->spare_cell, spare);
    return shmeter_bump(attachment, &attachment->state->cells_fill.value, &attachment->state->cells_backed.value,
                        UINT64_C(1) << attachment->header.lane_shift, SHMETER_FIRST_CELL_OFF, bytes, shmeter_back_cells,
                        cell);
}

SHMETER_LOCAL int
shmeter_registry_take_gauge(const struct shmeter_attachment *attachment, uint64_t *cell)
{
    uint64_t spare = shmeter_registry_spare(&SHMETER_WIPED(attachment)->spare_gauge);
    uint64_t *fill = &attachment->state->gauges_fill.value, seen;
    if (spare) {
        *cell = spare - 1;
        return 0;
    }
    /* pairs with shmeter_registry_take_gauge */
    seen = shmeter_load_acquire(fill);
    do {
        if (seen >= attachment->header.gauges_n)
            return -ENOMEM;
        /* pairs with shmeter_registry_take_gauge */
    } while (!shmeter_cas(fill, &seen, seen + 1));
    *cell = seen;
    return 0;
}

/* The cell that a series of this definition needs, if it needs one. 0 or -errno. */
SHMETER_LOCAL int
shmeter_registry_take_cells(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                            uint64_t *cell)
{
    *cell = 0;
    if (definition->cell_bytes)
        return shmeter_registry_take_cell(attachment, definition->cell_bytes, cell);
    return shmeter_type_gauge(definition->type) ? shmeter_registry_take_gauge(attachment, cell) : 0;
}

/*
 * Gives back a cell that no record leads to: where it came from, if it is still the last one there; else it is a spare.
 */
SHMETER_LOCAL void
shmeter_registry_give_cells(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                            uint64_t cell)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    struct shmeter_state *state = attachment->state;
    int gauge = !definition->cell_bytes && shmeter_type_gauge(definition->type);
    uint64_t end = cell + (gauge ? 1 : definition->cell_bytes);
    if ((!gauge && !definition->cell_bytes) ||
        shmeter_cas(gauge ? &state->gauges_fill.value : &state->cells_fill.value, &end, cell))
        return;
    if (gauge)
        shmeter_registry_keep(&wiped->spare_gauge, cell + 1);
    else if (definition->cell_bytes < (1u << 24))
        shmeter_registry_keep(&wiped->spare_cell, (uint64_t)definition->cell_bytes << 40 | cell);
}

/* Keeps a record that a lost race left over. */
SHMETER_LOCAL void
shmeter_registry_keep_record(const struct shmeter_attachment *attachment, uint32_t unit, uint32_t units)
{
    shmeter_registry_keep(&SHMETER_WIPED(attachment)->spare_record, (uint64_t)units << 32 | unit);
}

/* The head goes last, as one store: before it a walker sees zero and steps over. */
SHMETER_LOCAL void
shmeter_registry_head(void *record, uint32_t units, enum shmeter_kind kind)
{
    /* pairs with look_at of lib/read/snapshot/walk.c */
    shmeter_store_release((uint64_t *)record, (uint64_t)kind << 32 | (uint64_t)units * SHMETER_UNIT_BYTES);
}

/*
 * Shows a new record. Readers look at those that are not published until they are. Returns what it was:
 * SHMETER_UNPUBLISHED.
 */
SHMETER_LOCAL uint64_t
shmeter_registry_show(uint64_t *state)
{
    uint64_t seen = SHMETER_UNPUBLISHED;
    /* pairs with snapshot_record_state */
    shmeter_cas(state, &seen, SHMETER_VISIBLE);
    return seen;
}

/* Enters a family's record into the index. Returns its unit, or that of another one of the same key, or -ENOMEM. */
SHMETER_LOCAL int64_t
shmeter_registry_enter(const struct shmeter_attachment *attachment, const struct shmeter_key *key, uint32_t unit)
{
    struct shmeter_probe probe;
    for (;;) {
        probe = shmeter_registry_probe(attachment, key);
        if (!probe.entry || probe.seen)
            return probe.entry ? (int64_t)(uint32_t)probe.seen : -ENOMEM;
        if (shmeter_attachment_reuses(attachment))
            return shmeter_index_insert(attachment, key, probe.head, unit, 0);
        /* pairs with shmeter_registry_probe */
        if (shmeter_cas(probe.entry, &probe.seen, SHMETER_INDEX_ENTRY(key->hash, unit)))
            return unit;
    }
}

/*
 * Writes and publishes a family's record, behind those of older definitions of its name. Returns its unit, or -errno.
 */
SHMETER_LOCAL int64_t
shmeter_registry_add_family(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                            const struct shmeter_key *key, uint32_t max_series)
{
    uint64_t bounds_bytes = definition->bounds_n * sizeof(double);
    uint64_t strings_bytes = (uint64_t)definition->name_bytes + definition->help_bytes + definition->unit_bytes +
                             definition->labels_bytes + definition->states_bytes;
    struct shmeter_family_record *record;
    uint32_t unit, units;
    int64_t had;
    int chained = shmeter_attachment_reuses(attachment); /* then its last word is its link, the one before of shm/idle.h */
    int result = shmeter_registry_append_record(
        attachment, sizeof *record + bounds_bytes + strings_bytes + (chained ? sizeof(uint64_t) + SHMETER_NOTE_BYTES : 0), &unit, &units);
    if (result)
        return result;
    record = (struct shmeter_family_record *)shmeter_arena_at(attachment, unit, (uint64_t)units * SHMETER_UNIT_BYTES);
    if (!record)
        return -EINVAL;
    shmeter_store_relaxed(&record->state, SHMETER_UNPUBLISHED);
    shmeter_store_relaxed(&record->series_n, 0);
    record->created_real_ns = shmeter_clock_real_ns();
    record->hash = key->hash;
    record->definition = definition->hash;
    record->type = definition->type;
    record->mode = definition->mode;
    record->schema = definition->schema;
    record->exponential = definition->exponential;
    record->min_value = definition->min_value;
    record->max_value = definition->max_value;
    record->buckets_n = definition->buckets_n;
    record->bounds_n = definition->bounds_n;
    record->cell_bytes = definition->cell_bytes;
    record->max_series = max_series;
    record->states_n = definition->states_n;
    record->states_bytes = definition->states_bytes;
    record->labels_n = definition->labels_n;
    record->name_bytes = definition->name_bytes;
    record->help_bytes = definition->help_bytes;
    record->unit_bytes = definition->unit_bytes;
    record->labels_bytes = definition->labels_bytes;
    record->first_index = definition->first_index;
    record->log_n = definition->log_n;
    record->opened = 0;
    if (bounds_bytes)
        memcpy(record + 1, definition->bounds, bounds_bytes);
    memcpy((char *)(record + 1) + bounds_bytes, definition->strings, strings_bytes);
    shmeter_registry_head(record, units, SHMETER_KIND_FAMILY);
    had = shmeter_registry_enter(attachment, key, unit);
    if (had == (int64_t)unit)
        shmeter_add(&attachment->state->families_n.value, 1);
    else
        shmeter_registry_keep_record(attachment, unit, units);
    return had;
}

/*
 * Writes and publishes a series' record with fresh cells. replaces: the index entry of a hidden record of the same key,
 * or 0. Returns the unit (the winner's, when another process was faster), or -errno. *added tells which.
 */
SHMETER_LOCAL int64_t
shmeter_registry_add_series(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition,
                            const struct shmeter_key *key, uint64_t replaces, int *added)
{
    struct shmeter_series_record *record;
    uint32_t unit, units;
    uint64_t cell;
    int result = shmeter_registry_take_cells(attachment, definition, &cell);
    *added = 0;
    if (result)
        return result;
    result = shmeter_registry_take_record(attachment, sizeof *record + key->bytes, &unit, &units);
    record = result ? NULL
                    : (struct shmeter_series_record *)shmeter_arena_at(attachment, unit,
                                                                       (uint64_t)units * SHMETER_UNIT_BYTES);
    if (!record) {
        shmeter_registry_give_cells(attachment, definition, cell);
        return result ? result : -EINVAL;
    }
    shmeter_store_relaxed(&record->state, SHMETER_UNPUBLISHED);
    record->family = key->family;
    record->values_n = definition->labels_n;
    record->cell = cell;
    record->created_real_ns = shmeter_clock_real_ns();
    record->hash = key->hash;
    record->values_bytes = key->bytes;
    record->next = 0;
    memcpy(record + 1, key->text, key->bytes);
    shmeter_registry_head(record, units, SHMETER_KIND_SERIES);
    for (;;) {
        struct shmeter_probe probe = shmeter_registry_probe(attachment, key);
        if (!probe.entry || probe.seen != replaces) {
            shmeter_registry_keep_record(attachment, unit, units);
            shmeter_registry_give_cells(attachment, definition, cell);
            return probe.entry && probe.seen ? (int64_t)(uint32_t)probe.seen : -ENOMEM;
        }
        /* pairs with shmeter_registry_probe */
        if (shmeter_cas(probe.entry, &probe.seen, SHMETER_INDEX_ENTRY(key->hash, unit)))
            break;
    }
    *added = 1;
    return unit;
}

#endif
