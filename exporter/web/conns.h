/*
 * The open connections. Each has a deadline that slow clients cannot extend by sending single bytes. Their number is
 * limited, in all and from one address: when the limit is reached, the connection that has waited longest is cut. It
 * knows descriptors and times, not HTTP.
 *
 * An address is an IPv4 address, or an IPv6 network of 64 bits, which is what one client usually has; for a Unix
 * socket, the user.
 *
 * To cut a connection is to call shutdown(2): libmicrohttpd then reads the end of the stream and closes it.
 * Single-threaded. Times are CLOCK_MONOTONIC in nanoseconds.
 */
#ifndef SHMETER_EXPORTER_WEB_CONNS_H
#define SHMETER_EXPORTER_WEB_CONNS_H

#include <stdint.h>
#include <sys/socket.h>

#include "exporter/scrape/traffic.h"

#define CONNS_NEVER UINT64_MAX

enum conn_phase {
    CONN_READING, /* its first request is not complete */
    CONN_ANSWERING,
    CONN_IDLE /* answered; kept open for the next request */
};

struct conn {
    struct conn *prev, *next; /* in the order of since */
    uint64_t since_ns;        /* when the phase began */
    uint64_t deadline_ns;
    enum conn_phase phase;
    int fd;
    uint32_t cut, refused;       /* refused: 1: its handshake failed, which was counted */
    const void *taking;          /* the document that is being sent to it; NULL: none */
    uint64_t acked_from;         /* bytes that the client had acknowledged when the document's turn came */
    void *session;               /* the guard's, see guard_connected() */
    struct handshake *handshake; /* the wait for its first request over TLS; NULL: none */
    unsigned char address[16];   /* of the client: IPv4 as a mapped address, IPv6 without the host part */
};

struct conns {
    struct conn *first, *last;
    uint32_t n; /* connections that are not cut */
    uint32_t max_n, max_per_address_n;
    uint64_t request_ns, idle_ns; /* how long a phase may take */
    struct traffic *traffic;      /* counts them; NULL: nobody does */
};

/* Adds a connection, and cuts another one when there are too many. NULL: no memory. */
struct conn *conns_add(struct conns *conns, int fd, const struct sockaddr *address, uint64_t now_ns);

/* Begins another phase: a request was read, or answered. */
void conns_enter(struct conns *conns, struct conn *conn, enum conn_phase phase, uint64_t now_ns);

/* Removes and frees a connection that was closed. */
void conns_remove(struct conns *conns, struct conn *conn);

/* To be called when a document begins to be sent to a connection. conns_enter() forgets it. */
void conns_take(struct conn *conn, const void *document);

/*
 * The bytes a second at which the fastest of those that are taking a document has been taking it; 0: nobody is, or the
 * kernel does not tell (Unix sockets).
 */
uint64_t conns_rate(const struct conns *conns, const void *document, uint64_t now_ns);

/* When the first of those that are taking a document began; CONNS_NEVER: nobody is taking it. */
uint64_t conns_taken_since(const struct conns *conns, const void *document);

/* Cuts the connections that are taking a document. */
void conns_cut_takers(struct conns *conns, const void *document);

/*
 * Cuts the connection that has waited longest, if it has waited since before before_ns and is not waiting for its
 * answer.
 */
void conns_cut_waiting(struct conns *conns, uint64_t before_ns);

/* Cuts all connections past their deadline. Returns the next deadline, or CONNS_NEVER. */
uint64_t conns_reap(struct conns *conns, uint64_t now_ns);

#endif
