/*
 * GnuTLS takes lists of key exchanges, ciphers and MACs, not of suites. A server has one key, so there is one key
 * exchange; and each cipher here goes with one MAC. So exactly the suites of the list are allowed.
 */
#include "exporter/tls/terms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *const version_names[] = { "TLS10", "TLS11", "TLS12", "TLS13" };
static const char *const version_words[] = { "VERS-TLS1.0", "VERS-TLS1.1", "VERS-TLS1.2", "VERS-TLS1.3" };

enum suite_key { SUITE_OF_13, SUITE_RSA, SUITE_ECDSA };

/* The suites that Go's crypto/tls calls secure. As there, suites of TLS 1.3 may be listed and have no effect. */
static const struct suite {
    const char *name;
    const char *cipher;
    enum suite_key key;
    int is_cbc;
} suites[] = {
    { "TLS_AES_128_GCM_SHA256", NULL, SUITE_OF_13, 0 },
    { "TLS_AES_256_GCM_SHA384", NULL, SUITE_OF_13, 0 },
    { "TLS_CHACHA20_POLY1305_SHA256", NULL, SUITE_OF_13, 0 },
    { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "AES-128-GCM", SUITE_RSA, 0 },
    { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "AES-256-GCM", SUITE_RSA, 0 },
    { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", SUITE_RSA, 0 },
    { "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "AES-128-CBC", SUITE_RSA, 1 },
    { "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "AES-256-CBC", SUITE_RSA, 1 },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "AES-128-GCM", SUITE_ECDSA, 0 },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "AES-256-GCM", SUITE_ECDSA, 0 },
    { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", SUITE_ECDSA, 0 },
    { "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "AES-128-CBC", SUITE_ECDSA, 1 },
    { "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "AES-256-CBC", SUITE_ECDSA, 1 },
};

static const struct curve {
    const char *name;
    const char *group;
} curves[] = {
    { "CurveP256", "GROUP-SECP256R1" },
    { "CurveP384", "GROUP-SECP384R1" },
    { "CurveP521", "GROUP-SECP521R1" },
    { "X25519", "GROUP-X25519" },
};

int
tls_version_parse(const char *name, enum tls_version *out)
{
    unsigned i;

    for (i = 0; i < COUNT(version_names); i++)
        if (!strcmp(name, version_names[i])) {
            *out = (enum tls_version)i;
            return 0;
        }
    return -EINVAL;
}

int
tls_suite_parse(const char *name, uint8_t *out)
{
    uint32_t i;

    for (i = 0; i < COUNT(suites); i++)
        if (!strcmp(name, suites[i].name)) {
            *out = (uint8_t)i;
            return 0;
        }
    return -EINVAL;
}

int
tls_curve_parse(const char *name, uint8_t *out)
{
    uint32_t i;

    for (i = 0; i < COUNT(curves); i++)
        if (!strcmp(name, curves[i].name)) {
            *out = (uint8_t)i;
            return 0;
        }
    return -EINVAL;
}

static void
add(char *priority, const char *sign, const char *word)
{
    size_t len = strlen(priority);

    snprintf(priority + len, TLS_PRIORITY_BYTES - len, "%s%s", sign, word);
}

/* Prints everything except ciphers. */
static void
print_frame(const struct tls_terms *terms, char *priority)
{
    unsigned i;

    *priority = 0;
    add(priority, "", "NORMAL:-VERS-ALL");
    for (i = terms->max + 1; i-- > terms->min;)
        add(priority, ":+", version_words[i]);
    add(priority, "", ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-MAC-ALL:+AEAD:-CIPHER-ALL");
    if (terms->curves_n)
        add(priority, "", ":-GROUP-ALL");
    for (i = 0; i < terms->curves_n; i++)
        add(priority, ":+", curves[terms->curves[i]].group);
    if (!terms->is_client_order)
        add(priority, "", ":%SERVER_PRECEDENCE");
    if (terms->is_unsigned)
        add(priority, "", ":%DEBUG_ALLOW_KEY_USAGE_VIOLATIONS");
}

static int
print_listed(const struct tls_terms *terms, enum tls_key_kind kind, char *priority)
{
    const enum suite_key key = kind == TLS_KEY_RSA ? SUITE_RSA : SUITE_ECDSA;
    const struct suite *suite;
    uint32_t i, found_n = 0;

    for (i = 0; i < terms->suites_n; i++) {
        suite = &suites[terms->suites[i]];
        if (suite->key != key)
            continue;
        found_n++;
        add(priority, ":+", suite->cipher);
        if (suite->is_cbc)
            add(priority, "", ":+SHA1");
    }
    return found_n ? 0 : -ENOENT;
}

int
tls_terms_print(const struct tls_terms *terms, enum tls_key_kind kind, char opening[TLS_PRIORITY_BYTES],
                char former[TLS_PRIORITY_BYTES])
{
    static const char aead[] = ":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305";

    print_frame(terms, opening);
    add(opening, "", aead);
    print_frame(terms, former);
    if (terms->suites_n)
        return print_listed(terms, kind, former) && terms->min < TLS_VERSION_13 ? -ENOENT : 0;
    add(former, "", aead);
    if (terms->min < TLS_VERSION_12)
        add(former, "", ":+AES-128-CBC:+AES-256-CBC:+SHA1");
    return 0;
}
