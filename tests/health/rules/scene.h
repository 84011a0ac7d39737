/*
 * A model whose values a test sets, a clock that it turns, and rules that read both.
 */
#ifndef SHMETER_TESTS_HEALTH_RULES_SCENE_H
#define SHMETER_TESTS_HEALTH_RULES_SCENE_H

#include <stdint.h>

#include "health/rules/rules.h"
#include "model/model.h"

struct rules_spec {
    const struct rule_spec *rules;
    uint32_t rules_n;
    const struct summary_spec *summaries;
    uint32_t summaries_n;
};

struct scene {
    struct model *model;
    struct rules *rules; /* the test's to make */
    double now;          /* seconds; begins at an odd place */
    uint64_t real_ns;
};

void scene_begin(struct scene *scene);
void scene_end(struct scene *scene); /* frees the rules too */

/* Makes rules of one condition: named "r", degraded. Those from before are taken over. */
void scene_rule(struct scene *scene, const char *expression, double for_seconds);
void scene_rules(struct scene *scene, const struct rules_spec *spec);

/*
 * Values of series with one label "a"; created_ns 0: unknown. A value stays until it is set again, or the series is
 * hidden.
 */
void scene_u64(struct scene *scene, enum model_type type, const char *name, const char *a, uint64_t value);
void scene_f64(struct scene *scene, enum model_type type, const char *name, const char *a, double value);
void scene_hide(struct scene *scene, const char *name, const char *a);
struct model_series *scene_series(struct scene *scene, const char *name, const char *a);

/* Buckets that end at bounds, and one for what is above; counts[bounds_n + 1]. */
void scene_histogram(struct scene *scene, const char *name, const char *a, const double *bounds, uint32_t bounds_n,
                     double sum, const uint64_t *counts);

/* The same with exponential buckets from bucket first_index on; counts[1 + log_n], the zero bucket first. */
void scene_exponential(struct scene *scene, const char *name, const char *a, int32_t schema, int32_t first_index,
                       uint32_t log_n, double sum, const uint64_t *counts);

/* Fails unless both are the same but for rounding. */
void scene_near(double value, double wanted);

/* Turns the clock and lets the rules read. */
void scene_tick(struct scene *scene, double seconds);
struct rule_status scene_status(const struct scene *scene); /* of the first rule */

#endif
