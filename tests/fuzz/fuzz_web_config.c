/*
 * Any bytes as the file of --web.config.file: taken, or refused with one sentence that names the file.
 */
#include <string.h>

#include "base/log.h"
#include "exporter/settings/web/config.h"
#include "tests/fuzz/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *path = file_of(data, bytes);
    struct web_config *config = NULL;
    struct report report = { 0 };

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    if (web_config_read(&config, path, &report)) {
        if (strncmp(report.text, path, strlen(path)) || strchr(report.text, '\n') ||
            strlen(report.text) < strlen(path) + 4)
            abort();
    } else if (!config) {
        abort();
    }
    web_config_free(config);
    return 0;
}
