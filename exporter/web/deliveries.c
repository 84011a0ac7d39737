/*
 * A document is freed when libmicrohttpd has released the response that refers to it.
 */
#include "exporter/web/deliveries.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "exporter/web/responses.h"

#define HELD_BYTES ((size_t)64 << 20) /* limit for documents that are being sent, without the newest one */

struct delivery {
    struct delivery *prev, *next;
    struct deliveries *deliveries;
    struct document *document;
    int armed; /* 0: the response could not be made, and the document stays */
    int cut;   /* 1: its takers were cut, and the library has not yet released it */
};

static void
release(void *argument)
{
    struct delivery *delivery = argument;

    if (!delivery->armed)
        return;
    *(delivery->prev ? &delivery->prev->next : &delivery->deliveries->first) = delivery->next;
    if (delivery->next)
        delivery->next->prev = delivery->prev;
    document_free(delivery->document);
    free(delivery);
}

/* The document, other than one, that is taken most slowly; of equally slow ones, the one that is taken for longest. */
static struct delivery *
slowest(struct deliveries *deliveries, const struct delivery *but)
{
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    struct delivery *delivery, *found = NULL;
    uint64_t rate, since, found_rate = 0, found_since = 0;

    for (delivery = deliveries->first; delivery; delivery = delivery->next) {
        if (delivery == but || delivery->cut)
            continue;
        rate = conns_rate(deliveries->conns, delivery->document, now);
        since = conns_taken_since(deliveries->conns, delivery->document);
        if (found && (rate > found_rate || (rate == found_rate && since >= found_since)))
            continue;
        found = delivery;
        found_rate = rate;
        found_since = since;
    }
    return found;
}

/* Cuts slow clients until the documents besides the newest have no more than HELD_BYTES. */
static void
make_room(struct deliveries *deliveries, const struct delivery *newest)
{
    struct delivery *delivery;
    size_t held = 0;

    for (delivery = deliveries->first; delivery; delivery = delivery->next)
        held += delivery == newest || delivery->cut ? 0 : delivery->document->body.len;
    while (held > HELD_BYTES && (delivery = slowest(deliveries, newest))) {
        conns_cut_takers(deliveries->conns, delivery->document);
        delivery->cut = 1;
        held -= delivery->document->body.len;
    }
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
    *delivery = (struct delivery){ NULL, deliveries->first, deliveries, document, 0, 0 };
    document->attached = responses_of_document(document, deliveries->headers, release, delivery);
    if (!document->attached) {
        free(delivery);
        return NULL;
    }
    delivery->armed = 1;
    if (delivery->next)
        delivery->next->prev = delivery;
    deliveries->first = delivery;
    make_room(deliveries, delivery);
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
deliveries_queue(struct deliveries *deliveries, struct MHD_Connection *connection, struct conn *conn,
                 struct scrape_request *ask)
{
    struct MHD_Response *response = ask->document ? response_of(deliveries, ask->document) : NULL;
    enum MHD_Result queued;

    if (!response)
        return -ENOMEM;
    if (conn)
        conns_take(conn, ask->document);
    queued = MHD_queue_response(connection, responses_status_of(ask->document), response);
    deliveries_let_go(ask);
    return queued == MHD_YES ? 0 : -ENOMEM;
}
