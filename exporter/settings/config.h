/*
 * The files of --config.file and --web.config.file. There is nothing to set in them: a file of comments is fine, and anything
 * else is refused with its line, because a setting that is silently ignored is worse than none.
 */
#ifndef SHMETER_EXPORTER_SETTINGS_CONFIG_H
#define SHMETER_EXPORTER_SETTINGS_CONFIG_H

#include <stddef.h>

/*
 * Reads the file. what: the settings that it is about, for the sentence ("TLS and password settings"). Returns 0, or -errno and one
 * sentence in error that names the file, the line and what to do.
 */
int config_check(const char *path, const char *what, char *error, size_t error_bytes);

#endif
