/*
 * Sums of counters and histograms over all lanes, into one private image of a lane: a counter's sum at its word, a histogram's
 * sum at its first word and its buckets where they are in the cell. Block by block, lane inside block: lanes are a power of
 * two apart and would share one set of the cache otherwise. A block's sums fit the first cache, and are some pages of each lane:
 * with one page, more time goes into finding the next one than into reading it.
 */
#include <stdlib.h>

#include "expo/snapshot_parts.h"

#define BLOCK_WORDS     2048u
#define HISTOGRAM_WORDS ((uint32_t)(sizeof(struct shmeter_histogram_cell) / 8))

int
snapshot_cells_add(struct snapshot *snapshot, uint32_t number)
{
    const struct snapshot_series *series = &snapshot->series[number];
    const struct snapshot_family *family = &snapshot->families[series->family];
    uint32_t words = family->cell_bytes / 8, f64 = family->type == SHMETER_COUNTER_F64;
    struct snapshot_run *last = snapshot->runs_n ? &snapshot->runs[snapshot->runs_n - 1] : NULL;

    if (series->place + words > snapshot->words_used)
        snapshot->words_used = series->place + words;
    if (shmeter_type_histogram(family->type)) {
        struct snapshot_histogram one = { series->place, words, number };
        if (snapshot_room(&snapshot->histograms, &snapshot->histograms_capacity, snapshot->histograms_n + 1,
                          sizeof *snapshot->histograms))
            return -ENOMEM;
        if (snapshot->histograms_n && snapshot->histograms[snapshot->histograms_n - 1].word > one.word)
            snapshot->histograms_unsorted = 1;
        snapshot->histograms[snapshot->histograms_n++] = one;
        return 0;
    }
    if (last && last->f64 == f64 && last->word + last->words == series->place) {
        last->words++;
        return 0;
    }
    if (snapshot_room(&snapshot->runs, &snapshot->runs_capacity, snapshot->runs_n + 1, sizeof *snapshot->runs))
        return -ENOMEM;
    if (snapshot->runs_n && snapshot->runs[snapshot->runs_n - 1].word > series->place)
        snapshot->runs_unsorted = 1;
    snapshot->runs[snapshot->runs_n++] = (struct snapshot_run){ series->place, 1, f64 };
    return 0;
}

/* Runs and histograms begin with their word. */
static int
by_word(const void *a, const void *b)
{
    uint32_t left, right;

    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

/* They nearly always are: cells are handed out in the order in which series are registered. */
static void
sort_cells(struct snapshot *snapshot)
{
    if (snapshot->runs_unsorted)
        qsort(snapshot->runs, snapshot->runs_n, sizeof *snapshot->runs, by_word);
    if (snapshot->histograms_unsorted)
        qsort(snapshot->histograms, snapshot->histograms_n, sizeof *snapshot->histograms, by_word);
    snapshot->runs_unsorted = snapshot->histograms_unsorted = 0;
}

/* ---- counters ---- */

struct lanes {
    uint64_t off;  /* of the first lane                                                                    */
    uint64_t step; /* bytes from lane to lane                                                              */
    uint32_t n;
    uint32_t stride; /* words from cell word to cell word: 1 in CPU lanes, 2 in shared ones                  */
};

static struct lanes
cpu_lanes(const struct shmeter_header *header)
{
    struct lanes lanes = { header->cpu_lanes_off, UINT64_C(1) << header->lane_shift, header->cpu_lanes_n, 1 };
    return lanes;
}

static struct lanes
shared_lanes(const struct shmeter_header *header)
{
    struct lanes lanes = { header->shared_lanes_off, UINT64_C(2) << header->lane_shift, header->shared_lanes_n, 2 };
    return lanes;
}

static void
add_u64(uint64_t *sums, const uint64_t *cells, uint32_t words, uint32_t stride)
{
    uint32_t i;

    for (i = 0; i < words; i++, cells += stride)
        sums[i] = model_add_held(sums[i], shmeter_load_relaxed(cells));
}

static void
add_f64(uint64_t *sums, const uint64_t *cells, uint32_t words, uint32_t stride)
{
    uint32_t i;

    for (i = 0; i < words; i++, cells += stride) {
        double value = snapshot_f64(shmeter_load_relaxed(cells)), sum = snapshot_f64(sums[i]) + value;
        if (value > 0) /* counters only grow: anything else is damage */
            memcpy(&sums[i], &sum, sizeof sum);
    }
}

/* The part of the runs from first on that lies in [from, to), of one lane. */
static void
add_block(struct snapshot *snapshot, const uint64_t *lane, uint32_t stride, uint32_t first, uint64_t from, uint64_t to)
{
    uint32_t i;

    for (i = first; i < snapshot->runs_n && snapshot->runs[i].word < to; i++) {
        const struct snapshot_run *run = &snapshot->runs[i];
        uint64_t begin = run->word < from ? from : run->word, end = snapshot_min(run->word + run->words, to);
        if (begin < end)
            (run->f64 ? add_f64 : add_u64)(snapshot->next + begin, lane + begin * stride, (uint32_t)(end - begin),
                                           stride);
    }
}

static void
add_counters(struct snapshot *snapshot, uint64_t words)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    struct lanes kinds[2] = { cpu_lanes(header), shared_lanes(header) };
    uint64_t from, to;
    uint32_t first = 0, kind, lane;

    for (from = 0; from < words; from = to) {
        to = snapshot_min(from + BLOCK_WORDS, words);
        while (first < snapshot->runs_n && snapshot->runs[first].word + snapshot->runs[first].words <= from)
            first++;
        if (first == snapshot->runs_n)
            return;
        for (kind = 0; kind < 2; kind++)
            for (lane = 0; lane < kinds[kind].n; lane++)
                add_block(snapshot, snapshot_word(snapshot, kinds[kind].off + lane * kinds[kind].step),
                          kinds[kind].stride, first, from, to);
    }
}

/* ---- histograms ---- */

struct reading { /* of one histogram in one lane */
    double sum;
    uint64_t buckets[SHMETER_MAX_BOUNDS + 1];
};

/*
 * The untorn read of a CPU lane's cell: seq, the record in force and the buckets, and seq again. Equal, the record overrides its
 * one bucket, whose own word may be behind by one observation. Past the tries, the words that were read last count, and it is
 * told as torn.
 */
static void
read_cpu_cell(const uint64_t *cell, uint32_t buckets_n, struct reading *out, uint64_t *torn)
{
    uint64_t seq, again, bucket = 0, count = 0;
    uint32_t tries, i;

    for (tries = 0; tries < SNAPSHOT_TRIES; tries++) {
        const uint64_t *record;
        seq = shmeter_load_acquire(cell);
        record = cell + 1 + 3 * (seq & 1);
        bucket = shmeter_load_relaxed(record);
        count = shmeter_load_relaxed(record + 1);
        out->sum = snapshot_f64(shmeter_load_relaxed(record + 2));
        for (i = 0; i < buckets_n; i++)
            out->buckets[i] = shmeter_load_relaxed(cell + HISTOGRAM_WORDS + i);
        shmeter_fence_acquire();
        again = shmeter_load_relaxed(cell);
        if (seq == again)
            break;
    }
    *torn += tries == SNAPSHOT_TRIES;
    /* Past the tries the record may be of two observations. Without it nothing falls below an earlier scrape: the record that
     * such a scrape took has been put into its bucket by the observations that came in between. */
    if (tries < SNAPSHOT_TRIES && bucket < buckets_n) /* a larger number: somebody damaged it */
        out->buckets[bucket] = count;
}

struct pair
snapshot_pair(struct snapshot *snapshot, uint64_t off)
{
    const uint64_t *at = snapshot_word(snapshot, off);
    struct pair pair = { 0, 0 };
    uint32_t tries;

    for (tries = 0; tries < SNAPSHOT_TRIES; tries++) {
        uint64_t second = shmeter_load_acquire(at + 1);
        pair.first = shmeter_load_relaxed(at);
        shmeter_fence_acquire();
        pair.second = shmeter_load_relaxed(at + 1);
        if (second == pair.second)
            return pair;
    }
    snapshot->status.torn++;
    return pair;
}

/* {count, sum} per bucket, each moved by one compare-and-swap: count, sum, and count again. */
static void
read_shared_cell(const uint64_t *cell, uint32_t buckets_n, struct reading *out, uint64_t *torn)
{
    uint32_t i, tries;

    out->sum = 0;
    for (i = 0; i < buckets_n; i++) {
        const uint64_t *bucket = cell + 2 * (size_t)(HISTOGRAM_WORDS + i);
        uint64_t count = 0, sum = 0;
        for (tries = 0; tries < SNAPSHOT_TRIES; tries++) {
            count = shmeter_load_acquire(bucket);
            sum = shmeter_load_relaxed(bucket + 1);
            shmeter_fence_acquire();
            if (shmeter_load_relaxed(bucket) == count)
                break;
        }
        *torn += tries == SNAPSHOT_TRIES;
        out->buckets[i] = count;
        out->sum += snapshot_f64(sum);
    }
}

/* Adds one lane's histogram to the sums. */
static void
add_histogram(struct snapshot *snapshot, const struct snapshot_series *series, const struct lanes *kind,
              const uint64_t *lane)
{
    const uint64_t *cell = lane + (uint64_t)series->place * kind->stride;
    uint32_t buckets_n = snapshot->families[series->family].buckets_n, i;
    uint64_t *out = snapshot->next + series->place, *buckets = out + HISTOGRAM_WORDS;
    struct reading reading;
    double sum;

    if (kind->stride == 1 && !shmeter_load_relaxed(cell))
        return; /* never observed on this CPU: most lanes of most histograms */
    if (kind->stride == 1)
        read_cpu_cell(cell, buckets_n, &reading, &snapshot->status.torn);
    else
        read_shared_cell(cell, buckets_n, &reading, &snapshot->status.torn);
    sum = snapshot_f64(*out) + reading.sum;
    memcpy(out, &sum, sizeof sum);
    for (i = 0; i < buckets_n; i++)
        buckets[i] = model_add_held(buckets[i], reading.buckets[i]);
}

/* Histograms first .. end of all lanes. */
static void
add_group(struct snapshot *snapshot, uint32_t first, uint32_t end)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    struct lanes kinds[2] = { cpu_lanes(header), shared_lanes(header) };
    uint32_t kind, lane, i;

    for (kind = 0; kind < 2; kind++)
        for (lane = 0; lane < kinds[kind].n; lane++)
            for (i = first; i < end; i++)
                add_histogram(snapshot, &snapshot->series[snapshot->histograms[i].series], &kinds[kind],
                              snapshot_word(snapshot, kinds[kind].off + lane * kinds[kind].step));
}

static void
add_histograms(struct snapshot *snapshot, uint64_t words)
{
    uint32_t first = 0, end;

    while (first < snapshot->histograms_n) {
        uint64_t limit = snapshot->histograms[first].word + BLOCK_WORDS;
        for (end = first; end < snapshot->histograms_n && snapshot->histograms[end].word < limit; end++)
            if (snapshot->histograms[end].word + snapshot->histograms[end].words > words)
                break; /* they are sorted: nor has any later one memory */
        add_group(snapshot, first, end);
        if (end < snapshot->histograms_n && snapshot->histograms[end].word < limit)
            return;
        first = end;
    }
}

/* ---- */

static int
room_for_sums(struct snapshot *snapshot)
{
    uint64_t *next;

    if (snapshot->next_n < snapshot->words_used) {
        uint64_t n = snapshot->words_used + snapshot->words_used / 4;
        next = realloc(snapshot->next, n * sizeof *next);
        if (!next)
            return -ENOMEM;
        snapshot->next = next;
        snapshot->next_n = n;
    }
    if (snapshot->words_used)
        memset(snapshot->next, 0, snapshot->words_used * sizeof *snapshot->next);
    return 0;
}

int
snapshot_take_cells(struct snapshot *snapshot)
{
    uint64_t *sums = snapshot->sums, sums_n = snapshot->sums_n;
    uint64_t words = snapshot_min(snapshot->words_used, snapshot->cells_backed / 8);

    if (room_for_sums(snapshot))
        return -ENOMEM;
    sort_cells(snapshot);
    add_counters(snapshot, words);
    add_histograms(snapshot, words);
    /* From here on these are the last values, whatever becomes of the file. */
    snapshot->sums = snapshot->next;
    snapshot->sums_n = snapshot->next_n;
    snapshot->sums_words = words;
    snapshot->next = sums;
    snapshot->next_n = sums_n;
    return 0;
}
