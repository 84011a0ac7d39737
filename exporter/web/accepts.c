/*
 * accept4(2). It has three kinds of errors. The client is gone already: the error is ignored. The process or the
 * machine lacks a resource: accepting pauses for a while. Other errors would be mistakes of this program, and are
 * treated as the second kind.
 */
#include "exporter/web/accepts.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

#define BATCH        32u /* so many connections are accepted from one socket before the next socket's turn */
#define PAUSE_NS     100000000u
#define SAY_EVERY_NS 60000000000u

static int
watch(const struct accepts *accepts, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl(accepts->epoll, EPOLL_CTL_ADD, fd, &event) && errno != EEXIST ? -errno : 0;
}

int
accepts_add(struct accepts *accepts, int fd)
{
    int result = accepts->fds_n < LISTEN_ADDRESSES ? watch(accepts, fd) : -ENOMEM;

    if (result)
        close(fd);
    else
        accepts->fds[accepts->fds_n++] = fd;
    return result;
}

static void
pause_all(struct accepts *accepts, uint64_t now_ns, int error)
{
    uint32_t i;

    for (i = 0; i < accepts->fds_n; i++)
        epoll_ctl(accepts->epoll, EPOLL_CTL_DEL, accepts->fds[i], NULL);
    accepts->paused_until_ns = now_ns + PAUSE_NS;
    if (accepts->said_at_ns && now_ns - accepts->said_at_ns < SAY_EVERY_NS)
        return;
    accepts->said_at_ns = now_ns;
    log_event(LOG_LEVEL_WARN, "connections have to wait: raise the limit of open files, or lower --web.max-connections",
              "error", strerror(error), NULL);
}

/* Whether the error is about the client (accept(2) passes on errors of the new socket). */
static int
is_gone(int error)
{
    static const int gone[] = { ECONNABORTED, EINTR,  EPROTO,       ENETDOWN,   ENOPROTOOPT,
                                EHOSTDOWN,    ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH };
    size_t i;

    for (i = 0; i < sizeof gone / sizeof *gone; i++)
        if (gone[i] == error)
            return 1;
    return 0;
}

/* Accepts some connections. Returns 0, or the errno of a lack of resources. */
static int
take_some(int listener, accepts_fn *fn, void *argument)
{
    struct sockaddr_storage address;
    socklen_t bytes;
    uint32_t i;
    int fd;

    for (i = 0; i < BATCH; i++) {
        bytes = sizeof address;
        fd = accept4(listener, (struct sockaddr *)&address, &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            fn(argument, fd, (const struct sockaddr *)&address, bytes);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        else if (!is_gone(errno))
            return errno;
    }
    return 0;
}

int
accepts_run(struct accepts *accepts, uint64_t now_ns, accepts_fn *fn, void *argument)
{
    uint32_t i;
    int error = 0;

    if (now_ns < accepts->paused_until_ns)
        return 0;
    for (i = 0; i < accepts->fds_n && !error; i++) {
        if (accepts->paused_until_ns)
            error = -watch(accepts, accepts->fds[i]);
        if (!error)
            error = take_some(accepts->fds[i], fn, argument);
    }
    accepts->paused_until_ns = 0;
    if (error)
        pause_all(accepts, now_ns, error);
    return error != 0;
}

uint64_t
accepts_next(const struct accepts *accepts)
{
    return accepts->paused_until_ns ? accepts->paused_until_ns : ACCEPTS_NEVER;
}

void
accepts_close(struct accepts *accepts)
{
    while (accepts->fds_n)
        close(accepts->fds[--accepts->fds_n]);
    accepts->paused_until_ns = 0;
}
