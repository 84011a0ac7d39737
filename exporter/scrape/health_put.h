/*
 * The verdict as series: shmeter_health_status, and shmeter_health_check_status for each kind of check and each rule.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_HEALTH_PUT_H
#define SHMETER_EXPORTER_SCRAPE_HEALTH_PUT_H

#include "health/health.h"
#include "model/model.h"

struct rules;

/* rules: NULL none. 0 or -ENOMEM. */
int health_put(const struct health *health, const struct rules *rules, struct model *model);

#endif
