/*
 * What http.c and requests.c share; no other file includes it.
 */
#ifndef SHMETER_EXPORTER_WEB_INTERNAL_H
#define SHMETER_EXPORTER_WEB_INTERNAL_H

#include <microhttpd.h>

#include "exporter/web/accepts.h"
#include "exporter/web/conns.h"
#include "exporter/web/deliveries.h"
#include "exporter/web/guard.h"
#include "exporter/web/handshakes.h"
#include "exporter/web/http.h"
#include "exporter/web/reloads.h"
#include "exporter/web/responses.h"

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon; /* NULL: there is no listening socket yet */
    int epoll;
    struct accepts accepts;
    struct handshakes handshakes;
    int handshakes_fd; /* in epoll; -1: not yet */
    struct conns conns;
    struct responses responses;
    struct deliveries deliveries;
    struct reloads reloads;
    struct guard *guard;
    int guard_fd; /* in epoll; -1: not yet */
    uint32_t active_n;
    uint32_t crowd_n; /* highest number of connections since memory was trimmed */
    int closing;      /* 1: connections must not be suspended any more */
};

/* Callbacks of libmicrohttpd, with the http as argument. */
enum MHD_Result request_handle(void *argument, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_bytes, void **context);
void request_completed(void *argument, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code);

/* Resume the requests that the scraper has answered, and those whose password was checked. */
void requests_resume_answered(struct http *http);
void requests_resume_checked(struct auth_waiter *waiter);

#endif
