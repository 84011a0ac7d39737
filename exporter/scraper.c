/*
 * A queue in, a list out, and one round at a time in between. The round belongs to the thread; the queue, the list and the
 * spare buffer are under the lock; the lock is never held while a segment is read.
 */
#include "exporter/scraper.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exporter/log.h"

struct scraper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked, finished;
    struct scrape_request *queue, **queue_end;
    struct scrape_request *answered;
    struct buffer spare; /* of the last metrics: the next ones are as large */
    int stopping, busy;
    int fd;
    struct round *round; /* the thread's */
};

/* ---- results ---- */

static struct scrape_result *
result_new(struct scraper *scraper, const struct wanted *wanted)
{
    struct scrape_result *result = calloc(1, sizeof *result);

    if (!result)
        return NULL;
    result->scraper = scraper;
    result->document.wanted = *wanted;
    if (wanted->kind == DOCUMENT_METRICS) {
        pthread_mutex_lock(&scraper->lock);
        result->document.body = scraper->spare;
        memset(&scraper->spare, 0, sizeof scraper->spare);
        pthread_mutex_unlock(&scraper->lock);
        result->document.body.len = 0;
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
    if (result->document.wanted.kind == DOCUMENT_METRICS && result->document.body.capacity > scraper->spare.capacity) {
        other = scraper->spare;
        scraper->spare = result->document.body;
        result->document.body = other;
    }
    pthread_mutex_unlock(&scraper->lock);
    buffer_free(&result->document.body);
    free(result);
}

/* ---- a round ---- */

static struct scrape_result *
result_make(struct scraper *scraper, const struct wanted *wanted)
{
    struct scrape_result *result = result_new(scraper, wanted);

    if (result && !round_make(scraper->round, &result->document))
        return result;
    log_event(LOG_LEVEL_ERROR, "no memory for an answer", NULL);
    scrape_result_free(result);
    return NULL;
}

/* One result for each different thing that is wanted; without memory, requests stay without one. */
static void
make_results(struct scraper *scraper, struct scrape_request *requests)
{
    struct scrape_result *results = NULL, *result;
    struct scrape_request *request;

    for (request = requests; request; request = request->next) {
        for (result = results; result && !wanted_same(&result->document.wanted, &request->wanted);
             result = result->next)
            ;
        if (!result && (result = result_make(scraper, &request->wanted))) {
            result->next = results;
            results = result;
        }
        request->result = result;
        if (result)
            result->requests_n++;
    }
}

static void
answer(struct scraper *scraper, struct scrape_request *requests)
{
    struct scrape_request *request, *last = NULL;
    const uint64_t one = 1;
    int with_values = 0;

    for (request = requests; request; last = request, request = request->next)
        with_values |= request->wanted.kind == DOCUMENT_METRICS;
    if (round_read(scraper->round, with_values))
        log_event(LOG_LEVEL_ERROR, "no memory to read the segments", NULL);
    else
        make_results(scraper, requests);
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

    if (round_read(scraper->round, 0))
        log_event(LOG_LEVEL_ERROR, "no memory to read the segments", NULL);
    while ((requests = wait_for_requests(scraper)))
        answer(scraper, requests);
    return NULL;
}

/* ---- the outside ---- */

static void
scraper_discard(struct scraper *scraper)
{
    round_free(scraper->round);
    buffer_free(&scraper->spare);
    if (scraper->fd >= 0)
        close(scraper->fd);
    pthread_cond_destroy(&scraper->asked);
    pthread_cond_destroy(&scraper->finished);
    pthread_mutex_destroy(&scraper->lock);
    free(scraper);
}

struct scraper *
scraper_start(const struct round_options *options)
{
    struct scraper *scraper = calloc(1, sizeof *scraper);

    if (!scraper)
        return NULL;
    pthread_mutex_init(&scraper->lock, NULL);
    pthread_cond_init(&scraper->asked, NULL);
    pthread_cond_init(&scraper->finished, NULL);
    scraper->queue_end = &scraper->queue;
    scraper->busy = 1;
    scraper->round = round_new(options);
    scraper->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (scraper->round && scraper->fd >= 0 && !pthread_create(&scraper->thread, NULL, scraper_run, scraper))
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
