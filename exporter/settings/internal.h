/*
 * What the files that read the sections share; no other file includes it.
 */
#ifndef SHMETER_EXPORTER_SETTINGS_INTERNAL_H
#define SHMETER_EXPORTER_SETTINGS_INTERNAL_H

#include "daemon/settings/yaml.h"
#include "exporter/settings/config.h"

/* The take functions of the sections (struct yaml_field), with the struct config as into. */
int config_take_segments(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into);
int config_take_health(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into);

/* The same for parts of the section health. */
int config_take_rules(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into);
int config_take_summaries(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into);

/* Allocates n zeroed elements of so many bytes each. 0 or -ENOMEM. */
int config_room(struct config *config, uint32_t n, size_t bytes, void **out);

/* Checks that a value is a list of at most so many items. 0 or -EINVAL. */
int config_check_list(struct yaml *yaml, const char *key, const struct yaml_value *value, uint32_t most);

/* The value of a key; NULL: the map does not have it. */
const struct yaml_value *config_find(const struct yaml_value *map, const char *key);

#endif
