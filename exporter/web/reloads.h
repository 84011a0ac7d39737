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
    struct MHD_Connection *connection; /* suspended                                                            */
    int is_answered;
    unsigned status;
    struct MHD_Response *response; /* the answer; NULL: no memory                                           */
};

struct reloads { /* zeroed to begin with */
    struct reload_waiter *asked, *underway;
};

/* Suspends the waiter's connection. */
void reloads_add(struct reloads *reloads, struct reload_waiter *waiter);

/* A reload begins: all requests so far wait for it. */
void reloads_begin(struct reloads *reloads);

/* Lets them go on, with status 200, or with 500 and what is wrong with the settings. headers: WEB_HEADERS of them. */
void reloads_end(struct reloads *reloads, const char *wrong, const struct web_header *headers);

/* Gives the answer to the library. */
enum MHD_Result reloads_queue(struct reload_waiter *waiter);

#endif
