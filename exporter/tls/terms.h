/*
 * What may be negotiated in a TLS handshake: versions, suites and curves. Translates the names of Go's crypto/tls,
 * which Prometheus' web configuration uses, into priority strings of GnuTLS. It knows no files and no sessions.
 */
#ifndef SHMETER_EXPORTER_TLS_TERMS_H
#define SHMETER_EXPORTER_TLS_TERMS_H

#include <stddef.h>
#include <stdint.h>

#define TLS_TERMS_LIST     16u /* longest list of cipher suites or curves */
#define TLS_PRIORITY_BYTES 512u

enum tls_version { TLS_VERSION_10, TLS_VERSION_11, TLS_VERSION_12, TLS_VERSION_13 };

/* The kind of key of the certificate, on which the usable suites of TLS 1.2 depend. */
enum tls_key_kind { TLS_KEY_RSA, TLS_KEY_ECDSA };

struct tls_terms {
    enum tls_version min, max;
    uint8_t suites[TLS_TERMS_LIST]; /* for versions up to 1.2, in order of preference; suites_n 0: the default suites */
    uint32_t suites_n;
    uint8_t curves[TLS_TERMS_LIST]; /* in order of preference; curves_n 0: the default curves */
    uint32_t curves_n;
    uint32_t is_client_order; /* 1: the client's order is used, 0: the server's */
    uint32_t is_unsigned;     /* 1: the certificate's keyUsage forbids the signatures that it is used for */
};

#define TLS_TERMS_DEFAULT                            \
    {                                                \
        .min = TLS_VERSION_12, .max = TLS_VERSION_13 \
    }

/* Look up names. Return 0, or -EINVAL: there is no such name. */
int tls_version_parse(const char *name, enum tls_version *out);
int tls_suite_parse(const char *name, uint8_t *out);
int tls_curve_parse(const char *name, uint8_t *out);

/*
 * Two priority strings (gnutls_priority_init(3)): opening is for a session whose version is not known yet, and allows
 * all suites of TLS 1.3, which the list does not limit; former replaces it once the version is known to be 1.2 or
 * older. Returns 0, or -ENOENT: a version up to 1.2 is allowed, and no suite of the list works with such a key.
 */
int tls_terms_print(const struct tls_terms *terms, enum tls_key_kind kind, char opening[TLS_PRIORITY_BYTES],
                    char former[TLS_PRIORITY_BYTES]);

#endif
