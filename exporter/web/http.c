/*
 * One epoll descriptor for the listening sockets and the descriptors of libmicrohttpd, the scraper and the guard.
 * requests.c has the handler of requests.
 */
#include "exporter/web/http.h"

#include <errno.h>
#include <malloc.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "exporter/web/internal.h"

#define HTTP_CONNECTIONS_CUT 64u        /* room in the library for connections that are cut and not yet closed */
#define HTTP_MEMORY          16384u     /* for a connection's request and headers */
#define HTTP_IDLE_SECONDS    120u       /* longer than usual scrape intervals */
#define HTTP_FRESH_NS        500000000u /* a younger connection is not cut when descriptors run out */
#define HTTP_CROWD           32u
#define NS_PER_SECOND        1000000000.0

/* ---- connections ---- */

static int
epoll_watch(struct http *http, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static void
on_connection(void *argument, struct MHD_Connection *connection, void **context,
              enum MHD_ConnectionNotificationCode code)
{
    struct http *http = argument;
    const union MHD_ConnectionInfo *fd, *address;
    struct conn *conn = *context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (conn) {
            guard_closed(conn->session);
            handshakes_remove(&http->handshakes, conn);
            conns_remove(&http->conns, conn);
        }
        *context = NULL;
        return;
    }
    fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    conn = conns_add(&http->conns, fd->connect_fd, address ? address->client_addr : NULL, clock_ns(CLOCK_MONOTONIC));
    *context = conn;
    if (!conn)
        return;
    conn->session = guard_connected(http->guard, connection, clock_ns(CLOCK_MONOTONIC));
    if (conn->session && !handshakes_add(&http->handshakes, connection, conn) && http->handshakes_fd < 0 &&
        !epoll_watch(http, http->handshakes.epoll))
        http->handshakes_fd = http->handshakes.epoll;
}

/* ---- the interface ---- */

/* The library answers requests that are not HTTP itself; the message is all that it says of them. */
static void
on_library_message(void *argument, const char *format, va_list arguments)
{
    const struct http *http = argument;
    char text[512];
    unsigned status;

    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = 0;
    /* NOLINTNEXTLINE(cert-err34-c): the library's number, of three digits */
    if (sscanf(text, "Error processing request (HTTP response code is %3u", &status) == 1)
        traffic_answer(http->options.traffic, status, 1);
    log_event(LOG_LEVEL_DEBUG, "libmicrohttpd", "text", text, NULL);
}

/* Paths are not decoded: routes compare them as they were sent, and %00 cannot end a path early. */
static size_t
keep_escaped(void *argument, struct MHD_Connection *connection, char *text)
{
    (void)argument;
    (void)connection;
    return strlen(text);
}

static void
http_discard(struct http *http)
{
    responses_destroy(&http->responses);
    guard_free(http->guard);
    if (http->handshakes.epoll >= 0)
        close(http->handshakes.epoll);
    if (http->epoll >= 0)
        close(http->epoll);
    free(http);
}

struct http *
http_new(const struct http_options *options)
{
    struct http *http = calloc(1, sizeof *http);

    if (!http)
        return NULL;
    http->options = *options;
    http->conns.traffic = http->handshakes.traffic = options->traffic;
    http->conns.max_n = options->connections_n;
    http->conns.max_per_address_n = options->connections_per_address_n;
    http->conns.request_ns = (uint64_t)(options->request_seconds * NS_PER_SECOND);
    http->conns.idle_ns = HTTP_IDLE_SECONDS * (uint64_t)NS_PER_SECOND;
    http->guard_fd = http->handshakes_fd = http->handshakes.epoll = -1;
    http->guard = guard_new(options->traffic);
    http->accepts.epoll = http->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (http->guard && http->epoll >= 0) {
        http->deliveries = (struct deliveries){ &http->conns, guard_headers(http->guard), NULL };
        if (!responses_make(&http->responses, http->deliveries.headers) &&
            !epoll_watch(http, scraper_fd(options->scraper)))
            return http;
    }
    http_discard(http);
    return NULL;
}

int
http_configure(struct http *http, struct web_config *web, struct report *report)
{
    struct responses responses;
    int result = responses_make(&responses, web->headers);

    if (result)
        return report_fail(report, result, "no memory for responses");
    result = guard_configure(http->guard, web, report);
    if (result) {
        responses_destroy(&responses);
        return result;
    }
    responses_destroy(&http->responses);
    http->responses = responses;
    http->deliveries.headers = guard_headers(http->guard);
    if (http->guard_fd < 0 && guard_fd(http->guard) >= 0) {
        http->guard_fd = guard_fd(http->guard);
        epoll_watch(http, http->guard_fd);
    }
    return 0;
}

int
http_check(const struct http *http, const struct web_config *web, struct report *report)
{
    return guard_check(http->guard, web, report);
}

void
http_reload_begins(struct http *http)
{
    reloads_begin(&http->reloads);
}

void
http_reload_ends(struct http *http, const char *wrong)
{
    reloads_end(&http->reloads, wrong, http->deliveries.headers);
    http_run(http); /* the library looks for resumed connections only when it is run */
}

static struct MHD_Daemon *
daemon_start(struct http *http)
{
    const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG |
                           MHD_USE_NO_LISTEN_SOCKET;
    const unsigned connections_n = http->conns.max_n + HTTP_CONNECTIONS_CUT;
    const unsigned guarded = guard_daemon_flags(http->guard);
    struct MHD_OptionItem tls[] = { { MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)guard_no_certificate },
                                    { MHD_OPTION_END, 0, NULL } };

    return MHD_start_daemon(flags | guarded, 0, NULL, NULL, request_handle, http,    /* */
                            MHD_OPTION_EXTERNAL_LOGGER, on_library_message, http,    /* must be the first option */
                            MHD_OPTION_ARRAY, guarded ? tls : tls + 1,               /* */
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,       /* */
                            MHD_OPTION_NOTIFY_COMPLETED, request_completed, http,    /* */
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, http,        /* */
                            MHD_OPTION_CONNECTION_LIMIT, connections_n,              /* */
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY, /* */
                            MHD_OPTION_STRICT_FOR_CLIENT, 0,                         /* routes.c is strict */
                            MHD_OPTION_END);
}

int
http_listen(struct http *http, int fd)
{
    const union MHD_DaemonInfo *info;

    if (!http->daemon) {
        http->daemon = daemon_start(http);
        info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        if (!info || epoll_watch(http, info->epoll_fd)) {
            close(fd);
            return -ENOMEM;
        }
    }
    return accepts_add(&http->accepts, fd);
}

int
http_fd(const struct http *http)
{
    return http->epoll;
}

int
http_timeout_ms(struct http *http)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC), next = conns_reap(&http->conns, now), wait_ms;
    MHD_UNSIGNED_LONG_LONG library_ms;

    if (accepts_next(&http->accepts) < next)
        next = accepts_next(&http->accepts);
    wait_ms = next == CONNS_NEVER ? UINT64_MAX : next <= now ? 0 : (next - now) / 1000000u + 1;
    if (http->daemon && MHD_get_timeout(http->daemon, &library_ms) == MHD_YES && library_ms < wait_ms)
        wait_ms = library_ms;
    return wait_ms == UINT64_MAX ? -1 : wait_ms > 3600000u ? 3600000 : (int)wait_ms;
}

/* The library closes a connection that it cannot add. */
static void
on_accepted(void *argument, int fd, const struct sockaddr *address, socklen_t address_bytes)
{
    struct http *http = argument;

    MHD_add_connection(http->daemon, fd, address, address_bytes);
}

/* Returns memory to the kernel after many connections have ended. */
static void
trim(struct http *http)
{
    if (http->conns.n > http->crowd_n)
        http->crowd_n = http->conns.n;
    if (http->crowd_n < HTTP_CROWD || http->conns.n > http->crowd_n / 4)
        return;
    malloc_trim(0);
    http->crowd_n = http->conns.n;
}

void
http_run(struct http *http)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    int too_many;

    requests_resume_answered(http);
    requests_resume_checked(guard_answered(http->guard));
    handshakes_wake(&http->handshakes);
    too_many = accepts_run(&http->accepts, now, on_accepted, http);
    if (http->daemon)
        MHD_run(http->daemon);
    if (!http->closing)
        handshakes_rest(&http->handshakes);
    if (too_many)
        traffic_count(http->options.traffic, TRAFFIC_PAUSED, NULL);
    if (too_many && now > HTTP_FRESH_NS)
        conns_cut_waiting(&http->conns, now - HTTP_FRESH_NS);
    trim(http);
}

void
http_quiesce(struct http *http)
{
    accepts_close(&http->accepts);
}

uint32_t
http_active(const struct http *http)
{
    return http->active_n;
}

void
http_free(struct http *http)
{
    if (!http)
        return;
    /* MHD_stop_daemon() does not allow suspended connections: all are resumed first. */
    http->closing = 1;
    accepts_close(&http->accepts);
    requests_resume_checked(guard_end(http->guard));
    reloads_begin(&http->reloads);
    reloads_end(&http->reloads, "the exporter ends", http->deliveries.headers);
    scraper_finish(http->options.scraper);
    handshakes_end(&http->handshakes);
    http_run(http);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    http_discard(http);
}
