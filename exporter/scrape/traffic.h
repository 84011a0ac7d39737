/*
 * What the HTTP side did: answers by status, connections that were cut, handshakes that failed. It counts for
 * /metrics, and tells the log, at most once a minute for each kind, what was refused. It knows words and numbers, not
 * connections.
 *
 * Any thread.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_TRAFFIC_H
#define SHMETER_EXPORTER_SCRAPE_TRAFFIC_H

#include <stdint.h>

struct model;
struct traffic;

enum traffic_event {
    TRAFFIC_ACCEPTED,
    TRAFFIC_CLOSED,
    TRAFFIC_PAUSED,
    TRAFFIC_CUT_LATE,
    TRAFFIC_CUT_FULL,
    TRAFFIC_CUT_ADDRESS,
    TRAFFIC_CUT_DESCRIPTORS,
    TRAFFIC_CUT_SLOW,
    TRAFFIC_SHAKEN,
    TRAFFIC_SHAKE_CLOSED,
    TRAFFIC_SHAKE_CLIENT,
    TRAFFIC_SHAKE_NO_CERTIFICATE,
    TRAFFIC_SHAKE_CERTIFICATE,
    TRAFFIC_SHAKE_VERSION,
    TRAFFIC_SHAKE_TERMS,
    TRAFFIC_SHAKE_PLAIN,
    TRAFFIC_SHAKE_OTHER,
    TRAFFIC_EVENTS
};

struct traffic *traffic_new(void); /* NULL: no memory */
void traffic_free(struct traffic *traffic);

/* Counts an event. why: more about it, for the log, or NULL. traffic NULL is fine. */
void traffic_count(struct traffic *traffic, enum traffic_event event, const char *why);

/* Counts an answer. is_refusal: the log is to tell of it. */
void traffic_answer(struct traffic *traffic, unsigned status, int is_refusal);

/* When the certificate in use expires, since 1970; 0: there is none. */
void traffic_certificate(struct traffic *traffic, double expires_seconds);

/* Adds the series to a model. Returns 0 or -ENOMEM. traffic NULL is fine. */
int traffic_put(struct traffic *traffic, struct model *model);

#endif
