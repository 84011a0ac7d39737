/* Reads the file's sections, and adds the options. */
#include "exporter/settings/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/settings/internal.h"

#define STUCK_SECONDS 60.0

/* ---- for the sections ---- */

int
config_room(struct config *config, uint32_t n, size_t bytes, void **out)
{
    *out = arena_take(&config->arena, n * bytes);
    return *out ? 0 : -ENOMEM;
}

int
config_check_list(struct yaml *yaml, const char *key, const struct yaml_value *value, uint32_t most)
{
    if (value->kind != YAML_LIST && (value->kind != YAML_SCALAR || *value->text))
        return yaml_fail(yaml, value, "%s holds a %s; a list is wanted, of which every item begins with '- '", key,
                         value->kind == YAML_MAP ? "map" : "text");
    if (value->n > most)
        return yaml_fail(yaml, &value->items[most], "%s has more than %u entries", key, most);
    return 0;
}

const struct yaml_value *
config_find(const struct yaml_value *map, const char *key)
{
    uint32_t i;

    for (i = 0; map->kind == YAML_MAP && i < map->n; i++) /* a list has no keys */
        if (!strcmp(map->keys[i], key))
            return &map->items[i];
    return NULL;
}

/* ---- the file ---- */

static int
take_created(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_bool(yaml, key, value, &((struct config *)into)->openmetrics_created);
}

static int
take_openmetrics(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct yaml_field fields[] = { { "created", take_created, 0 } };

    return yaml_map(yaml, key, value, fields, 1, into);
}

static int
take_pool(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_bool(yaml, key, value, &((struct config *)into)->processes_pool);
}

static int
take_workers(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_bool(yaml, key, value, &((struct config *)into)->processes_workers);
}

static int
take_processes(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    static const struct yaml_field fields[] = { { "pool", take_pool, 0 }, { "workers", take_workers, 0 } };
    const struct config *config = into;
    int result = yaml_map(yaml, key, value, fields, 2, into);

    if (!result && config->processes_workers && !config->processes_pool)
        return yaml_fail(yaml, value, "processes has workers without pool; leave pool out, or set it to true");
    return result;
}

/* Parts of the section health at the top level are a common mistake: the sentence says where they belong. */
static int
refuse_misplaced(struct yaml *yaml)
{
    static const char *const parts[] = {
        "stuck_after", "silent_after", "died_within", "capacity", "rules", "summaries"
    };
    const struct yaml_value *root = yaml->root;
    uint32_t i, k;

    for (i = 0; root->kind == YAML_MAP && i < root->n; i++)
        for (k = 0; k < sizeof parts / sizeof *parts; k++)
            if (!strcmp(root->keys[i], parts[k]))
                return yaml_fail_line(yaml, root->key_lines[i],
                                      "%s is a part of health; put it below the key health, indented", parts[k]);
    return 0;
}

static int
read_file(struct config *config, const char *path, struct report *report)
{
    static const struct yaml_field fields[] = {
        { "segments", config_take_segments, 0 },
        { "openmetrics", take_openmetrics, 0 },
        { "processes", take_processes, 0 },
        { "health", config_take_health, 0 },
    };
    struct yaml yaml;
    int result = yaml_open(&yaml, path, report);

    if (result)
        return result;
    if (yaml.root)
        result = refuse_misplaced(&yaml);
    if (yaml.root && !result)
        result = yaml_map(&yaml, NULL, yaml.root, fields, sizeof fields / sizeof *fields, config);
    yaml_close(&yaml);
    return result;
}

/* ---- the options ---- */

static void
add_name(struct config *config, const char *name)
{
    uint32_t i;

    for (i = 0; i < config->names_n; i++)
        if (!strcmp(config->names[i], name))
            return;
    config->names[config->names_n++] = name;
}

static int
add_options(struct config *config, const struct options *options)
{
    void *room;
    uint32_t i;

    if (config_room(config, options->segments_n + config->file_names_n + 1, sizeof *config->names, &room))
        return -ENOMEM;
    config->names = room;
    for (i = 0; i < options->segments_n; i++)
        add_name(config, options->segments[i]);
    for (i = 0; i < config->file_names_n; i++)
        add_name(config, config->file_names[i]);
    if (!config->names_n)
        add_name(config, options->standard_segment);
    if (options->stuck_seconds != 0)
        config->limits.busy_seconds = options->stuck_seconds;
    config->openmetrics_created |= options->openmetrics_created;
    return 0;
}

int
config_read(struct config **out, const struct options *options, struct report *report)
{
    struct config *config = calloc(1, sizeof *config);
    int result = config ? 0 : -ENOMEM;

    *out = NULL;
    if (config && !(config->segments = settings_new()))
        result = -ENOMEM;
    if (!result) {
        config->limits.busy_seconds = STUCK_SECONDS;
        config->processes_pool = 1;
        if (options->config_file)
            result = read_file(config, options->config_file, report);
    }
    if (!result)
        result = add_options(config, options);
    if (result == -ENOMEM)
        report_fail(report, result, "no memory for the settings");
    if (result)
        config_free(config);
    else
        *out = config;
    return result;
}

void
config_free(struct config *config)
{
    if (!config)
        return;
    settings_free(config->segments);
    rules_free(config->rules);
    arena_free(&config->arena);
    free(config);
}
