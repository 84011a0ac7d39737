/*
 * Documents that are being sent: one response for all requests that got the same document, and a limit on the bytes
 * that slow clients keep in memory. The newest document is not counted, whatever its size. When the others have more
 * than 64 MiB, the connections that take one of them are cut: the one that is taken most slowly. Single-threaded.
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
    struct delivery *first;           /* the documents that are being sent */
};

/*
 * Queues the document of a request as the response, and takes the document from the request. conn: the connection; NULL
 * where there was no memory for it. Returns 0, or -ENOMEM: nothing is queued.
 */
int deliveries_queue(struct deliveries *deliveries, struct MHD_Connection *connection, struct conn *conn,
                     struct scrape_request *ask);

/* Takes the document from a request, because it was queued or is not needed any more. */
void deliveries_let_go(struct scrape_request *ask);

#endif
