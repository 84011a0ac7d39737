/*
 * TLS connections whose first request has not arrived: they sleep until their socket is readable. libmicrohttpd would
 * poll them without a pause, because it takes a handshake that waits for its client for one that can go on. A client
 * that stalls would then cost a whole CPU.
 *
 * Single-threaded, between runs of the library.
 */
#ifndef SHMETER_EXPORTER_WEB_HANDSHAKES_H
#define SHMETER_EXPORTER_WEB_HANDSHAKES_H

#include <microhttpd.h>

#include "exporter/web/conns.h"

struct handshakes {
    struct handshake *first;
    int epoll; /* readable when one of them has something; -1 while there never was one                      */
};

/* A connection begins that has TLS. Returns 0 or -errno; then it is left to the library. */
int handshakes_add(struct handshakes *handshakes, struct MHD_Connection *connection, struct conn *conn);

/* Wakes those whose socket has something: before the library runs. */
void handshakes_wake(struct handshakes *handshakes);

/*
 * To be called after the library has run: puts idle connections to sleep, and forgets those whose request has arrived.
 */
void handshakes_rest(struct handshakes *handshakes);

/*
 * Wakes all: before the end of the library's daemon, which must run once more and must not be followed by
 * handshakes_rest().
 */
void handshakes_end(struct handshakes *handshakes);

/* A connection has ended: forgets it. conn without a handshake is fine. */
void handshakes_remove(struct handshakes *handshakes, struct conn *conn);

#endif
