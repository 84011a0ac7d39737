/*
 * The kind of document that a request wants, and the document itself: made by the round, shared by all requests that
 * want the same, sent by web/.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_DOCUMENT_H
#define SHMETER_EXPORTER_SCRAPE_DOCUMENT_H

#include <stdint.h>
#include <string.h>

#include "base/containers/buffer.h"
#include "exporter/scrape/selection.h"
#include "formats/escape.h"

struct encoder;

#define WANTED_TYPE_BYTES 192u

enum document_kind {
    DOCUMENT_METRICS,
    DOCUMENT_HEALTH,
    DOCUMENT_SUMMARY,
    DOCUMENT_READY,
    DOCUMENT_PAGE,
    DOCUMENT_KINDS
};

enum document_coding { CODING_IDENTITY, CODING_GZIP, CODINGS };

/* The document that a request wants. Requests that want the same share one document. */
struct wanted {
    enum document_kind kind;
    const struct encoder *encoder; /* of DOCUMENT_METRICS; else NULL */
    enum document_coding coding;
    enum escaping escaping;       /* of names; of DOCUMENT_METRICS */
    char type[WANTED_TYPE_BYTES]; /* the Content-Type of DOCUMENT_METRICS */
    struct selection selection;   /* of DOCUMENT_METRICS: the families; else empty */
};

static inline int
wanted_same(const struct wanted *a, const struct wanted *b)
{
    return a->kind == b->kind && a->encoder == b->encoder && a->coding == b->coding && a->escaping == b->escaping &&
           !strcmp(a->type, b->type) && selection_same(&a->selection, &b->selection);
}

struct document {
    struct wanted wanted;
    int good; /* 0: it reports a problem: not ready, or failing */
    const char *content_type;
    struct buffer body;
    uint32_t requests_n;          /* requests that hold it; web/ counts it down */
    void *attached;               /* the response; owned by web/ */
    struct document *next;        /* of the same round */
    struct document_cache *cache; /* gets its memory when it is freed */
};

/* Any thread. NULL is fine. */
void document_free(struct document *document);

#endif
