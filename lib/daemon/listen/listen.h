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
    const char *path; /* of a Unix socket that listen_remove() removes; NULL: nothing to remove */
    dev_t device;     /* of the file at path */
    ino_t inode;
};

struct listen_sockets {
    struct listen_socket all[LISTEN_ADDRESSES];
    uint32_t n;
};

/*
 * Opens a socket that listens on the address, non-blocking and close-on-exec. Returns the descriptor, or -errno and one
 * sentence in report that names the address and says what to do.
 */
int listen_open(const struct listen_address *address, struct report *report);

/*
 * Opens a Unix socket with exactly this mode, regardless of the umask. A socket file that an ended process has left is
 * replaced; one that a process listens on, or a file of another kind, is not. Fills *out, whose path is the address's.
 * Sets the process's umask for a moment: call it before there are threads. Returns 0, or -errno and one sentence in
 * report.
 */
int listen_open_unix(const struct listen_address *address, mode_t mode, struct listen_socket *out,
                     struct report *report);

/*
 * Opens sockets for all addresses, or none. mode: of Unix sockets. The addresses must outlive *out. Returns 0, or
 * -errno and one sentence.
 */
int listen_open_all(struct listen_sockets *out, const struct listen_address *addresses, uint32_t addresses_n,
                    mode_t mode, struct report *report);

/*
 * Removes the files of the Unix sockets that were made here, unless other files have their paths now. Closes nothing.
 * May be called again.
 */
void listen_remove(struct listen_sockets *sockets);

/* Removes the files and closes the sockets. For sockets that nothing else has taken over. */
void listen_close(struct listen_sockets *sockets);

/* The address that a socket listens on, as HOST:PORT with the actual port, or unix:PATH. */
void listen_name(int fd, char *out, size_t out_bytes);

/* Whether only programs of this machine can reach the socket. */
int listen_is_loopback(int fd);

#endif
