/*
 * Makes a verdict with its reasons from the status of segments. Pure: it reads no clock and no file, and keeps nothing
 * between calls.
 */
#ifndef SHMETER_HEALTH_HEALTH_H
#define SHMETER_HEALTH_HEALTH_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct health_limits {
    double capacity_degraded; /* used share, 0..1; 0 = 0.80 */
    double capacity_failing;  /* 0 = 0.95 */
    double busy_seconds;      /* a worker busy longer is stuck; 0 = 60; negative: never */
    double heartbeat_seconds; /* a worker that once beat and is silent longer is stuck; 0 or negative: never */
    double died_seconds;      /* for so long a worker's death is a reason; 0 = 300; negative: never */
};

enum health_check {
#define CHECK(name, ...) HEALTH_##name,
#include "health/checks.def"
    HEALTH_CHECKS
};

struct health_reason {
    enum health_check check;
    enum status_health severity;
    const char *segment; /* its name; points into the status */
    const char *what;    /* what was found ("cells", "heartbeat", "busy"); the name of a worker's check; or "" */
    const struct status_slot *slot; /* NULL: the reason is not about a worker */
    double value;                   /* NaN: none */
    double threshold;               /* NaN: none */
    char message[512];              /* one sentence */
};

struct health {
    enum status_health verdict;
    struct health_reason *reasons; /* the worst first */
    uint32_t reasons_n;
    uint32_t segments_n, segments_readable;
    uint32_t workers_live, workers_dead, workers_unknown, workers_stuck;
};

const char *health_check_name(enum health_check check); /* "segment" "capacity" "slots" "worker_dead" ... */

/*
 * Judges statuses_n segments, whose statuses must outlive *out. limits NULL: the defaults. Without any segment the
 * verdict is failing. Returns 0 or -ENOMEM. Free with health_free().
 */
int health_judge(struct health *out, const struct segment_status *const *statuses, uint32_t statuses_n,
                 const struct health_limits *limits);
void health_free(struct health *health);

/* Adds a copy of a reason, and worsens the verdict if need be. 0 or -ENOMEM. */
int health_add(struct health *health, const struct health_reason *reason);

#endif
