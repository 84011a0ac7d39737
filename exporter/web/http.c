/*
 * One epoll descriptor over the daemons' own and the scraper's; connections with deadlines; requests that go to the scraper and
 * come back.
 */
#include "exporter/web/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "exporter/log.h"
#include "exporter/web/conns.h"
#include "exporter/web/listen.h"
#include "exporter/web/responses.h"
#include "exporter/web/routes.h"

#define HTTP_CONNECTIONS      256u /* the library's limit, for each address that is listened on               */
#define HTTP_CONNECTIONS_KEPT 224u /* from here on the oldest is cut, so that the library's limit is not met  */
#define HTTP_PER_ADDRESS      64u
#define HTTP_MEMORY           16384u      /* for a connection's request and headers                                */
#define HTTP_IDLE_SECONDS     120u        /* longer than people's scrape intervals                                 */
#define HTTP_HELD_BYTES       (64u << 20) /* of answers on their way; beyond, the slowest taker is cut         */
#define NS_PER_SECOND         1000000000.0

struct http {
    struct http_options options;
    struct MHD_Daemon *daemons[LISTEN_ADDRESSES];
    uint32_t daemons_n;
    int epoll;
    struct conns conns;
    struct responses responses;
    uint32_t active_n;
    size_t held_bytes;
    int closing; /* nobody is suspended any more */
};

enum request_state { REQUEST_READ, REQUEST_ASKED, REQUEST_ANSWERED };

struct request {
    struct scrape_request ask; /* first: the scraper gives it back */
    struct MHD_Connection *connection;
    struct http *http;
    enum request_state state;
    struct route route;
};

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- connections ---- */

static void
on_connection(void *argument, struct MHD_Connection *connection, void **context,
              enum MHD_ConnectionNotificationCode code)
{
    struct http *http = argument;
    const union MHD_ConnectionInfo *fd, *address;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context)
            conns_remove(&http->conns, *context);
        *context = NULL;
        return;
    }
    fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *context = conns_add(&http->conns, fd->connect_fd, address ? address->client_addr : NULL, now_ns());
}

static void
enter(struct http *http, struct MHD_Connection *connection, enum conn_phase phase)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (info && info->socket_context)
        conns_enter(&http->conns, info->socket_context, phase, now_ns());
}

/* ---- answers ---- */

struct held {
    struct http *http;
    struct scrape_result *result;
    int armed; /* 0: the response was not completed, the result stays */
};

static void
release(void *argument)
{
    struct held *held = argument;

    if (!held->armed)
        return;
    held->http->held_bytes -= held->result->document.body.capacity;
    scrape_result_free(held->result);
    free(held);
}

/* One response for all that wait for this result; it is freed when the last of them has taken it. */
static struct MHD_Response *
response_of(struct http *http, struct scrape_result *result)
{
    struct held *held;

    if (result->attached)
        return result->attached;
    held = malloc(sizeof *held);
    if (!held)
        return NULL;
    *held = (struct held){ http, result, 0 };
    result->attached = responses_of_document(result, release, held);
    if (!result->attached) {
        free(held);
        return NULL;
    }
    held->armed = 1;
    http->held_bytes += result->document.body.capacity;
    if (http->held_bytes > HTTP_HELD_BYTES)
        conns_cut_slowest(&http->conns);
    return result->attached;
}

/* This request is done with its result, which was queued or is not wanted any more. */
static void
let_go(struct request *request)
{
    struct scrape_result *result = request->ask.result;

    request->ask.result = NULL;
    if (!result || --result->requests_n)
        return;
    if (result->attached)
        MHD_destroy_response(result->attached);
    else
        scrape_result_free(result);
}

static enum MHD_Result
deliver(struct request *request)
{
    struct http *http = request->http;
    struct scrape_result *result = request->ask.result;
    struct MHD_Response *response = result ? response_of(http, result) : NULL;
    enum MHD_Result queued;

    if (!response)
        return responses_queue(&http->responses, request->connection, RESPONSE_NO_MEMORY);
    queued = MHD_queue_response(request->connection, responses_status_of(result), response);
    let_go(request);
    return queued;
}

/* ---- requests ---- */

static enum MHD_Result
begin(struct http *http, struct MHD_Connection *connection, const char *url, const char *method, void **context)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request)
        return MHD_NO;
    request->connection = connection;
    request->http = http;
    request->route = route_of(connection, method, url, http->options.telemetry_path);
    *context = request;
    http->active_n++;
    enter(http, connection, CONN_ANSWERING);
    log_event(LOG_LEVEL_DEBUG, "request", "method", method, "url", url, NULL);
    /* A refused body is answered before it arrives: the library then reads no more from this connection. */
    if (request->route.is_fixed &&
        (request->route.fixed == RESPONSE_BAD_BODY || request->route.fixed == RESPONSE_LARGE_BODY))
        return responses_queue(&http->responses, connection, request->route.fixed);
    return MHD_YES;
}

/* Called by the library at least twice for a request: when its head is read, and when an answer is due. */
static enum MHD_Result
on_request(void *argument, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
           const char *upload, size_t *upload_bytes, void **context)
{
    struct http *http = argument;
    struct request *request = *context;

    (void)version;
    (void)upload;
    if (!request)
        return begin(http, connection, url, method, context);
    if (*upload_bytes) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (request->route.is_fixed)
        return responses_queue(&http->responses, connection, request->route.fixed);
    if (request->state == REQUEST_READ && http->closing)
        return MHD_NO;
    if (request->state == REQUEST_READ) {
        request->state = REQUEST_ASKED;
        request->ask.wanted = request->route.wanted;
        MHD_suspend_connection(connection);
        scraper_ask(http->options.scraper, &request->ask);
        return MHD_YES;
    }
    return request->state == REQUEST_ANSWERED ? deliver(request) : MHD_YES;
}

static void
on_completed(void *argument, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
    struct http *http = argument;
    struct request *request = *context;

    (void)code;
    if (!request)
        return;
    *context = NULL;
    http->active_n--;
    let_go(request);
    free(request);
    enter(http, connection, CONN_IDLE);
}

static void
resume_answered(struct http *http)
{
    struct scrape_request *ask, *next;
    struct request *request;

    for (ask = scraper_answered(http->options.scraper); ask; ask = next) {
        next = ask->next;
        request = (struct request *)ask;
        request->state = REQUEST_ANSWERED;
        MHD_resume_connection(request->connection);
    }
}

/* ---- the outside ---- */

static void
on_library_message(void *argument, const char *format, va_list arguments)
{
    char text[512];

    (void)argument;
    if (!log_wanted(LOG_LEVEL_DEBUG))
        return;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = 0;
    log_event(LOG_LEVEL_DEBUG, "libmicrohttpd", "text", text, NULL);
}

/* Nothing is decoded: routes compare what was sent, and %00 cannot end a path early. */
static size_t
keep_escaped(void *argument, struct MHD_Connection *connection, char *text)
{
    (void)argument;
    (void)connection;
    return strlen(text);
}

static int
epoll_watch(struct http *http, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

struct http *
http_new(const struct http_options *options)
{
    struct http *http = calloc(1, sizeof *http);

    if (!http)
        return NULL;
    http->options = *options;
    http->conns.max_n = HTTP_CONNECTIONS_KEPT;
    http->conns.max_per_address_n = HTTP_PER_ADDRESS;
    http->conns.request_ns = (uint64_t)(options->request_seconds * NS_PER_SECOND);
    http->conns.idle_ns = HTTP_IDLE_SECONDS * (uint64_t)NS_PER_SECOND;
    http->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (http->epoll >= 0 && !responses_make(&http->responses)) {
        if (!epoll_watch(http, scraper_fd(options->scraper)))
            return http;
        responses_destroy(&http->responses);
    }
    if (http->epoll >= 0)
        close(http->epoll);
    free(http);
    return NULL;
}

static struct MHD_Daemon *
daemon_start(struct http *http, int fd)
{
    const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;

    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, http,                  /* */
                            MHD_OPTION_EXTERNAL_LOGGER, on_library_message, http,    /* has to be the first */
                            MHD_OPTION_LISTEN_SOCKET, fd,                            /* */
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,       /* */
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,         /* */
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, http,        /* */
                            MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS,           /* */
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY, /* */
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,                         /* */
                            MHD_OPTION_END);
}

int
http_listen(struct http *http, int fd)
{
    struct MHD_Daemon *daemon = http->daemons_n < LISTEN_ADDRESSES ? daemon_start(http, fd) : NULL;
    const union MHD_DaemonInfo *info;

    if (!daemon) {
        close(fd);
        return -ENOMEM;
    }
    http->daemons[http->daemons_n++] = daemon;
    info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info ? epoll_watch(http, info->epoll_fd) : -ENOMEM;
}

int
http_fd(const struct http *http)
{
    return http->epoll;
}

int
http_timeout_ms(struct http *http)
{
    uint64_t now = now_ns(), next = conns_reap(&http->conns, now), wait_ms;
    MHD_UNSIGNED_LONG_LONG library_ms;
    uint32_t i;

    wait_ms = next == CONNS_NEVER ? UINT64_MAX : (next - now) / 1000000u + 1;
    for (i = 0; i < http->daemons_n; i++)
        if (MHD_get_timeout(http->daemons[i], &library_ms) == MHD_YES && library_ms < wait_ms)
            wait_ms = library_ms;
    return wait_ms == UINT64_MAX ? -1 : wait_ms > 3600000u ? 3600000 : (int)wait_ms;
}

void
http_run(struct http *http)
{
    uint32_t i;

    resume_answered(http);
    for (i = 0; i < http->daemons_n; i++)
        MHD_run(http->daemons[i]);
}

void
http_quiesce(struct http *http)
{
    MHD_socket fd;
    uint32_t i;

    for (i = 0; i < http->daemons_n; i++)
        if ((fd = MHD_quiesce_daemon(http->daemons[i])) != MHD_INVALID_SOCKET)
            close(fd);
}

uint32_t
http_active(const struct http *http)
{
    return http->active_n;
}

void
http_free(struct http *http)
{
    uint32_t i;

    if (!http)
        return;
    /* A suspended connection must not meet the daemon's end. */
    http->closing = 1;
    scraper_finish(http->options.scraper);
    http_run(http);
    for (i = 0; i < http->daemons_n; i++)
        MHD_stop_daemon(http->daemons[i]);
    responses_destroy(&http->responses);
    close(http->epoll);
    free(http);
}
