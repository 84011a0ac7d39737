/*
 * TLS connections whose first request has not arrived. Their handshakes are made here (exporter/tls/gate.h), while the
 * connection is suspended in the library, so each failure is counted and ends with an alert. Then they sleep until
 * their socket is readable: libmicrohttpd would poll them without a pause, and a client that stalls would cost a whole
 * CPU.
 *
 * Single-threaded, between runs of the library.
 */
#ifndef SHMETER_EXPORTER_WEB_HANDSHAKES_H
#define SHMETER_EXPORTER_WEB_HANDSHAKES_H

#include <microhttpd.h>

#include "exporter/scrape/traffic.h"
#include "exporter/web/conns.h"

struct handshakes {
    struct handshake *first;
    int epoll; /* readable when a sleeping connection is; -1 until the first handshake */
    struct traffic *traffic;
};

/* Adds a new TLS connection. Returns 0; or -errno, and the library polls the connection. */
int handshakes_add(struct handshakes *handshakes, struct MHD_Connection *connection, struct conn *conn);

/*
 * Goes on with handshakes, and wakes connections whose sockets are readable. To be called before the library runs.
 */
void handshakes_wake(struct handshakes *handshakes);

/*
 * Puts waiting connections to sleep, and forgets those whose request has arrived. To be called after the library has
 * run.
 */
void handshakes_rest(struct handshakes *handshakes);

/*
 * Wakes all connections. To be called before the library's daemon is stopped; the library must run once more, and
 * handshakes_rest() must not be called any more.
 */
void handshakes_end(struct handshakes *handshakes);

/* Forgets a connection that has ended. conn without a handshake is fine. */
void handshakes_remove(struct handshakes *handshakes, struct conn *conn);

#endif
