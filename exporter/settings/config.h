/*
 * The settings that a reload can change: the file of --config.file, together with the options that override it.
 * docs/configuration.md is its description for people. It opens no segment.
 */
#ifndef SHMETER_EXPORTER_SETTINGS_CONFIG_H
#define SHMETER_EXPORTER_SETTINGS_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/containers/arena.h"
#include "exporter/settings/options.h"
#include "health/health.h"
#include "health/rules/rules.h"
#include "read/filters/filters.h"

#define CONFIG_SEGMENTS  256u /* entries of a file */
#define CONFIG_SUMMARIES 100u

struct config {
    const char **names; /* of segments to serve: those of options, then those of the file, each once; at least one */
    uint32_t names_n;
    struct settings_list *segments; /* compiled, in the order of the file */
    struct health_limits limits;
    struct rules *rules; /* NULL: neither rules nor summaries */
    int openmetrics_created;
    int processes_pool, processes_workers; /* series of the workers' processes: their sums, and of each */
    const char **file_names;               /* names of the file's entries */
    uint32_t file_names_n;
    struct arena arena; /* has the names */
};

/*
 * Reads the file of --config.file, if there is one, and adds the options, which override the file. options and their
 * strings must outlive *out. Returns 0 and *out, or -errno and one sentence in report, which was empty, with the file's
 * line. Any thread.
 */
int config_read(struct config **out, const struct options *options, struct report *report);
void config_free(struct config *config); /* NULL is fine */

#endif
