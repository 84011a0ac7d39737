/*
 * A sleeping connection is suspended in the library, and its socket is in an epoll descriptor here, for one event.
 * Bytes that GnuTLS has decrypted and not yet delivered do not make the socket readable, so a connection with such
 * bytes is not put to sleep.
 */
#include "exporter/web/handshakes.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64

struct handshake {
    struct handshake *prev, *next;
    struct MHD_Connection *connection;
    gnutls_session_t session;
    struct conn *conn;
    int asleep;
};

int
handshakes_add(struct handshakes *handshakes, struct MHD_Connection *connection, struct conn *conn)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct handshake *handshake;

    if (!info)
        return -EINVAL;
    if (handshakes->epoll < 0 && (handshakes->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return -errno;
    handshake = calloc(1, sizeof *handshake);
    if (!handshake)
        return -ENOMEM;
    handshake->connection = connection;
    handshake->session = info->tls_session;
    handshake->conn = conn;
    handshake->next = handshakes->first;
    if (handshakes->first)
        handshakes->first->prev = handshake;
    handshakes->first = handshake;
    conn->handshake = handshake;
    return 0;
}

static void
wake(struct handshakes *handshakes, struct handshake *handshake)
{
    epoll_ctl(handshakes->epoll, EPOLL_CTL_DEL, handshake->conn->fd, NULL);
    handshake->asleep = 0;
    MHD_resume_connection(handshake->connection);
}

void
handshakes_wake(struct handshakes *handshakes)
{
    struct epoll_event events[EVENTS];
    int n, i;

    if (handshakes->epoll < 0)
        return;
    n = epoll_wait(handshakes->epoll, events, EVENTS, 0);
    for (i = 0; i < n; i++)
        wake(handshakes, events[i].data.ptr);
}

static void
lay_down(struct handshakes *handshakes, struct handshake *handshake)
{
    struct epoll_event event = { .events = EPOLLRDHUP, .data.ptr = handshake };

    event.events |= gnutls_record_get_direction(handshake->session) ? EPOLLOUT : EPOLLIN;
    if (gnutls_record_check_pending(handshake->session) ||
        epoll_ctl(handshakes->epoll, EPOLL_CTL_ADD, handshake->conn->fd, &event))
        return;
    handshake->asleep = 1;
    MHD_suspend_connection(handshake->connection);
}

void
handshakes_rest(struct handshakes *handshakes)
{
    struct handshake *handshake, *next;

    for (handshake = handshakes->first; handshake; handshake = next) {
        next = handshake->next;
        if (handshake->conn->phase != CONN_READING)
            handshakes_remove(handshakes, handshake->conn);
        else if (!handshake->asleep)
            lay_down(handshakes, handshake);
    }
}

void
handshakes_end(struct handshakes *handshakes)
{
    struct handshake *handshake;

    for (handshake = handshakes->first; handshake; handshake = handshake->next)
        if (handshake->asleep)
            wake(handshakes, handshake);
}

void
handshakes_remove(struct handshakes *handshakes, struct conn *conn)
{
    struct handshake *handshake = conn->handshake;

    if (!handshake)
        return;
    conn->handshake = NULL;
    *(handshake->prev ? &handshake->prev->next : &handshakes->first) = handshake->next;
    if (handshake->next)
        handshake->next->prev = handshake->prev;
    free(handshake);
}
