/*
 * A file that was truncated and grew again while it was read is opened again. Its cells are the same, except that some
 * are zeroes now. The counts that were lost stay in the older snapshot, so that totals do not drop; counts that are
 * still in the file are subtracted there, so that they are not added twice. Updates of zeroed cells before the file is
 * read again are subtracted as well, because they look like counts that were never lost.
 */
#include "read/snapshot/internal.h"

int
snapshot_same_segment(const struct snapshot *a, const struct snapshot *b)
{
    return a->device == b->device && a->inode == b->inode && a->nonce[0] == b->nonce[0] && a->nonce[1] == b->nonce[1];
}

void
snapshot_identity(const struct snapshot *snapshot, uint64_t out[4])
{
    const uint64_t all[4] = { snapshot->device, snapshot->inode, snapshot->nonce[0], snapshot->nonce[1] };

    memcpy(out, all, sizeof all);
}

/* Subtracts now from *word. Returns whether anything is left. */
static int
rest_u64(uint64_t *word, uint64_t now)
{
    *word = *word > now ? *word - now : 0;
    return *word != 0;
}

static int
rest_f64(uint64_t *word, uint64_t now)
{
    double rest = snapshot_f64(*word) - snapshot_f64(now);

    if (!(rest > 0))
        rest = 0;
    memcpy(word, &rest, sizeof rest);
    return rest > 0;
}

/* Moves i to the first run or histogram that ends behind word at of a lane. The arrays are in order of word. */
#define SKIP(all, n, i, at)                                               \
    while ((i) < (n) && (uint64_t)(all)[i].word + (all)[i].words <= (at)) \
    (i)++

static int
rest_of_runs(struct snapshot *old, const struct snapshot *now)
{
    uint32_t i, k, at = 0;
    int left = 0;

    for (i = 0; i < old->runs_n; i++) {
        const struct snapshot_run *run = &old->runs[i];
        for (k = 0; k < run->words && run->sum + k < old->sums_words; k++) {
            const uint64_t word = (uint64_t)run->word + k;
            uint64_t value = 0, *rest = &old->sums[run->sum + k];
            const struct snapshot_run *there;
            SKIP(now->runs, now->runs_n, at, word);
            there = at < now->runs_n && now->runs[at].word <= word ? &now->runs[at] : NULL;
            if (there && there->sum + (word - there->word) < now->sums_words)
                value = now->sums[there->sum + (word - there->word)];
            left |= run->f64 ? rest_f64(rest, value) : rest_u64(rest, value);
        }
    }
    return left;
}

static int
rest_of_histograms(struct snapshot *old, const struct snapshot *now)
{
    static const uint64_t nothing[SHMETER_MAX_BOUNDS + 2];
    uint32_t i, k, at = 0;
    int left = 0;

    for (i = 0; i < old->histograms_n; i++) {
        const struct snapshot_histogram *one = &old->histograms[i], *there;
        const uint64_t *values = nothing;
        uint64_t *rest = old->sums + one->sum;
        if ((uint64_t)one->sum + 1 + one->buckets_n > old->sums_words)
            continue;
        SKIP(now->histograms, now->histograms_n, at, one->word);
        there = at < now->histograms_n && now->histograms[at].word == one->word &&
                        now->histograms[at].buckets_n == one->buckets_n
                    ? &now->histograms[at]
                    : NULL;
        if (there && (uint64_t)there->sum + 1 + there->buckets_n <= now->sums_words)
            values = now->sums + there->sum;
        left |= rest_f64(rest, values[0]);
        for (k = 1; k <= one->buckets_n; k++)
            left |= rest_u64(&rest[k], values[k]);
    }
    return left;
}

void
snapshot_keep_superseded(struct snapshot *snapshot, const struct snapshot *before)
{
    snapshot->carries_on = 1;
    snapshot->superseded = before->superseded;
    snapshot->status.losses[SHMETER_LOSS_SUPERSEDED] = before->superseded;
}

int
snapshot_keep_rest(struct snapshot *old, const struct snapshot *now)
{
    int left;

    old->inode = 0; /* the remaining counts belong to no file */
    if (!old->sums)
        return 0;
    left = rest_of_runs(old, now);
    return rest_of_histograms(old, now) | left;
}
