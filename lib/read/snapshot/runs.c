/*
 * Sums of counters and histograms over all lanes. The array of sums has no gaps: each series' words follow those of the
 * series that was found before it, so its size depends on the series and not on where their cells are in the lanes.
 * Runs of neighbouring cells are added as one. Lanes are added block by block: all lanes for one block, then for the
 * next. Lanes are a power of two apart, so the same word of all lanes would compete for one set of the cache otherwise.
 * A block's sums fit the first-level cache, and a block is some pages of each lane: with one page, finding the next one
 * would take longer than reading it.
 */
#include <stdlib.h>

#include "base/saturate.h"
#include "read/snapshot/internal.h"

int
snapshot_cells_room(struct snapshot *snapshot)
{
    return array_room(&snapshot->runs, &snapshot->runs_capacity, (uint64_t)snapshot->runs_n + 1,
                      sizeof *snapshot->runs) ||
                   array_room(&snapshot->histograms, &snapshot->histograms_capacity,
                              (uint64_t)snapshot->histograms_n + 1, sizeof *snapshot->histograms) ||
                   snapshot->sums_used > UINT32_MAX - (SHMETER_MAX_BOUNDS + 2)
               ? -ENOMEM
               : 0;
}

static void
add_histogram(struct snapshot *snapshot, const struct snapshot_family *family, uint32_t word, uint32_t sum)
{
    const struct snapshot_histogram one = { word, family->cell_bytes / 8, family->buckets_n, sum };

    if (snapshot->histograms_n && snapshot->histograms[snapshot->histograms_n - 1].word > word)
        snapshot->histograms_unsorted = 1;
    snapshot->histograms[snapshot->histograms_n++] = one;
}

void
snapshot_cells_add(struct snapshot *snapshot, uint32_t number, uint32_t word)
{
    struct snapshot_series *series = &snapshot->series[number];
    const struct snapshot_family *family = &snapshot->families[series->family];
    uint32_t f64 = (uint32_t)shmeter_type_counter_f64(family->type), sum = snapshot->sums_used;
    struct snapshot_run *last = snapshot->runs_n ? &snapshot->runs[snapshot->runs_n - 1] : NULL;

    series->place = sum;
    snapshot->sums_used += snapshot_sum_words(family);
    if ((uint64_t)word + family->cell_bytes / 8 > snapshot->words_used)
        snapshot->words_used = (uint64_t)word + family->cell_bytes / 8;
    if (shmeter_type_histogram(family->type)) {
        add_histogram(snapshot, family, word, sum);
        return;
    }
    if (last && last->f64 == f64 && last->word + last->words == word && last->sum + last->words == sum) {
        last->words++;
        return;
    }
    if (last && last->word > word)
        snapshot->runs_unsorted = 1;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the caller has made room */
    snapshot->runs[snapshot->runs_n++] = (struct snapshot_run){ word, 1, f64, sum };
}

/* For runs and histograms, whose structs both begin with word. */
static int
by_word(const void *a, const void *b)
{
    uint32_t left, right;

    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

/* Runs and histograms nearly always are in order already: cells are handed out in the order of registration. */
static void
sort_cells(struct snapshot *snapshot)
{
    if (snapshot->runs_unsorted)
        qsort(snapshot->runs, snapshot->runs_n, sizeof *snapshot->runs, by_word);
    if (snapshot->histograms_unsorted)
        qsort(snapshot->histograms, snapshot->histograms_n, sizeof *snapshot->histograms, by_word);
    snapshot->runs_unsorted = snapshot->histograms_unsorted = 0;
}

/* Inlined, so that the stride is a constant. */
#define EACH_STRIDE static inline __attribute__((always_inline)) void

EACH_STRIDE
add_u64(uint64_t *sums, const uint64_t *cells, uint32_t words, uint32_t stride)
{
    uint32_t i;

    for (i = 0; i < words; i++, cells += stride)
        sums[i] = saturate_add(sums[i], shmeter_load_relaxed(cells));
}

EACH_STRIDE
add_f64(uint64_t *sums, const uint64_t *cells, uint32_t words, uint32_t stride)
{
    uint32_t i;

    for (i = 0; i < words; i++, cells += stride) {
        double value = snapshot_f64(shmeter_load_relaxed(cells)), sum = snapshot_f64(sums[i]) + value;
        if (value > 0) /* counters only grow: anything else is damage */
            memcpy(&sums[i], &sum, sizeof sum);
    }
}

EACH_STRIDE
add_runs(struct snapshot *snapshot, const uint64_t *lane, uint32_t stride, uint32_t first, uint64_t from, uint64_t to)
{
    uint32_t i;

    for (i = first; i < snapshot->runs_n && snapshot->runs[i].word < to; i++) {
        const struct snapshot_run *run = &snapshot->runs[i];
        uint64_t begin = run->word < from ? from : run->word;
        uint64_t end = snapshot_min((uint64_t)run->word + run->words, to);
        uint64_t *sums = snapshot->next + run->sum + (begin - run->word);
        if (begin >= end)
            continue;
        if (run->f64)
            add_f64(sums, lane + begin * stride, (uint32_t)(end - begin), stride);
        else
            add_u64(sums, lane + begin * stride, (uint32_t)(end - begin), stride);
    }
}

void
snapshot_runs_add(struct snapshot *snapshot, const uint64_t *lane, uint32_t stride, uint32_t first, uint64_t from,
                  uint64_t to)
{
    if (stride == 1)
        add_runs(snapshot, lane, 1, first, from, to);
    else
        add_runs(snapshot, lane, 2, first, from, to);
}

static void
add_counters(struct snapshot *snapshot)
{
    const struct snapshot_lanes kinds[2] = { snapshot_lanes_of(snapshot, 0), snapshot_lanes_of(snapshot, 1) };
    uint64_t from = 0, to;
    uint32_t first = 0, kind, lane;

    for (;; from = to) {
        while (first < snapshot->runs_n && (uint64_t)snapshot->runs[first].word + snapshot->runs[first].words <= from)
            first++;
        if (first == snapshot->runs_n)
            return;
        if (from < snapshot->runs[first].word)
            from = (uint64_t)snapshot->runs[first].word / SNAPSHOT_BLOCK_WORDS * SNAPSHOT_BLOCK_WORDS;
        to = from + SNAPSHOT_BLOCK_WORDS;
        for (kind = 0; kind < 2; kind++)
            for (lane = 0; lane < kinds[kind].n; lane++)
                snapshot_runs_add(snapshot, snapshot_word(snapshot, kinds[kind].off + lane * kinds[kind].step),
                                  kinds[kind].stride, first, from, to);
    }
}

/*
 * The sums begin at a page, as lanes do, and a lane's first cell is some words behind the lane's beginning. So the low
 * 12 bits of a load's address are never those of a recent store. Where they are equal, processors delay the load as if
 * it depended on the store (a quarter slower).
 */
static int
room_for_sums(struct snapshot *snapshot)
{
    const uint64_t page = 4096, n = (uint64_t)snapshot->sums_used + snapshot->sums_used / 4;
    uint64_t *next;

    if (snapshot->next_n < snapshot->sums_used) {
        next = aligned_alloc(page, (n * sizeof *next + page - 1) / page * page);
        if (!next)
            return -ENOMEM;
        free(snapshot->next);
        snapshot->next = next;
        snapshot->next_n = n;
    }
    if (snapshot->sums_used)
        memset(snapshot->next, 0, snapshot->sums_used * sizeof *snapshot->next);
    return 0;
}

/* Whether every lane has memory up to the last cell in use. Then no word has to be checked for memory. */
static int
whole_lanes(struct snapshot *snapshot)
{
    uint32_t kind, lane;

    for (kind = 0; kind < 2 && snapshot->words_held < snapshot->words_used; kind++) {
        const struct snapshot_lanes lanes = snapshot_lanes_of(snapshot, kind);
        for (lane = 0; lane < lanes.n; lane++)
            if (!snapshot_held(snapshot, lanes.off + lane * lanes.step, snapshot->words_used * 8 * lanes.stride))
                return 0;
    }
    snapshot->words_held = snapshot->words_used;
    return 1;
}

int
snapshot_take_cells(struct snapshot *snapshot)
{
    uint64_t *sums = snapshot->sums, sums_n = snapshot->sums_n, sums_words = snapshot->sums_words;

    if (room_for_sums(snapshot))
        return -ENOMEM;
    sort_cells(snapshot);
    if (!snapshot->words_used || whole_lanes(snapshot)) {
        add_counters(snapshot);
        snapshot_histograms_add(snapshot);
    } else {
        snapshot_sparse_add(snapshot);
    }
    if (snapshot->held_error)
        return snapshot->held_error;
    /* The take is complete: these are the last values from now on, even if the file becomes unreadable. */
    snapshot->sums = snapshot->next;
    snapshot->sums_n = snapshot->next_n;
    snapshot->sums_words = snapshot->sums_used;
    snapshot->next = sums;
    snapshot->next_n = sums_n;
    snapshot->next_words = sums_words;
    return 0;
}
