/*
 * getaddrinfo(3), socket(2), bind(2), listen(2), and sentences for what can go wrong with them.
 */
#include "daemon/listen/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024 /* a connection that does not fit waits a second until its SYN is sent again */

static int
open_one(const struct addrinfo *info)
{
    const int on = 1, off = 0;
    int result;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);

    if (fd < 0)
        return -errno;
    /* Connections of an earlier run in TIME_WAIT must not prevent the bind. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (!bind(fd, info->ai_addr, info->ai_addrlen) && !listen(fd, LISTEN_BACKLOG))
        return fd;
    result = -errno;
    close(fd);
    return result;
}

/*
 * Opens the first address that works. :PORT means IPv6 and IPv4 in one socket if the machine has IPv6. Of the addresses
 * of a name, IPv4 is tried first, because localhost is expected to be 127.0.0.1.
 */
static int
open_any(const struct addrinfo *infos, int every)
{
    const int families[] = { every ? AF_INET6 : AF_INET, every ? AF_INET : AF_INET6 };
    const struct addrinfo *info;
    int result = -EADDRNOTAVAIL, fd;
    size_t i;

    for (i = 0; i < 2; i++)
        for (info = infos; info; info = info->ai_next) {
            if (info->ai_family != families[i])
                continue;
            fd = open_one(info);
            if (fd >= 0 || fd == -EADDRINUSE || fd == -EACCES)
                return fd;
            result = fd;
        }
    return result;
}

static void
explain(const struct listen_address *address, int result, struct report *report)
{
    const char *advice;

    switch (result) {
    case -EADDRINUSE:
        advice = "another program has the port; stop that program, or choose another port with --web.listen-address";
        break;
    case -EACCES:
        advice = "this user may not use the port; choose one above 1023 with --web.listen-address";
        break;
    case -EADDRNOTAVAIL:
        advice = "this machine does not have the address; choose another one with --web.listen-address";
        break;
    default:
        advice = strerror(-result);
    }
    report_fail(report, result, "cannot listen on %s: %s", address->text, advice);
}

int
listen_open(const struct listen_address *address, struct report *report)
{
    struct addrinfo hints, *infos;
    char port[8];
    int result;

    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    snprintf(port, sizeof port, "%u", address->port);
    result = getaddrinfo(address->host[0] ? address->host : NULL, port, &hints, &infos);
    if (result) {
        report_fail(report, result, "cannot listen on %s: the host is not known (%s); give an address of this machine",
                    address->text, gai_strerror(result));
        return -EADDRNOTAVAIL;
    }
    result = open_any(infos, !address->host[0]);
    freeaddrinfo(infos);
    if (result < 0)
        explain(address, result, report);
    return result;
}

int
listen_open_all(struct listen_sockets *out, const struct listen_address *addresses, uint32_t addresses_n, mode_t mode,
                struct report *report)
{
    int result;

    memset(out, 0, sizeof *out);
    for (; out->n < addresses_n; out->n++) {
        const struct listen_address *address = &addresses[out->n];
        struct listen_socket *socket = &out->all[out->n];
        if (address->is_unix)
            result = listen_open_unix(address, mode, socket, report);
        else
            result = socket->fd = listen_open(address, report);
        if (result < 0) {
            listen_close(out);
            return result;
        }
    }
    return 0;
}

static void
unix_name(const struct sockaddr_un *address, socklen_t bytes, char *out, size_t out_bytes)
{
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    size_t len = bytes > before ? bytes - before : 0;

    if (len && address->sun_path[0])
        snprintf(out, out_bytes, "unix:%.*s", (int)len, address->sun_path);
    else
        snprintf(out, out_bytes, "unix:@%.*s", len ? (int)len - 1 : 0, address->sun_path + 1);
}

void
listen_name(int fd, char *out, size_t out_bytes)
{
    struct sockaddr_storage address = { 0 };
    socklen_t bytes = sizeof address;
    char host[INET6_ADDRSTRLEN + 16], port[8];

    if (getsockname(fd, (struct sockaddr *)&address, &bytes))
        snprintf(out, out_bytes, "?");
    else if (address.ss_family == AF_UNIX)
        unix_name((const struct sockaddr_un *)&address, bytes, out, out_bytes);
    else if (getnameinfo((struct sockaddr *)&address, bytes, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(out, out_bytes, "?");
    else
        snprintf(out, out_bytes, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

int
listen_is_loopback(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t bytes = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &bytes))
        return 0;
    if (address.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&address)->sin6_addr);
    return address.ss_family == AF_UNIX;
}
