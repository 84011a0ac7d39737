/*
 * The file of --web.config.file: the web configuration of Prometheus' exporter-toolkit (docs/web-configuration.md
 * there), as one structure, with its certificate and key read and checked. docs/web.md says where this differs.
 * exporter/web/guard.h puts it in force.
 */
#ifndef SHMETER_EXPORTER_SETTINGS_WEB_CONFIG_H
#define SHMETER_EXPORTER_SETTINGS_WEB_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "exporter/auth/auth.h"
#include "exporter/tls/tls.h"

#define WEB_CONFIG_SANS 64u

struct web_header {
    const char *name, *value; /* value NULL: not set */
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
    struct tls *tls;   /* NULL: plain HTTP. Owned; who uses it longer than this struct needs a reference of its own */
    uint64_t tls_mark; /* tls_files_mark() of the files that tls was made from */
    struct tls_settings tls_settings;
    const char *sans[WEB_CONFIG_SANS];
    struct web_header headers[WEB_HEADERS]; /* for every response */
    struct auth_user *users;                /* users_n 0: no password is needed */
    uint32_t users_n;
    double rate_seconds; /* between two requests; 0: any rate */
    int64_t rate_burst;
    struct web_string *strings; /* the strings that other members point to */
};

/*
 * Reads the file. Without a file (path NULL), or with an empty one, everything is off. Doubtful settings that work are
 * logged as warnings. Returns 0 and *out, or -errno and one sentence in report, with the file's line and without
 * secrets. Any thread.
 */
int web_config_read(struct web_config **out, const char *path, struct report *report);

/* Frees everything, and wipes secrets. NULL is fine. */
void web_config_free(struct web_config *config);

/* A warning for addresses that other machines can reach; NULL: none is needed. */
const char *web_config_exposure(const struct web_config *config);

#endif
