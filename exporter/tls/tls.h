/*
 * One certificate with its key, the client-authentication mode and the priorities, ready to be used by sessions of
 * GnuTLS. It never changes: changed files or settings make a new one, and sessions keep the one that they began with.
 * It knows sessions and no HTTP.
 *
 * Single-threaded.
 */
#ifndef SHMETER_EXPORTER_TLS_TLS_H
#define SHMETER_EXPORTER_TLS_TLS_H

#include <gnutls/gnutls.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/report.h"
#include "exporter/tls/terms.h"

/*
 * Go's words: NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven,
 * RequireAndVerifyClientCert.
 */
enum tls_client_auth { TLS_CLIENT_NONE, TLS_CLIENT_REQUEST, TLS_CLIENT_ANY, TLS_CLIENT_IF_GIVEN, TLS_CLIENT_VERIFY };

/* PEM data, in a file or as text. */
struct tls_pem {
    const char *file; /* NULL: none */
    const char *text; /* NULL: none; the owner wipes secrets */
};

enum tls_part { TLS_PART_CERT, TLS_PART_KEY, TLS_PART_CLIENT_CA, TLS_PARTS };

struct tls_settings {
    struct tls_pem parts[TLS_PARTS];
    enum tls_client_auth client_auth;
    const char *const *allowed_sans; /* names of which a client's certificate must have one; n 0: any */
    uint32_t allowed_sans_n;
    struct tls_terms terms;
};

struct tls;

/*
 * Reads and checks everything. What is doubtful but works (an expired certificate, a key that others may read) is
 * logged as a warning. The result keeps no pointer into the settings, and has one reference, the caller's. NULL:
 * report, which was empty, says why, without secrets; its field is the part, or TLS_PART_CERT if the parts do not fit
 * together.
 */
struct tls *tls_new(const struct tls_settings *settings, struct report *report);

void tls_hold(struct tls *tls);
void tls_release(struct tls *tls); /* drops a reference; the last one frees it. NULL is fine */

/* When the certificate expires. */
time_t tls_expires(const struct tls *tls);

/* Sets a session up, before its handshake: the session must not outlive tls. Returns 0 or -ENOMEM. */
int tls_begin(struct tls *tls, gnutls_session_t session);

#endif
