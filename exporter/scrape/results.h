/*
 * The documents of a round, each made once for all that want the same, in the memory of earlier ones. It knows rounds, not who asks.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_RESULTS_H
#define SHMETER_EXPORTER_SCRAPE_RESULTS_H

#include <pthread.h>
#include <stdint.h>

#include "exporter/scrape/round.h"

#define RESULTS_SPARES 8u /* buffers of earlier documents that wait for the next ones like them               */

struct results_spare {
    struct wanted wanted;
    struct buffer buffer; /* without capacity: the place is free                                            */
    uint64_t round;       /* when it was used last                                                          */
};

struct results {
    pthread_mutex_t lock; /* of what is below                                                           */
    struct results_spare spares[RESULTS_SPARES];
    uint64_t rounds_n;
};

/* One document, shared by all requests of a round that want the same. */
struct scrape_result {
    struct document document;   /* first                                                                     */
    struct scrape_result *next; /* of the same round                                                        */
    uint32_t requests_n;        /* that have it; theirs to count down                                       */
    void *attached;             /* theirs                                                                   */
    struct results *results;    /* whose memory it has                                                      */
};

/* From zero. It is closed when every result is freed. */
void results_open(struct results *results);
void results_close(struct results *results);

/* Around a round's documents, made is the list of them and NULL to begin with. At the end those that nobody has are freed. */
void results_begin(struct results *results);
void results_end(struct scrape_result *made);

/* Finds or makes a document, and before a coded one the plain one. NULL: no memory. */
struct scrape_result *results_get(struct results *results, struct round *round, struct scrape_result **made,
                                  const struct wanted *wanted);

/* Any thread. NULL is fine. */
void scrape_result_free(struct scrape_result *result);

#endif
