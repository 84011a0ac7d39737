/*
 * Rules and summaries of the section health. rules_add() and rules_add_summary() decide which expressions, names and
 * labels are valid; this file adds the file's line to their sentences.
 */
#include <errno.h>
#include <string.h>

#include "exporter/settings/internal.h"

#define OVER_SECONDS 300.0  /* default */
#define OVER_MOST    3600.0 /* seconds */
#define APDEX_LEAST  1e-9
#define APDEX_MOST   1e9

/* Makes config->rules for the first rule or summary. 0 or -ENOMEM. */
static int
make_rules(struct config *config)
{
    if (!config->rules)
        config->rules = rules_new();
    return config->rules ? 0 : -ENOMEM;
}

/* ---- rules ---- */

static int
take_name(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_string(yaml, key, value, &((struct rule_spec *)into)->name);
}

static int
take_expr(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_string(yaml, key, value, &((struct rule_spec *)into)->expression);
}

static int
take_for(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_duration(yaml, key, value, 0, RULES_FOR_MOST, &((struct rule_spec *)into)->for_seconds);
}

static int
take_severity(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct rule_spec *rule = into;
    char shown[YAML_SHOWN_BYTES];
    const char *word;

    if (yaml_string(yaml, key, value, &word))
        return -EINVAL;
    if (status_health_of(word, &rule->severity) || rule->severity == STATUS_OK)
        return yaml_fail(yaml, value, "%s is %s; degraded or failing is wanted", key, yaml_shown(key, value, shown));
    return 0;
}

static int
take_message(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_string(yaml, key, value, &((struct rule_spec *)into)->message);
}

/* Reports what rules_add() has refused, with the line. */
static int
fail_rule(struct yaml *yaml, const struct yaml_value *rule, const struct report *report)
{
    switch ((enum rules_field)report->field) {
    case RULES_NAME:
        return yaml_fail(yaml, config_find(rule, "name"), "%s", report->text);
    case RULES_MESSAGE:
        return yaml_fail(yaml, config_find(rule, "message"), "%s", report->text);
    case RULES_EXPRESSION:
        return yaml_fail(yaml, config_find(rule, "expr"), "expr: %s", report->text);
    default:
        return yaml_fail(yaml, rule, "%s", report->text);
    }
}

static int
check_name(struct yaml *yaml, const struct yaml_value *list, uint32_t idx)
{
    const struct yaml_value *name = config_find(&list->items[idx], "name");
    uint32_t i;

    for (i = 0; i < idx; i++) {
        const struct yaml_value *earlier = config_find(&list->items[i], "name");
        if (!strcmp(earlier->text, name->text))
            return yaml_fail(yaml, name, "another rule, in line %u, is called '%.80s' already", earlier->line,
                             name->text);
    }
    return 0;
}

static int
take_rule(struct yaml *yaml, const struct yaml_value *list, uint32_t idx, struct config *config)
{
    static const struct yaml_field fields[] = {
        { "name", take_name, 1 },         { "expr", take_expr, 1 },       { "for", take_for, 0 },
        { "severity", take_severity, 0 }, { "message", take_message, 0 },
    };
    struct rule_spec spec = { .severity = STATUS_DEGRADED };
    struct report report = { 0 };
    int result = yaml_map(yaml, "rules", &list->items[idx], fields, sizeof fields / sizeof *fields, &spec);

    if (result)
        return result;
    result = make_rules(config);
    if (!result)
        result = rules_add(config->rules, &spec, &report);
    if (result)
        return result == -EINVAL ? fail_rule(yaml, &list->items[idx], &report) : result;
    return check_name(yaml, list, idx);
}

int
config_take_rules(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    uint32_t i;
    int result = config_check_list(yaml, key, value, RULES_MOST);

    for (i = 0; i < value->n && !result; i++)
        result = take_rule(yaml, value, i, into);
    return result;
}

/* ---- summaries ---- */

struct summary_entry {
    struct config *config;
    struct summary_spec spec; /* its strings are in the tree */
    const char **by;          /* the array that the spec's by points to */
};

static int
take_histogram(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_string(yaml, key, value, &((struct summary_entry *)into)->spec.histogram);
}

static int
take_label(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct summary_entry *summary = into;

    return yaml_string(yaml, key, value, &summary->by[summary->spec.by_n++]);
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

/* Reports what rules_add_summary() has refused, with the line. */
static int
fail_summary(struct yaml *yaml, const struct yaml_value *summary, const struct report *report)
{
    const struct yaml_value *value = summary;

    if (report->field == RULES_HISTOGRAM)
        value = config_find(summary, "histogram");
    if (report->field == RULES_BY)
        value = &config_find(summary, "by")->items[report->item];
    return yaml_fail(yaml, value, "%s", report->text);
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
    struct report report = { 0 };
    uint32_t i;
    int result = yaml_map(yaml, "summaries", &list->items[idx], fields, sizeof fields / sizeof *fields, &summary);

    if (result)
        return result;
    result = make_rules(config);
    if (!result)
        result = rules_add_summary(config->rules, &summary.spec, &report);
    if (result)
        return result == -EINVAL ? fail_summary(yaml, &list->items[idx], &report) : result;
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
    struct summary_spec *specs;
    void *room;
    uint32_t i;
    int result = config_check_list(yaml, key, value, CONFIG_SUMMARIES);

    if (result)
        return result;
    result = config_room(into, value->n, sizeof *specs, &room);
    specs = room;
    for (i = 0; i < value->n && !result; i++)
        result = take_summary(yaml, value, i, into, specs);
    return result;
}
