/*
 * The contents of published records: families and their series. Each record is copied and checked once (walk.c says
 * when). An addition allocates all memory first, so that a failed allocation leaves nothing half done.
 */
#include <stdlib.h>

#include "read/snapshot/internal.h"
#include "shm/machine/hash.h"

static struct hash_table_entry *
find_unit(const struct snapshot *snapshot, uint32_t unit)
{
    struct hash_table_entry *entry;
    uint32_t at = 0, hash = snapshot_hash(snapshot, unit);

    while ((entry = hash_table_next(&snapshot->units, hash, &at)))
        if (snapshot->families[entry->number - 1].unit == unit)
            break;
    return entry;
}

struct snapshot_family *
snapshot_family_at(const struct snapshot *snapshot, uint32_t unit)
{
    struct hash_table_entry *entry = find_unit(snapshot, unit);
    return entry ? &snapshot->families[entry->number - 1] : NULL;
}

/* ---- families ---- */

static uint32_t
name_hash(const struct snapshot *snapshot, const char *name)
{
    return (uint32_t)(shmeter_hash_bytes(snapshot->key, name, strlen(name)) >> 32);
}

static struct hash_table_entry *
find_name(const struct snapshot *snapshot, const char *name)
{
    struct hash_table_entry *entry;
    uint32_t at = 0, hash = name_hash(snapshot, name);

    while ((entry = hash_table_next(&snapshot->names, hash, &at)))
        if (!strcmp(snapshot->families[entry->number - 1].name, name))
            break;
    return entry;
}

const struct snapshot_family *
snapshot_definition(const struct snapshot *snapshot, const char *name)
{
    struct hash_table_entry *entry = find_name(snapshot, name);
    return entry ? snapshot_family_in_force(snapshot, &snapshot->families[entry->number - 1]) : NULL;
}

static void
name_family(struct snapshot *snapshot, uint32_t number)
{
    const char *name = snapshot->families[number].name;
    struct hash_table_entry *entry = find_name(snapshot, name);

    if (entry)
        snapshot_several_add(snapshot, entry->number - 1, number);
    else
        hash_table_add(&snapshot->names, name_hash(snapshot, name), number + 1);
}

int
snapshot_add_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n)
{
    struct snapshot_family *family;
    uint32_t number = snapshot->families_n;
    int result;

    if (find_unit(snapshot, unit)) /* known already: the walk has come here before */
        return 0;
    if (array_room(&snapshot->families, &snapshot->families_capacity, (uint64_t)number + 1,
                   sizeof *snapshot->families) ||
        array_room(&snapshot->several, &snapshot->several_capacity, (uint64_t)snapshot->several_n + 1,
                   sizeof *snapshot->several) ||
        hash_table_room(&snapshot->units, 1) || hash_table_room(&snapshot->names, 1))
        return -ENOMEM;
    family = &snapshot->families[number];
    result = snapshot_check_family(snapshot, unit, bytes, bytes_n, family);
    if (result)
        return result;
    snapshot->families_n++;
    snapshot->status.families_unknown += family->unknown;
    hash_table_add(&snapshot->units, snapshot_hash(snapshot, unit), number + 1);
    name_family(snapshot, number);
    return 0;
}

uint32_t
snapshot_put_family(struct snapshot *snapshot, const struct snapshot_family *family)
{
    const uint32_t number = snapshot->families_n;

    if (array_room(&snapshot->families, &snapshot->families_capacity, (uint64_t)number + 1,
                   sizeof *snapshot->families) ||
        array_room(&snapshot->several, &snapshot->several_capacity, (uint64_t)snapshot->several_n + 1,
                   sizeof *snapshot->several) ||
        hash_table_room(&snapshot->names, 1))
        return SNAPSHOT_NONE;
    snapshot->families[number] = *family;
    snapshot->families_n++;
    name_family(snapshot, number);
    return number;
}

/* ---- series ---- */

static uint32_t
labels_hash(const struct snapshot *snapshot, const struct snapshot_series *series)
{
    uint64_t hash = shmeter_hash_word(snapshot->key, series->family);
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

static void
make_twins(struct snapshot *snapshot, struct snapshot_series *first, struct snapshot_series *second)
{
    if (!first->twins)
        first->twins = ++snapshot->twins_n;
    second->twins = first->twins;
}

/* The entry of a series, or of another one with its labels. */
static struct hash_table_entry *
find_labels(const struct snapshot *snapshot, uint32_t number)
{
    struct hash_table_entry *entry;
    uint32_t at = 0, hash = labels_hash(snapshot, &snapshot->series[number]);

    while ((entry = hash_table_next(&snapshot->labels, hash, &at)))
        if (same_labels(snapshot, &snapshot->series[entry->number - 1], &snapshot->series[number]))
            break;
    return entry;
}

uint32_t
snapshot_labelled(const struct snapshot *snapshot, uint32_t number)
{
    const struct hash_table_entry *entry = find_labels(snapshot, number);
    return entry ? entry->number - 1 : SNAPSHOT_NONE;
}

void
snapshot_label_series(struct snapshot *snapshot, uint32_t number)
{
    hash_table_add(&snapshot->labels, labels_hash(snapshot, &snapshot->series[number]), number + 1);
}

void
snapshot_unlabel_series(struct snapshot *snapshot, uint32_t number)
{
    struct hash_table_entry *entry = find_labels(snapshot, number);

    if (entry && entry->number == number + 1)
        hash_table_remove(&snapshot->labels, entry);
}

/*
 * Enters a series under its labels. A hidden counter that was looked up again has a second record; only one of the two
 * is ever exposed.
 */
static void
label_series(struct snapshot *snapshot, uint32_t number)
{
    struct snapshot_series *series = &snapshot->series[number];
    struct hash_table_entry *entry;
    uint32_t at = 0, hash = labels_hash(snapshot, series);

    while ((entry = hash_table_next(&snapshot->labels, hash, &at)))
        if (same_labels(snapshot, &snapshot->series[entry->number - 1], series)) {
            make_twins(snapshot, &snapshot->series[entry->number - 1], series);
            return;
        }
    hash_table_add(&snapshot->labels, hash, number + 1);
}

/* Room for one more series of any type. */
static int
room_for_series(struct snapshot *snapshot)
{
    return array_room(&snapshot->series, &snapshot->series_capacity, (uint64_t)snapshot->series_n + 1,
                      sizeof *snapshot->series) ||
                   array_room(&snapshot->twins_chosen, &snapshot->twins_capacity, (uint64_t)snapshot->twins_n + 1,
                              sizeof *snapshot->twins_chosen) ||
                   hash_table_room(&snapshot->labels, 1) || snapshot_cells_room(snapshot) ||
                   snapshot_gauges_room(snapshot) || snapshot_infos_room(snapshot) || snapshot_bonds_room(snapshot)
               ? -ENOMEM
               : 0;
}

int
snapshot_add_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                    uint64_t state)
{
    const struct snapshot_family *family;
    struct snapshot_series *series;
    struct hash_table_entry *entry;
    uint32_t number = snapshot->series_n, family_unit, word = 0, values_bytes;
    int result, repaired = 0;

    memcpy(&family_unit, bytes + offsetof(struct shmeter_series_record, family), sizeof family_unit);
    memcpy(&values_bytes, bytes + offsetof(struct shmeter_series_record, values_bytes), sizeof values_bytes);
    entry = find_unit(snapshot, family_unit);
    if (!entry)
        return -EBADMSG; /* without the family the hash cannot be checked yet */
    if (room_for_series(snapshot))
        return -ENOMEM;
    family = &snapshot->families[entry->number - 1];
    series = &snapshot->series[number];
    memset(series, 0, sizeof *series);
    series->family = entry->number - 1;
    result = snapshot_check_series(snapshot, unit, bytes, bytes_n, series, &word, &repaired);
    if (result || family->unknown)
        return result;
    snapshot->series_n++;
    if (!snapshot->reuses)
        snapshot->cost += snapshot_cost(family, values_bytes);
    if (shmeter_type_gauge(family->type))
        snapshot_gauges_add(snapshot, number);
    else if (family->type != SHMETER_INFO)
        snapshot_cells_add(snapshot, number, word);
    else
        snapshot_infos_add(snapshot, number);
    if (snapshot->reuses)
        snapshot_bond_new(snapshot, number, state, word, snapshot_cost(family, values_bytes));
    else if (!repaired) /* a repair may make values of two series equal; such series are added up */
        label_series(snapshot, number);
    return 0;
}

int
snapshot_put_series(struct snapshot *snapshot, const struct snapshot_series *series)
{
    const uint32_t number = snapshot->series_n;

    if (room_for_series(snapshot))
        return -ENOMEM;
    snapshot->series[number] = *series;
    snapshot->series_n++;
    snapshot->cost += snapshot_cost(&snapshot->families[series->family], 0);
    label_series(snapshot, number);
    return 0;
}

uint32_t
snapshot_series_labelled(const struct snapshot *snapshot, uint32_t family, const char *const *values)
{
    const struct snapshot_series wanted = { .family = family, .values = values };
    struct hash_table_entry *entry;
    uint32_t at = 0, hash = labels_hash(snapshot, &wanted), number;

    while ((entry = hash_table_next(&snapshot->labels, hash, &at))) {
        number = entry->number - 1;
        if (!same_labels(snapshot, &snapshot->series[number], &wanted))
            continue;
        if (!snapshot->series[number].visible && snapshot->series[number].twins)
            number = snapshot->twins_chosen[snapshot->series[number].twins - 1];
        return number != SNAPSHOT_NONE && snapshot->series[number].visible ? number : SNAPSHOT_NONE;
    }
    return SNAPSHOT_NONE;
}
