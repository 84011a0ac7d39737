/* Addresses to listen on, as text. It opens no socket and looks up no host. */
#ifndef SHMETER_DAEMON_LISTEN_ADDRESS_H
#define SHMETER_DAEMON_LISTEN_ADDRESS_H

#include <stdint.h>

#define LISTEN_ADDRESSES  8u /* --web.listen-address may be given at most so often */
#define LISTEN_TEXT_BYTES 256u

struct listen_address {
    char text[LISTEN_TEXT_BYTES]; /* as it was given */
    char host[LISTEN_TEXT_BYTES]; /* "": every address of this machine; for a Unix socket its path */
    uint16_t port;                /* 0: any free one */
    int is_unix;
};

/* Reads HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH. Returns 0, or -EINVAL and in *why what is wrong with it. */
int listen_parse(const char *text, struct listen_address *out, const char **why);

#endif
