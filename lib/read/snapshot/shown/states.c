/*
 * Which families and series are visible. Each series' state is on a cache line of its own, so reading all of them is
 * slow. Producers therefore count their changes, and when the counts are unchanged only a part of the states is read,
 * another part at each take. Those reads detect producers of older releases, which do not count their changes. Once
 * such a producer is detected, all states are read at each take.
 */
#include "read/snapshot/internal.h"

#define COMPARED_SHARE 16u /* one in so many series is compared at each take */
#define COMPARED_LEAST 64u /* but at least so many series, which cost next to nothing */
#define PREFETCH       12u /* records ahead */
#define COUNTED_SINCE  1u  /* the ABI's minor version from which on changes are counted */

static uint64_t
count(const struct snapshot *snapshot, size_t line)
{
    if (!snapshot->state_held)
        return 0;
    /* pairs with shmeter_series_change */
    return shmeter_load_acquire(snapshot_word(snapshot, snapshot->reader->header.state_off + line));
}

#define COUNT(snapshot, field) count(snapshot, offsetof(struct shmeter_state, field))

/* Returns 1 when the visibility of a family has changed. */
static int
read_families(struct snapshot *snapshot)
{
    struct segment_status *status = &snapshot->status;
    uint32_t i, visible, changed = 0;

    status->families = status->families_superseded = 0;
    for (i = 0; i < snapshot->families_n; i++) {
        struct snapshot_family *family = &snapshot->families[i];
        visible = !family->superseded && !family->unknown &&
                  snapshot_record_state(snapshot, family->unit) == SHMETER_VISIBLE;
        changed |= visible != family->visible;
        family->visible = visible;
        status->families += visible && !family->joins;
        status->families_superseded += family->superseded;
    }
    return (int)changed;
}

/*
 * Of several visible records with the same labels (twins) only the last one is exposed. Returns 1 for the first visible
 * record of its group, else 0.
 */
static uint32_t
choose_twin(struct snapshot *snapshot, uint32_t number)
{
    struct snapshot_series *series = &snapshot->series[number], *chosen;
    uint32_t *place = &snapshot->twins_chosen[series->twins - 1];

    if (*place == SNAPSHOT_NONE) {
        *place = number;
        return 1;
    }
    chosen = &snapshot->series[*place];
    if (chosen->unit > series->unit) {
        series->visible = 0;
    } else {
        chosen->visible = 0;
        *place = number;
    }
    return 0;
}

static uint16_t
is_shown(const struct snapshot *snapshot, uint32_t number)
{
    uint64_t state;

    if (number + PREFETCH < snapshot->series_n)
        __builtin_prefetch(
            snapshot_word(snapshot, snapshot_record_off(snapshot, snapshot->series[number + PREFETCH].unit)));
    state = snapshot_record_state(snapshot, snapshot->series[number].unit);
    return state == SHMETER_VISIBLE || state == SHMETER_LEAVING;
}

/* What is bound is shown: the records of the others are other series, or none. */
static void
show_bound(struct snapshot *snapshot)
{
    struct segment_status *status = &snapshot->status;
    uint32_t i, visible = 0;

    for (i = 0; i < snapshot->series_n; i++) {
        struct snapshot_series *series = &snapshot->series[i];
        series->shown = snapshot->bonds[i].epoch != 0;
        series->visible = series->shown && snapshot->families[series->family].visible;
        visible += series->visible;
    }
    snapshot->bonds_n = snapshot->series_n;
    status->series_visible = visible;
    status->series_hidden = snapshot->series_n - visible;
}

static void
read_all(struct snapshot *snapshot)
{
    struct segment_status *status = &snapshot->status;
    uint32_t i, visible = 0;

    for (i = 0; i < snapshot->twins_n; i++)
        snapshot->twins_chosen[i] = SNAPSHOT_NONE;
    for (i = 0; i < snapshot->series_n; i++) {
        struct snapshot_series *series = &snapshot->series[i];
        series->shown = is_shown(snapshot, i);
        series->visible = series->shown && snapshot->families[series->family].visible;
        visible += series->visible && series->twins ? choose_twin(snapshot, i) : series->visible;
    }
    snapshot->states_n = snapshot->series_n;
    status->series_visible = visible;
    status->series_hidden = snapshot->series_n - visible;
}

/* Compares the states of a part of the series, another part at each take. Returns whether one has changed. */
static int
share_differs(struct snapshot *snapshot)
{
    uint32_t n = snapshot->series_n / COMPARED_SHARE + COMPARED_LEAST, i;

    for (i = 0; i < n && i < snapshot->series_n; i++) {
        if (snapshot->states_next >= snapshot->series_n)
            snapshot->states_next = 0;
        if (is_shown(snapshot, snapshot->states_next) != snapshot->series[snapshot->states_next].shown)
            return 1;
        snapshot->states_next++;
    }
    return 0;
}

/*
 * changes_done is loaded before changes_begun. When the two are equal, every change that had begun before the second
 * load was done before the first one, and the loads of states that follow see it (shmeter_series_change in
 * shm/slots/visibility.h). A change that begins later raises changes_begun.
 */
void
snapshot_take_states(struct snapshot *snapshot)
{
    uint64_t done = COUNT(snapshot, changes_done), begun = COUNT(snapshot, changes_begun);
    uint32_t settled = begun == done && !snapshot->uncounted && snapshot->status.abi_minor >= COUNTED_SINCE;
    int families_changed = read_families(snapshot), all;

    if (snapshot->reuses) {
        all = !settled || !snapshot->changes_settled || begun != snapshot->changes_begun;
        if (snapshot_take_bonds(snapshot, all) || all || families_changed)
            show_bound(snapshot);
        snapshot->changes_begun = snapshot->changes_seen = begun;
        snapshot->changes_settled = settled;
        return;
    }
    if (settled && snapshot->changes_settled && begun == snapshot->changes_begun && !families_changed &&
        snapshot->states_n == snapshot->series_n) {
        if (!share_differs(snapshot))
            return;
        /* A state has changed. If changes_begun has not, the producer does not count its changes. */
        snapshot->uncounted = begun == COUNT(snapshot, changes_begun);
    }
    read_all(snapshot);
    snapshot->changes_begun = begun;
    snapshot->changes_settled = settled;
}
