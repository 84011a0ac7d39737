/*
 * Any bytes to the exporter's HTTP side, over a socket, in pieces. The first two bytes of the input say how: in pieces
 * of how many, whether the client then closes its half, whether the exporter is ready and reloads. All is real but the
 * scraper, which answers at once. The library's own code is not seen by the fuzzer: which answers came serves it in its
 * place.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "exporter/web/internal.h"
#include "tests/fuzz/http/oracle.h"

#define ANSWER_BYTES (1u << 20)
#define TURNS_IDLE   4    /* without a byte: it waits for the client */
#define TURNS_MOST   2000 /* more is no progress */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Seen by the fuzzer like branches that were taken: which status came, as which answer. */
static uint8_t seen[4096] __attribute__((section("__libfuzzer_extra_counters")));

static struct http *http;
static struct sockaddr_un address;
static socklen_t address_bytes;
static char answers[ANSWER_BYTES];
static size_t answers_bytes;
static int is_ready, reload_asked;

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\nanswers: %.*s\n", what, (int)answers_bytes, answers);
    abort();
}

/* ---- the scraper ---- */

struct scraper {
    int fd;
    struct scrape_request *answered;
};

static struct scraper scraper;

int
scraper_fd(const struct scraper *of)
{
    return of->fd;
}

void
scraper_ask(struct scraper *of, struct scrape_request *request)
{
    static const char *const words[] = { "metrics", "health", "summary", "ready", "page" };
    struct document *document = calloc(1, sizeof *document);
    char filler[600];

    memset(filler, 'x', sizeof filler);
    document->requests_n = 1;
    document->wanted = request->wanted;
    document->good = request->wanted.kind != DOCUMENT_READY || is_ready;
    document->content_type = "text/plain";
    buffer_append_string(&document->body, words[request->wanted.kind]);
    buffer_append(&document->body, filler, sizeof filler);
    request->document = document;
    request->next = of->answered;
    of->answered = request;
    eventfd_write(of->fd, 1);
}

struct scrape_request *
scraper_answered(struct scraper *of)
{
    struct scrape_request *answered = of->answered;
    eventfd_t count;

    if (answered)
        eventfd_read(of->fd, &count);
    of->answered = NULL;
    return answered;
}

void
scraper_finish(struct scraper *of)
{
    (void)of;
}

void
document_free(struct document *document)
{
    if (!document)
        return;
    buffer_free(&document->body);
    free(document);
}

/* ---- the server ---- */

static void
on_reload(void *argument)
{
    (void)argument;
    reload_asked = 1;
}

static void
set_up(void)
{
    static struct http_options options = { .scraper = &scraper,
                                           .telemetry_path = "/metrics",
                                           .request_seconds = 3600,
                                           .connections_n = 4,
                                           .connections_per_address_n = 4 };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    signal(SIGPIPE, SIG_IGN);
    scraper.fd = eventfd(0, EFD_NONBLOCK);
    address.sun_family = AF_UNIX; /* the kernel gives it a name */
    must(fd >= 0 && scraper.fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof address.sun_family) &&
             !listen(fd, 4),
         "no socket");
    address_bytes = sizeof address;
    must(!getsockname(fd, (struct sockaddr *)&address, &address_bytes), "no name");
    http = http_new(&options);
    must(http && !http_listen(http, fd), "no server");
}

/* Lets the server run once and takes what it sends. Returns 1 while something comes, -1 at the end. */
static int
turn(int client)
{
    ssize_t got;

    http_run(http);
    if (reload_asked) {
        reload_asked = 0;
        http_reload_begins(http);
        http_reload_ends(http, NULL);
    }
    got = recv(client, answers + answers_bytes, sizeof answers - 1 - answers_bytes, MSG_DONTWAIT);
    if (got > 0)
        answers_bytes += (size_t)got;
    must(answers_bytes < sizeof answers - 1, "answers without an end");
    return got > 0 ? 1 : got == 0 || errno == ECONNRESET || errno == EPIPE ? -1 : 0;
}

/* Until the server waits for the client, or has ended. */
static int
turns(int client)
{
    int idle, n, got = 0;

    for (idle = n = 0; idle < TURNS_IDLE && got >= 0; n++) {
        got = turn(client);
        idle = got ? 0 : idle + 1;
        must(n < TURNS_MOST, "the server does not come to rest");
    }
    return got;
}

static int
say(int client, const char *stream, size_t bytes, size_t piece)
{
    size_t at, n;
    int state = 0;

    for (at = 0; at < bytes && state >= 0; at += n) {
        n = bytes - at < piece ? bytes - at : piece;
        if (send(client, stream + at, n, 0) != (ssize_t)n)
            break;
        state = at + n < bytes ? turn(client) : 0;
    }
    return state;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct http_wants wants;
    unsigned statuses[HTTP_ANSWERS];
    uint32_t statuses_n, i;
    const char *stream = (const char *)data + 2, *wrong;
    int client, state, halves, n;

    if (bytes < 2)
        return -1;
    if (!http)
        set_up();
    bytes -= 2;
    halves = data[1] & 1;
    is_ready = data[1] >> 1 & 1;
    http->options.reload = data[1] & 4 ? on_reload : NULL;
    answers_bytes = 0;
    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(client >= 0 && !connect(client, (struct sockaddr *)&address, address_bytes), "no connection");
    state = say(client, stream, bytes, data[0] < 32 ? data[0] + 1u : data[0] < 128 ? 8u * data[0] : bytes + 1);
    if (state >= 0)
        state = turns(client);
    if (state >= 0 && halves) {
        shutdown(client, SHUT_WR);
        for (n = 0; state >= 0; n++) {
            state = turn(client);
            must(n < TURNS_MOST, "the connection does not end though its client has");
        }
    }
    http_foresee(&wants, stream, bytes, is_ready, http->options.reload != NULL);
    answers[answers_bytes] = 0;
    wrong = http_judge(&wants, stream, bytes, answers, answers_bytes, state < 0, statuses, &statuses_n);
    must(!wrong, wrong);
    for (i = 0; i < statuses_n; i++)
        seen[(i * 600 + statuses[i]) % sizeof seen] = 1;
    close(client);
    for (n = 0; http->conns.n || http_active(http); n++) {
        http_run(http);
        must(n < TURNS_MOST, "a connection stays though its client has gone");
    }
    return 0;
}
