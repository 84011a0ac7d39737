/*
 * Requests that wait for a reload of the settings: each is answered by the first reload that begins after the request
 * arrived. It knows connections, not settings. Single-threaded.
 */
#ifndef SHMETER_EXPORTER_WEB_RELOADS_H
#define SHMETER_EXPORTER_WEB_RELOADS_H

#include <microhttpd.h>

#include "exporter/settings/web/config.h"

struct reload_waiter {
    struct reload_waiter *next;
    struct MHD_Connection *connection; /* suspended */
    int is_answered;
    unsigned status;
    struct MHD_Response *response; /* the answer; NULL: no memory */
};

struct reloads { /* zeroed to begin with */
    struct reload_waiter *asked, *underway;
};

/* Adds a waiter, and suspends its connection. */
void reloads_add(struct reloads *reloads, struct reload_waiter *waiter);

/* A reload begins, which all requests so far wait for. */
void reloads_begin(struct reloads *reloads);

/*
 * Resumes these requests with an answer: 200, or 500 and what is wrong with the settings. headers: the WEB_HEADERS
 * headers for every response.
 */
void reloads_end(struct reloads *reloads, const char *wrong, const struct web_header *headers);

/* Queues a waiter's answer. */
enum MHD_Result reloads_queue(struct reload_waiter *waiter);

#endif
