/* Remembers for each segment what was logged last. */
#include "exporter/scrape/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct watch_segment {
    char *name;
    uint32_t readable, unlinked;
    int32_t fault;
    uint64_t generation;
    uint32_t seen; /* 1: seen in the present call */
};

static void
say_readable(const struct segment_status *status, const char *message)
{
    char series[32], workers[32];

    snprintf(series, sizeof series, "%llu", (unsigned long long)status->series_used);
    snprintf(workers, sizeof workers, "%u", status->slots_live);
    log_event(LOG_LEVEL_INFO, message, "segment", status->name, "path", status->path, "series", series, "workers",
              workers, NULL);
}

static void
say_change(const struct watch_segment *before, const struct segment_status *status)
{
    if (!status->readable) {
        if (!before || before->readable || before->fault != status->fault)
            log_event(LOG_LEVEL_WARN, "segment cannot be read", "segment", status->name, "error", status->error, NULL);
    } else if (!before || !before->readable) {
        say_readable(status, "segment found");
    } else if (before->generation != status->generation) {
        say_readable(status, "segment was created again");
    }
    if (status->readable && status->unlinked && (!before || !before->unlinked))
        log_event(LOG_LEVEL_WARN, "segment has lost its file name; workers that have it are still read", "segment",
                  status->name, "path", status->path, NULL);
}

/* Index of the segment with this name, or where it would be inserted. */
static uint32_t
watch_place(const struct watch *watch, const char *name)
{
    uint32_t low = 0, high = watch->segments_n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(watch->segments[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct watch_segment *
watch_find(const struct watch *watch, const char *name)
{
    uint32_t at = watch_place(watch, name);

    return at < watch->segments_n && !strcmp(watch->segments[at]->name, name) ? watch->segments[at] : NULL;
}

static void
segment_free(struct watch_segment *segment)
{
    if (segment)
        free(segment->name);
    free(segment);
}

static struct watch_segment *
watch_add(struct watch *watch, const char *name)
{
    struct watch_segment **grown = realloc(watch->segments, (watch->segments_n + 1) * sizeof *grown);
    struct watch_segment *segment = calloc(1, sizeof *segment);
    uint32_t at;

    if (grown)
        watch->segments = grown;
    if (segment)
        segment->name = strdup(name);
    if (!grown || !segment || !segment->name) {
        segment_free(segment);
        return NULL;
    }
    at = watch_place(watch, name);
    memmove(grown + at + 1, grown + at, (watch->segments_n - at) * sizeof *grown);
    grown[at] = segment;
    watch->segments_n++;
    return segment;
}

/* Logs and forgets segments that a pattern does not find any more. */
static void
watch_forget_unseen(struct watch *watch)
{
    uint32_t i, kept = 0;

    for (i = 0; i < watch->segments_n; i++) {
        struct watch_segment *segment = watch->segments[i];
        if (segment->seen) {
            segment->seen = 0;
            watch->segments[kept++] = segment;
            continue;
        }
        log_event(LOG_LEVEL_INFO, "segment is gone", "segment", segment->name, NULL);
        segment_free(segment);
    }
    watch->segments_n = kept;
}

void
watch_look(struct watch *watch, const struct segment_status *const *statuses, uint32_t statuses_n)
{
    struct watch_segment *known;
    uint32_t i;

    for (i = 0; i < statuses_n; i++) {
        known = watch_find(watch, statuses[i]->name);
        say_change(known, statuses[i]);
        if (!known)
            known = watch_add(watch, statuses[i]->name);
        if (!known)
            continue;
        known->readable = statuses[i]->readable;
        known->unlinked = statuses[i]->unlinked;
        known->fault = statuses[i]->fault;
        known->generation = statuses[i]->generation;
        known->seen = 1;
    }
    watch_forget_unseen(watch);
}

void
watch_free(struct watch *watch)
{
    uint32_t i;

    for (i = 0; i < watch->segments_n; i++)
        segment_free(watch->segments[i]);
    free(watch->segments);
    watch->segments = NULL;
    watch->segments_n = 0;
}
