/* Two sessions of GnuTLS take turns, each with a buffer in which the other one's bytes arrive. */
#include "exporter/tls/rehearse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/containers/buffer.h"

#define TURNS 16 /* a handshake takes three of each side */

enum side { CLIENT, SERVER, SIDES };

struct actor {
    gnutls_session_t session;
    struct buffer arrived;
    size_t read;
    struct actor *other;
    int result;
};

static ssize_t
push(gnutls_transport_ptr_t argument, const void *bytes, size_t len)
{
    struct actor *actor = argument;

    if (!buffer_append(&actor->other->arrived, bytes, len))
        return (ssize_t)len;
    errno = ENOMEM;
    return -1;
}

static ssize_t
pull(gnutls_transport_ptr_t argument, void *out, size_t len)
{
    struct actor *actor = argument;
    size_t left = actor->arrived.len - actor->read;

    if (!left) {
        errno = EAGAIN;
        return -1;
    }
    len = len < left ? len : left;
    memcpy(out, actor->arrived.data + actor->read, len);
    actor->read += len;
    return (ssize_t)len;
}

static int
pull_timeout(gnutls_transport_ptr_t argument, unsigned ms)
{
    const struct actor *actor = argument;

    (void)ms;
    return actor->arrived.len > actor->read;
}

static int
open_actor(struct actor *actor, enum side side)
{
    int result = gnutls_init(&actor->session, (side == SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT) |
                                                  (unsigned)GNUTLS_NONBLOCK | (unsigned)GNUTLS_NO_SIGNAL);

    if (result) {
        actor->session = NULL;
        return result;
    }
    actor->result = GNUTLS_E_AGAIN;
    gnutls_transport_set_ptr(actor->session, actor);
    gnutls_transport_set_push_function(actor->session, push);
    gnutls_transport_set_pull_function(actor->session, pull);
    gnutls_transport_set_pull_timeout_function(actor->session, pull_timeout);
    return 0;
}

static int
set_client(gnutls_session_t session, gnutls_certificate_credentials_t credentials, enum tls_version version)
{
    static const char *const versions[] = { "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3" };
    char priority[64];
    int result;

    snprintf(priority, sizeof priority, "NORMAL:-VERS-ALL:+VERS-%s:%%COMPAT", versions[version]);
    result = gnutls_priority_set_direct(session, priority, NULL);
    return result ? result : gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
}

static int
set_server(gnutls_session_t session, struct tls *tls)
{
    if (tls_begin(tls, session))
        return GNUTLS_E_MEMORY_ERROR;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_IGNORE);
    gnutls_session_set_verify_function(session, NULL);
    return 0;
}

/* Returns the server's error; where it has none, the client's. */
static int
play(struct actor actors[SIDES])
{
    struct actor *actor;
    int turn;

    for (turn = 0; turn < TURNS; turn++) {
        actor = &actors[turn % SIDES];
        if (actor->result == GNUTLS_E_AGAIN)
            actor->result = gnutls_handshake(actor->session);
    }
    return actors[SERVER].result && actors[SERVER].result != GNUTLS_E_AGAIN ? actors[SERVER].result
           : actors[CLIENT].result                                          ? actors[CLIENT].result
                                                                            : actors[SERVER].result;
}

int
tls_rehearse(struct tls *tls, enum tls_version version)
{
    gnutls_certificate_credentials_t credentials;
    struct actor actors[SIDES] = { { .other = &actors[SERVER] }, { .other = &actors[CLIENT] } };
    int result = gnutls_certificate_allocate_credentials(&credentials), i;

    if (result)
        return result;
    for (i = 0; i < SIDES && !result; i++)
        result = open_actor(&actors[i], (enum side)i);
    if (!result)
        result = set_client(actors[CLIENT].session, credentials, version);
    if (!result)
        result = set_server(actors[SERVER].session, tls);
    if (!result)
        result = play(actors);
    for (i = 0; i < SIDES; i++) {
        if (actors[i].session)
            gnutls_deinit(actors[i].session);
        buffer_free(&actors[i].arrived);
    }
    gnutls_certificate_free_credentials(credentials);
    return result;
}
