/*
 * The documents of a round. Each is made once for all requests that want the same, and reuses the memory of an earlier
 * document. It knows rounds, not requests.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_DOCUMENT_CACHE_H
#define SHMETER_EXPORTER_SCRAPE_DOCUMENT_CACHE_H

#include <pthread.h>
#include <stdint.h>

#include "exporter/scrape/round.h"

#define DOCUMENT_SPARES 8u /* at most so many buffers of earlier documents are kept */

struct document_spare {
    struct wanted wanted;
    struct buffer buffer; /* capacity 0: the place is free */
    uint64_t round;       /* number of the round that used it last */
};

struct document_cache {
    pthread_mutex_t lock; /* protects the other members */
    struct document_spare spares[DOCUMENT_SPARES];
    uint64_t rounds_n;
};

/* Opens and closes a cache. Before it is closed, every document must be freed. */
void document_cache_open(struct document_cache *cache);
void document_cache_close(struct document_cache *cache);

/*
 * To be called at the beginning and the end of a round. made is the list of its documents, at first NULL. At the end
 * the documents that no request has are freed.
 */
void document_cache_begin(struct document_cache *cache);
void document_cache_end(struct document *made);

/* Finds or makes a document; before a compressed one, the same without compression. NULL: no memory. */
struct document *document_cache_get(struct document_cache *cache, struct round *round, struct document **made,
                                    const struct wanted *wanted);

#endif
