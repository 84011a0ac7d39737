/*
 * Remembers for each segment and kind of loss the total at the last reading, and since when and by how much it has been
 * growing. Growth has ended when the total was constant for LOSSES_SECONDS.
 */
#include "health/losses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREATED_SLACK_NS 1000000000u /* at most so much time passes from a segment's creation until it can be found */

struct loss {
    uint64_t total;
    uint64_t grown;        /* by how much the loss has grown ... */
    double since, last_at; /* ... between these readings; grown 0: it has not */
};

struct losses_segment {
    char *name;
    struct loss losses[STATUS_LOSSES];
};

static uint64_t
total_of(const struct segment_status *status, uint32_t kind)
{
    return status->losses[kind] + status->losses_before[kind];
}

/* Index of the segment with this name, or where it would be inserted. */
static uint32_t
segment_place(const struct losses *losses, const char *name)
{
    uint32_t low = 0, high = losses->segments_n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(losses->segments[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct losses_segment *
segment_find(const struct losses *losses, const char *name)
{
    uint32_t at = segment_place(losses, name);

    return at < losses->segments_n && !strcmp(losses->segments[at]->name, name) ? losses->segments[at] : NULL;
}

/* Adds a segment. If it was created since the last reading, all its losses count as new. */
static struct losses_segment *
segment_add(struct losses *losses, const struct segment_status *status)
{
    int is_new = losses->real_ns && status->created_real_ns + CREATED_SLACK_NS > losses->real_ns;
    struct losses_segment **segments = realloc(losses->segments, (losses->segments_n + 1) * sizeof *segments);
    struct losses_segment *segment = calloc(1, sizeof *segment);
    uint32_t i, at;

    if (segments)
        losses->segments = segments;
    if (segment)
        segment->name = strdup(status->name);
    if (!segments || !segment || !segment->name) {
        if (segment)
            free(segment->name);
        free(segment);
        return NULL;
    }
    for (i = 0; i < STATUS_LOSSES && !is_new; i++)
        segment->losses[i].total = total_of(status, i);
    at = segment_place(losses, status->name);
    memmove(segments + at + 1, segments + at, (losses->segments_n - at) * sizeof *segments);
    segments[at] = segment;
    losses->segments_n++;
    return segment;
}

static void
loss_look(struct loss *loss, uint64_t total, double before, double now)
{
    if (loss->grown && now - loss->last_at > LOSSES_SECONDS)
        loss->grown = 0;
    if (total > loss->total) {
        if (!loss->grown)
            loss->since = before;
        loss->grown += total - loss->total;
        loss->last_at = now;
    }
    loss->total = total;
}

int
losses_look(struct losses *losses, const struct segment_status *const *statuses, uint32_t statuses_n, double now,
            uint64_t real_ns)
{
    double before = losses->real_ns ? losses->now : now;
    uint32_t i, k;

    for (i = 0; i < statuses_n; i++) {
        struct losses_segment *segment = segment_find(losses, statuses[i]->name);
        if (!statuses[i]->readable)
            continue;
        if (!segment && !(segment = segment_add(losses, statuses[i])))
            return -ENOMEM;
        for (k = 0; k < STATUS_LOSSES; k++)
            loss_look(&segment->losses[k], total_of(statuses[i], k), before, now);
    }
    losses->now = now;
    losses->real_ns = real_ns;
    return 0;
}

static int
add_reason(const struct losses *losses, const struct segment_status *status, uint32_t kind, const struct loss *loss,
           struct health *health)
{
    struct health_reason reason = { .check = HEALTH_LOSSES,
                                    .severity = STATUS_DEGRADED,
                                    .segment = status->name,
                                    .what = status_loss_kind(kind),
                                    .value = (double)loss->grown,
                                    .threshold = 0 };

    snprintf(reason.message, sizeof reason.message, "segment %.100s, in the last %.0f s: %llu %s", status->name,
             losses->now - loss->since, (unsigned long long)loss->grown, status_loss_help(kind));
    return health_add(health, &reason);
}

int
losses_judge(const struct losses *losses, const struct segment_status *const *statuses, uint32_t statuses_n,
             struct health *health)
{
    uint32_t i, k;
    int result = 0;

    for (i = 0; i < statuses_n; i++) {
        const struct losses_segment *segment = segment_find(losses, statuses[i]->name);
        for (k = 0; segment && statuses[i]->readable && k < STATUS_LOSSES && !result; k++)
            if (segment->losses[k].grown && status_loss_is_reason(k))
                result = add_reason(losses, statuses[i], k, &segment->losses[k], health);
    }
    return result;
}

void
losses_free(struct losses *losses)
{
    uint32_t i;

    for (i = 0; i < losses->segments_n; i++) {
        free(losses->segments[i]->name);
        free(losses->segments[i]);
    }
    free(losses->segments);
    memset(losses, 0, sizeof *losses);
}
