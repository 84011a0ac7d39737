/*
 * Makes credentials of GnuTLS from files, and finds out whether sessions can use them.
 */
#include "exporter/tls/tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "exporter/tls/files.h"
#include "exporter/tls/internal.h"
#include "exporter/tls/rehearse.h"

#define CHAIN_MAX 16u

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
    return report_field(report, TLS_PART_KEY, 0, "%s holds no private key in PEM form that GnuTLS can use (%s)",
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
    tls->expires = gnutls_x509_crt_get_expiration_time(chain->certificates[0]);
    return 0;
}

/*
 * Whether the certificate's keyUsage lets its key sign, as the key exchanges here require. Without that extension every
 * use is allowed.
 */
static int
may_sign(gnutls_x509_crt_t certificate)
{
    unsigned usage = 0;

    return gnutls_x509_crt_get_key_usage(certificate, &usage, NULL) < 0 || (usage & GNUTLS_KEY_DIGITAL_SIGNATURE);
}

/*
 * Limits the terms for a certificate that may not sign. Go's crypto/tls serves such certificates, and its clients
 * accept them; GnuTLS does so up to TLS 1.2, when it is told to.
 */
static int
terms_limit(struct tls_terms *terms, gnutls_x509_crt_t certificate, const char *name, struct report *report)
{
    terms->is_unsigned = !may_sign(certificate);
    if (!terms->is_unsigned)
        return 0;
    if (terms->min > TLS_VERSION_12)
        return report_field(report, TLS_PART_CERT, 0,
                            "%s: its keyUsage does not allow signatures, which TLS 1.3 needs: add digitalSignature, or "
                            "set min_version: TLS12",
                            name);
    if (terms->max > TLS_VERSION_12)
        terms->max = TLS_VERSION_12;
    log_event(LOG_LEVEL_WARN,
              "the keyUsage of a certificate does not allow signatures: there is no TLS 1.3, and strict clients will "
              "refuse it; add digitalSignature",
              "certificate", name, NULL);
    return 0;
}

static void
priorities_free(struct tls *tls)
{
    if (tls->opening)
        gnutls_priority_deinit(tls->opening);
    if (tls->former)
        gnutls_priority_deinit(tls->former);
    tls->opening = tls->former = NULL;
}

static int
priorities_set(struct tls *tls, const struct tls_settings *settings, struct report *report)
{
    const enum tls_key_kind kind = tls->key_kind;
    char opening[TLS_PRIORITY_BYTES], former[TLS_PRIORITY_BYTES];
    int result = tls_terms_print(&tls->terms, kind, opening, former);

    priorities_free(tls);
    if (result)
        return report_fail(
            report, -EINVAL,
            "no suite of cipher_suites works with the %s key of %s: add one with %s, or min_version: TLS13",
            kind == TLS_KEY_RSA ? "RSA" : "ECDSA", name_of(settings, TLS_PART_CERT),
            kind == TLS_KEY_RSA ? "ECDHE_RSA" : "ECDHE_ECDSA");
    result = gnutls_priority_init(&tls->opening, opening, NULL);
    if (!result && tls->terms.min < TLS_VERSION_13)
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
    tls->terms = settings->terms;
    if (!result)
        result = terms_limit(&tls->terms, chain.certificates[0], name_of(settings, TLS_PART_CERT), report);
    if (!result) {
        algorithm = gnutls_x509_crt_get_pk_algorithm(chain.certificates[0], NULL);
        tls->key_kind = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS ? TLS_KEY_RSA : TLS_KEY_ECDSA;
        result = priorities_set(tls, settings, report);
    }
    chain_free(&chain);
    gnutls_x509_privkey_deinit(key);
    return result;
}

/* Without CAs of the system no client is let in, as with Go's crypto/tls. */
static int
system_cas_read(struct tls *tls, struct report *report)
{
    int result = gnutls_certificate_set_x509_system_trust(tls->credentials);

    if (result == GNUTLS_E_MEMORY_ERROR)
        return report_fail(report, -ENOMEM, "no memory");
    if (result <= 0)
        log_event(LOG_LEVEL_WARN, "no CA is found that this system trusts: no certificate of a client is accepted",
                  NULL);
    return 0;
}

static int
client_ca_read(struct tls *tls, const struct tls_settings *settings, struct report *report)
{
    gnutls_datum_t pem;
    int result;

    if (!settings->parts[TLS_PART_CLIENT_CA].file && !settings->parts[TLS_PART_CLIENT_CA].text)
        return settings->client_auth >= TLS_CLIENT_IF_GIVEN ? system_cas_read(tls, report) : 0;
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

/*
 * Whether handshakes can succeed. A client takes the highest version that both sides allow, and there is no falling
 * back. So a highest version that fails is left out, if there is another one.
 */
static int
rehearse_all(struct tls *tls, const struct tls_settings *settings, struct report *report)
{
    static const char *const versions[] = { "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3" };
    const enum tls_version wanted = tls->terms.max;
    const char *name = name_of(settings, TLS_PART_CERT), *why = NULL;
    int result;

    while ((result = tls_rehearse(tls, tls->terms.max))) {
        why = why ? why : gnutls_strerror(result);
        if (tls->terms.max == tls->terms.min)
            return report_field(report, TLS_PART_CERT, 0, "%s cannot be used, every handshake would fail: %s", name,
                                why);
        tls->terms.max--;
        result = priorities_set(tls, settings, report);
        if (result)
            return result;
    }
    if (tls->terms.max != wanted)
        log_event(LOG_LEVEL_WARN, "a certificate cannot be used with the newest version of TLS that is allowed",
                  "certificate", name, "newest", versions[tls->terms.max], "error", why, NULL);
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
        !client_ca_read(tls, settings, report) && !rehearse_all(tls, settings, report))
        return tls;
    tls_release(tls);
    return NULL;
}

time_t
tls_expires(const struct tls *tls)
{
    return tls->expires;
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
    priorities_free(tls);
    free(tls);
}
