/*
 * The section health: when a verdict is worse than ok.
 */
#include "exporter/settings/internal.h"

#define SHARE_LEAST       0.01 /* of a segment's room; 0 would mean the default */
#define CAPACITY_DEGRADED 0.80
#define CAPACITY_FAILING  0.95
#define SECONDS_MOST      1e9

/* A time after which, or for which, there is a reason; 0: never. */
static int
take_limit(struct yaml *yaml, const char *key, const struct yaml_value *value, double *limit)
{
    double seconds;
    int result = yaml_duration(yaml, key, value, 0, SECONDS_MOST, &seconds);

    if (!result)
        *limit = seconds > 0 ? seconds : -1;
    return result;
}

static int
take_stuck_after(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return take_limit(yaml, key, value, &((struct config *)into)->limits.busy_seconds);
}

static int
take_silent_after(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return take_limit(yaml, key, value, &((struct config *)into)->limits.heartbeat_seconds);
}

static int
take_died_within(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return take_limit(yaml, key, value, &((struct config *)into)->limits.died_seconds);
}

static int
take_degraded(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_number(yaml, key, value, SHARE_LEAST, 1, &((struct config *)into)->limits.capacity_degraded);
}

static int
take_failing(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_number(yaml, key, value, SHARE_LEAST, 1, &((struct config *)into)->limits.capacity_failing);
}

static int
take_capacity(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct yaml_field fields[] = { { "degraded", take_degraded, 0 }, { "failing", take_failing, 0 } };
    struct health_limits *limits = &((struct config *)into)->limits;
    const struct yaml_value *degraded = config_find(value, "degraded"), *failing = config_find(value, "failing");
    int result;

    limits->capacity_degraded = CAPACITY_DEGRADED;
    limits->capacity_failing = CAPACITY_FAILING;
    result = yaml_map(yaml, key, value, fields, 2, into);
    if (result || limits->capacity_degraded < limits->capacity_failing)
        return result;
    return yaml_fail(yaml, degraded ? degraded : failing,
                     "degraded is %g%s and failing is %g%s; degraded has to be the smaller one",
                     limits->capacity_degraded, degraded ? "" : " by default", limits->capacity_failing,
                     failing ? "" : " by default");
}

int
config_take_health(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct yaml_field fields[] = {
        { "stuck_after", take_stuck_after, 0 }, { "silent_after", take_silent_after, 0 },
        { "died_within", take_died_within, 0 }, { "capacity", take_capacity, 0 },
        { "rules", config_take_rules, 0 },      { "summaries", config_take_summaries, 0 },
    };

    return yaml_map(yaml, key, value, fields, sizeof fields / sizeof *fields, into);
}
