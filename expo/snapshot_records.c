/*
 * The walk over the records. It remembers how far it came: a published record never changes but for its state
 * (snapshot_states.c), so each is copied and checked once. Units without a finished record are looked at again.
 */
#include <stdlib.h>

#include "expo/snapshot_parts.h"
#include "shm/hash.h"

static uint32_t
unit_hash(uint32_t unit)
{
    return (uint32_t)(shmeter_hash_word(0, unit) >> 32);
}

static struct snapshot_entry *
find_unit(const struct snapshot *snapshot, uint32_t unit)
{
    struct snapshot_entry *entry;
    uint32_t at = 0;

    while ((entry = snapshot_table_next(&snapshot->units, unit_hash(unit), &at)))
        if (snapshot->families[entry->number - 1].unit == unit)
            break;
    return entry;
}

/* ---- families ---- */

static uint32_t
name_hash(const struct snapshot *snapshot, const char *name)
{
    return (uint32_t)(shmeter_hash_bytes(snapshot->key[0], name, strlen(name)) >> 32);
}

static struct snapshot_entry *
find_name(const struct snapshot *snapshot, const char *name)
{
    struct snapshot_entry *entry;
    uint32_t at = 0;

    while ((entry = snapshot_table_next(&snapshot->names, name_hash(snapshot, name), &at)))
        if (!strcmp(snapshot->families[entry->number - 1].name, name))
            break;
    return entry;
}

struct snapshot_family *
snapshot_family_named(const struct snapshot *snapshot, const char *name)
{
    struct snapshot_entry *entry = find_name(snapshot, name);
    return entry ? &snapshot->families[entry->number - 1] : NULL;
}

/* Nothing of this name that was known before the record is exposed any more. */
static void
supersede(struct snapshot *snapshot, struct snapshot_family *family)
{
    for (;;) {
        family->superseded = 1;
        if (!family->namesake)
            return;
        family = &snapshot->families[family->namesake - 1];
    }
}

/* The last record of a name defines it; but infos of different labels stand beside each other. */
static int
name_family(struct snapshot *snapshot, uint32_t number)
{
    struct snapshot_family *family = &snapshot->families[number], *other;
    struct snapshot_entry *entry = find_name(snapshot, family->name);

    if (!entry)
        return snapshot_table_add(&snapshot->names, name_hash(snapshot, family->name), number + 1);
    other = &snapshot->families[entry->number - 1];
    if (family->type == SHMETER_INFO && other->type == SHMETER_INFO) {
        family->namesake = entry->number;
        entry->number = number + 1;
        return 0;
    }
    if (other->unit > family->unit) {
        family->superseded = 1;
        return 0;
    }
    supersede(snapshot, other);
    entry->number = number + 1;
    return 0;
}

static int
add_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n)
{
    struct snapshot_family *family;
    uint32_t number = snapshot->families_n;
    int result;

    if (snapshot_room(&snapshot->families, &snapshot->families_capacity, number + 1, sizeof *snapshot->families))
        return -ENOMEM;
    family = &snapshot->families[number];
    result = snapshot_check_family(snapshot, unit, bytes, bytes_n, family);
    if (result == -EINVAL)
        snapshot->status.families_damaged++;
    if (result)
        return result;
    snapshot->families_n++;
    snapshot->status.families_unknown += family->unknown;
    if (snapshot_table_add(&snapshot->units, unit_hash(unit), number + 1))
        return -ENOMEM;
    return name_family(snapshot, number);
}

/* ---- series ---- */

static uint32_t
labels_hash(const struct snapshot *snapshot, const struct snapshot_series *series)
{
    uint64_t hash = shmeter_hash_word(snapshot->key[1], series->family);
    uint32_t i;

    for (i = 0; i < snapshot->families[series->family].labels_n; i++)
        hash = shmeter_hash_bytes(hash, series->values[i], strlen(series->values[i]));
    return (uint32_t)(hash >> 32);
}

static int
same_labels(const struct snapshot *snapshot, const struct snapshot_series *a, const struct snapshot_series *b)
{
    uint32_t i;

    if (a->family != b->family)
        return 0;
    for (i = 0; i < snapshot->families[a->family].labels_n; i++)
        if (strcmp(a->values[i], b->values[i]))
            return 0;
    return 1;
}

static int
make_twins(struct snapshot *snapshot, struct snapshot_series *first, struct snapshot_series *second)
{
    if (!first->twins) {
        if (snapshot_room(&snapshot->twins_chosen, &snapshot->twins_capacity, snapshot->twins_n + 1,
                          sizeof *snapshot->twins_chosen))
            return -ENOMEM;
        first->twins = ++snapshot->twins_n;
    }
    second->twins = first->twins;
    return 0;
}

/* A hidden counter that was asked for again has a second record: only one of them is ever exposed. */
static int
label_series(struct snapshot *snapshot, uint32_t number)
{
    struct snapshot_series *series = &snapshot->series[number];
    struct snapshot_entry *entry;
    uint32_t at = 0, hash = labels_hash(snapshot, series);

    while ((entry = snapshot_table_next(&snapshot->labels, hash, &at)))
        if (same_labels(snapshot, &snapshot->series[entry->number - 1], series))
            return make_twins(snapshot, &snapshot->series[entry->number - 1], series);
    return snapshot_table_add(&snapshot->labels, hash, number + 1);
}

static int
add_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n)
{
    struct snapshot_series *series;
    struct snapshot_entry *family;
    uint32_t number = snapshot->series_n, family_unit, type;
    int result;

    memcpy(&family_unit, bytes + offsetof(struct shmeter_series_record, family), sizeof family_unit);
    family = find_unit(snapshot, family_unit);
    if (!family)
        return -EAGAIN;
    if (snapshot_room(&snapshot->series, &snapshot->series_capacity, number + 1, sizeof *snapshot->series))
        return -ENOMEM;
    if (snapshot->families[family->number - 1].unknown)
        return 0;
    series = &snapshot->series[number];
    memset(series, 0, sizeof *series);
    series->family = family->number - 1;
    result = snapshot_check_series(snapshot, unit, bytes, bytes_n, series);
    if (result == -EINVAL)
        snapshot->status.series_damaged++;
    if (result)
        return result;
    snapshot->series_n++;
    type = snapshot->families[series->family].type;
    result = shmeter_type_gauge(type) ? snapshot_gauges_add(snapshot, number)
             : type == SHMETER_INFO   ? 0
                                      : snapshot_cells_add(snapshot, number);
    return result ? result : label_series(snapshot, number);
}

/* ---- the walk ---- */

/* Bytes of the record at unit, 0 when no valid head stands there, SNAPSHOT_NONE when it reaches past the end. */
static uint32_t
head_bytes(const struct snapshot *snapshot, uint64_t unit, uint32_t *kind)
{
    uint64_t head = shmeter_load_acquire(snapshot_word(snapshot, snapshot_record_off(snapshot, unit)));
    uint64_t bytes = (uint32_t)head, limit = snapshot->reader->header.records_bytes - unit * SHMETER_UNIT_BYTES;

    *kind = (uint32_t)(head >> 32);
    if ((*kind != SHMETER_KIND_FAMILY && *kind != SHMETER_KIND_SERIES) || !bytes || bytes % SHMETER_UNIT_BYTES ||
        bytes > SNAPSHOT_RECORD_BYTES || bytes > limit)
        return 0;
    return unit * SHMETER_UNIT_BYTES + bytes > snapshot->records_end ? SNAPSHOT_NONE : (uint32_t)bytes;
}

/* 0: it is known now. -EINVAL: damaged. -EAGAIN: to be looked at again. */
static int
look_at(struct snapshot *snapshot, uint64_t unit, uint32_t bytes, uint32_t kind)
{
    _Alignas(8) unsigned char copy[SNAPSHOT_RECORD_BYTES];
    uint64_t state = snapshot_record_state(snapshot, unit);

    if (state < SHMETER_VISIBLE || state > SHMETER_RETIRED)
        return -EAGAIN;
    snapshot_copy(snapshot, copy, snapshot_record_off(snapshot, unit), bytes);
    return kind == SHMETER_KIND_FAMILY ? add_family(snapshot, (uint32_t)unit, copy, bytes)
                                       : add_series(snapshot, (uint32_t)unit, copy, bytes);
}

static int
remember(struct snapshot *snapshot, uint64_t unit)
{
    if (snapshot_room(&snapshot->pending, &snapshot->pending_capacity, snapshot->pending_n + 1,
                      sizeof *snapshot->pending))
        return -ENOMEM;
    snapshot->pending[snapshot->pending_n++] = (uint32_t)unit;
    return 0;
}

/* In order of unit. Those inside of a record whose head was missing when they were passed are of no interest any more. */
static int
walk_pending(struct snapshot *snapshot)
{
    uint32_t i, kept = 0, kind, bytes = 0, known_end = 0;
    int result = 0;

    for (i = 0; i < snapshot->pending_n; i++) {
        uint32_t unit = snapshot->pending[i];
        int again = -EAGAIN;
        if (unit < known_end)
            continue;
        if (!result && (bytes = head_bytes(snapshot, unit, &kind)) && bytes != SNAPSHOT_NONE)
            again = look_at(snapshot, unit, bytes, kind);
        if (again == -ENOMEM)
            result = again;
        if (!again)
            known_end = unit + bytes / SHMETER_UNIT_BYTES;
        else if (again != -EINVAL)
            snapshot->pending[kept++] = unit;
    }
    snapshot->pending_n = kept;
    return result;
}

static int
walk_on(struct snapshot *snapshot)
{
    uint64_t end = snapshot->records_end / SHMETER_UNIT_BYTES;
    uint32_t kind, bytes;
    int result;

    while (snapshot->walked < end) {
        bytes = head_bytes(snapshot, snapshot->walked, &kind);
        if (bytes == SNAPSHOT_NONE)
            return 0;
        result = bytes ? look_at(snapshot, snapshot->walked, bytes, kind) : -EAGAIN;
        if (result == -EAGAIN)
            result = remember(snapshot, snapshot->walked);
        if (result && result != -EINVAL)
            return result;
        snapshot->walked += bytes ? bytes / SHMETER_UNIT_BYTES : 1;
    }
    return 0;
}

/* A family's __overflow__ series is made with it and waits for its first use. */
static int
is_overflow(const struct snapshot *snapshot, uint32_t unit, uint32_t bytes)
{
    static const char value[] = "__overflow__";
    char copy[2 * SHMETER_UNIT_BYTES];

    if (bytes < sizeof copy)
        return 0;
    snapshot_copy(snapshot, copy, snapshot_record_off(snapshot, unit), sizeof copy);
    return !memcmp(copy + sizeof(struct shmeter_series_record), value, sizeof value);
}

/* What stands in the arena and is no record: left by the dead, spare after a lost race, or being written right now. */
static void
count_leaks(struct snapshot *snapshot)
{
    uint32_t i, kind, bytes;
    uint64_t counted_end = 0;

    snapshot->status.leaked_bytes = 0;
    for (i = 0; i < snapshot->pending_n; i++) {
        if (snapshot->pending[i] < counted_end)
            continue;
        bytes = head_bytes(snapshot, snapshot->pending[i], &kind);
        if (bytes == SNAPSHOT_NONE)
            bytes = 0;
        counted_end = snapshot->pending[i] + (uint64_t)bytes / SHMETER_UNIT_BYTES;
        if (bytes && kind == SHMETER_KIND_SERIES && is_overflow(snapshot, snapshot->pending[i], bytes))
            continue;
        snapshot->status.leaked_bytes += bytes ? bytes : SHMETER_UNIT_BYTES;
    }
}

int
snapshot_take_records(struct snapshot *snapshot)
{
    int result;

    if (!snapshot->walked)
        snapshot->walked = 1; /* unit 0 is never a record */
    result = walk_pending(snapshot);
    if (!result)
        result = walk_on(snapshot);
    if (!result && snapshot->pending_n) /* a series may stand before its family */
        result = walk_pending(snapshot);
    if (result)
        return result;
    count_leaks(snapshot);
    return 0;
}
