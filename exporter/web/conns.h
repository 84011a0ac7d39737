/*
 * The open connections. Each has a deadline that slow clients cannot extend by sending single bytes. Their number is
 * limited, in all and from one address: when it is reached, the connection that has waited longest is closed. It knows
 * descriptors and times, not HTTP.
 *
 * An address is an IPv4 address, or an IPv6 network of 64 bits, which is what one client usually has; of a Unix socket,
 * the user.
 *
 * A connection is ended by shutdown(2): its reader then finds the end of the stream and closes it. Single-threaded.
 * Times are CLOCK_MONOTONIC in nanoseconds.
 */
#ifndef SHMETER_EXPORTER_WEB_CONNS_H
#define SHMETER_EXPORTER_WEB_CONNS_H

#include <stdint.h>
#include <sys/socket.h>

#define CONNS_NEVER UINT64_MAX

enum conn_phase {
    CONN_READING, /* its first request has not arrived whole                                               */
    CONN_ANSWERING,
    CONN_IDLE /* answered; kept open for the next request                                              */
};

struct conn {
    struct conn *prev, *next; /* in the order of since                                                      */
    uint64_t since_ns;        /* when the phase began                                                       */
    uint64_t deadline_ns;
    enum conn_phase phase;
    int fd;
    uint32_t cut;
    void *session;               /* known to the maker of the connection only                                 */
    struct handshake *handshake; /* its first request is waited for over TLS; NULL: not                       */
    unsigned char address[16];   /* of the client, IPv4 mapped, without the host's part of IPv6                */
};

struct conns {
    struct conn *first, *last;
    uint32_t n; /* not cut                                                             */
    uint32_t max_n, max_per_address_n;
    uint64_t request_ns, idle_ns;    /* how long a phase may take                                           */
    uint64_t cut_late_n, cut_full_n; /* how many were cut, and why                                          */
};

/* Registers a connection; cuts another one when there are too many. NULL: no memory. */
struct conn *conns_add(struct conns *conns, int fd, const struct sockaddr *address, uint64_t now_ns);

/* A request was read, or answered: another phase begins. */
void conns_enter(struct conns *conns, struct conn *conn, enum conn_phase phase, uint64_t now_ns);

/* The connection is closed: forgets and frees it. */
void conns_remove(struct conns *conns, struct conn *conn);

/* Cuts the connection that has been taking its answer for longest. */
void conns_cut_slowest(struct conns *conns);

/* Makes room: cuts the connection that has waited longest, if since before then, but none that waits for its answer. */
void conns_cut_waiting(struct conns *conns, uint64_t before_ns);

/* Cuts all that are late. Returns the next deadline, or CONNS_NEVER. */
uint64_t conns_reap(struct conns *conns, uint64_t now_ns);

#endif
