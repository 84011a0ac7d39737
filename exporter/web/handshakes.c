/*
 * A sleeping connection is suspended in the library, and its socket is in an epoll descriptor here. Bytes that GnuTLS
 * has decrypted and not yet delivered do not make the socket readable, so a connection with such bytes is not put to
 * sleep.
 *
 * A client that was refused is waited for until it has closed its side, or for a short time: closing a socket with
 * bytes that were not read resets the connection, and the client would not see the alert.
 */
#include "exporter/web/handshakes.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "exporter/tls/gate.h"

#define EVENTS      64
#define LEAVE_NS    2000000000u /* a refused client's time to leave */
#define DRAIN_BYTES 4096u

enum stage {
    STAGE_SHAKING, /* driven here; asleep in the library */
    STAGE_REFUSED, /* the client is waited for */
    STAGE_OPEN     /* the library's; asleep until there is something to read */
};

struct handshake {
    struct handshake *prev, *next;
    struct MHD_Connection *connection;
    gnutls_session_t session;
    struct conn *conn;
    struct gate gate;
    enum stage stage;
    uint32_t events;   /* in the epoll descriptor, when it is asleep */
    int asleep, begun; /* begun: 1: the client speaks TLS, as far as its first byte tells */
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
    gate_enter(&handshake->gate, handshake->session, conn->fd);
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

/* ---- the handshake ---- */

static enum traffic_event
event_of(int error)
{
    switch (error) {
    case GNUTLS_E_PREMATURE_TERMINATION:
    case GNUTLS_E_PULL_ERROR:
    case GNUTLS_E_PUSH_ERROR:
        return TRAFFIC_SHAKE_CLOSED;
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return TRAFFIC_SHAKE_CLIENT;
    case GNUTLS_E_CERTIFICATE_REQUIRED:
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
        return TRAFFIC_SHAKE_NO_CERTIFICATE;
    case GNUTLS_E_CERTIFICATE_ERROR:
    case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
        return TRAFFIC_SHAKE_CERTIFICATE;
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        return TRAFFIC_SHAKE_VERSION;
    case GNUTLS_E_NO_CIPHER_SUITES:
    case GNUTLS_E_NO_COMMON_KEY_SHARE:
    case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
        return TRAFFIC_SHAKE_TERMS;
    default:
        return TRAFFIC_SHAKE_OTHER;
    }
}

static void
count_failure(struct handshakes *handshakes, const struct handshake *handshake, int error)
{
    const char *why = error == GNUTLS_E_FATAL_ALERT_RECEIVED
                          ? gnutls_alert_get_name(gnutls_alert_get(handshake->session))
                          : gnutls_strerror(error);

    if (!handshake->conn->cut) /* which was counted */
        traffic_count(handshakes->traffic, event_of(error), why);
}

static void
refuse(struct handshake *handshake)
{
    handshake->stage = STAGE_REFUSED;
    handshake->conn->refused = 1;
    shutdown(handshake->conn->fd, SHUT_WR);
    handshake->conn->deadline_ns = clock_ns(CLOCK_MONOTONIC) + LEAVE_NS;
}

/* Sets what a sleeping connection waits for. */
static void
await(struct handshakes *handshakes, struct handshake *handshake)
{
    struct epoll_event event = { .events = EPOLLRDHUP | EPOLLIN, .data.ptr = handshake };

    if (handshake->stage == STAGE_SHAKING && gnutls_record_get_direction(handshake->session))
        event.events = EPOLLRDHUP | EPOLLOUT;
    if (event.events == handshake->events)
        return;
    handshake->events = event.events;
    epoll_ctl(handshakes->epoll, EPOLL_CTL_MOD, handshake->conn->fd, &event);
}

/* Goes on with a handshake that is asleep in the library. */
static void
drive(struct handshakes *handshakes, struct handshake *handshake)
{
    int error = 0;

    if (!handshake->begun && gate_hears_http(&handshake->gate)) {
        traffic_count(handshakes->traffic, TRAFFIC_SHAKE_PLAIN, NULL);
        gate_answer_http(&handshake->gate);
        refuse(handshake);
        await(handshakes, handshake);
        return;
    }
    handshake->begun = 1;
    switch (gate_drive(&handshake->gate, handshake->session, &error)) {
    case GATE_DONE:
        traffic_count(handshakes->traffic, TRAFFIC_SHAKEN, NULL);
        handshake->stage = STAGE_OPEN;
        wake(handshakes, handshake);
        break;
    case GATE_FAILED:
        count_failure(handshakes, handshake, error);
        refuse(handshake);
        await(handshakes, handshake);
        break;
    default:
        await(handshakes, handshake);
    }
}

/* Reads what a refused client still sends; when it has closed its side, the library closes the connection. */
static void
see_off(struct handshakes *handshakes, struct handshake *handshake)
{
    char bytes[DRAIN_BYTES];
    ssize_t got = recv(handshake->conn->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    wake(handshakes, handshake);
}

void
handshakes_wake(struct handshakes *handshakes)
{
    struct epoll_event events[EVENTS];
    struct handshake *handshake;
    int n, i;

    if (handshakes->epoll < 0)
        return;
    n = epoll_wait(handshakes->epoll, events, EVENTS, 0);
    for (i = 0; i < n; i++) {
        handshake = events[i].data.ptr;
        if (handshake->stage == STAGE_SHAKING)
            drive(handshakes, handshake);
        else if (handshake->stage == STAGE_REFUSED)
            see_off(handshakes, handshake);
        else
            wake(handshakes, handshake);
    }
}

static void
lay_down(struct handshakes *handshakes, struct handshake *handshake)
{
    struct epoll_event event = { .events = EPOLLRDHUP, .data.ptr = handshake };

    event.events |= gnutls_record_get_direction(handshake->session) ? EPOLLOUT : EPOLLIN;
    if (handshake->stage == STAGE_REFUSED ||
        (handshake->stage == STAGE_OPEN && gnutls_record_check_pending(handshake->session)) ||
        epoll_ctl(handshakes->epoll, EPOLL_CTL_ADD, handshake->conn->fd, &event))
        return;
    handshake->events = event.events;
    handshake->asleep = 1;
    MHD_suspend_connection(handshake->connection);
}

void
handshakes_rest(struct handshakes *handshakes)
{
    struct handshake *handshake, *next;

    for (handshake = handshakes->first; handshake; handshake = next) {
        next = handshake->next;
        if (handshake->conn->phase != CONN_READING) {
            gate_leave(&handshake->gate, handshake->session);
            handshakes_remove(handshakes, handshake->conn);
        } else if (!handshake->asleep) {
            lay_down(handshakes, handshake);
        }
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
