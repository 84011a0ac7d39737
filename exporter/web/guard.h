/*
 * Puts the web configuration in force: TLS, passwords and the rate of requests, which are checked before a request is
 * answered; and the headers of answers. A new configuration, or a renewed certificate, applies from the next connection
 * or request on; open connections stay.
 *
 * Single-threaded.
 */
#ifndef SHMETER_EXPORTER_WEB_GUARD_H
#define SHMETER_EXPORTER_WEB_GUARD_H

#include <gnutls/abstract.h>
#include <microhttpd.h>

#include "exporter/auth/auth.h"
#include "exporter/scrape/traffic.h"
#include "exporter/settings/web/config.h"

struct guard;

/* A guard that lets everything pass until it is configured. traffic may be NULL. NULL: no memory. */
struct guard *guard_new(struct traffic *traffic);

/*
 * Whether guard_configure() would accept a configuration: 0; or -EINVAL and one sentence, because TLS cannot be turned
 * on or off while there are listeners.
 */
int guard_check(const struct guard *guard, const struct web_config *config, struct report *report);

/*
 * Puts a configuration in force and takes ownership of it. Returns 0; or -EINVAL (see guard_check()) or -ENOMEM, and
 * one sentence: nothing has changed.
 */
int guard_configure(struct guard *guard, struct web_config *config, struct report *report);

/* Flags for MHD_start_daemon(). With MHD_USE_TLS, guard_no_certificate has to be its MHD_OPTION_HTTPS_CERT_CALLBACK. */
unsigned guard_daemon_flags(struct guard *guard);

/* A callback that returns no certificate: sessions get theirs by guard_connected(), and a session without one fails. */
int guard_no_certificate(gnutls_session_t session, const gnutls_datum_t *ca_names, int ca_names_n,
                         const gnutls_pk_algorithm_t *algorithms, int algorithms_n, gnutls_pcert_st **certificates,
                         unsigned *certificates_n, gnutls_privkey_t *key);

/*
 * To be called when a connection begins. Give the result, which may be NULL, to guard_closed() when the connection has
 * ended.
 */
void *guard_connected(struct guard *guard, struct MHD_Connection *connection, uint64_t now_ns);
void guard_closed(void *session);

/* To be called when a request begins. Returns 0 when the rate of requests is too high. */
int guard_takes_request(struct guard *guard, uint64_t now_ns);

/* Whether a request may be answered; see auth_ask(). */
enum auth_answer guard_ask(struct guard *guard, struct MHD_Connection *connection, const unsigned char address[16],
                           struct auth_waiter *waiter);

/* The WEB_HEADERS headers for every response. */
const struct web_header *guard_headers(const struct guard *guard);

/* A descriptor that is readable when guard_answered() has waiters; -1 while no passwords are configured. */
int guard_fd(const struct guard *guard);
struct auth_waiter *guard_answered(struct guard *guard);

/* See auth_end(). */
struct auth_waiter *guard_end(struct guard *guard);
void guard_free(struct guard *guard);

#endif
