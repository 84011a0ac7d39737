/* Transport functions of GnuTLS, which are given the gate, and after gate_leave() the descriptor. */
#include "exporter/tls/gate.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define TURNS 8 /* errors of a handshake that do not end it, one after the other */

static ssize_t
socket_pull(int fd, void *out, size_t len)
{
    return recv(fd, out, len, 0);
}

static ssize_t
socket_push(int fd, const giovec_t *parts, int parts_n)
{
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)parts_n };

    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Whether bytes may pass; else errno says why not. */
static int
may_pass(const struct gate *gate, int is_held)
{
    errno = gate->state == GATE_DEAD ? ECONNRESET : EAGAIN;
    return gate->state == GATE_OPEN || (gate->state == GATE_DRIVEN && !is_held);
}

static ssize_t
gate_pull(gnutls_transport_ptr_t argument, void *out, size_t len)
{
    const struct gate *gate = argument;

    return may_pass(gate, 0) ? socket_pull(gate->fd, out, len) : -1;
}

static ssize_t
gate_push(gnutls_transport_ptr_t argument, const giovec_t *parts, int parts_n)
{
    const struct gate *gate = argument;

    return may_pass(gate, gate->is_verified) ? socket_push(gate->fd, parts, parts_n) : -1;
}

static ssize_t
plain_pull(gnutls_transport_ptr_t argument, void *out, size_t len)
{
    return socket_pull((int)(intptr_t)argument, out, len);
}

static ssize_t
plain_push(gnutls_transport_ptr_t argument, const giovec_t *parts, int parts_n)
{
    return socket_push((int)(intptr_t)argument, parts, parts_n);
}

/* Called when a message of the handshake has arrived that ends the client's part. */
static int
on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned is_incoming, const gnutls_datum_t *message)
{
    struct gate *gate = gnutls_transport_get_ptr(session);

    (void)type;
    (void)when;
    (void)message;
    if (is_incoming && gate->state == GATE_DRIVEN)
        gate->is_verified = 1;
    return 0;
}

void
gate_enter(struct gate *gate, gnutls_session_t session, int fd)
{
    *gate = (struct gate){ .fd = fd, .state = GATE_CLOSED };
    gnutls_transport_set_ptr(session, gate);
    gnutls_transport_set_pull_function(session, gate_pull);
    gnutls_transport_set_vec_push_function(session, gate_push);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
}

/* Sends an alert to a client that is still there, and has not sent one itself. */
static void
say_why(struct gate *gate, gnutls_session_t session, int error)
{
    int level = GNUTLS_AL_FATAL, alert;

    if (error == GNUTLS_E_FATAL_ALERT_RECEIVED || error == GNUTLS_E_PULL_ERROR || error == GNUTLS_E_PUSH_ERROR)
        return;
    alert = gnutls_error_to_alert(error, &level);
    gate->is_verified = 0;
    gate->state = GATE_DRIVEN;
    gnutls_alert_send(session, GNUTLS_AL_FATAL, alert < 0 ? GNUTLS_A_HANDSHAKE_FAILURE : (unsigned)alert);
}

enum gate_result
gate_drive(struct gate *gate, gnutls_session_t session, int *error)
{
    int turn, result = GNUTLS_E_AGAIN;

    gate->state = GATE_DRIVEN;
    for (turn = 0; turn < TURNS; turn++) {
        result = gnutls_handshake(session);
        if (!result || result == GNUTLS_E_AGAIN || gnutls_error_is_fatal(result))
            break;
    }
    if (!result || (result == GNUTLS_E_AGAIN && gate->is_verified)) {
        gate->state = GATE_OPEN;
        return GATE_DONE;
    }
    gate->state = GATE_CLOSED;
    if (result == GNUTLS_E_AGAIN)
        return GATE_WAITS;
    *error = result;
    say_why(gate, session, result);
    gate->state = GATE_DEAD;
    return GATE_FAILED;
}

/* No record of TLS begins with a letter. */
int
gate_hears_http(const struct gate *gate)
{
    char first;

    return recv(gate->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first >= 'A' && first <= 'Z';
}

void
gate_answer_http(struct gate *gate)
{
    static const char body[] = "This port speaks HTTPS: ask for https://...\n";
    char answer[256];
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s",
                       strlen(body), body);

    /* who does not take it does not want to know */
    (void)send(gate->fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    gate->state = GATE_DEAD;
}

void
gate_leave(struct gate *gate, gnutls_session_t session)
{
    gnutls_transport_set_ptr(session, (gnutls_transport_ptr_t)(intptr_t)gate->fd);
    gnutls_transport_set_pull_function(session, plain_pull);
    gnutls_transport_set_vec_push_function(session, plain_push);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, NULL);
}
