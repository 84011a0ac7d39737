/*
 * Credentials of GnuTLS, and the verification of clients' certificates in the handshake. libmicrohttpd keeps no session
 * tickets, so no session can be resumed without the verification.
 */
#include "exporter/tls/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "exporter/tls/files.h"

#define CHAIN_MAX 16u

struct tls {
    uint32_t holders_n;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t opening, former; /* see tls_terms_print() */
    enum tls_client_auth client_auth;
    char **allowed_sans;
    uint32_t allowed_sans_n;
};

/* ---- making one ---- */

static const char *
name_of(const struct tls_settings *settings, enum tls_part part)
{
    static const char *const texts[] = { "the certificate", "the key", "the CA certificate" };

    return settings->parts[part].file ? settings->parts[part].file : texts[part];
}

static void
warn_of_times(gnutls_x509_crt_t certificate, const char *name)
{
    time_t now = time(NULL);

    if (gnutls_x509_crt_get_expiration_time(certificate) < now)
        log_event(LOG_LEVEL_WARN, "a certificate has expired: those who check it will refuse it", "certificate", name,
                  NULL);
    if (gnutls_x509_crt_get_activation_time(certificate) > now)
        log_event(LOG_LEVEL_WARN, "a certificate is not valid yet: those who check it will refuse it", "certificate",
                  name, NULL);
}

struct chain {
    gnutls_x509_crt_t certificates[CHAIN_MAX];
    unsigned n;
};

static void
chain_free(struct chain *chain)
{
    while (chain->n)
        gnutls_x509_crt_deinit(chain->certificates[--chain->n]);
}

static int
chain_read(const struct tls_settings *settings, struct chain *chain, struct report *report)
{
    gnutls_datum_t pem;
    int result = tls_part_read(settings, TLS_PART_CERT, &pem, report);

    chain->n = CHAIN_MAX;
    if (result) {
        chain->n = 0;
        return result;
    }
    result = gnutls_x509_crt_list_import(chain->certificates, &chain->n, &pem, GNUTLS_X509_FMT_PEM,
                                         GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED | GNUTLS_X509_CRT_LIST_SORT);
    tls_part_free(&pem);
    if (result > 0)
        return 0;
    chain->n = 0;
    return report_field(report, TLS_PART_CERT, 0, "%s holds no certificate in PEM form (%s)",
                        name_of(settings, TLS_PART_CERT), gnutls_strerror(result));
}

static int
key_read(const struct tls_settings *settings, gnutls_x509_privkey_t key, struct report *report)
{
    gnutls_datum_t pem;
    int result = tls_part_read(settings, TLS_PART_KEY, &pem, report);

    if (result)
        return result;
    result = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    tls_part_free(&pem);
    if (!result)
        return 0;
    if (result == GNUTLS_E_DECRYPTION_FAILED)
        return report_field(report, TLS_PART_KEY, 0,
                            "%s holds a key with a passphrase, and nobody is there to type it; store the key "
                            "without one",
                            name_of(settings, TLS_PART_KEY));
    return report_field(report, TLS_PART_KEY, 0, "%s holds no private key in PEM form (%s)",
                        name_of(settings, TLS_PART_KEY), gnutls_strerror(result));
}

static int
pair_set(struct tls *tls, const struct tls_settings *settings, struct chain *chain, gnutls_x509_privkey_t key,
         struct report *report)
{
    int result = gnutls_certificate_set_x509_key(tls->credentials, chain->certificates, (int)chain->n, key);

    if (result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return report_fail(report, -EINVAL, "%s and %s do not belong together: the key is not the certificate's",
                           name_of(settings, TLS_PART_CERT), name_of(settings, TLS_PART_KEY));
    if (result < 0)
        return report_fail(report, -EINVAL, "%s and %s cannot be used: %s", name_of(settings, TLS_PART_CERT),
                           name_of(settings, TLS_PART_KEY), gnutls_strerror(result));
    warn_of_times(chain->certificates[0], name_of(settings, TLS_PART_CERT));
    return 0;
}

static int
priorities_set(struct tls *tls, const struct tls_settings *settings, enum tls_key_kind kind, struct report *report)
{
    char opening[TLS_PRIORITY_BYTES], former[TLS_PRIORITY_BYTES];
    int result = tls_terms_print(&settings->terms, kind, opening, former);

    if (result)
        return report_fail(
            report, -EINVAL,
            "no suite of cipher_suites works with the %s key of %s: add one with %s, or min_version: TLS13",
            kind == TLS_KEY_RSA ? "RSA" : "ECDSA", name_of(settings, TLS_PART_CERT),
            kind == TLS_KEY_RSA ? "ECDHE_RSA" : "ECDHE_ECDSA");
    result = gnutls_priority_init(&tls->opening, opening, NULL);
    if (!result && settings->terms.min < TLS_VERSION_13)
        result = gnutls_priority_init(&tls->former, former, NULL);
    return result ? report_fail(report, -EINVAL, "GnuTLS cannot do what is asked for: %s", gnutls_strerror(result)) : 0;
}

static int
pair_read(struct tls *tls, const struct tls_settings *settings, struct report *report)
{
    struct chain chain = { .n = 0 };
    gnutls_x509_privkey_t key;
    int algorithm, result;

    if (gnutls_x509_privkey_init(&key))
        return report_fail(report, -EINVAL, "no memory");
    result = chain_read(settings, &chain, report);
    if (!result)
        result = key_read(settings, key, report);
    if (!result)
        result = pair_set(tls, settings, &chain, key, report);
    if (!result) {
        algorithm = gnutls_x509_crt_get_pk_algorithm(chain.certificates[0], NULL);
        result = priorities_set(
            tls, settings, algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS ? TLS_KEY_RSA : TLS_KEY_ECDSA,
            report);
    }
    chain_free(&chain);
    gnutls_x509_privkey_deinit(key);
    return result;
}

static int
client_ca_read(struct tls *tls, const struct tls_settings *settings, struct report *report)
{
    gnutls_datum_t pem;
    int result;

    if (!settings->parts[TLS_PART_CLIENT_CA].file && !settings->parts[TLS_PART_CLIENT_CA].text)
        return 0;
    result = tls_part_read(settings, TLS_PART_CLIENT_CA, &pem, report);
    if (result)
        return result;
    result = gnutls_certificate_set_x509_trust_mem(tls->credentials, &pem, GNUTLS_X509_FMT_PEM);
    tls_part_free(&pem);
    if (result > 0)
        return 0;
    return report_field(report, TLS_PART_CLIENT_CA, 0, "%s holds no certificate in PEM form (%s)",
                        name_of(settings, TLS_PART_CLIENT_CA), result ? gnutls_strerror(result) : "none was found");
}

/* Copies the settings that sessions need, because a handshake may outlive them. */
static int
demands_copy(struct tls *tls, const struct tls_settings *settings, struct report *report)
{
    tls->client_auth = settings->client_auth;
    tls->allowed_sans = calloc(settings->allowed_sans_n + 1u, sizeof *tls->allowed_sans);
    if (!tls->allowed_sans)
        return report_fail(report, -EINVAL, "no memory");
    for (; tls->allowed_sans_n < settings->allowed_sans_n; tls->allowed_sans_n++) {
        tls->allowed_sans[tls->allowed_sans_n] = strdup(settings->allowed_sans[tls->allowed_sans_n]);
        if (!tls->allowed_sans[tls->allowed_sans_n])
            return report_fail(report, -EINVAL, "no memory");
    }
    return 0;
}

struct tls *
tls_new(const struct tls_settings *settings, struct report *report)
{
    struct tls *tls = calloc(1, sizeof *tls);

    if (!tls || gnutls_certificate_allocate_credentials(&tls->credentials)) {
        report_fail(report, -EINVAL, "no memory");
        free(tls);
        return NULL;
    }
    tls->holders_n = 1;
    if (!demands_copy(tls, settings, report) && !pair_read(tls, settings, report) &&
        !client_ca_read(tls, settings, report))
        return tls;
    tls_release(tls);
    return NULL;
}

void
tls_hold(struct tls *tls)
{
    tls->holders_n++;
}

void
tls_release(struct tls *tls)
{
    if (!tls || --tls->holders_n)
        return;
    gnutls_certificate_free_credentials(tls->credentials);
    while (tls->allowed_sans_n)
        free(tls->allowed_sans[--tls->allowed_sans_n]);
    free(tls->allowed_sans);
    if (tls->opening)
        gnutls_priority_deinit(tls->opening);
    if (tls->former)
        gnutls_priority_deinit(tls->former);
    free(tls);
}

/* ---- sessions ---- */

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
 * Called in the handshake; in TLS 1.2 also when the client has sent no certificate. Sends an alert to a client that is
 * refused, because the library would only close the connection.
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
    gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return GNUTLS_E_CERTIFICATE_ERROR;
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
        [TLS_CLIENT_ANY] = GNUTLS_CERT_REQUIRE,    [TLS_CLIENT_IF_GIVEN] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_VERIFY] = GNUTLS_CERT_REQUIRE,
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
