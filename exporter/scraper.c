/*
 * A queue in, a list out, and one round at a time in between. The store belongs to the thread; the queue, the list and the
 * spare buffer are under the lock; the lock is never held while a segment is read.
 */
#include "exporter/scraper.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "expo/health.h"
#include "expo/store.h"
#include "exporter/documents.h"
#include "exporter/log.h"
#include "exporter/self.h"
#include "exporter/watch.h"

struct scraper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked, finished;
    struct scrape_request *queue, **queue_end;
    struct scrape_request *answered;
    struct buffer spare; /* of the last metrics: the next ones are as large */
    int stopping, busy;
    int fd;

    struct store *store;
    struct health_limits limits;
    struct self self;
    struct watch watch;
    const char *telemetry_path;
    const struct segment_status **statuses;
    uint32_t statuses_n;
};

static double
clock_seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- results ---- */

static struct scrape_result *
result_new(struct scraper *scraper, enum scrape_kind kind)
{
    static const char *const content_types[] = {
        [SCRAPE_HEALTH] = "application/json",
        [SCRAPE_READY] = "text/plain; charset=utf-8",
        [SCRAPE_PAGE] = "text/html; charset=utf-8",
    };
    struct scrape_result *result = calloc(1, sizeof *result);

    if (!result)
        return NULL;
    result->kind = kind;
    result->good = 1;
    result->scraper = scraper;
    result->content_type = kind == SCRAPE_METRICS ? encode_text.content_type : content_types[kind];
    if (kind == SCRAPE_METRICS) {
        pthread_mutex_lock(&scraper->lock);
        result->body = scraper->spare;
        memset(&scraper->spare, 0, sizeof scraper->spare);
        pthread_mutex_unlock(&scraper->lock);
        result->body.len = 0;
    }
    return result;
}

void
scrape_result_free(struct scrape_result *result)
{
    struct scraper *scraper;
    struct buffer other;

    if (!result)
        return;
    scraper = result->scraper;
    pthread_mutex_lock(&scraper->lock);
    if (result->kind == SCRAPE_METRICS && result->body.capacity > scraper->spare.capacity) {
        other = scraper->spare;
        scraper->spare = result->body;
        result->body = other;
    }
    pthread_mutex_unlock(&scraper->lock);
    buffer_free(&result->body);
    free(result);
}

/* ---- a round ---- */

static int
make_metrics(struct scraper *scraper, struct buffer *out)
{
    double began = clock_seconds(CLOCK_MONOTONIC);
    int result = self_put(&scraper->self, store_model(scraper->store));

    if (!result)
        result = store_render(scraper->store, &encode_text, out);
    scraper->self.render_seconds = clock_seconds(CLOCK_MONOTONIC) - began;
    return result;
}

static int
make_document(struct scraper *scraper, const struct documents_context *context, struct scrape_result *result)
{
    switch (result->kind) {
    case SCRAPE_METRICS:
        return make_metrics(scraper, &result->body);
    case SCRAPE_HEALTH:
        return document_health(context, &result->body, &result->good);
    case SCRAPE_READY:
        return document_ready(context, &result->body, &result->good);
    default:
        return document_page(context, &result->body, &result->good);
    }
}

static int
collect_statuses(struct scraper *scraper)
{
    uint32_t n = store_status_n(scraper->store), i;
    const struct segment_status **grown = realloc(scraper->statuses, (n + !n) * sizeof *grown);

    if (!grown)
        return -ENOMEM;
    scraper->statuses = grown;
    for (i = 0; i < n; i++)
        grown[i] = store_status(scraper->store, i);
    scraper->statuses_n = n;
    return 0;
}

static int
read_segments(struct scraper *scraper, enum snapshot_depth depth)
{
    double began = clock_seconds(CLOCK_MONOTONIC);
    int result = store_take(scraper->store, depth);

    if (depth == SNAPSHOT_ALL)
        scraper->self.read_seconds = clock_seconds(CLOCK_MONOTONIC) - began;
    if (!result)
        result = collect_statuses(scraper);
    if (!result)
        watch_look(&scraper->watch, scraper->statuses, scraper->statuses_n);
    return result;
}

/* Fills results[kind] where wanted[kind] is set; it stays NULL when memory runs out. */
static void
scraper_round(struct scraper *scraper, const int wanted[SCRAPE_KINDS], struct scrape_result *results[SCRAPE_KINDS])
{
    struct health health;
    struct documents_context context;
    int kind;

    if (read_segments(scraper, wanted[SCRAPE_METRICS] ? SNAPSHOT_ALL : SNAPSHOT_STATUS) ||
        health_judge(&health, scraper->statuses, scraper->statuses_n, &scraper->limits)) {
        log_event(LOG_LEVEL_ERROR, "no memory to read the segments", NULL);
        return;
    }
    context = (struct documents_context){ scraper->store, scraper->statuses, scraper->statuses_n, &health,
                                          scraper->telemetry_path };
    for (kind = 0; kind < SCRAPE_KINDS; kind++) {
        if (!wanted[kind] || !(results[kind] = result_new(scraper, (enum scrape_kind)kind)))
            continue;
        if (make_document(scraper, &context, results[kind])) {
            log_event(LOG_LEVEL_ERROR, "no memory for an answer", NULL);
            scrape_result_free(results[kind]);
            results[kind] = NULL;
        }
    }
    health_free(&health);
}

static void
answer(struct scraper *scraper, struct scrape_request *requests)
{
    struct scrape_result *results[SCRAPE_KINDS] = { NULL };
    int wanted[SCRAPE_KINDS] = { 0 };
    struct scrape_request *request, *last = NULL;
    const uint64_t one = 1;

    for (request = requests; request; request = request->next)
        wanted[request->kind] = 1;
    scraper_round(scraper, wanted, results);
    for (request = requests; request; request = request->next) {
        last = request;
        request->result = results[request->kind];
        if (request->result)
            request->result->requests_n++;
    }
    pthread_mutex_lock(&scraper->lock);
    last->next = scraper->answered;
    scraper->answered = requests;
    pthread_mutex_unlock(&scraper->lock);
    if (write(scraper->fd, &one, sizeof one) != sizeof one)
        log_event(LOG_LEVEL_ERROR, "eventfd cannot be written", "error", strerror(errno), NULL);
}

/* Returns the whole queue, NULL when the scraper is to stop. */
static struct scrape_request *
wait_for_requests(struct scraper *scraper)
{
    struct scrape_request *requests;

    pthread_mutex_lock(&scraper->lock);
    scraper->busy = 0;
    if (!scraper->queue)
        pthread_cond_broadcast(&scraper->finished);
    while (!scraper->queue && !scraper->stopping)
        pthread_cond_wait(&scraper->asked, &scraper->lock);
    requests = scraper->queue;
    scraper->queue = NULL;
    scraper->queue_end = &scraper->queue;
    scraper->busy = requests != NULL;
    pthread_mutex_unlock(&scraper->lock);
    return requests;
}

static void *
scraper_run(void *argument)
{
    struct scraper *scraper = argument;
    struct scrape_request *requests;

    read_segments(scraper, SNAPSHOT_STATUS);
    while ((requests = wait_for_requests(scraper)))
        answer(scraper, requests);
    return NULL;
}

/* ---- the outside ---- */

static void
scraper_discard(struct scraper *scraper)
{
    store_free(scraper->store);
    watch_free(&scraper->watch);
    free(scraper->statuses);
    buffer_free(&scraper->spare);
    if (scraper->fd >= 0)
        close(scraper->fd);
    pthread_cond_destroy(&scraper->asked);
    pthread_cond_destroy(&scraper->finished);
    pthread_mutex_destroy(&scraper->lock);
    free(scraper);
}

struct scraper *
scraper_start(const struct scraper_options *options)
{
    const struct store_options store = { .names = options->segments,
                                         .names_n = options->segments_n,
                                         .owners = options->owners,
                                         .owners_n = options->owners_n };
    struct scraper *scraper = calloc(1, sizeof *scraper);

    if (!scraper)
        return NULL;
    pthread_mutex_init(&scraper->lock, NULL);
    pthread_cond_init(&scraper->asked, NULL);
    pthread_cond_init(&scraper->finished, NULL);
    scraper->queue_end = &scraper->queue;
    scraper->busy = 1;
    scraper->limits.busy_seconds = scraper->limits.heartbeat_seconds = options->stuck_seconds;
    scraper->self.start_seconds = clock_seconds(CLOCK_REALTIME);
    scraper->telemetry_path = options->telemetry_path;
    scraper->store = store_new(&store);
    scraper->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (scraper->store && scraper->fd >= 0 && !pthread_create(&scraper->thread, NULL, scraper_run, scraper))
        return scraper;
    scraper_discard(scraper);
    return NULL;
}

void
scraper_free(struct scraper *scraper)
{
    pthread_mutex_lock(&scraper->lock);
    scraper->stopping = 1;
    pthread_cond_signal(&scraper->asked);
    pthread_mutex_unlock(&scraper->lock);
    pthread_join(scraper->thread, NULL);
    scraper_discard(scraper);
}

int
scraper_fd(const struct scraper *scraper)
{
    return scraper->fd;
}

void
scraper_ask(struct scraper *scraper, struct scrape_request *request)
{
    request->next = NULL;
    request->result = NULL;
    pthread_mutex_lock(&scraper->lock);
    *scraper->queue_end = request;
    scraper->queue_end = &request->next;
    pthread_cond_signal(&scraper->asked);
    pthread_mutex_unlock(&scraper->lock);
}

void
scraper_finish(struct scraper *scraper)
{
    pthread_mutex_lock(&scraper->lock);
    while (scraper->queue || scraper->busy)
        pthread_cond_wait(&scraper->finished, &scraper->lock);
    pthread_mutex_unlock(&scraper->lock);
}

struct scrape_request *
scraper_answered(struct scraper *scraper)
{
    struct scrape_request *requests;
    uint64_t signals;

    if (read(scraper->fd, &signals, sizeof signals) < 0 && errno != EAGAIN)
        log_event(LOG_LEVEL_ERROR, "eventfd cannot be read", "error", strerror(errno), NULL);
    pthread_mutex_lock(&scraper->lock);
    requests = scraper->answered;
    scraper->answered = NULL;
    pthread_mutex_unlock(&scraper->lock);
    return requests;
}
