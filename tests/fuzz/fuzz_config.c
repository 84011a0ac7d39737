/*
 * Any bytes as the file of --config.file: taken, or refused with one sentence that names the file and the line.
 */
#include <stdlib.h>
#include <string.h>

#include "exporter/settings/config.h"
#include "tests/fuzz/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
check_refused(const char *error, const char *path)
{
    char *end;

    if (strncmp(error, path, strlen(path)) || strpbrk(error, "\n\r\t"))
        abort();
    error += strlen(path);
    if (*error != ':' || strtoul(error + 1, &end, 10) < 1 || strncmp(end, ": ", 2) || strlen(end) < 8)
        abort();
}

/* What whoever uses it relies on. */
static void
check_taken(const struct config *config)
{
    char why[256];
    uint32_t i;

    for (i = 0; i < config->segments_n; i++)
        if (store_segment_check(&config->segments[i], why, sizeof why))
            abort();
    for (i = 0; i < config->rules.rules_n; i++)
        if (rules_check_rule(&config->rules.rules[i], why, sizeof why))
            abort();
    for (i = 0; i < config->rules.summaries_n; i++)
        if (rules_check_summary(&config->rules.summaries[i], why, sizeof why))
            abort();
    if (!config->names_n ||
        (config->limits.capacity_failing > 0 && config->limits.capacity_degraded >= config->limits.capacity_failing))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const struct options options = { .config_file = file_of(data, bytes), .standard_segment = "default" };
    struct config *config = NULL;
    char error[1024] = "";

    if (config_read(&config, &options, error, sizeof error))
        check_refused(error, options.config_file);
    else if (config && !*error)
        check_taken(config);
    else
        abort();
    config_free(config);
    return 0;
}
