/*
 * From an address to a socket that listens there. It knows nothing of HTTP.
 */
#ifndef SHMETER_DAEMON_LISTEN_LISTEN_H
#define SHMETER_DAEMON_LISTEN_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/report.h"
#include "daemon/listen/address.h"

struct listen_socket {
    int fd;
    const char *path; /* of a Unix socket that was made here, and is to be removed; NULL: there is none         */
    dev_t device;     /* of that path                                                                       */
    ino_t inode;
};

struct listen_sockets {
    struct listen_socket all[LISTEN_ADDRESSES];
    uint32_t n;
};

/*
 * A socket that listens there, non-blocking and closed on exec. Returns the descriptor, or -errno and one sentence in
 * report that names the address and says what to do.
 */
int listen_open(const struct listen_address *address, struct report *report);

/*
 * A Unix socket, with that mode whatever the umask. One that a dead program left there is replaced, a living one's is
 * not, nor anything else that has the path. Fills *out, whose path is the address's. Sets the process's umask for a
 * moment: call it before there are threads. Returns 0, or -errno and one sentence in report.
 */
int listen_open_unix(const struct listen_address *address, mode_t mode, struct listen_socket *out,
                     struct report *report);

/*
 * Opens all of them, or none. mode: of Unix sockets. The addresses must outlive *out. Returns 0, or -errno and one
 * sentence.
 */
int listen_open_all(struct listen_sockets *out, const struct listen_address *addresses, uint32_t addresses_n,
                    mode_t mode, struct report *report);

/* Removes the Unix sockets that were made here, if they are still the same; closes nothing. May be called again. */
void listen_remove(struct listen_sockets *sockets);

/* Removes and closes; for sockets that were not handed over. */
void listen_close(struct listen_sockets *sockets);

/* Where a socket listens, as HOST:PORT with the port that it really has, or unix:PATH. */
void listen_name(int fd, char *out, size_t out_bytes);

/* Whether only programs of this machine can reach it. */
int listen_is_loopback(int fd);

#endif
