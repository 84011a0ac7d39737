/*
 * Sums over lanes that have holes: the parts with memory are added one by one, and parts without are zero. So the work
 * depends on the memory of the file, and not on the number of lanes that its header claims or on the distance between
 * cells. Lanes have holes only where memory was allocated and not touched (held.c), or where a mark is wrong.
 */
#include "read/snapshot/internal.h"

#define PAGE UINT64_C(4096)

/* A part of one lane that has memory. */
struct part {
    uint64_t lane;     /* offset of the lane */
    uint64_t from, to; /* offsets in the lane */
    uint64_t before;   /* where the previous part of the lane ends, 0 none */
    uint32_t stride;
};

/* Index of the first run or histogram that ends behind word. Their structs both begin with word and words. */
static uint32_t
first_behind(const void *all, size_t each, uint32_t n, uint64_t word)
{
    uint32_t low = 0, high = n, at[2];

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        memcpy(at, (const char *)all + middle * each, sizeof at);
        if ((uint64_t)at[0] + at[1] > word)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint32_t
pages_of(struct snapshot *snapshot, uint64_t from, uint64_t to)
{
    uint64_t page = from & ~(PAGE - 1);
    uint32_t pages = 0, i;

    for (i = 0; page < to; page += PAGE, i++)
        pages |= (uint32_t)snapshot_held(snapshot, page, PAGE) << i;
    return pages;
}

/*
 * Adds the histograms that begin to have memory in this part of the lane: each is added once, with the first part that
 * has some of its bytes.
 */
static void
add_histograms(struct snapshot *snapshot, const struct part *part)
{
    const uint32_t bytes = 8 * part->stride;
    uint32_t i = first_behind(snapshot->histograms, sizeof *snapshot->histograms, snapshot->histograms_n,
                              part->from / bytes);

    for (; i < snapshot->histograms_n && (uint64_t)snapshot->histograms[i].word * bytes < part->to; i++) {
        const struct snapshot_histogram *one = &snapshot->histograms[i];
        const uint64_t from = (uint64_t)one->word * bytes, to = from + (uint64_t)one->words * bytes;
        if (part->before > from)
            continue;
        snapshot_histogram_add(snapshot, one, part->stride, snapshot_word(snapshot, part->lane),
                               part->from <= from && to <= part->to
                                   ? SNAPSHOT_ALL_PAGES
                                   : pages_of(snapshot, part->lane + from, part->lane + to));
    }
}

static void
add_part(struct snapshot *snapshot, const struct part *part)
{
    const uint64_t from = part->from / 8 / part->stride, to = part->to / 8 / part->stride;
    uint32_t first = first_behind(snapshot->runs, sizeof *snapshot->runs, snapshot->runs_n, from);

    snapshot_runs_add(snapshot, snapshot_word(snapshot, part->lane), part->stride, first, from, to);
    add_histograms(snapshot, part);
}

/*
 * Adds the parts of an extent that belong to lanes of one kind, lane by lane. *before: where the previous extent ends.
 */
static void
add_extent(struct snapshot *snapshot, const struct snapshot_lanes *lanes, const struct snapshot_extent *extent,
           uint64_t before)
{
    uint64_t at = extent->from > lanes->off ? extent->from : lanes->off;
    const uint64_t end = snapshot_min(extent->to, lanes->off + lanes->n * lanes->step);

    while (at < end) {
        struct part part = { .stride = lanes->stride };
        part.lane = lanes->off + (at - lanes->off) / lanes->step * lanes->step;
        part.from = at - part.lane;
        part.to = snapshot_min(end - part.lane, lanes->step);
        part.before = before > part.lane ? before - part.lane : 0;
        add_part(snapshot, &part);
        at = part.lane + part.to;
    }
}

void
snapshot_sparse_add(struct snapshot *snapshot)
{
    const struct snapshot_extents *parts = snapshot_held_parts(snapshot);
    uint32_t kind, i;

    for (kind = 0; kind < 2; kind++) {
        const struct snapshot_lanes lanes = snapshot_lanes_of(snapshot, kind);
        for (i = 0; i < parts->n; i++)
            add_extent(snapshot, &lanes, &parts->all[i], i ? parts->all[i - 1].to : 0);
    }
}
