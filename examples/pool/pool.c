/*
 * A prefork HTTP server with metrics: how a pool of worker processes uses shmeter.
 *
 *     shmeter-pool --port 8080 --workers 4 --segment shop
 *     shmeter-exporter --segment shop
 *
 * The parent opens the segment, describes its metrics, starts the workers and replaces those that die. Every worker has
 * a listening socket of its own on the same port (SO_REUSEPORT), and serves its connections one request at a time. All
 * that is shmeter stands in "metrics" and in serve(); http.h is the protocol, and knows nothing of it.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "http.h"
#include "shmeter.h"

#define MAX_WORKERS     64
#define MAX_CONNECTIONS 128
#define CANNOT_SERVE    3 /* exit code of a worker that has nothing to serve on: another one would not either */

/* ---- metrics ---------------------------------------------------------------------------------------------------- */

static const char *const request_labels[] = { "method", "route", "status", NULL };
static const struct shmeter_desc requests_desc = {
    .type = SHMETER_COUNTER,
    .name = "pool_requests_total",
    .help = "Requests answered.",
    .labels = request_labels,
};

static const char *const duration_labels[] = { "method", "route", NULL };
static const double duration_bounds[] = { .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 2.5 };
static const struct shmeter_desc duration_desc = {
    .type = SHMETER_HISTOGRAM,
    .name = "pool_request_duration_seconds",
    .help = "Time from the last byte of a request to its answer.",
    .unit = "seconds",
    .labels = duration_labels,
    .bounds = duration_bounds,
    .bounds_len = sizeof duration_bounds / sizeof *duration_bounds,
};

/* A POOL gauge: each worker adds and takes back its share. What a killed worker had added leaves with it. */
static const struct shmeter_desc in_progress_desc = {
    .type = SHMETER_GAUGE,
    .name = "pool_requests_in_progress",
    .help = "Requests being worked on.",
};

static const struct shmeter_desc connections_desc = {
    .type = SHMETER_GAUGE,
    .mode = SHMETER_LIVE_ALL,
    .name = "pool_connections",
    .help = "Open connections, of each worker.",
};

static struct shmeter *meter;
static const struct shmeter_family *requests, *duration;
static struct shmeter_gauge in_progress, connections;

/* When there is no meter the pool serves all the same: it prints a warning once, and its updates are not counted. */
static void
metrics_open(const char *segment)
{
    if (shmeter_open(&meter, segment, NULL) != 0)
        fprintf(stderr, "pool: no metrics: %s\n", shmeter_error(meter));
    requests = shmeter_family(meter, &requests_desc);
    duration = shmeter_family(meter, &duration_desc);
    in_progress = shmeter_gauge_of(shmeter_family(meter, &in_progress_desc));
    connections = shmeter_gauge_of(shmeter_family(meter, &connections_desc));
}

/* ---- the application -------------------------------------------------------------------------------------------- */

/* Label values come from a fixed set: what clients send must not make series. */
static const char *
method_label(const char *method)
{
    static const char *const known[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(method, known[i]) == 0)
            return known[i];
    return "OTHER";
}

struct route {
    const char *pattern, *body;
    int status;
    long wait_ms;
};
static const struct route routes[] = {
    { "/", "hello\n", 200, 0 },
    { "/items/{id}", "an item\n", 200, 0 },
    { "/slow", "at last\n", 200, 20 },
    { "/fail", "failed\n", 500, 0 },
};
static const struct route unmatched = { "unmatched", "not found\n", 404, 0 };
static const struct route refused = { "unmatched", "method not allowed\n", 405, 0 };
static const struct route invalid = { "invalid", "not a request\n", 400, 0 };

static const struct route *
find_route(const struct http_request *request)
{
    if (request->status != 200)
        return &invalid;
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0)
        return &refused;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t fixed = strcspn(routes[i].pattern, "{");
        const char *rest = request->path + fixed;
        int ends_with_id = routes[i].pattern[fixed] != '\0';
        if (strncmp(request->path, routes[i].pattern, fixed) == 0 && (*rest != '\0') == ends_with_id &&
            !strchr(rest, '/'))
            return &routes[i];
    }
    return &unmatched;
}

/*
 * Serves one complete request. It is counted before its answer is sent: an answer that somebody has seen is in the
 * total, even if this process is killed in the middle of the next line.
 */
static int
serve(struct http_connection *connection, const struct http_request *request)
{
    uint64_t start = shmeter_ticks(meter);
    shmeter_busy(meter);
    shmeter_gauge_inc(in_progress);

    const struct route *route = find_route(request);
    if (route->wait_ms)
        nanosleep(&(struct timespec){ .tv_nsec = route->wait_ms * 1000 * 1000 }, NULL);
    const char *method = method_label(request->method);
    int code = route == &invalid ? request->status : route->status;
    char status[12];
    snprintf(status, sizeof status, "%d", code);

    shmeter_counter_inc(shmeter_counter_of(requests, method, route->pattern, status));
    shmeter_histogram_observe_since(shmeter_histogram_of(duration, method, route->pattern), start);
    shmeter_gauge_dec(in_progress);
    int keep = http_send(connection, request, code, route->body);
    shmeter_idle(meter);
    return keep;
}

/* ---- a worker --------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopping;
static sigset_t unblocked; /* signals are let in while we wait, and at no other time */

static void
stop(int signal)
{
    (void)signal;
    stopping = 1;
}

/* Answers all complete requests in the buffer. Returns 0 when the connection is done with. */
static int
serve_connection(struct http_connection *connection)
{
    struct http_request request;
    if (!http_read(connection))
        return 0;
    while (http_next(connection, &request))
        if (!serve(connection, &request))
            return 0;
    return 1;
}

static void
work(int listener)
{
    static struct http_connection open[MAX_CONNECTIONS];
    struct pollfd polled[MAX_CONNECTIONS + 1];
    nfds_t n = 0; /* connections open; polled[i + 1] belongs to open[i] */
    while (!stopping) {
        polled[0] = (struct pollfd){ .fd = n < MAX_CONNECTIONS ? listener : -1, .events = POLLIN };
        for (nfds_t i = 0; i < n; i++)
            polled[i + 1] = (struct pollfd){ .fd = open[i].fd, .events = POLLIN };
        shmeter_heartbeat(meter);
        if (ppoll(polled, n + 1, &(struct timespec){ .tv_sec = 1 }, &unblocked) <= 0)
            continue;
        for (nfds_t i = n; i-- > 0;) /* from the end: the last one takes the place of one that leaves */
            if (polled[i + 1].revents && !serve_connection(&open[i])) {
                close(open[i].fd);
                open[i] = open[--n];
            }
        int fd = polled[0].revents ? http_accept(listener) : -1;
        if (fd >= 0)
            open[n++] = (struct http_connection){ .fd = fd };
        shmeter_gauge_set(connections, (double)n);
    }
}

static pid_t
start_worker(int number, in_port_t port)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* not one worker stays when the parent is killed */
    if (getppid() != parent)
        _exit(0);
    prctl(PR_SET_NAME, "pool-worker");
    sigaction(SIGTERM, &(struct sigaction){ .sa_handler = stop }, NULL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C goes to the whole group; the parent sees to its workers */

    shmeter_attach_worker(meter); /* families and handles of before the fork are good here too */
    int listener = http_socket(port);
    if (listener < 0 || listen(listener, 128) != 0) {
        perror("pool: a worker cannot listen");
        exit(CANNOT_SERVE);
    }
    printf("worker %d is process %d\n", number, (int)getpid());
    fflush(stdout);
    work(listener);
    shmeter_close(meter);
    exit(0);
}

/* ---- the parent --------------------------------------------------------------------------------------------- */

/* Forgets the workers that have died. Returns whether one of them could not serve at all. */
static int
reap(pid_t *workers, int n)
{
    int status, hopeless = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        hopeless |= WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_SERVE;
        for (int i = 0; i < n; i++)
            if (workers[i] == pid)
                workers[i] = 0;
    }
    return hopeless;
}

/* Keeps n workers running until SIGTERM or SIGINT, then stops them. */
static int
supervise(int n, in_port_t port)
{
    pid_t workers[MAX_WORKERS] = { 0 };
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, &unblocked);
    int hopeless, signal;
    do {
        for (int i = 0; i < n; i++)
            if (workers[i] <= 0)
                workers[i] = start_worker(i, port);
        signal = sigtimedwait(&signals, NULL,
                              &(struct timespec){ .tv_sec = 1 }); /* or a fork that failed is tried again */
        shmeter_heartbeat(meter);
        hopeless = reap(workers, n);
    } while (!hopeless && signal != SIGTERM && signal != SIGINT);
    for (int i = 0; i < n; i++)
        if (workers[i] > 0)
            kill(workers[i], SIGTERM);
    while (wait(NULL) > 0)
        continue;
    return hopeless ? 1 : 0;
}

static long
number(const char *option, const char *text, long least, long most)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end == '\0' && end != text && value >= least && value <= most)
        return value;
    fprintf(stderr, "pool: --%s takes a number from %ld to %ld, not \"%s\"\n", option, least, most, text);
    exit(2);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
                                             { "workers", required_argument, NULL, 'w' },
                                             { "segment", required_argument, NULL, 's' },
                                             { "help", no_argument, NULL, 'h' },
                                             { 0 } };
    const char *segment = NULL;
    long port = 0, workers = 4;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            port = number("port", optarg, 0, 65535);
            break;
        case 'w':
            workers = number("workers", optarg, 1, MAX_WORKERS);
            break;
        case 's':
            segment = optarg;
            break;
        default:
            printf("Usage: shmeter-pool [--port N (0: any free one)] [--workers N] [--segment NAME]\n");
            return option == 'h' ? 0 : 2;
        }
    }
    int reserved = http_socket(htons((uint16_t)port)); /* never listens: it keeps the port for the workers */
    if (reserved < 0) {
        fprintf(stderr, "pool: cannot have port %ld: %s\n", port, strerror(errno));
        return 1;
    }
    metrics_open(segment);
    struct sockaddr_in address = { 0 };
    getsockname(reserved, (struct sockaddr *)&address, &(socklen_t){ sizeof address });
    printf("serving http://127.0.0.1:%d/ with %ld workers\n", ntohs(address.sin_port), workers);
    fflush(stdout);
    int status = supervise((int)workers, address.sin_port);
    shmeter_close(meter);
    return status;
}
