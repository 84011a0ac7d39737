/*
 * What the files that read the web configuration share; no other file includes it.
 */
#ifndef SHMETER_EXPORTER_SETTINGS_WEB_INTERNAL_H
#define SHMETER_EXPORTER_SETTINGS_WEB_INTERNAL_H

#include "daemon/settings/yaml.h"
#include "exporter/settings/web/config.h"

/* Whether a value is empty, as in "key:". */
int web_config_is_nothing(const struct yaml_value *value);

/* A copy of text that lives as long as the configuration. NULL: no memory. */
const char *web_config_keep(struct web_config *config, const char *text);

/* yaml_string(); an empty value is "". */
int web_config_text(struct yaml *yaml, const char *key, const struct yaml_value *value, const char **out);

/* web_config_text() and web_config_keep(). An empty value leaves *out NULL. Returns 0, -EINVAL or -ENOMEM. */
int web_config_string(struct web_config *config, struct yaml *yaml, const char *key, const struct yaml_value *value,
                      const char **out);

/* The take function for tls_server_config (struct yaml_field), with the configuration as into. */
int web_config_take_tls(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into);

#endif
