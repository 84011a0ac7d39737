/* Sends datagrams of VARIABLE=VALUE lines to a Unix socket. Its name is a path or, after an @, an abstract name. */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static void
address_take(struct notify *notify, const char *name)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof notify->address.sun_path)
        return;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, len);
    notify->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    if (name[0] == '@')
        notify->address.sun_path[0] = 0;
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A number above 0; 0: text is none. */
static uint64_t
number_of(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789") : 0;

    return digits && digits < 19 && !text[digits] ? strtoull(text, NULL, 10) : 0;
}

void
notify_open(struct notify *notify)
{
    const char *name = getenv("NOTIFY_SOCKET"), *pid = getenv("WATCHDOG_PID");

    memset(notify, 0, sizeof *notify);
    notify->fd = -1;
    if (name)
        address_take(notify, name);
    if (notify->fd >= 0 && (!pid || number_of(pid) == (uint64_t)getpid()))
        notify->watchdog_ns = number_of(getenv("WATCHDOG_USEC")) * 1000u;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

void
notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
    notify->watchdog_ns = 0;
}

int
notify_wanted(const struct notify *notify)
{
    return notify->fd >= 0;
}

static void
tell(const struct notify *notify, const char *message)
{
    ssize_t sent;

    if (notify->fd < 0)
        return;
    do
        sent = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&notify->address,
                      notify->address_bytes);
    while (sent < 0 && errno == EINTR);
}

void
notify_ready(const struct notify *notify)
{
    tell(notify, "READY=1");
}

void
notify_reloading(const struct notify *notify)
{
    char message[64];

    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)(clock_ns(CLOCK_MONOTONIC) / 1000u));
    tell(notify, message);
}

void
notify_stopping(const struct notify *notify)
{
    tell(notify, "STOPPING=1");
}

void
notify_alive(const struct notify *notify)
{
    tell(notify, "WATCHDOG=1");
}

void
notify_status(const struct notify *notify, const char *line)
{
    char message[256];
    char *at;

    snprintf(message, sizeof message, "STATUS=%s", line);
    for (at = message; *at; at++)
        if (*at == '\n')
            *at = ' ';
    tell(notify, message);
}
