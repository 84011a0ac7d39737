/*
 * Rules and summaries as JSON; docs/health.md describes it.
 */
#ifndef SHMETER_HEALTH_RULES_JSON_H
#define SHMETER_HEALTH_RULES_JSON_H

#include <jansson.h>

#include "health/rules/rules.h"

/* Arrays; rules NULL: empty ones. New references, or NULL: no memory. */
json_t *rules_json(const struct rules *rules);
json_t *rules_summaries_json(const struct rules *rules);

#endif
