/*
 * The HTTP side: a daemon of libmicrohttpd, driven by the caller's thread, which never waits for a segment: a request
 * that needs one is suspended until the scraper has answered.
 *
 * Single-threaded: all of these are called by one thread, with SIGPIPE ignored.
 */
#ifndef SHMETER_EXPORTER_WEB_HTTP_H
#define SHMETER_EXPORTER_WEB_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "exporter/scrape/scraper.h"
#include "exporter/settings/web/config.h"

struct http_options {
    struct scraper *scraper;
    const char *telemetry_path;
    double request_seconds;
    uint32_t connections_n, connections_per_address_n; /* at most; at least 1                               */
    void (*reload)(void *argument); /* called when a client requests a reload; NULL: not allowed                 */
    void *reload_argument;
};

struct http;

/* NULL: no memory or descriptors. */
struct http *http_new(const struct http_options *options);

/*
 * Puts a web configuration in force, from the next connection or request on, and takes it over. Returns 0, or -errno
 * and one sentence: then everything is as it was and web still the caller's. Whether there is TLS cannot change after
 * the first http_listen().
 */
int http_configure(struct http *http, struct web_config *web, struct report *report);

/* Whether http_configure() would take it: -EINVAL and one sentence when it would not. */
int http_check(const struct http *http, const struct web_config *web, struct report *report);

/*
 * Around a reload: who has asked for one before it begins is answered when it ends. wrong: why it failed; NULL: it is
 * done.
 */
void http_reload_begins(struct http *http);
void http_reload_ends(struct http *http, const char *wrong);

/* Serves on a listening socket, which it takes over. Returns 0 or -errno (the socket is closed). */
int http_listen(struct http *http, int fd);

/* Readable when there is something to do; and how long one may wait at most, in milliseconds, -1 for ever. */
int http_fd(const struct http *http);
int http_timeout_ms(struct http *http);

/* Does what there is to do, and does not wait. */
void http_run(struct http *http);

/* Stops accepting connections; answers under way go on. */
void http_quiesce(struct http *http);

/* Requests that were read and are not yet answered whole. */
uint32_t http_active(const struct http *http);

/* Ends all connections. Waits for the scraper to answer what it was asked. NULL is fine. */
void http_free(struct http *http);

#endif
