/*
 * A verdict as JSON: {"status": "ok", "reasons": [...], "segment_counts": {...}, "worker_counts": {...}, "segments":
 * [...]}.
 */
#ifndef SHMETER_HEALTH_JSON_H
#define SHMETER_HEALTH_JSON_H

#include <jansson.h>

#include "health/health.h"

/* A new reference, or NULL: no memory. */
json_t *health_json(const struct health *health, const struct segment_status *const *statuses, uint32_t statuses_n);

/* The same as text, indented, with a newline at the end; free it with free(). NULL: no memory. */
char *health_json_text(const struct health *health, const struct segment_status *const *statuses, uint32_t statuses_n);

#endif
