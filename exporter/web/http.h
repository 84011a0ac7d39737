/*
 * The HTTP side: a daemon of libmicrohttpd, run by the caller's thread. The thread never waits for a segment: a request
 * for a document is suspended until the scraper has answered.
 *
 * Single-threaded: one thread calls all functions, with SIGPIPE ignored.
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
    uint32_t connections_n, connections_per_address_n; /* limits, 1 or more */
    void (*reload)(void *argument); /* called when a client requests a reload; NULL: reloads are refused */
    void *reload_argument;
    int open_probes;         /* 1: /-/healthy and /-/ready need no password */
    struct traffic *traffic; /* counts what happens; NULL: nobody does */
};

struct http;

/* NULL: no memory or descriptors. */
struct http *http_new(const struct http_options *options);

/*
 * Puts a web configuration in force, from the next connection or request on, and takes ownership of it. Returns 0; or
 * -errno and one sentence, and nothing has changed: web is still the caller's. Whether there is TLS cannot change after
 * the first http_listen().
 */
int http_configure(struct http *http, struct web_config *web, struct report *report);

/* Whether http_configure() would accept web: 0, or -EINVAL and one sentence. */
int http_check(const struct http *http, const struct web_config *web, struct report *report);

/*
 * To be called when a reload begins and ends. Requests for a reload that arrived before it began are answered when it
 * ends. wrong: why it failed; NULL: it succeeded.
 */
void http_reload_begins(struct http *http);
void http_reload_ends(struct http *http, const char *wrong);

/* Serves a listening socket, and takes ownership of it. Returns 0 or -errno (the socket is closed). */
int http_listen(struct http *http, int fd);

/*
 * http_fd(): a descriptor that is readable when http_run() has something to do. http_timeout_ms(): the longest time
 * until http_run() has to be called, in milliseconds; -1: none.
 */
int http_fd(const struct http *http);
int http_timeout_ms(struct http *http);

/* Does what is to be done, without waiting. */
void http_run(struct http *http);

/* Stops accepting connections; answers under way go on. */
void http_quiesce(struct http *http);

/* The number of requests that were read and are not completely answered. */
uint32_t http_active(const struct http *http);

/* Ends all connections and frees everything. Waits until the scraper has answered all requests. NULL is fine. */
void http_free(struct http *http);

#endif
