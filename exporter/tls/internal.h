/*
 * What tls.c and sessions.c share; no other file includes it.
 */
#ifndef SHMETER_EXPORTER_TLS_INTERNAL_H
#define SHMETER_EXPORTER_TLS_INTERNAL_H

#include "exporter/tls/tls.h"

struct tls {
    uint32_t holders_n;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t opening, former; /* see tls_terms_print() */
    struct tls_terms terms;
    enum tls_key_kind key_kind;
    time_t expires;
    enum tls_client_auth client_auth;
    char **allowed_sans;
    uint32_t allowed_sans_n;
};

#endif
