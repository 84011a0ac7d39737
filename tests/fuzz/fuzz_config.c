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
    struct rule_status status;
    uint32_t i;

    for (i = 0; config->rules && i < rules_n(config->rules); i++) {
        rules_status(config->rules, i, &status);
        if (!*status.name || !*status.expression || status.state != RULE_INACTIVE)
            abort();
    }
    if (!config->names_n || !config->segments ||
        (config->limits.capacity_failing > 0 && config->limits.capacity_degraded >= config->limits.capacity_failing))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const struct options options = { .config_file = file_of(data, bytes), .standard_segment = "default" };
    struct config *config = NULL;
    struct report report = { 0 };

    if (config_read(&config, &options, &report))
        check_refused(report.text, options.config_file);
    else if (config && !*report.text)
        check_taken(config);
    else
        abort();
    config_free(config);
    return 0;
}
