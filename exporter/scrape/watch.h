/*
 * Logs each change of a segment once: found, gone, created again, unreadable.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_WATCH_H
#define SHMETER_EXPORTER_SCRAPE_WATCH_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct watch {
    struct watch_segment **segments; /* in order of name */
    uint32_t segments_n;
};

/* Logs what has changed since the last call. Without memory some changes are not logged. */
void watch_look(struct watch *watch, const struct segment_status *const *statuses, uint32_t statuses_n);
void watch_free(struct watch *watch);

#endif
