/*
 * From the status of segments to a verdict with its reasons. Pure: no clock, no files, no memory of earlier calls.
 */
#ifndef SHMETER_HEALTH_HEALTH_H
#define SHMETER_HEALTH_HEALTH_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct health_limits {
    double capacity_degraded; /* used share, 0..1; 0 = 0.80                                                 */
    double capacity_failing;  /* 0 = 0.95                                                                   */
    double busy_seconds;      /* a worker busy longer is stuck; 0 = 60; negative: never                      */
    double heartbeat_seconds; /* a worker that once beat and is silent longer is stuck; 0 or negative: never    */
    double died_seconds;      /* for so long a worker's death is a reason; 0 = 300; negative: never             */
};

enum health_check {
#define CHECK(name, ...) HEALTH_##name,
#include "health/checks.def"
    HEALTH_CHECKS
};

struct health_reason {
    enum health_check check;
    enum status_health severity;
    const char *segment; /* name, in the status                                                            */
    const char *what;    /* which level ("cells", "heartbeat", "busy") or the worker's own check's name; or ""  */
    const struct status_slot *slot; /* NULL: of the segment                                                 */
    double value;                   /* NaN: none                                                           */
    double threshold;               /* NaN: none                                                           */
    char message[512];              /* one sentence                                                        */
};

struct health {
    enum status_health verdict;
    struct health_reason *reasons; /* the worst first                                                       */
    uint32_t reasons_n;
    uint32_t segments_n, segments_readable;
    uint32_t workers_live, workers_dead, workers_unknown, workers_stuck;
};

const char *health_check_name(enum health_check check); /* "segment" "capacity" "slots" "worker_dead" ... */

/*
 * Judges statuses_n segments, which must outlive *out. NULL limits: the defaults. No segment at all is failing. Returns
 * 0 or -ENOMEM. free with health_free().
 */
int health_judge(struct health *out, const struct segment_status *const *statuses, uint32_t statuses_n,
                 const struct health_limits *limits);
void health_free(struct health *health);

/* Adds a reason, which is copied, and lets it count for the verdict. 0 or -ENOMEM. */
int health_add(struct health *health, const struct health_reason *reason);

#endif
