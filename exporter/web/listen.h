/*
 * Addresses to listen on: from text to a socket. It knows nothing of HTTP.
 */
#ifndef SHMETER_EXPORTER_WEB_LISTEN_H
#define SHMETER_EXPORTER_WEB_LISTEN_H

#include <stddef.h>
#include <stdint.h>

#define LISTEN_ADDRESSES  8u /* --web.listen-address may be given so often */
#define LISTEN_TEXT_BYTES 256u

struct listen_address {
    char text[LISTEN_TEXT_BYTES]; /* as it was given                                                        */
    char host[LISTEN_TEXT_BYTES]; /* "" every address of this machine                                       */
    uint16_t port;                /* 0: a free one                                                          */
};

/* Reads HOST:PORT, [IPV6]:PORT or :PORT. Returns 0, or -EINVAL and in *why what is wrong with it. */
int listen_parse(const char *text, struct listen_address *out, const char **why);

/*
 * A socket that listens there, non-blocking and closed on exec. Returns the descriptor, or -errno and one sentence in error that
 * names the address and says what to do.
 */
int listen_open(const struct listen_address *address, char *error, size_t error_bytes);

/* Where a socket listens, as HOST:PORT with the port that it really has. */
void listen_name(int fd, char *out, size_t out_bytes);

/* Whether only programs of this machine can reach it. */
int listen_is_loopback(int fd);

#endif
