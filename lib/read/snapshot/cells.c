/*
 * Reads cells that may change during the read: histograms, added up over all lanes, and pairs of words. The array of
 * sums has no gaps: a histogram's sum and buckets follow the previous histogram's, wherever their cells are in the
 * lanes. Histograms are read block by block, and within a block lane by lane, as runs of counters are (runs.c).
 */
#include "base/saturate.h"
#include "read/snapshot/internal.h"

#define HISTOGRAM_WORDS ((uint32_t)(sizeof(struct shmeter_histogram_cell) / 8))
#define PAGE_SHIFT      12u

struct reading { /* of one histogram in one lane */
    double sum;
    uint64_t buckets[SHMETER_MAX_BOUNDS + 1];
};

/* Whether the page of a cell's i-th word has memory. A page without memory is not read; its words are zero. */
static inline int
present(const uint64_t *cell, uint32_t i, uint32_t pages)
{
    return pages == SNAPSHOT_ALL_PAGES ||
           pages >> (((uintptr_t)(cell + i) >> PAGE_SHIFT) - ((uintptr_t)cell >> PAGE_SHIFT)) & 1;
}

static inline uint64_t
word_at(const uint64_t *cell, uint32_t i, uint32_t pages)
{
    return present(cell, i, pages) ? shmeter_load_relaxed(cell + i) : 0;
}

/*
 * Reads a CPU lane's cell without tearing: seq, the active record and the buckets, then seq again. If seq is unchanged,
 * the record's count replaces that of its bucket, whose own word may lack the last observation. When all tries have
 * failed, the words of the last try are used, and the read is counted as torn.
 */
static inline __attribute__((always_inline)) void
read_cpu_cell(const uint64_t *cell, uint32_t buckets_n, uint32_t pages, struct reading *out, struct snapshot_torn *torn)
{
    uint64_t seq = 1, again = 0, bucket = 0, count = 0;
    uint32_t tries, i;

    for (tries = 0; snapshot_try(torn, tries, HISTOGRAM_WORDS + buckets_n); tries++) {
        uint32_t record;
        /* pairs with shmeter_rseq_observe */
        seq = present(cell, 0, pages) ? shmeter_load_acquire(cell) : 0;
        record = seq & 1 ? 4 : 1;
        bucket = word_at(cell, record, pages);
        count = word_at(cell, record + 1, pages);
        out->sum = snapshot_f64(word_at(cell, record + 2, pages));
        for (i = 0; i < buckets_n; i++)
            out->buckets[i] = word_at(cell, HISTOGRAM_WORDS + i, pages);
        /* pairs with shmeter_rseq_observe */
        shmeter_fence_acquire();
        again = word_at(cell, 0, pages);
        if (seq == again)
            break;
    }
    torn->n += seq != again;
    /*
     * After a torn read the record may mix two observations, so it is left out. No value falls below that of an earlier
     * scrape: when the writer made further observations, it copied the record that the earlier scrape used into its
     * bucket.
     */
    if (seq == again && bucket < buckets_n) /* a larger number: the cell is damaged */
        out->buckets[bucket] = count;
}

struct pair
snapshot_pair(struct snapshot *snapshot, uint64_t off)
{
    const uint64_t *at = snapshot_word(snapshot, off);
    struct pair pair = { 0, 0 };
    uint32_t tries;

    for (tries = 0; snapshot_try(&snapshot->torn, tries, 2); tries++) {
        uint64_t second = shmeter_load_acquire(at + 1); /* pairs with shmeter_gauge_set_pool */
        pair.first = shmeter_load_relaxed(at);
        shmeter_fence_acquire();
        pair.second = shmeter_load_relaxed(at + 1);
        if (second == pair.second)
            return pair;
    }
    snapshot->torn.n++;
    return pair;
}

/*
 * Reads a shared lane's cell. Producers change the count and sum of a bucket by one compare-and-swap, so they are read
 * as count, sum, and count again.
 */
static inline __attribute__((always_inline)) void
read_shared_cell(const uint64_t *cell, uint32_t buckets_n, uint32_t pages, struct reading *out,
                 struct snapshot_torn *torn)
{
    uint32_t i, tries;

    out->sum = 0;
    for (i = 0; i < buckets_n; i++) {
        const uint32_t at = 2 * (HISTOGRAM_WORDS + i);
        const uint64_t *bucket = cell + at;
        uint64_t count = 0, sum = 0, again = 1;
        out->buckets[i] = 0;
        if (!present(cell, at, pages)) /* the 16 bytes of a bucket are on one page */
            continue;
        for (tries = 0; count != again && snapshot_try(torn, tries, 2); tries++) {
            count = shmeter_load_acquire(bucket); /* pairs with shmeter_histogram_observe_slow */
            sum = shmeter_load_relaxed(bucket + 1);
            shmeter_fence_acquire();
            again = shmeter_load_relaxed(bucket);
        }
        torn->n += count != again;
        out->buckets[i] = count;
        out->sum += snapshot_f64(sum);
    }
}

/* Inlined, so that the compiler drops the tests of pages where all pages have memory. */
static inline __attribute__((always_inline)) void
add_histogram(struct snapshot *snapshot, const struct snapshot_histogram *histogram, uint32_t stride,
              const uint64_t *lane, uint32_t pages)
{
    const uint64_t *cell = lane + (uint64_t)histogram->word * stride;
    uint32_t buckets_n = histogram->buckets_n, i;
    uint64_t *out = snapshot->next + histogram->sum, *buckets = out + 1;
    struct reading reading;
    double sum;

    if (stride == 1 && !word_at(cell, 0, pages))
        return; /* never observed on this CPU: most lanes of most histograms */
    if (stride == 1)
        read_cpu_cell(cell, buckets_n, pages, &reading, &snapshot->torn);
    else
        read_shared_cell(cell, buckets_n, pages, &reading, &snapshot->torn);
    sum = snapshot_f64(*out) + reading.sum;
    memcpy(out, &sum, sizeof sum);
    for (i = 0; i < buckets_n; i++)
        buckets[i] = saturate_add(buckets[i], reading.buckets[i]);
}

void
snapshot_histogram_add(struct snapshot *snapshot, const struct snapshot_histogram *histogram, uint32_t stride,
                       const uint64_t *lane, uint32_t pages)
{
    add_histogram(snapshot, histogram, stride, lane, pages);
}

/*
 * Adds histograms first .. end - 1 of all lanes. The loops are short, and up to a fifth slower where they cross lines
 * of the instruction cache; the function is aligned, so that every program has the same speed.
 */
static __attribute__((aligned(64))) void
add_group(struct snapshot *snapshot, uint32_t first, uint32_t end)
{
    uint32_t kind, lane, i;

    for (kind = 0; kind < 2; kind++) {
        const struct snapshot_lanes lanes = snapshot_lanes_of(snapshot, kind);
        for (lane = 0; lane < lanes.n; lane++)
            for (i = first; i < end; i++)
                add_histogram(snapshot, &snapshot->histograms[i], lanes.stride,
                              snapshot_word(snapshot, lanes.off + lane * lanes.step), SNAPSHOT_ALL_PAGES);
    }
}

void
snapshot_histograms_add(struct snapshot *snapshot)
{
    uint32_t first, end;

    for (first = 0; first < snapshot->histograms_n; first = end) {
        uint64_t limit = (uint64_t)snapshot->histograms[first].word + SNAPSHOT_BLOCK_WORDS;
        for (end = first; end < snapshot->histograms_n && snapshot->histograms[end].word < limit; end++)
            ;
        add_group(snapshot, first, end);
    }
}
