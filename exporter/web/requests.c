/*
 * A request from its head to its answer. request_handle() is called by libmicrohttpd: it finds the route, has the guard
 * check the rate and the password, asks the scraper for a document, and queues the answer. While the request waits, its
 * connection is suspended.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "exporter/web/internal.h"
#include "exporter/web/routes.h"

enum request_state {
    REQUEST_NEW, /* the password is not checked yet */
    REQUEST_READ,
    REQUEST_LIMITED, /* the rate of requests is too high */
    REQUEST_ASKED,
    REQUEST_ANSWERED
};

struct request {
    struct scrape_request ask; /* first, so that the scraper's pointer to it is one to this struct */
    struct auth_waiter waiter;
    struct MHD_Connection *connection;
    struct http *http;
    enum request_state state;
    struct reload_waiter reload;
    struct route route;
};

static struct conn *
conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void
enter(struct http *http, struct MHD_Connection *connection, enum conn_phase phase)
{
    struct conn *conn = conn_of(connection);

    if (conn)
        conns_enter(&http->conns, conn, phase, clock_ns(CLOCK_MONOTONIC));
}

/* Queues a fixed response, and counts it. */
static enum MHD_Result
answer(struct http *http, struct MHD_Connection *connection, enum fixed_response which)
{
    const unsigned status = responses_status_fixed(which);
    const int is_refusal = status >= MHD_HTTP_BAD_REQUEST && which != RESPONSE_NOT_FOUND && which != RESPONSE_METHOD &&
                           which != RESPONSE_RELOAD_METHOD;

    traffic_answer(http->options.traffic, status, is_refusal);
    return responses_queue(&http->responses, connection, which);
}

static enum MHD_Result
begin(struct http *http, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
      void **context)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request)
        return MHD_NO;
    request->connection = connection;
    request->http = http;
    request->route = route_of(connection, method, url, version, http->options.telemetry_path);
    *context = request;
    http->active_n++;
    enter(http, connection, CONN_ANSWERING);
    log_event(LOG_LEVEL_DEBUG, "request", "method", method, "url", url, NULL);
    /*
     * A request with a body that is refused is answered before the body arrives; then the library reads no more from
     * this connection.
     */
    if (request->route.is_fixed && request->route.fixed >= RESPONSE_BAD_BODY &&
        request->route.fixed <= RESPONSE_LARGE_BODY)
        return answer(http, connection, request->route.fixed);
    if (!guard_takes_request(http->guard, clock_ns(CLOCK_MONOTONIC)))
        request->state = REQUEST_LIMITED;
    return MHD_YES;
}

/*
 * Has the guard check the password. Returns 1 when the request may be answered; otherwise the request is suspended or
 * has its answer, and *result is for the library.
 */
static int
may_pass(struct request *request, enum MHD_Result *result)
{
    static const unsigned char no_address[16];
    struct http *http = request->http;
    struct conn *conn = conn_of(request->connection);

    request->waiter.owner = request;
    *result = MHD_YES;
    switch (guard_ask(http->guard, request->connection, conn ? conn->address : no_address, &request->waiter)) {
    case AUTH_GRANTED:
        request->state = REQUEST_READ;
        return 1;
    case AUTH_WAITING:
        MHD_suspend_connection(request->connection);
        break;
    case AUTH_FULL:
        *result = answer(http, request->connection, RESPONSE_BUSY);
        break;
    default:
        *result = answer(http, request->connection, RESPONSE_UNAUTHORIZED);
    }
    return 0;
}

static enum MHD_Result
deliver(struct request *request)
{
    const unsigned status = request->ask.document ? responses_status_of(request->ask.document) : 0;

    if (!deliveries_queue(&request->http->deliveries, request->connection, conn_of(request->connection),
                          &request->ask)) {
        traffic_answer(request->http->options.traffic, status, 0);
        return MHD_YES;
    }
    return answer(request->http, request->connection, RESPONSE_NO_MEMORY);
}

static enum MHD_Result
answer_reload(struct http *http, struct reload_waiter *waiter)
{
    traffic_answer(http->options.traffic, waiter->status, 0);
    return reloads_queue(waiter);
}

/* Asks for a reload; or, when it has ended, queues the answer. */
static enum MHD_Result
reload(struct http *http, struct request *request)
{
    if (request->state != REQUEST_READ)
        return request->reload.is_answered && !http->closing ? answer_reload(http, &request->reload) : MHD_NO;
    if (!http->options.reload)
        return answer(http, request->connection, RESPONSE_RELOAD_OFF);
    request->state = REQUEST_ASKED;
    request->reload.connection = request->connection;
    reloads_add(&http->reloads, &request->reload);
    http->options.reload(http->options.reload_argument);
    return MHD_YES;
}

static int
is_open_probe(const struct http *http, const struct route *route)
{
    return http->options.open_probes && !route->is_reload &&
           (route->is_fixed ? route->fixed == RESPONSE_HEALTHY : route->wanted.kind == DOCUMENT_READY);
}

/* Takes the request to its next state. */
static enum MHD_Result
proceed(struct http *http, struct request *request)
{
    enum MHD_Result result;

    if (request->state == REQUEST_LIMITED)
        return answer(http, request->connection, RESPONSE_LIMITED);
    if (request->state <= REQUEST_READ && http->closing)
        return MHD_NO;
    if (request->state == REQUEST_NEW && is_open_probe(http, &request->route))
        request->state = REQUEST_READ;
    if (request->state == REQUEST_NEW && !may_pass(request, &result))
        return result;
    if (request->route.is_fixed)
        return answer(http, request->connection, request->route.fixed);
    if (request->route.is_reload)
        return reload(http, request);
    if (request->state == REQUEST_READ) {
        request->state = REQUEST_ASKED;
        request->ask.wanted = request->route.wanted;
        MHD_suspend_connection(request->connection);
        scraper_ask(http->options.scraper, &request->ask);
        return MHD_YES;
    }
    return request->state == REQUEST_ANSWERED ? deliver(request) : MHD_YES;
}

/*
 * Called by the library at least twice for a request: when the head was read, when the body was read, and whenever the
 * connection was resumed.
 */
enum MHD_Result
request_handle(void *argument, struct MHD_Connection *connection, const char *url, const char *method,
               const char *version, const char *upload, size_t *upload_bytes, void **context)
{
    struct http *http = argument;
    struct request *request = *context;

    (void)upload;
    if (!request)
        return begin(http, connection, url, method, version, context);
    if (*upload_bytes) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    return proceed(http, request);
}

void
request_completed(void *argument, struct MHD_Connection *connection, void **context,
                  enum MHD_RequestTerminationCode code)
{
    struct http *http = argument;
    struct request *request = *context;

    (void)code;
    if (!request)
        return;
    *context = NULL;
    http->active_n--;
    deliveries_let_go(&request->ask);
    if (request->reload.response)
        MHD_destroy_response(request->reload.response);
    free(request);
    enter(http, connection, CONN_IDLE);
}

void
requests_resume_answered(struct http *http)
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

void
requests_resume_checked(struct auth_waiter *waiter)
{
    struct auth_waiter *next;

    for (; waiter; waiter = next) {
        next = waiter->next;
        MHD_resume_connection(((struct request *)waiter->owner)->connection);
    }
}
