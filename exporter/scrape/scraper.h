/*
 * The one thread that reads segments. Requests of any kind that wait when it begins a round are answered together from that one
 * round: so a scrape shows everything that was done before it was asked for, and any number of scrapes that come at once cost
 * two rounds at most. It knows rounds and documents, not HTTP.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_SCRAPER_H
#define SHMETER_EXPORTER_SCRAPE_SCRAPER_H

#include <stdint.h>

#include "exporter/scrape/document.h"
#include "exporter/scrape/round.h"

struct scrape_request {
    struct scrape_request *next;
    struct wanted wanted;
    struct document *document; /* NULL after it was answered: no memory                                       */
};

/*
 * Starts the thread, which reads the segments once, so that the log tells from the beginning what is there. Takes the settings over.
 * What options point to must outlive it. Returns NULL: no memory, threads or descriptors; the settings are freed.
 */
struct scraper *scraper_start(const struct round_options *options, struct config *config);

/* Ends the rounds under way, stops the thread and frees everything. Every request must have been answered and every document freed. */
void scraper_free(struct scraper *scraper);

/*
 * Hands other settings to the thread, which takes them over before its next round: what is asked after scraper_configured() has told
 * of them is answered by them. One at a time. Any thread.
 */
void scraper_configure(struct scraper *scraper, struct config *config);

/* Returns 1 once for each scraper_configure(), when it is decided: *result is 0, or -errno and the former settings stay. Any thread. */
int scraper_configured(struct scraper *scraper, int *result);

/* What the series of its own are to say of reloads, from the next round on. Any thread. */
void scraper_note_reload(struct scraper *scraper, const struct round_reload *reload);

/* Readable when answers wait, after scraper_configure() was decided, and once after the first reading. */
int scraper_fd(const struct scraper *scraper);

/* Asks for a document; the request comes back through scraper_answered(). Any thread. */
void scraper_ask(struct scraper *scraper, struct scrape_request *request);

/* Waits until everything that was asked is answered. */
void scraper_finish(struct scraper *scraper);

/* A list of answered requests, NULL when there are none. document_free() is to be called once for each of their documents. */
struct scrape_request *scraper_answered(struct scraper *scraper);

/* How the thread fares. */
struct scraper_state {
    uint64_t readings_n;          /* that have ended                                                          */
    uint64_t waiting_ns;          /* for how long somebody has waited for the reading under way; 0 it is at rest */
    struct round_summary summary; /* of the last reading                                                     */
};

/* Any thread. */
void scraper_look(struct scraper *scraper, struct scraper_state *out);

#endif
