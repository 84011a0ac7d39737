/*
 * The section segments: which segments are served besides those of the options, and how their series are exposed. What a label, a prefix
 * and an expression may be, store_segment_check() decides; each is given to it alone, so that the line is known.
 */
#include <errno.h>
#include <string.h>

#include "exporter/settings/internal.h"
#include "exporter/settings/segment_name.h"
#include "read/filters/filters.h"

#define WHY_BYTES 256u

struct entry {
    struct config *config;
    struct store_segment segment;
};

/* Asks about one of an entry's settings, of which each is fine without the others. */
static int
check(struct yaml *yaml, uint32_t line, const struct store_segment *segment)
{
    char why[WHY_BYTES];

    return store_segment_check(segment, why, sizeof why) ? yaml_fail_line(yaml, line, "%s", why) : 0;
}

static int
take_name(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;
    const char *wrong;
    int result = config_string(entry->config, yaml, key, value, &entry->segment.match);

    if (!result && (wrong = segment_name_wrong(entry->segment.match))) {
        char shown[YAML_SHOWN_BYTES];
        return yaml_fail(yaml, value, "%s is %s: %s", key, yaml_shown(key, value, shown), wrong);
    }
    return result;
}

static int
take_labels(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;
    const char **names, **values;
    void *room;
    uint32_t i;
    int result;

    if (value->kind == YAML_LIST || (value->kind == YAML_SCALAR && *value->text))
        return yaml_fail(yaml, value, "%s holds a %s; names with values are wanted, as in {site: berlin}", key,
                         value->kind == YAML_LIST ? "list" : "text");
    if (config_room(entry->config, value->n, 2 * sizeof *names, &room))
        return -ENOMEM;
    names = room;
    values = names + value->n;
    for (i = 0; i < value->n; i++) {
        const struct store_segment one = {
            .match = "x", .label_names = &names[i], .label_values = &values[i], .labels_n = 1
        };
        names[i] = arena_string(&entry->config->arena, value->keys[i]);
        if (!names[i])
            return -ENOMEM;
        result = config_string(entry->config, yaml, names[i], &value->items[i], &values[i]);
        if (!result)
            result = check(yaml, value->key_lines[i], &one);
        if (result)
            return result;
    }
    entry->segment.label_names = names;
    entry->segment.label_values = values;
    entry->segment.labels_n = value->n;
    return 0;
}

static int
take_prefix(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;
    int result = config_string(entry->config, yaml, key, value, &entry->segment.prefix);
    const struct store_segment one = { .match = "x", .prefix = entry->segment.prefix };

    return result ? result : check(yaml, value->line, &one);
}

static int
take_idle_timeout(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_duration(yaml, key, value, 0, SETTINGS_IDLE_SECONDS, &((struct entry *)into)->segment.idle_seconds);
}

static int
take_idle_gauges(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    int truth, result = yaml_bool(yaml, key, value, &truth);

    if (!result)
        ((struct entry *)into)->segment.idle_gauges = (uint32_t)truth;
    return result;
}

struct expressions {
    struct config *config;
    const char **texts;
    uint32_t n;
};

static int
take_expression(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct expressions *expressions = into;
    const char **text = &expressions->texts[expressions->n++];
    const struct store_segment one = { .match = "x", .allow = text, .allow_n = 1 };
    int result = config_string(expressions->config, yaml, key, value, text);

    return result ? result : check(yaml, value->line, &one);
}

static int
take_expressions(struct yaml *yaml, const char *key, const struct yaml_value *value, struct config *config,
                 const char *const **out, uint32_t *out_n)
{
    struct expressions expressions = { config, NULL, 0 };
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

    return take_expressions(yaml, key, value, entry->config, &entry->segment.allow, &entry->segment.allow_n);
}

static int
take_deny(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct entry *entry = into;

    return take_expressions(yaml, key, value, entry->config, &entry->segment.deny, &entry->segment.deny_n);
}

/* ---- entries together ---- */

/* Whether everything that the later one matches is matched by the earlier one, as far as that is plain to see. */
static int
covers(const char *earlier, const char *later)
{
    if (!strcmp(earlier, later))
        return 1;
    if (strpbrk(later, "*?[") && strpbrk(earlier, "?["))
        return 0;
    return settings_match(earlier, later);
}

/* An entry that never counts is a mistake: its settings would be missed in silence. */
static int
check_reach(struct yaml *yaml, const struct yaml_value *list, const struct config *config, const char *name,
            const struct yaml_value *value)
{
    uint32_t i;

    for (i = 0; i < config->segments_n; i++) {
        const char *earlier = config->segments[i].match;
        uint32_t line = config_find(&list->items[i], "name")->line;
        if (!strcmp(earlier, name))
            return yaml_fail(yaml, value, "segment '%.80s' has an entry in line %u already; join the two", name, line);
        if (covers(earlier, name))
            return yaml_fail(
                yaml, value,
                "this entry never counts: '%.80s' in line %u matches '%.80s' too, and the first entry that "
                "matches counts; put this one before it",
                earlier, line, name);
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
    int result = yaml_map(yaml, "segments", value, fields, sizeof fields / sizeof *fields, &entry);

    if (!result && entry.segment.idle_gauges && !(entry.segment.idle_seconds > 0))
        result = yaml_fail(yaml, config_find(value, "idle_gauges"),
                           "idle_gauges does nothing without an idle_timeout; give one, such as 1h");
    if (!result)
        result = check(yaml, value->line, &entry.segment);
    if (!result)
        result = check_reach(yaml, list, config, entry.segment.match, config_find(value, "name"));
    if (!result)
        config->segments[config->segments_n++] = entry.segment;
    return result;
}

int
config_take_segments(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    struct config *config = into;
    void *room;
    uint32_t i;
    int result = config_list(config, yaml, key, value, CONFIG_SEGMENTS, sizeof *config->segments, &room);

    config->segments = room;
    for (i = 0; i < value->n && !result; i++)
        result = take_entry(yaml, value, i, config);
    return result;
}
