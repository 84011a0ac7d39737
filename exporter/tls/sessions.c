/*
 * Sessions, and the verification of clients' certificates in the handshake. libmicrohttpd keeps no session tickets, so
 * no session can be resumed without the verification.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/log.h"
#include "exporter/tls/internal.h"

static int
san_is_allowed(const struct tls *tls, const void *name, size_t name_len)
{
    uint32_t i;

    for (i = 0; i < tls->allowed_sans_n; i++)
        if (strlen(tls->allowed_sans[i]) == name_len && !memcmp(tls->allowed_sans[i], name, name_len))
            return 1;
    return 0;
}

/*
 * Whether a certificate has an allowed name, of one of the kinds that Go's crypto/x509 reads: DNS, e-mail, URI, or an
 * address in its usual notation.
 */
static int
name_is_allowed(const struct tls *tls, unsigned kind, const gnutls_datum_t *name)
{
    char text[INET6_ADDRSTRLEN];

    switch (kind) {
    case GNUTLS_SAN_DNSNAME:
    case GNUTLS_SAN_RFC822NAME:
    case GNUTLS_SAN_URI:
        return san_is_allowed(tls, name->data, name->size);
    case GNUTLS_SAN_IPADDRESS:
        return (name->size == 4 || name->size == 16) &&
               inet_ntop(name->size == 4 ? AF_INET : AF_INET6, name->data, text, sizeof text) &&
               san_is_allowed(tls, text, strlen(text));
    default:
        return 0;
    }
}

static int
has_allowed_name(const struct tls *tls, const gnutls_datum_t *certificate)
{
    gnutls_subject_alt_names_t names = NULL;
    gnutls_x509_crt_t crt = NULL;
    gnutls_datum_t name, der = { NULL, 0 };
    unsigned i, kind;
    int found = 0;

    if (!gnutls_x509_crt_init(&crt) && !gnutls_x509_crt_import(crt, certificate, GNUTLS_X509_FMT_DER) &&
        !gnutls_subject_alt_names_init(&names) &&
        !gnutls_x509_crt_get_extension_by_oid2(crt, "2.5.29.17", 0, &der, NULL) &&
        !gnutls_x509_ext_import_subject_alt_names(&der, names, 0))
        for (i = 0; !found && !gnutls_subject_alt_names_get(names, i, &kind, &name, NULL); i++)
            found = name_is_allowed(tls, kind, &name);
    gnutls_free(der.data);
    if (names)
        gnutls_subject_alt_names_deinit(names);
    if (crt)
        gnutls_x509_crt_deinit(crt);
    return found;
}

static int
chain_is_trusted(gnutls_session_t session)
{
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID };
    char oid[] = GNUTLS_KP_TLS_WWW_CLIENT;
    unsigned status = ~0u;

    purpose.data = (unsigned char *)oid;
    return !gnutls_certificate_verify_peers(session, &purpose, 1, &status) && !status;
}

/*
 * Called in the handshake, also when the client has sent no certificate.
 */
static int
verify_client(gnutls_session_t session)
{
    const struct tls *tls = gnutls_session_get_ptr(session);
    unsigned n = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
    const int is_verified = tls->client_auth == TLS_CLIENT_IF_GIVEN || tls->client_auth == TLS_CLIENT_VERIFY;
    const char *why = NULL;

    if (!chain || !n)
        why = tls->client_auth == TLS_CLIENT_IF_GIVEN ? NULL : "there is none";
    else if (is_verified && !chain_is_trusted(session))
        why = "the configured CA does not vouch for it, or not for now";
    else if (tls->allowed_sans_n && !has_allowed_name(tls, &chain[0]))
        why = "it has none of the names in client_allowed_sans";
    if (!why)
        return 0;
    log_event(LOG_LEVEL_DEBUG, "a client's certificate is refused", "why", why, NULL);
    return chain && n ? GNUTLS_E_CERTIFICATE_ERROR : GNUTLS_E_CERTIFICATE_REQUIRED;
}

/* Called when the version is known and the suite is not yet chosen. */
static int
after_hello(gnutls_session_t session)
{
    const struct tls *tls = gnutls_session_get_ptr(session);

    if (tls->former && gnutls_protocol_get_version(session) < GNUTLS_TLS1_3)
        return gnutls_priority_set(session, tls->former);
    return 0;
}

int
tls_begin(struct tls *tls, gnutls_session_t session)
{
    static const gnutls_certificate_request_t requests[] = {
        [TLS_CLIENT_NONE] = GNUTLS_CERT_IGNORE,    [TLS_CLIENT_REQUEST] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_ANY] = GNUTLS_CERT_REQUEST,    [TLS_CLIENT_IF_GIVEN] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_VERIFY] = GNUTLS_CERT_REQUEST,
    };
    const enum tls_client_auth wanted = tls->client_auth;

    gnutls_session_set_ptr(session, tls);
    gnutls_handshake_set_post_client_hello_function(session, after_hello);
    gnutls_certificate_server_set_request(session, requests[wanted]);
    if (wanted >= TLS_CLIENT_ANY)
        gnutls_session_set_verify_function(session, verify_client);
    if (gnutls_priority_set(session, tls->opening) ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials))
        return -ENOMEM;
    return 0;
}
