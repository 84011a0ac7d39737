/*
 * Rules and summaries of the section health. What an expression, a name and a label may be, rules_check_rule() and
 * rules_check_summary() decide; each value is given to them beside others that are fine, so that the line is known.
 */
#include <errno.h>
#include <string.h>

#include "exporter/settings/internal.h"

#define WHY_BYTES       512u
#define OVER_SECONDS    300.0 /* of a summary that does not say it                                            */
#define FINE_EXPRESSION "sum(x) > 1"
#define OVER_MOST       3600.0 /* seconds                                                                      */
#define APDEX_LEAST     1e-9
#define APDEX_MOST      1e9

/* ---- rules ---- */

struct rule_entry {
    struct config *config;
    struct rule_spec spec;
};

static int
check_words(struct yaml *yaml, const struct yaml_value *value, const char *name, const char *message)
{
    const struct rule_spec one = { name, FINE_EXPRESSION, 0, STATUS_DEGRADED, message };
    char why[WHY_BYTES];

    return rules_check_rule(&one, why, sizeof why) ? yaml_fail(yaml, value, "%s", why) : 0;
}

static int
take_name(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct rule_entry *rule = into;
    int result = config_string(rule->config, yaml, key, value, &rule->spec.name);

    return result ? result : check_words(yaml, value, rule->spec.name, NULL);
}

static int
take_expr(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct rule_entry *rule = into;
    struct rule_spec one = { .name = "x", .severity = STATUS_DEGRADED };
    char why[WHY_BYTES];
    int result = config_string(rule->config, yaml, key, value, &rule->spec.expression);

    one.expression = rule->spec.expression;
    if (!result && rules_check_rule(&one, why, sizeof why))
        return yaml_fail(yaml, value, "%s: %s", key, why);
    return result;
}

static int
take_for(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_duration(yaml, key, value, 0, RULES_FOR_MOST, &((struct rule_entry *)into)->spec.for_seconds);
}

static int
take_severity(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct rule_entry *rule = into;
    char shown[YAML_SHOWN_BYTES];
    const char *word;

    if (yaml_string(yaml, key, value, &word))
        return -EINVAL;
    if (status_health_of(word, &rule->spec.severity) || rule->spec.severity == STATUS_OK)
        return yaml_fail(yaml, value, "%s is %s; degraded or failing is wanted", key, yaml_shown(key, value, shown));
    return 0;
}

static int
take_message(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct rule_entry *rule = into;
    int result = config_string(rule->config, yaml, key, value, &rule->spec.message);

    return result ? result : check_words(yaml, value, "x", rule->spec.message);
}

/* Reads item number idx into out. */
static int
take_rule(struct yaml *yaml, const struct yaml_value *list, uint32_t idx, struct config *config,
          struct rule_spec *specs)
{
    static const struct yaml_field fields[] = {
        { "name", take_name, 1 },         { "expr", take_expr, 1 },       { "for", take_for, 0 },
        { "severity", take_severity, 0 }, { "message", take_message, 0 },
    };
    struct rule_entry rule = { config, { .severity = STATUS_DEGRADED } };
    uint32_t i;
    int result = yaml_map(yaml, "rules", &list->items[idx], fields, sizeof fields / sizeof *fields, &rule);

    if (result)
        return result;
    for (i = 0; i < idx; i++)
        if (!strcmp(specs[i].name, rule.spec.name))
            return yaml_fail(yaml, config_find(&list->items[idx], "name"),
                             "another rule, in line %u, is called '%.80s' already",
                             config_find(&list->items[i], "name")->line, rule.spec.name);
    specs[idx] = rule.spec;
    return 0;
}

int
config_take_rules(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct config *config = into;
    struct rule_spec *specs;
    void *room;
    uint32_t i;
    int result = config_list(config, yaml, key, value, RULES_MOST, sizeof *specs, &room);

    specs = room;
    for (i = 0; i < value->n && !result; i++)
        result = take_rule(yaml, value, i, config, specs);
    config->rules.rules = specs;
    config->rules.rules_n = value->n;
    return result;
}

/* ---- summaries ---- */

struct summary_entry {
    struct config *config;
    struct summary_spec spec;
    const char **by; /* the same as the spec's */
};

static int
check_summary(struct yaml *yaml, const struct yaml_value *value, const char *histogram, const char *const *by,
              uint32_t by_n)
{
    const struct summary_spec one = { histogram, by, by_n, OVER_SECONDS, 0 };
    char why[WHY_BYTES];

    return rules_check_summary(&one, why, sizeof why) ? yaml_fail(yaml, value, "%s", why) : 0;
}

static int
take_histogram(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct summary_entry *summary = into;
    int result = config_string(summary->config, yaml, key, value, &summary->spec.histogram);

    return result ? result : check_summary(yaml, value, summary->spec.histogram, NULL, 0);
}

static int
take_label(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct summary_entry *summary = into;
    uint32_t n = summary->spec.by_n + 1;
    int result = config_string(summary->config, yaml, key, value, &summary->by[n - 1]);

    summary->spec.by_n = n;
    return result ? result : check_summary(yaml, value, "x", summary->spec.by, n);
}

static int
take_by(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct summary_entry *summary = into;
    void *room;

    if (config_room(summary->config, value->n, sizeof *summary->by, &room))
        return -ENOMEM;
    summary->spec.by = summary->by = room;
    return yaml_list(yaml, key, value, take_label, summary);
}

static int
take_over(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_duration(yaml, key, value, RULES_OVER_LEAST, OVER_MOST,
                         &((struct summary_entry *)into)->spec.over_seconds);
}

static int
take_apdex(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_number(yaml, key, value, APDEX_LEAST, APDEX_MOST, &((struct summary_entry *)into)->spec.apdex_seconds);
}

static int
summary_same(const struct summary_spec *a, const struct summary_spec *b)
{
    uint32_t i;

    if (strcmp(a->histogram, b->histogram) != 0 || a->by_n != b->by_n || a->over_seconds != b->over_seconds)
        return 0;
    for (i = 0; i < a->by_n && !strcmp(a->by[i], b->by[i]); i++)
        ;
    return i == a->by_n;
}

static int
take_summary(struct yaml *yaml, const struct yaml_value *list, uint32_t idx, struct config *config,
             struct summary_spec *specs)
{
    static const struct yaml_field fields[] = {
        { "histogram", take_histogram, 1 },
        { "by", take_by, 0 },
        { "over", take_over, 0 },
        { "apdex", take_apdex, 0 },
    };
    struct summary_entry summary = { config, { .over_seconds = OVER_SECONDS }, NULL };
    uint32_t i;
    int result = yaml_map(yaml, "summaries", &list->items[idx], fields, sizeof fields / sizeof *fields, &summary);

    if (result)
        return result;
    for (i = 0; i < idx; i++)
        if (summary_same(&specs[i], &summary.spec))
            return yaml_fail(
                yaml, config_find(&list->items[idx], "histogram"),
                "the summary in line %u is of the same histogram, by the same labels and over the same time",
                config_find(&list->items[i], "histogram")->line);
    specs[idx] = summary.spec;
    return 0;
}

int
config_take_summaries(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct config *config = into;
    struct summary_spec *specs;
    void *room;
    uint32_t i;
    int result = config_list(config, yaml, key, value, CONFIG_SUMMARIES, sizeof *specs, &room);

    specs = room;
    for (i = 0; i < value->n && !result; i++)
        result = take_summary(yaml, value, i, config, specs);
    config->rules.summaries = specs;
    config->rules.summaries_n = value->n;
    return result;
}
