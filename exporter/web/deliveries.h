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
    const struct web_header *headers; /* WEB_HEADERS headers for every response */
    size_t held_bytes;                /* of documents that are being sent */
};

/*
 * Queues the document of a request as the response, and takes the document from the request. Returns 0, or -ENOMEM:
 * nothing is queued.
 */
int deliveries_queue(struct deliveries *deliveries, struct MHD_Connection *connection, struct scrape_request *ask);

/* Takes the document from a request, because it was queued or is not needed any more. */
void deliveries_let_go(struct scrape_request *ask);

#endif
