/*
 * The descriptors begin at 3. An unsuitable one is an error that names it: if only the other sockets were served,
 * nobody would notice the mistake in the unit.
 */
#include "daemon/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

/* The value of an environment variable as a number; -1: there is none. */
static long
number_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    long number;

    if (!text || !*text)
        return -1;
    errno = 0;
    number = strtol(text, &end, 10);
    return errno || *end || number < 0 ? -1 : number;
}

/* The index-th name in LISTEN_FDNAMES, which has colons between names; "?": there is none. */
static void
name_of(long index, char *out, size_t out_bytes)
{
    const char *names = getenv("LISTEN_FDNAMES");

    for (; names && index; index--)
        if ((names = strchr(names, ':')))
            names++;
    if (names && *names && *names != ':')
        snprintf(out, out_bytes, "%.*s", (int)strcspn(names, ":"), names);
    else
        snprintf(out, out_bytes, "?");
}

/* The value of an integer option of a socket; -1: fd is not a socket. */
static int
option_of(int fd, int option)
{
    int value = -1;
    socklen_t bytes = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &bytes) ? -1 : value;
}

/* What is wrong with a descriptor; NULL: it can be served. */
static const char *
wrong_with(int fd)
{
    int domain = option_of(fd, SO_DOMAIN);

    if (domain < 0)
        return "is no socket; remove other descriptors from the socket unit";
    if (option_of(fd, SO_TYPE) != SOCK_STREAM || (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX))
        return "is no stream socket of TCP or Unix; write ListenStream= in the socket unit";
    if (option_of(fd, SO_ACCEPTCONN) != 1)
        return "does not listen; write Accept=no in the socket unit";
    return NULL;
}

static int
take_one(struct listen_sockets *out, int fd, struct report *report)
{
    const char *wrong = wrong_with(fd);
    char name[64];
    int flags;

    if (wrong) {
        name_of(fd - FIRST_FD, name, sizeof name);
        return report_fail(report, -EINVAL, "--web.systemd-socket: descriptor %d (%s) %s", fd, name, wrong);
    }
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return report_fail(report, -EINVAL, "--web.systemd-socket: descriptor %d: %s", fd, strerror(errno));
    out->all[out->n++] = (struct listen_socket){ .fd = fd };
    return 0;
}

int
activation_take(struct listen_sockets *out, struct report *report)
{
    long sockets_n = number_of("LISTEN_FDS"), i;
    int result = 0;

    memset(out, 0, sizeof *out);
    if (number_of("LISTEN_PID") != (long)getpid() || sockets_n < 1)
        return report_fail(
            report, -EINVAL,
            "--web.systemd-socket: no sockets were passed; start it by a socket unit, or leave this option out");
    if (sockets_n > (long)LISTEN_ADDRESSES)
        return report_fail(report, -EINVAL, "--web.systemd-socket: %ld sockets were passed; there may be at most %u",
                           sockets_n, LISTEN_ADDRESSES);
    for (i = 0; i < sockets_n && !result; i++)
        result = take_one(out, FIRST_FD + (int)i, report);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return result;
}
