/*
 * Documents that are being sent: one response for all requests that got the same document, and a limit on the bytes
 * that slow clients keep in memory. Single-threaded.
 */
#ifndef SHMETER_EXPORTER_WEB_DELIVERIES_H
#define SHMETER_EXPORTER_WEB_DELIVERIES_H

#include <microhttpd.h>
#include <stddef.h>

#include "exporter/scrape/scraper.h"
#include "exporter/settings/web/config.h"
#include "exporter/web/conns.h"

struct deliveries {
    struct conns *conns;
    const struct web_header *headers; /* of every response: WEB_HEADERS of them                                */
    size_t held_bytes;                /* of documents on their way                                              */
};

/* Queues what a request was given, which it has no longer then. Returns 0, or -ENOMEM: nothing is queued. */
int deliveries_queue(struct deliveries *deliveries, struct MHD_Connection *connection, struct scrape_request *ask);

/* This request is done with its document, which was queued or is not wanted any more. */
void deliveries_let_go(struct scrape_request *ask);

#endif
