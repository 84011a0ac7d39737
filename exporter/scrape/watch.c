/*
 * Remembers of each segment what was logged last.
 */
#include "exporter/scrape/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct watch_segment {
    char name[STATUS_SEGMENT_BYTES];
    uint32_t readable, unlinked;
    int32_t fault;
    uint64_t generation;
    uint32_t seen; /* in this look */
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

static struct watch_segment *
watch_find(struct watch *watch, const char *name)
{
    uint32_t i;

    for (i = 0; i < watch->segments_n; i++)
        if (!strcmp(watch->segments[i].name, name))
            return &watch->segments[i];
    return NULL;
}

static struct watch_segment *
watch_add(struct watch *watch, const char *name)
{
    struct watch_segment *grown = realloc(watch->segments, (watch->segments_n + 1) * sizeof *grown);

    if (!grown)
        return NULL;
    watch->segments = grown;
    grown += watch->segments_n++;
    snprintf(grown->name, sizeof grown->name, "%s", name);
    return grown;
}

/* Those that a pattern found once and finds no more. */
static void
watch_forget_unseen(struct watch *watch)
{
    uint32_t i = 0;

    while (i < watch->segments_n) {
        if (watch->segments[i].seen) {
            watch->segments[i++].seen = 0;
            continue;
        }
        log_event(LOG_LEVEL_INFO, "segment is gone", "segment", watch->segments[i].name, NULL);
        watch->segments[i] = watch->segments[--watch->segments_n];
    }
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
    free(watch->segments);
    watch->segments = NULL;
    watch->segments_n = 0;
}
