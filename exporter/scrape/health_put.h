/*
 * The verdict as series: shmeter_health_status, and shmeter_health_check_status for each kind of check and each rule;
 * of all segments, and of each.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_HEALTH_PUT_H
#define SHMETER_EXPORTER_SCRAPE_HEALTH_PUT_H

#include "health/health.h"
#include "model/model.h"

struct rules;

/* statuses: those that were judged. rules: NULL none. 0 or -ENOMEM. */
int health_put(const struct health *health, const struct rules *rules, const struct segment_status *const *statuses,
               uint32_t statuses_n, struct model *model);

#endif
