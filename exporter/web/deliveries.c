/*
 * A document is freed when libmicrohttpd has released the response that refers to it.
 */
#include "exporter/web/deliveries.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/web/responses.h"

#define HELD_BYTES (64u << 20) /* limit for documents that are being sent; beyond it the slowest client is cut */

struct delivery {
    struct deliveries *deliveries;
    struct document *document;
    int armed; /* 0: the response could not be made, and the document stays */
};

static void
release(void *argument)
{
    struct delivery *delivery = argument;

    if (!delivery->armed)
        return;
    delivery->deliveries->held_bytes -= delivery->document->body.capacity;
    document_free(delivery->document);
    free(delivery);
}

/* The response with this document, which all its requests share. It is freed after the last of them. */
static struct MHD_Response *
response_of(struct deliveries *deliveries, struct document *document)
{
    struct delivery *delivery;

    if (document->attached)
        return document->attached;
    delivery = malloc(sizeof *delivery);
    if (!delivery)
        return NULL;
    *delivery = (struct delivery){ deliveries, document, 0 };
    document->attached = responses_of_document(document, deliveries->headers, release, delivery);
    if (!document->attached) {
        free(delivery);
        return NULL;
    }
    delivery->armed = 1;
    deliveries->held_bytes += document->body.capacity;
    if (deliveries->held_bytes > HELD_BYTES)
        conns_cut_slowest(deliveries->conns);
    return document->attached;
}

void
deliveries_let_go(struct scrape_request *ask)
{
    struct document *document = ask->document;

    ask->document = NULL;
    if (!document || --document->requests_n)
        return;
    if (document->attached)
        MHD_destroy_response(document->attached);
    else
        document_free(document);
}

int
deliveries_queue(struct deliveries *deliveries, struct MHD_Connection *connection, struct scrape_request *ask)
{
    struct MHD_Response *response = ask->document ? response_of(deliveries, ask->document) : NULL;
    enum MHD_Result queued;

    if (!response)
        return -ENOMEM;
    queued = MHD_queue_response(connection, responses_status_of(ask->document), response);
    deliveries_let_go(ask);
    return queued == MHD_YES ? 0 : -ENOMEM;
}
