/*
 * The file of --web.config.file: the web configuration of Prometheus' exporter-toolkit (docs/web-configuration.md
 * there), as one structure, with its certificate and key read and checked. docs/web.md says where this differs. It
 * serves nothing.
 */
#ifndef SHMETER_EXPORTER_SETTINGS_WEB_CONFIG_H
#define SHMETER_EXPORTER_SETTINGS_WEB_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "exporter/auth/auth.h"
#include "exporter/tls/tls.h"

#define WEB_CONFIG_SANS 64u

struct web_header {
    const char *name, *value; /* value NULL: not set                                                         */
};

enum web_header_index {
    WEB_HEADER_CSP,
    WEB_HEADER_FRAME,
    WEB_HEADER_CONTENT_TYPE,
    WEB_HEADER_XSS,
    WEB_HEADER_TRANSPORT,
    WEB_HEADERS
};

struct web_string;

struct web_config {
    struct tls *tls;   /* NULL: plain HTTP; ours, to be held by who uses it beyond this structure            */
    uint64_t tls_mark; /* of the files that tls was made of, see tls_files_mark()                           */
    struct tls_settings tls_settings;
    const char *sans[WEB_CONFIG_SANS];
    struct web_header headers[WEB_HEADERS]; /* of every response                                               */
    struct auth_user *users;                /* who have passwords; users_n 0: nobody is asked for one              */
    uint32_t users_n;
    double rate_seconds; /* between two requests; 0: any rate                                                  */
    int64_t rate_burst;
    struct web_string *strings; /* what all the others point to                                                 */
};

/*
 * Reads the file; without one (path NULL), or with an empty one, everything is off. What is doubtful but works is
 * logged as a warning. Returns 0 and *out, or -errno and one sentence in report, with the file's line and without
 * secrets. Any thread.
 */
int web_config_read(struct web_config **out, const char *path, struct report *report);

/* Wipes what is secret. NULL is fine. */
void web_config_free(struct web_config *config);

/* What is to be said of an address that other machines can reach; NULL: nothing. */
const char *web_config_exposure(const struct web_config *config);

#endif
