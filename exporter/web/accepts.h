/*
 * The listening sockets of a loop: accepts connections from them, a few at a time so that open connections are served
 * in between. When the process has no descriptors left it pauses, so that a connection that cannot be accepted does not
 * make the loop spin. It knows descriptors, not HTTP.
 *
 * Single-threaded. Times are CLOCK_MONOTONIC in nanoseconds.
 */
#ifndef SHMETER_EXPORTER_WEB_ACCEPTS_H
#define SHMETER_EXPORTER_WEB_ACCEPTS_H

#include <stdint.h>
#include <sys/socket.h>

#include "daemon/listen/listen.h"

#define ACCEPTS_NEVER UINT64_MAX

struct accepts {
    int epoll; /* the caller's; the listening sockets are in it, but not during a pause */
    int fds[LISTEN_ADDRESSES];
    uint32_t fds_n;
    uint64_t paused_until_ns; /* 0: no pause */
    uint64_t said_at_ns;      /* when a pause was last logged; 0 never */
};

/* Takes ownership of a connection, non-blocking and close-on-exec. */
typedef void accepts_fn(void *argument, int fd, const struct sockaddr *address, socklen_t address_bytes);

/*
 * Takes ownership of a listening socket, which must be non-blocking. Returns 0, or -errno (and the socket is closed).
 */
int accepts_add(struct accepts *accepts, int fd);

/* Accepts connections that wait. Returns 1 when descriptors ran out, and a pause begins; else 0. */
int accepts_run(struct accepts *accepts, uint64_t now_ns, accepts_fn *fn, void *argument);

/* The time at which accepts_run() has to be called even if nothing is readable; ACCEPTS_NEVER: none. */
uint64_t accepts_next(const struct accepts *accepts);

/* Closes all listening sockets. */
void accepts_close(struct accepts *accepts);

#endif
