/*
 * The one thread that reads segments. Requests of any kind that wait when it begins a round are answered together from that one
 * round: so a scrape shows everything that was done before it was asked for, and any number of scrapes that come at once cost
 * two rounds at most. It knows segments and documents, not HTTP.
 */
#ifndef SHMETER_EXPORTER_SCRAPER_H
#define SHMETER_EXPORTER_SCRAPER_H

#include <stdint.h>

#include "expo/buffer.h"

enum scrape_kind { SCRAPE_METRICS, SCRAPE_HEALTH, SCRAPE_READY, SCRAPE_PAGE, SCRAPE_KINDS };

/* One document, shared by all requests of its kind in a round. */
struct scrape_result {
    enum scrape_kind kind;
    int good; /* 0: the document says that something is wrong: not ready, failing                             */
    struct buffer body;
    const char *content_type;
    uint32_t requests_n;     /* that have it; theirs to count down                                          */
    void *attached;          /* theirs                                                                      */
    struct scraper *scraper; /* whose it is                                                                 */
};

struct scrape_request {
    struct scrape_request *next;
    enum scrape_kind kind;
    struct scrape_result *result; /* NULL after an answer: no memory                                         */
};

struct scraper_options {
    const char *const *segments;
    uint32_t segments_n;
    const uint32_t *owners;
    uint32_t owners_n;
    double stuck_seconds;       /* negative: never                                                          */
    const char *telemetry_path; /* for the page's links                                                     */
};

/*
 * Starts the thread, which reads the segments once, so that the log tells from the beginning what is there. The strings of options
 * must outlive it. Returns NULL: no memory, threads or descriptors.
 */
struct scraper *scraper_start(const struct scraper_options *options);

/* Ends the rounds under way, stops the thread and frees everything. Every request must have been answered and every result freed. */
void scraper_free(struct scraper *scraper);

/* Readable when answers wait. */
int scraper_fd(const struct scraper *scraper);

/* Asks for a document; the request comes back through scraper_answered(). Any thread. */
void scraper_ask(struct scraper *scraper, struct scrape_request *request);

/* Waits until everything that was asked is answered. */
void scraper_finish(struct scraper *scraper);

/* A list of answered requests, NULL when there are none. */
struct scrape_request *scraper_answered(struct scraper *scraper);

/* To be called once for each result that came with answers. Any thread. NULL is fine. */
void scrape_result_free(struct scrape_result *result);

#endif
