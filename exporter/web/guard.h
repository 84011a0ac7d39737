/*
 * The checks before a request is served, as the web configuration says: TLS, passwords and the rate of requests; and
 * the headers of answers. A new configuration, or a renewed certificate, applies from the next connection or request
 * on; open connections stay.
 *
 * Single-threaded.
 */
#ifndef SHMETER_EXPORTER_WEB_GUARD_H
#define SHMETER_EXPORTER_WEB_GUARD_H

#include <gnutls/abstract.h>
#include <microhttpd.h>

#include "exporter/auth/auth.h"
#include "exporter/settings/web/config.h"

struct guard;

/* Guards nothing until it is configured. NULL: no memory. */
struct guard *guard_new(void);

/* -EINVAL and one sentence when TLS would be turned on or off while there are listeners, else 0. */
int guard_check(const struct guard *guard, const struct web_config *config, struct report *report);

/*
 * Puts a configuration in force and takes it over. Returns 0, or -errno and one sentence, and everything is as it was:
 * -EINVAL as guard_check() has it, -ENOMEM.
 */
int guard_configure(struct guard *guard, struct web_config *config, struct report *report);

/* Flags for MHD_start_daemon(); with MHD_USE_TLS goes MHD_OPTION_HTTPS_CERT_CALLBACK of guard_no_certificate. */
unsigned guard_daemon_flags(struct guard *guard);

/* The certificate of a daemon whose sessions get theirs by guard_connected(): none, so that a session without fails. */
int guard_no_certificate(gnutls_session_t session, const gnutls_datum_t *ca_names, int ca_names_n,
                         const gnutls_pk_algorithm_t *algorithms, int algorithms_n, gnutls_pcert_st **certificates,
                         unsigned *certificates_n, gnutls_privkey_t *key);

/* A connection begins: what it returns is to be given to guard_closed() once the connection has ended. NULL is fine. */
void *guard_connected(struct guard *guard, struct MHD_Connection *connection, uint64_t now_ns);
void guard_closed(void *session);

/* A request begins: 0 when there are too many of them. */
int guard_takes_request(struct guard *guard, uint64_t now_ns);

/* Whether a request may be answered; see auth_ask(). */
enum auth_answer guard_ask(struct guard *guard, struct MHD_Connection *connection, const unsigned char address[16],
                           struct auth_waiter *waiter);

/* The headers of every response: WEB_HEADERS of them. */
const struct web_header *guard_headers(const struct guard *guard);

/* Readable when guard_answered() has something; -1 while no passwords are configured. */
int guard_fd(const struct guard *guard);
struct auth_waiter *guard_answered(struct guard *guard);

/* See auth_end(). */
struct auth_waiter *guard_end(struct guard *guard);
void guard_free(struct guard *guard);

#endif
