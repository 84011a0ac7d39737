/* Every kind of check always has a series, also when it finds no problem, so that alerts need no absent(). */
#include "exporter/scrape/health_put.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "health/rules/rules.h"

#define CHECK_BYTES (sizeof "rule:" + RULES_NAME_BYTES)

/* The worst that each check has found. */
struct worst {
    enum status_health all, checks[HEALTH_CHECKS];
};

/* The series of one segment; segment NULL: of all. */
static int
put_check(struct model *model, const char *segment, const char *check, enum status_health status)
{
    static const char *const labels[] = { "segment", "check", NULL };
    const char *const values[] = { segment, check };
    const struct model_metric metric = {
        .type = MODEL_GAUGE,
        .name = "shmeter_health_check_status",
        .help =
            "The worst that a check of health has found: 0 ok, 1 degraded, 2 failing. With the label segment: in it.",
        .labels = labels + !segment,
    };

    return model_put_f64(model, &metric, values + !segment, (double)status) == -ENOMEM ? -ENOMEM : 0;
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
        result = put_check(model, NULL, check, status.state == RULE_FIRING ? status.severity : STATUS_OK);
    }
    return result;
}

static void
find_worst(const struct health *health, const char *segment, struct worst *out)
{
    const struct health_reason *reason;
    uint32_t i;

    memset(out, 0, sizeof *out);
    for (i = 0; i < health->reasons_n; i++) {
        reason = &health->reasons[i];
        if (segment && reason->segment != segment)
            continue;
        if (reason->severity > out->checks[reason->check])
            out->checks[reason->check] = reason->severity;
        if (reason->severity > out->all)
            out->all = reason->severity;
    }
}

static int
put_worst(const struct worst *worst, const char *segment, struct model *model)
{
    static const char *const labels[] = { "segment", NULL };
    const struct model_metric metric = {
        .type = MODEL_GAUGE,
        .name = "shmeter_health_status",
        .help = "The verdict of /health: 0 ok, 1 degraded, 2 failing. With the label segment: on it alone.",
        .labels = segment ? labels : NULL,
    };
    uint32_t i;
    int result = model_put_f64(model, &metric, &segment, (double)worst->all) == -ENOMEM ? -ENOMEM : 0;

    for (i = 0; i < HEALTH_CHECKS && !result; i++)
        if (!segment || i != HEALTH_RULE) /* rules are about all segments */
            result = put_check(model, segment, health_check_name((enum health_check)i), worst->checks[i]);
    return result;
}

int
health_put(const struct health *health, const struct rules *rules, const struct segment_status *const *statuses,
           uint32_t statuses_n, struct model *model)
{
    struct worst worst;
    uint32_t i;
    int result;

    find_worst(health, NULL, &worst);
    worst.all = health->verdict;
    result = put_worst(&worst, NULL, model);
    for (i = 0; i < statuses_n && !result; i++) {
        find_worst(health, statuses[i]->name, &worst);
        result = put_worst(&worst, statuses[i]->name, model);
    }
    return !result && rules ? put_rules(rules, model) : result;
}
