/*
 * Gauges: one cell per series in each worker's slot and one among the common cells, combined as the gauge's mode says
 * (struct shmeter_gauge_cell in shm/layout/layout.h). Slots are read one after the other, so that memory is read in
 * order.
 */
#include <math.h>
#include <stdlib.h>

#include "read/snapshot/internal.h"

#define CELL_BYTES sizeof(struct shmeter_gauge_cell)

int
snapshot_gauges_room(struct snapshot *snapshot)
{
    return array_room(&snapshot->gauges, &snapshot->gauges_capacity, (uint64_t)snapshot->gauges_n + 1,
                      sizeof *snapshot->gauges);
}

/* Its record may have become a series of another family. */
static uint32_t
mode_of(const struct snapshot *snapshot, const struct snapshot_gauge *gauge)
{
    return snapshot->families[snapshot->series[gauge->series].family].mode;
}

void
snapshot_gauges_add(struct snapshot *snapshot, uint32_t number)
{
    const struct snapshot_series *series = &snapshot->series[number];
    struct snapshot_gauge *gauge = &snapshot->gauges[snapshot->gauges_n++];

    memset(gauge, 0, sizeof *gauge);
    gauge->series = number;
    gauge->cell = series->place;
    gauge->mode = mode_of(snapshot, gauge);
    if (gauge != snapshot->gauges && gauge[-1].cell > gauge->cell)
        snapshot->gauges_unsorted = 1;
}

/* A zero word stands for a value that was never set. */
static int
is_set(uint64_t stored)
{
    return stored != 0;
}

static double
value_of(uint64_t stored)
{
    return snapshot_f64(stored ^ SHMETER_UNSET_BITS);
}

static void
combine_sum(struct snapshot_gauge *gauge, uint64_t stored)
{
    if (!is_set(stored))
        return;
    gauge->value = gauge->any ? gauge->value + value_of(stored) : value_of(stored); /* 0 + -0 would lose the sign */
    gauge->any = 1;
}

/* sign 1: the largest value, -1: the smallest. NaN, which producers refuse in these modes, is ignored. */
static void
combine_extreme(struct snapshot_gauge *gauge, uint64_t stored, double sign)
{
    double value = value_of(stored);

    if (!is_set(stored) || isnan(value))
        return;
    if (!gauge->any || sign * value > sign * gauge->value)
        gauge->value = value;
    gauge->any = 1;
}

static void
combine_latest(struct snapshot_gauge *gauge, struct pair cell)
{
    if (!is_set(cell.first) || (gauge->any && cell.second <= gauge->stamp))
        return;
    gauge->value = value_of(cell.first);
    gauge->stamp = cell.second;
    gauge->any = 1;
}

/* Begins a gauge with its common cell, which no single worker owns. */
static void
read_common(struct snapshot *snapshot, struct snapshot_gauge *gauge)
{
    uint64_t off = snapshot->reader->header.common_off + gauge->cell * CELL_BYTES;
    struct pair cell;

    gauge->any = 0;
    gauge->stamp = 0;
    gauge->value = 0;
    if ((gauge->mode != SHMETER_POOL && gauge->mode != SHMETER_LATEST) || !snapshot_held(snapshot, off, CELL_BYTES))
        return;
    cell = snapshot_pair(snapshot, off);
    if (gauge->mode == SHMETER_LATEST) {
        combine_latest(gauge, cell);
        return;
    }
    gauge->stamp = cell.second;
    if (!snapshot_has_left(snapshot, gauge->series))
        combine_sum(gauge, cell.first);
}

static int
add_sample(struct snapshot *snapshot, const struct snapshot_gauge *gauge, uint32_t slot, uint64_t stored)
{
    const struct snapshot_family *family = &snapshot->families[snapshot->series[gauge->series].family];
    struct snapshot_sample *sample;

    if (!is_set(stored))
        return 0;
    snapshot->samples_cost += SNAPSHOT_COST_EACH + family->line_bytes;
    if (!snapshot_fits(snapshot, snapshot->samples_cost)) {
        snapshot->status.series_over++, snapshot->samples_over++;
        return 0;
    }
    if (array_room(&snapshot->samples, &snapshot->samples_capacity, snapshot->samples_n + 1, sizeof *snapshot->samples))
        return -ENOMEM;
    sample = &snapshot->samples[snapshot->samples_n++];
    sample->series = gauge->series;
    sample->slot = slot;
    sample->value = value_of(stored);
    return 0;
}

/*
 * Adds one worker's cell to its gauge. In modes that keep values of dead workers, aux has the values of the slot's
 * earlier owners.
 */
static int
combine(struct snapshot *snapshot, struct snapshot_gauge *gauge, uint32_t slot, struct pair cell)
{
    const struct mode *mode = &modes[gauge->mode];
    const double sign = mode->how == MODE_MIN ? -1 : 1;

    switch (mode->how) {
    case MODE_SUM:
        if (mode->whose != MODE_OF_POOL || cell.second == gauge->stamp)
            combine_sum(gauge, cell.first);
        if (mode->whose == MODE_OF_ALL)
            combine_sum(gauge, cell.second);
        break;
    case MODE_MIN:
    case MODE_MAX:
        combine_extreme(gauge, cell.first, sign);
        if (mode->whose == MODE_OF_ALL)
            combine_extreme(gauge, cell.second, sign);
        break;
    case MODE_LATEST:
        combine_latest(gauge, cell);
        break;
    case MODE_ALL: /* while a slot is being claimed, its value and its name may belong to different owners */
        if (snapshot->slots[slot].state != SHMETER_SLOT_CLAIMING)
            return add_sample(snapshot, gauge, slot, cell.first);
        break;
    }
    return 0;
}

/* Gauges nearly always are in order already: cells are handed out in the order of registration. */
static int
by_cell(const void *a, const void *b)
{
    const struct snapshot_gauge *left = a, *right = b;

    return left->cell < right->cell ? -1 : left->cell > right->cell;
}

static void
sort_gauges(struct snapshot *snapshot)
{
    if (snapshot->gauges_unsorted)
        qsort(snapshot->gauges, snapshot->gauges_n, sizeof *snapshot->gauges, by_cell);
    snapshot->gauges_unsorted = 0;
}

/* The first gauge with this cell or a later one. */
static uint32_t
first_from(const struct snapshot *snapshot, uint64_t cell)
{
    uint32_t low = 0, high = snapshot->gauges_n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (snapshot->gauges[middle].cell < cell)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * Reads the gauges of a slot whose cells are completely between two offsets of the file. first: offset of the slot's
 * cells.
 */
static int
read_part(struct snapshot *snapshot, uint32_t number, uint64_t first, uint64_t from, uint64_t to)
{
    const struct snapshot_slot *slot = &snapshot->slots[number];
    uint32_t i = first_from(snapshot, (from - first + CELL_BYTES - 1) / CELL_BYTES);
    int result = 0;

    for (; i < snapshot->gauges_n && !result; i++) {
        struct snapshot_gauge *gauge = &snapshot->gauges[i];
        const uint64_t at = first + gauge->cell * CELL_BYTES;
        const int counts = slot->live || modes[gauge->mode].whose == MODE_OF_ALL;
        if (at + CELL_BYTES > to)
            break;
        if (snapshot->series[gauge->series].visible && counts)
            result = combine(snapshot, gauge, number, snapshot_pair(snapshot, at));
    }
    return result;
}

/*
 * Reads the parts of a slot's cells that have memory. The slot word says how much of the block has memory, and may be
 * wrong.
 */
static int
read_slot(struct snapshot *snapshot, uint32_t number)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    const uint64_t block = header->slot_blocks_off + number * header->slot_block_bytes;
    const uint64_t first = block + header->gauges_off;
    const uint64_t end = snapshot_min(block + snapshot->slots[number].backed, first + header->gauges_n * CELL_BYTES);
    uint64_t at, until;
    int result = 0;

    for (at = first; at < end && !result; at = until) {
        int held = snapshot_held_until(snapshot, at, &until);
        until = snapshot_min(until, end);
        if (held)
            result = read_part(snapshot, number, first, at, until);
    }
    return result;
}

int
snapshot_take_gauges(struct snapshot *snapshot)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    uint32_t i;
    int result = 0;

    sort_gauges(snapshot);
    snapshot->samples_n = 0;
    snapshot->status.series_over -= snapshot->samples_over;
    snapshot->samples_cost = snapshot->samples_over = 0;
    for (i = 0; i < snapshot->gauges_n; i++)
        if (snapshot->series[snapshot->gauges[i].series].visible) {
            snapshot->gauges[i].mode = mode_of(snapshot, &snapshot->gauges[i]);
            read_common(snapshot, &snapshot->gauges[i]);
        } else
            snapshot->gauges[i].any = 0;
    for (i = 0; i < snapshot->slots_n && !result; i++)
        if (snapshot->slots[i].backed > header->gauges_off)
            result = read_slot(snapshot, i);
    return result;
}

int
snapshot_has_share(struct snapshot *snapshot, uint32_t slot)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    const uint64_t block = header->slot_blocks_off + slot * header->slot_block_bytes;
    const uint64_t end = block + snapshot->slots[slot].backed;
    uint32_t i;

    for (i = 0; i < snapshot->gauges_n; i++) {
        const struct snapshot_gauge *gauge = &snapshot->gauges[i];
        const uint64_t at = block + header->gauges_off + gauge->cell * CELL_BYTES;
        const uint64_t common = header->common_off + gauge->cell * CELL_BYTES;
        struct pair share;
        if (gauge->mode != SHMETER_POOL || at + CELL_BYTES > end || !snapshot_held(snapshot, at, CELL_BYTES))
            continue;
        share = snapshot_pair(snapshot, at);
        if (!is_set(share.first) || value_of(share.first) == 0)
            continue;
        if (share.second == (snapshot_held(snapshot, common, CELL_BYTES) ? snapshot_pair(snapshot, common).second : 0))
            return 1;
    }
    return 0;
}
