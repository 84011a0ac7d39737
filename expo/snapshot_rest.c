/*
 * A file that was cut and grew again under its reader is opened anew: its cells are the same, but for those that are zeroes now. What
 * they had counted stays in the older snapshot, so that totals neither drop nor count twice what is still there.
 * What is counted in such zeroes before the file is read again is taken for what is still there.
 */
#include "expo/snapshot_parts.h"

int
snapshot_same_segment(const struct snapshot *a, const struct snapshot *b)
{
    return a->device == b->device && a->inode == b->inode && a->key[0] == b->key[0] && a->key[1] == b->key[1];
}

/* Returns whether anything is left. */
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

/* words of both are the series' cell, summed over all lanes. */
static int
rest_of_cell(const struct snapshot_family *family, uint64_t *words, const uint64_t *now)
{
    const uint32_t buckets = sizeof(struct shmeter_histogram_cell) / 8;
    uint32_t i;
    int left = 0;

    if (family->type == SHMETER_COUNTER)
        return rest_u64(words, now[0]);
    left = rest_f64(words, now[0]); /* a fractional counter, or a histogram's sum */
    for (i = 0; family->type != SHMETER_COUNTER_F64 && i < family->buckets_n; i++)
        left |= rest_u64(&words[buckets + i], now[buckets + i]);
    return left;
}

int
snapshot_keep_rest(struct snapshot *old, const struct snapshot *now)
{
    uint32_t i;
    int left = 0;

    old->inode = 0; /* what is left is of no file */
    for (i = 0; i < old->series_n && old->sums; i++) {
        const struct snapshot_series *series = &old->series[i];
        const struct snapshot_family *family = &old->families[series->family];
        uint64_t end = series->place + family->cell_bytes / 8;

        if (!family->cell_bytes || end > old->sums_words)
            continue;
        if (now->sums && end <= now->sums_words)
            left |= rest_of_cell(family, old->sums + series->place, now->sums + series->place);
        else
            left = 1;
    }
    return left;
}
