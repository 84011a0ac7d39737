/*
 * What may be negotiated in a TLS handshake: from the words of Go's crypto/tls, which Prometheus' web configuration
 * uses, to priority strings of GnuTLS. It knows no files and no sessions.
 */
#ifndef SHMETER_EXPORTER_TLS_TERMS_H
#define SHMETER_EXPORTER_TLS_TERMS_H

#include <stddef.h>
#include <stdint.h>

#define TLS_TERMS_LIST     16u /* cipher suites or curves in a list at most       */
#define TLS_PRIORITY_BYTES 512u

enum tls_version { TLS_VERSION_10, TLS_VERSION_11, TLS_VERSION_12, TLS_VERSION_13 };

/* Which kind of key the certificate has: it decides which suites of TLS 1.2 can be used. */
enum tls_key_kind { TLS_KEY_RSA, TLS_KEY_ECDSA };

struct tls_terms {
    enum tls_version min, max;
    uint8_t suites[TLS_TERMS_LIST]; /* for versions up to 1.2, in order; suites_n 0: the default ones                */
    uint32_t suites_n;
    uint8_t curves[TLS_TERMS_LIST]; /* in order; curves_n 0: the default ones                                      */
    uint32_t curves_n;
    uint32_t is_client_order; /* 1: the client's order decides, 0: ours                                            */
};

#define TLS_TERMS_DEFAULT                            \
    {                                                \
        .min = TLS_VERSION_12, .max = TLS_VERSION_13 \
    }

/* From names; return 0, or -EINVAL when there is none such. */
int tls_version_parse(const char *name, enum tls_version *out);
int tls_suite_parse(const char *name, uint8_t *out);
int tls_curve_parse(const char *name, uint8_t *out);

/*
 * Two priority strings (gnutls_priority_init(3)): opening is for a session whose version is not known yet, and fits TLS
 * 1.3, whose suites are not limited by the list; former replaces it once the version is known to be 1.2 or older.
 * Returns 0, or -ENOENT: a version up to 1.2 is allowed, and no suite of the list works with such a key.
 */
int tls_terms_print(const struct tls_terms *terms, enum tls_key_kind kind, char opening[TLS_PRIORITY_BYTES],
                    char former[TLS_PRIORITY_BYTES]);

#endif
