/*
 * Series whose records become others' (SHMETER_FEATURE_REUSE). A record keeps its cell, and so a series' number, its
 * words in sums and its gauge stay what they are: only whose they are changes. Which series a record is, its state
 * says: VISIBLE with an epoch that the record never has again. A series is bound to that word, by a copy of the record
 * that was made while the word stood there; it is unbound when the word is another one, and looked at in each take
 * until its record is visible again. Publication is not counted by producers, removal is (states.c).
 *
 * After all values are read the words are compared once more, if anything was removed meanwhile: a cell is cleared only
 * after its record's word has changed, so that no value is taken for another series'.
 */
#include <stdlib.h>

#include "read/snapshot/internal.h"
#include "shm/layout/words.h"

int
snapshot_bonds_room(struct snapshot *snapshot)
{
    const uint64_t n = (uint64_t)snapshot->series_n + 1;

    if (!snapshot->reuses)
        return 0;
    return array_room(&snapshot->bonds, &snapshot->bonds_capacity, n, sizeof *snapshot->bonds) ||
                   array_room(&snapshot->unbound, &snapshot->unbound_capacity, n, sizeof *snapshot->unbound)
               ? -ENOMEM
               : 0;
}

int
snapshot_is_published(const struct snapshot *snapshot, uint64_t state)
{
    const uint32_t kind = SHMETER_STATE_KIND(state);

    if (!snapshot->reuses)
        return state >= SHMETER_VISIBLE && state <= SHMETER_LEAVING;
    return kind == SHMETER_VISIBLE || kind == SHMETER_LEAVING;
}

/* Whether the record is the series still that it was bound as. */
static int
stands(const struct snapshot *snapshot, uint32_t number)
{
    const uint64_t state = snapshot_record_state(snapshot, snapshot->series[number].unit);

    return snapshot->bonds[number].epoch && SHMETER_STATE_EPOCH(state) == snapshot->bonds[number].epoch &&
           snapshot_is_published(snapshot, state);
}

static void
leave(struct snapshot *snapshot, uint32_t number)
{
    struct snapshot_bond *bond = &snapshot->bonds[number];

    snapshot_unlabel_series(snapshot, number);
    snapshot->series[number].shown = snapshot->series[number].visible = 0;
    snapshot->cost -= bond->cost;
    bond->epoch = bond->cost = 0;
    snapshot->unbound[snapshot->unbound_n++] = number; /* there is room for all */
}

/* Binds a series, unless another one of its labels is there, whose record has not changed. Returns whether it has. */
static int
bind(struct snapshot *snapshot, uint32_t number, uint64_t epoch, uint64_t cost)
{
    struct snapshot_bond *bond = &snapshot->bonds[number];
    const uint32_t twin = snapshot_labelled(snapshot, number);

    if (twin != SNAPSHOT_NONE && stands(snapshot, twin))
        return 0;
    if (twin != SNAPSHOT_NONE)
        leave(snapshot, twin);
    if (hash_table_room(&snapshot->labels, 1))
        return 0; /* in a later take */
    snapshot_label_series(snapshot, number);
    bond->epoch = epoch;
    bond->cost = (uint32_t)snapshot_min(cost, UINT32_MAX);
    bond->take = snapshot->takes_n;
    snapshot->cost += bond->cost;
    return 1;
}

void
snapshot_bond_new(struct snapshot *snapshot, uint32_t number, uint64_t state, uint32_t word, uint64_t cost)
{
    struct snapshot_bond *bond = &snapshot->bonds[number];

    *bond = (struct snapshot_bond){ .word = word };
    if (!bind(snapshot, number, SHMETER_STATE_EPOCH(state), cost))
        snapshot->unbound[snapshot->unbound_n++] = number;
}

/* Memory for any values that the record can have, once for each series. */
static int
room_for_values(struct snapshot *snapshot, struct snapshot_bond *bond, uint32_t bytes)
{
    if (bond->room_bytes >= bytes)
        return 0;
    bond->room = arena_take(&snapshot->arena, SHMETER_MAX_LABELS * sizeof(char *) + bytes);
    bond->room_bytes = bond->room ? bytes : 0;
    return bond->room ? 0 : -ENOMEM;
}

/* Whether a series of one family can be where one of another family was. */
static int
same_cells(const struct snapshot_family *a, const struct snapshot_family *b)
{
    return !a->unknown && !b->unknown && a->cell_bytes == b->cell_bytes && a->buckets_n == b->buckets_n &&
           shmeter_type_counter(a->type) == shmeter_type_counter(b->type) &&
           shmeter_type_counter_f64(a->type) == shmeter_type_counter_f64(b->type) &&
           shmeter_type_gauge(a->type) == shmeter_type_gauge(b->type) &&
           shmeter_type_histogram(a->type) == shmeter_type_histogram(b->type);
}

/* Binds it as what a copy of its record says. Returns 1 bound, 0 not in this take; or -EINVAL: it is damaged. */
static int
become(struct snapshot *snapshot, uint32_t number, const unsigned char *bytes, uint32_t bytes_n, uint64_t epoch)
{
    struct snapshot_series *series = &snapshot->series[number];
    struct snapshot_bond *bond = &snapshot->bonds[number];
    struct shmeter_series_record record;
    const struct snapshot_family *family;
    uint64_t cost;

    memcpy(&record, bytes, sizeof record);
    family = snapshot_family_at(snapshot, record.family);
    if (!family)
        return 0;
    cost = snapshot_cost(family, record.values_bytes);
    if (!snapshot_check_hash(snapshot, bytes, bytes_n, SHMETER_KIND_SERIES) || record.values_n != family->labels_n ||
        !same_cells(family, &snapshot->families[series->family]) ||
        (shmeter_type_gauge(family->type) ? record.cell != series->place
                                          : family->cell_bytes && record.cell != bond->word * UINT64_C(8)))
        return -EINVAL;
    if (!snapshot_fits(snapshot, cost) || room_for_values(snapshot, bond, bytes_n))
        return 0;
    if (snapshot_check_values(bytes + sizeof record, record.values_bytes, record.values_n, bond->room))
        return -EINVAL;
    series->family = (uint32_t)(family - snapshot->families);
    series->created_ns = record.created_real_ns;
    series->values = (const char *const *)bond->room;
    bond->binds++;
    snapshot->binds_n++;
    return bind(snapshot, number, epoch, cost);
}

/* Looks whether a series that is not bound can be bound again. Returns 1 when it is. */
static int
look_again(struct snapshot *snapshot, uint32_t number)
{
    _Alignas(8) unsigned char copy[SNAPSHOT_RECORD_BYTES];
    const uint32_t unit = snapshot->series[number].unit;
    const uint64_t off = snapshot_record_off(snapshot, unit), state = snapshot_record_state(snapshot, unit);
    struct snapshot_bond *bond = &snapshot->bonds[number];
    uint32_t bytes;
    int result = 0;

    if (snapshot_is_published(snapshot, state)) {
        bytes = snapshot_head_bytes(snapshot, unit, snapshot_load(snapshot, off));
        if (bytes < sizeof(struct shmeter_series_record) || bytes > SNAPSHOT_SERIES_BYTES ||
            !snapshot_held(snapshot, off, bytes))
            return 0;
        snapshot_copy(snapshot, copy, off, bytes);
        /* pairs with shmeter_reuse_take */
        shmeter_fence_acquire();
        if (snapshot_record_state(snapshot, unit) == state)
            result = become(snapshot, number, copy, bytes, SHMETER_STATE_EPOCH(state));
    }
    snapshot->status.series_damaged += (uint64_t)(result < 0) - bond->damaged;
    bond->damaged = result < 0;
    return result > 0;
}

int
snapshot_take_bonds(struct snapshot *snapshot, int all)
{
    uint32_t i, before, kept = 0, n;

    for (i = 0; all && i < snapshot->series_n; i++)
        if (snapshot->bonds[i].epoch && !stands(snapshot, i))
            leave(snapshot, i);
    before = n = snapshot->unbound_n;
    for (i = 0; i < n; i++) {
        const uint32_t number = snapshot->unbound[i];
        if (!look_again(snapshot, number))
            snapshot->unbound[kept++] = number;
    }
    /* Those that had to make room for a bound one of their labels stand behind. */
    for (; i < snapshot->unbound_n; i++)
        snapshot->unbound[kept++] = snapshot->unbound[i];
    snapshot->unbound_n = kept;
    return kept != before || snapshot->bonds_n != snapshot->series_n;
}

void
snapshot_confirm_bonds(struct snapshot *snapshot)
{
    uint64_t samples_n = 0, k;
    uint32_t i, gone = 0;

    if (!snapshot->reuses)
        return;
    /* pairs with shmeter_reuse_take */
    shmeter_fence_acquire();
    if (snapshot_changes_begun(snapshot) == snapshot->changes_seen)
        return;
    for (i = 0; i < snapshot->series_n; i++)
        if (snapshot->series[i].shown && !stands(snapshot, i)) {
            gone += snapshot->series[i].visible;
            snapshot->series[i].shown = snapshot->series[i].visible = 0;
        }
    snapshot->status.series_visible -= gone;
    snapshot->status.series_hidden += gone;
    for (i = 0; i < snapshot->gauges_n; i++)
        if (!snapshot->series[snapshot->gauges[i].series].visible)
            snapshot->gauges[i].any = 0;
    for (k = 0; k < snapshot->samples_n; k++)
        if (snapshot->series[snapshot->samples[k].series].visible)
            snapshot->samples[samples_n++] = snapshot->samples[k];
    snapshot->samples_n = (uint32_t)samples_n;
}
