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
    uint32_t cut;
    void *session;               /* the guard's, see guard_connected() */
    struct handshake *handshake; /* the wait for its first request over TLS; NULL: none */
    unsigned char address[16];   /* of the client: IPv4 as a mapped address, IPv6 without the host part */
};

struct conns {
    struct conn *first, *last;
    uint32_t n; /* connections that are not cut */
    uint32_t max_n, max_per_address_n;
    uint64_t request_ns, idle_ns;    /* how long a phase may take */
    uint64_t cut_late_n, cut_full_n; /* how many were cut, and why */
};

/* Adds a connection, and cuts another one when there are too many. NULL: no memory. */
struct conn *conns_add(struct conns *conns, int fd, const struct sockaddr *address, uint64_t now_ns);

/* Begins another phase: a request was read, or answered. */
void conns_enter(struct conns *conns, struct conn *conn, enum conn_phase phase, uint64_t now_ns);

/* Removes and frees a connection that was closed. */
void conns_remove(struct conns *conns, struct conn *conn);

/* Cuts the connection that has been taking its answer for longest. */
void conns_cut_slowest(struct conns *conns);

/*
 * Cuts the connection that has waited longest, if it has waited since before before_ns and is not waiting for its
 * answer.
 */
void conns_cut_waiting(struct conns *conns, uint64_t before_ns);

/* Cuts all connections past their deadline. Returns the next deadline, or CONNS_NEVER. */
uint64_t conns_reap(struct conns *conns, uint64_t now_ns);

#endif
