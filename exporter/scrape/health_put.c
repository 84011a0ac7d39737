/* Every kind of check always has a series, also when it finds no problem, so that alerts need no absent(). */
#include "exporter/scrape/health_put.h"

#include <errno.h>
#include <stdio.h>

#include "health/rules/rules.h"

#define CHECK_BYTES (sizeof "rule:" + RULES_NAME_BYTES)

static int
put_check(struct model *model, const char *check, enum status_health status)
{
    static const char *const labels[] = { "check", NULL };
    static const struct model_metric metric = {
        .type = MODEL_GAUGE,
        .name = "shmeter_health_check_status",
        .help = "The worst that a check of health has found: 0 ok, 1 degraded, 2 failing.",
        .labels = labels,
    };

    return model_put_f64(model, &metric, &check, (double)status) == -ENOMEM ? -ENOMEM : 0;
}

static int
put_rules(const struct rules *rules, struct model *model)
{
    char check[CHECK_BYTES];
    struct rule_status status;
    uint32_t i;
    int result = 0;

    for (i = 0; i < rules_n(rules) && !result; i++) {
        rules_status(rules, i, &status);
        snprintf(check, sizeof check, "rule:%s", status.name);
        result = put_check(model, check, status.state == RULE_FIRING ? status.severity : STATUS_OK);
    }
    return result;
}

int
health_put(const struct health *health, const struct rules *rules, struct model *model)
{
    static const struct model_metric metric = {
        .type = MODEL_GAUGE,
        .name = "shmeter_health_status",
        .help = "The verdict of /health: 0 ok, 1 degraded, 2 failing.",
    };
    enum status_health worst[HEALTH_CHECKS] = { STATUS_OK };
    uint32_t i;
    int result = model_put_f64(model, &metric, NULL, (double)health->verdict) == -ENOMEM ? -ENOMEM : 0;

    for (i = 0; i < health->reasons_n; i++)
        if (health->reasons[i].severity > worst[health->reasons[i].check])
            worst[health->reasons[i].check] = health->reasons[i].severity;
    for (i = 0; i < HEALTH_CHECKS && !result; i++)
        result = put_check(model, health_check_name((enum health_check)i), worst[i]);
    return !result && rules ? put_rules(rules, model) : result;
}
