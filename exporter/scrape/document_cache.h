/*
 * The documents of a round. Each is made once for all requests that want the same, in the memory of earlier ones. It
 * knows rounds, not requests.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_DOCUMENT_CACHE_H
#define SHMETER_EXPORTER_SCRAPE_DOCUMENT_CACHE_H

#include <pthread.h>
#include <stdint.h>

#include "exporter/scrape/round.h"

#define DOCUMENT_SPARES 8u /* buffers of earlier documents that wait for the next ones like them               */

struct document_spare {
    struct wanted wanted;
    struct buffer buffer; /* without capacity: the place is free                                            */
    uint64_t round;       /* when it was used last                                                          */
};

struct document_cache {
    pthread_mutex_t lock; /* of what is below                                                           */
    struct document_spare spares[DOCUMENT_SPARES];
    uint64_t rounds_n;
};

/* From zero. It is closed when every document is freed. */
void document_cache_open(struct document_cache *cache);
void document_cache_close(struct document_cache *cache);

/*
 * To be called at the beginning and the end of a round. made is the list of its documents, at first NULL. At the end
 * the documents that no request has are freed.
 */
void document_cache_begin(struct document_cache *cache);
void document_cache_end(struct document *made);

/* Finds or makes a document, and before a coded one the plain one. NULL: no memory. */
struct document *document_cache_get(struct document_cache *cache, struct round *round, struct document **made,
                                    const struct wanted *wanted);

#endif
