/*
 * The section segments: which segments are served besides those of the options, and how their series are exposed.
 * settings_add() decides which labels, prefixes and expressions are valid; this file adds the file's line to its
 * sentences.
 */
#include <errno.h>
#include <string.h>

#include "exporter/settings/internal.h"
#include "exporter/settings/segment_name.h"

/* An entry. Its strings are in the tree. */
struct entry {
    struct config *config;
    struct settings_spec spec;
};

static int
take_name(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;
    char shown[YAML_SHOWN_BYTES];
    const char *wrong;

    if (yaml_string(yaml, key, value, &entry->spec.match))
        return -EINVAL;
    wrong = segment_name_wrong(entry->spec.match);
    return wrong ? yaml_fail(yaml, value, "%s is %s: %s", key, yaml_shown(key, value, shown), wrong) : 0;
}

static int
take_labels(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;
    const char **values;
    void *room;
    uint32_t i;

    if (value->kind == YAML_LIST || (value->kind == YAML_SCALAR && *value->text))
        return yaml_fail(yaml, value, "%s holds a %s; names with values are wanted, as in {site: berlin}", key,
                         value->kind == YAML_LIST ? "list" : "text");
    if (config_room(entry->config, value->n, sizeof *values, &room))
        return -ENOMEM;
    values = room;
    for (i = 0; i < value->n; i++)
        if (yaml_string(yaml, value->keys[i], &value->items[i], &values[i]))
            return -EINVAL;
    entry->spec.label_names = value->keys;
    entry->spec.label_values = values;
    entry->spec.labels_n = value->n;
    return 0;
}

static int
take_prefix(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_string(yaml, key, value, &((struct entry *)into)->spec.prefix);
}

static int
take_idle_timeout(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_duration(yaml, key, value, 0, SETTINGS_IDLE_SECONDS, &((struct entry *)into)->spec.idle_seconds);
}

static int
take_idle_gauges(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    int truth, result = yaml_bool(yaml, key, value, &truth);

    if (!result)
        ((struct entry *)into)->spec.idle_gauges = (uint32_t)truth;
    return result;
}

struct expressions {
    const char **texts;
    uint32_t n;
};

static int
take_expression(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct expressions *expressions = into;

    return yaml_string(yaml, key, value, &expressions->texts[expressions->n++]);
}

static int
take_expressions(struct yaml *yaml, const char *key, const struct yaml_value *value, struct config *config,
                 const char *const **out, uint32_t *out_n)
{
    struct expressions expressions = { NULL, 0 };
    void *room;
    int result;

    if (config_room(config, value->n, sizeof *expressions.texts, &room))
        return -ENOMEM;
    expressions.texts = room;
    result = yaml_list(yaml, key, value, take_expression, &expressions);
    if (!result && !expressions.n)
        return yaml_fail(yaml, value, "%s is empty; give it expressions such as ['shop_.*'], or leave it out", key);
    *out = expressions.texts;
    *out_n = expressions.n;
    return result;
}

static int
take_allow(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;

    return take_expressions(yaml, key, value, entry->config, &entry->spec.allow, &entry->spec.allow_n);
}

static int
take_deny(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;

    return take_expressions(yaml, key, value, entry->config, &entry->spec.deny, &entry->spec.deny_n);
}

/* The line of the mistake in an entry. */
static uint32_t
line_of(const struct yaml_value *entry, const struct report *report)
{
    switch ((enum settings_field)report->field) {
    case SETTINGS_LABEL:
        return config_find(entry, "labels")->key_lines[report->item];
    case SETTINGS_PREFIX:
        return config_find(entry, "prefix")->line;
    case SETTINGS_IDLE:
        return config_find(entry, "idle_timeout")->line;
    case SETTINGS_ALLOW:
        return config_find(entry, "allow")->items[report->item].line;
    case SETTINGS_DENY:
        return config_find(entry, "deny")->items[report->item].line;
    default:
        return entry->line;
    }
}

/* ---- entries together ---- */

/* Whether the earlier match covers everything that the later one matches. Only the plain cases are recognised. */
static int
covers(const char *earlier, const char *later)
{
    if (!strcmp(earlier, later))
        return 1;
    if (strpbrk(later, "*?[") && strpbrk(earlier, "?["))
        return 0;
    return settings_match(earlier, later);
}

/* Refuses an entry that is never used because an earlier one covers it: its settings would be ignored silently. */
static int
check_reach(struct yaml *yaml, const struct yaml_value *list, uint32_t idx)
{
    const struct yaml_value *name = config_find(&list->items[idx], "name");
    uint32_t i;

    for (i = 0; i < idx; i++) {
        const struct yaml_value *earlier = config_find(&list->items[i], "name");
        if (!strcmp(earlier->text, name->text))
            return yaml_fail(yaml, name, "segment '%.80s' has an entry in line %u already; join the two", name->text,
                             earlier->line);
        if (covers(earlier->text, name->text))
            return yaml_fail(
                yaml, name,
                "this entry never counts: '%.80s' in line %u matches '%.80s' too, and the first entry that "
                "matches counts; put this one before it",
                earlier->text, earlier->line, name->text);
    }
    return 0;
}

static int
take_entry(struct yaml *yaml, const struct yaml_value *list, uint32_t idx, struct config *config)
{
    static const struct yaml_field fields[] = {
        { "name", take_name, 1 },
        { "labels", take_labels, 0 },
        { "prefix", take_prefix, 0 },
        { "idle_timeout", take_idle_timeout, 0 },
        { "idle_gauges", take_idle_gauges, 0 },
        { "allow", take_allow, 0 },
        { "deny", take_deny, 0 },
    };
    const struct yaml_value *value = &list->items[idx];
    struct entry entry = { .config = config };
    struct report report = { 0 };
    int result = yaml_map(yaml, "segments", value, fields, sizeof fields / sizeof *fields, &entry);

    if (!result && entry.spec.idle_gauges && !(entry.spec.idle_seconds > 0))
        result = yaml_fail(yaml, config_find(value, "idle_gauges"),
                           "idle_gauges does nothing without an idle_timeout; give one, such as 1h");
    if (result)
        return result;
    result = settings_add(config->segments, &entry.spec, &report);
    if (result == -EINVAL)
        return yaml_fail_line(yaml, line_of(value, &report), "%s", report.text);
    config->file_names[idx] = arena_string(&config->arena, entry.spec.match);
    if (result || !config->file_names[idx])
        return -ENOMEM;
    config->file_names_n++;
    return check_reach(yaml, list, idx);
}

int
config_take_segments(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct config *config = into;
    void *room;
    uint32_t i;
    int result = config_check_list(yaml, key, value, CONFIG_SEGMENTS);

    if (result)
        return result;
    result = config_room(config, value->n, sizeof *config->file_names, &room);
    config->file_names = room;
    for (i = 0; i < value->n && !result; i++)
        result = take_entry(yaml, value, i, config);
    return result;
}
