/*
 * What stands between a session of GnuTLS and its socket until the first request has arrived. The handshake is made
 * here and not by the HTTP library, which ends a handshake that fails without an alert, and does not say why it failed.
 *
 * The library makes its part too, because it counts a connection as open when gnutls_handshake(3) has returned 0. In
 * TLS 1.3 that call does nothing after the handshake. In TLS 1.2 it would begin another one; so the server's last
 * message, which follows the check of the client's, is held back for the library's call.
 *
 * It knows sessions and sockets, and neither the library nor connections. Single-threaded.
 */
#ifndef SHMETER_EXPORTER_TLS_GATE_H
#define SHMETER_EXPORTER_TLS_GATE_H

#include <gnutls/gnutls.h>

enum gate_state {
    GATE_CLOSED, /* both directions have to wait */
    GATE_DRIVEN, /* gate_drive() is running */
    GATE_OPEN,
    GATE_DEAD /* both directions fail */
};

struct gate {
    int fd;
    enum gate_state state;
    int is_verified; /* 1: the client's last message of the handshake has arrived */
};

enum gate_result { GATE_WAITS, GATE_DONE, GATE_FAILED };

/* Puts a gate before a session that has not begun. The gate must live until gate_leave(), or for as long as both. */
void gate_enter(struct gate *gate, gnutls_session_t session, int fd);

/*
 * Goes on with the handshake. GATE_WAITS: for the socket, to read or to write (gnutls_record_get_direction(3)).
 * GATE_DONE: the gate is open, and the library is to go on. GATE_FAILED: *error is GnuTLS', and an alert is sent where
 * the client can take one; the gate is dead.
 */
enum gate_result gate_drive(struct gate *gate, gnutls_session_t session, int *error);

/* 1: a client has sent its first byte, and it speaks HTTP without TLS. The byte is not taken. */
int gate_hears_http(const struct gate *gate);

/* Answers such a client, and makes the gate dead. */
void gate_answer_http(struct gate *gate);

/* Takes the open gate away: the session uses the socket alone from now on. */
void gate_leave(struct gate *gate, gnutls_session_t session);

#endif
