/*
 * The web configuration in force, and the state that it needs: the certificate (read again when its files change), the
 * token bucket of the request rate, and the thread that checks passwords.
 */
#include "exporter/web/guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "exporter/tls/files.h"
#include "exporter/web/rate.h"

#define NS_PER_SECOND 1000000000u
#define LOOK_AGAIN_NS NS_PER_SECOND /* the files of the certificate are checked at most so often */

struct guard {
    struct web_config *config;
    struct tls *tls;    /* for new connections; NULL: plain HTTP */
    uint64_t tls_mark;  /* tls_files_mark() when they were last read */
    uint64_t looked_ns; /* when the files were last checked */
    struct auth *auth;  /* NULL: there were no users so far */
    struct rate rate;
    struct traffic *traffic;
    int is_listening;
};

struct guard *
guard_new(struct traffic *traffic)
{
    struct guard *guard = calloc(1, sizeof *guard);
    struct report report = { 0 };

    if (guard && web_config_read(&guard->config, NULL, &report)) {
        free(guard);
        return NULL;
    }
    if (guard)
        guard->traffic = traffic;
    return guard;
}

int
guard_check(const struct guard *guard, const struct web_config *config, struct report *report)
{
    if (!guard->is_listening || !config->tls == !guard->tls)
        return 0;
    return report_fail(report, -EINVAL,
                       config->tls ? "TLS cannot be turned on while the exporter runs: start it again"
                                   : "TLS cannot be turned off while the exporter runs: start it again");
}

/* Logs a warning when a reload turns a protection off, which may be a mistake, such as a file that was cut short. */
static void
warn_of_loss(const struct web_config *former, const struct web_config *config)
{
    if (former->users_n && !config->users_n)
        log_event(LOG_LEVEL_WARN, "passwords are no longer asked for", NULL);
    if (former->tls_settings.client_auth == TLS_CLIENT_VERIFY && config->tls_settings.client_auth != TLS_CLIENT_VERIFY)
        log_event(LOG_LEVEL_WARN, "clients' certificates are no longer demanded and verified", NULL);
}

int
guard_configure(struct guard *guard, struct web_config *config, struct report *report)
{
    if (guard_check(guard, config, report))
        return -EINVAL;
    if (config->users_n && !guard->auth && !(guard->auth = auth_new()))
        return report_fail(report, -ENOMEM, "no memory, threads or descriptors to check passwords");
    warn_of_loss(guard->config, config);
    /* No core file, and no ptrace(2): they would reveal the key. */
    if (config->tls || config->users_n)
        prctl(PR_SET_DUMPABLE, 0);
    if (guard->auth)
        auth_configure(guard->auth, config->users, config->users_n);
    rate_configure(&guard->rate, (uint64_t)(config->rate_seconds * NS_PER_SECOND), (uint64_t)config->rate_burst);
    tls_release(guard->tls);
    guard->tls = config->tls;
    guard->tls_mark = config->tls_mark;
    if (guard->tls)
        tls_hold(guard->tls);
    traffic_certificate(guard->traffic, guard->tls ? (double)tls_expires(guard->tls) : 0);
    web_config_free(guard->config);
    guard->config = config;
    return 0;
}

unsigned
guard_daemon_flags(struct guard *guard)
{
    guard->is_listening = 1;
    return guard->tls ? (unsigned)MHD_USE_TLS : 0;
}

int
guard_no_certificate(gnutls_session_t session, const gnutls_datum_t *ca_names, int ca_names_n,
                     const gnutls_pk_algorithm_t *algorithms, int algorithms_n, gnutls_pcert_st **certificates,
                     unsigned *certificates_n, gnutls_privkey_t *key)
{
    (void)session;
    (void)ca_names;
    (void)ca_names_n;
    (void)algorithms;
    (void)algorithms_n;
    (void)certificates;
    (void)certificates_n;
    (void)key;
    return -1;
}

/*
 * Reads changed certificate files. They are renamed one after the other, so a certificate and a key that do not fit may
 * be half of a renewal: then the former pair stays in use, and the files are read again when one changes.
 */
static void
renew(struct guard *guard, uint64_t now_ns)
{
    const struct tls_settings *settings = &guard->config->tls_settings;
    struct report report = { 0 };
    struct tls *fresh;
    uint64_t mark;

    if (guard->looked_ns && now_ns - guard->looked_ns < LOOK_AGAIN_NS)
        return;
    guard->looked_ns = now_ns;
    mark = tls_files_mark(settings);
    if (mark == guard->tls_mark)
        return;
    guard->tls_mark = mark;
    fresh = tls_new(settings, &report);
    if (!fresh) {
        log_event(LOG_LEVEL_WARN, "the changed certificate files cannot be used, the former ones stay in use", "error",
                  report.text, NULL);
        return;
    }
    tls_release(guard->tls);
    guard->tls = fresh;
    traffic_certificate(guard->traffic, (double)tls_expires(fresh));
    log_event(LOG_LEVEL_INFO, "the changed certificate files are in use", NULL);
}

void *
guard_connected(struct guard *guard, struct MHD_Connection *connection, uint64_t now_ns)
{
    const union MHD_ConnectionInfo *info;

    if (!guard->tls)
        return NULL;
    renew(guard, now_ns);
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!info)
        return NULL;
    tls_hold(guard->tls);
    if (tls_begin(guard->tls, info->tls_session))
        log_event(LOG_LEVEL_ERROR, "no memory for a session of TLS, which will fail", NULL);
    return guard->tls;
}

void
guard_closed(void *session)
{
    tls_release(session);
}

int
guard_takes_request(struct guard *guard, uint64_t now_ns)
{
    return rate_take(&guard->rate, now_ns);
}

enum auth_answer
guard_ask(struct guard *guard, struct MHD_Connection *connection, const unsigned char address[16],
          struct auth_waiter *waiter)
{
    if (!guard->config->users_n)
        return AUTH_GRANTED;
    return auth_ask(guard->auth,
                    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION), address,
                    waiter);
}

const struct web_header *
guard_headers(const struct guard *guard)
{
    return guard->config->headers;
}

int
guard_fd(const struct guard *guard)
{
    return guard->auth ? auth_fd(guard->auth) : -1;
}

struct auth_waiter *
guard_answered(struct guard *guard)
{
    return guard->auth ? auth_answered(guard->auth) : NULL;
}

struct auth_waiter *
guard_end(struct guard *guard)
{
    return guard->auth ? auth_end(guard->auth) : NULL;
}

void
guard_free(struct guard *guard)
{
    if (!guard)
        return;
    auth_free(guard->auth);
    tls_release(guard->tls);
    web_config_free(guard->config);
    free(guard);
}
