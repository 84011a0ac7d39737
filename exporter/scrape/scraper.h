/*
 * The one thread that reads segments. All requests that wait when it begins a round are answered together from that
 * round. So a scrape shows every update that was done before its request, and any number of simultaneous scrapes cost
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
    struct document *document; /* NULL in an answered request: no memory */
};

/*
 * Starts the thread, which reads the segments once, so that the log names the segments from the start. Takes ownership
 * of the settings. The strings of options must outlive the scraper. Returns NULL: no memory, threads or descriptors;
 * the settings are freed.
 */
struct scraper *scraper_start(const struct round_options *options, struct config *config);

/*
 * Ends the rounds under way, stops the thread and frees everything. Every request must have been answered and every
 * document freed.
 */
void scraper_free(struct scraper *scraper);

/*
 * Hands new settings to the thread, which applies them before its next round. Requests that are made after
 * scraper_configured() has returned 1 are answered with the new settings. At most one such change may be under way. Any
 * thread.
 */
void scraper_configure(struct scraper *scraper, struct config *config);

/*
 * Returns 1 once for each scraper_configure(), when the thread is done with it. *result is 0; or -errno, and the former
 * settings stay. Any thread.
 */
int scraper_configured(struct scraper *scraper, int *result);

/* Sets the result of the last reload, which the exporter's own series show from the next round on. Any thread. */
void scraper_note_reload(struct scraper *scraper, const struct round_reload *reload);

/*
 * A descriptor that is readable when there are answered requests, when scraper_configured() returns 1, and once after
 * the first reading.
 */
int scraper_fd(const struct scraper *scraper);

/* Asks for a document; the request comes back through scraper_answered(). Any thread. */
void scraper_ask(struct scraper *scraper, struct scrape_request *request);

/* Waits until all requests are answered. */
void scraper_finish(struct scraper *scraper);

/*
 * The list of answered requests, NULL when there are none. The caller counts down the requests_n of their documents,
 * and frees a document with document_free() when no request has it.
 */
struct scrape_request *scraper_answered(struct scraper *scraper);

/* The state of the thread. */
struct scraper_state {
    uint64_t readings_n;          /* finished readings */
    uint64_t waiting_ns;          /* how long requests have waited for the reading under way; 0: none waits */
    struct round_summary summary; /* of the last reading */
};

/* Any thread. */
void scraper_look(struct scraper *scraper, struct scraper_state *out);

#endif
