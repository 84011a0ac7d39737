/*
 * Requests arrive in a queue, the thread makes one round at a time, and answered requests leave in a list. The round
 * belongs to the thread; the queue and the list are under the lock, which is never held while a segment is read.
 */
#include "exporter/scrape/scraper.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "exporter/scrape/document_cache.h"

struct scraper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked, finished;
    struct scrape_request *queue, **queue_end;
    struct scrape_request *answered;
    struct document_cache cache;
    int stopping, busy;
    uint64_t waiting_since_ns; /* since when requests wait for a reading; 0: none waits */
    uint64_t readings_n;
    struct round_summary summary;  /* of the last reading */
    struct config *config;         /* new settings for the thread; NULL: none */
    int is_configured, configured; /* 1: the settings were applied, or refused; and the result */
    struct round_reload reload;
    int fd;
    struct round *round; /* the thread's */
};

/* ---- a round ---- */

/* Makes one document for all requests that want the same. Without memory, requests get no document. */
static void
make_documents(struct scraper *scraper, struct scrape_request *requests)
{
    struct document *made = NULL;
    struct scrape_request *request;

    document_cache_begin(&scraper->cache);
    for (request = requests; request; request = request->next) {
        request->document = document_cache_get(&scraper->cache, scraper->round, &made, &request->wanted);
        if (!request->document) {
            log_event(LOG_LEVEL_ERROR, "no memory for an answer", NULL);
            continue;
        }
        request->document->requests_n++;
        round_count(scraper->round, &request->wanted);
    }
    document_cache_end(made);
}

static void
signal_answers(struct scraper *scraper)
{
    const uint64_t one = 1;

    if (write(scraper->fd, &one, sizeof one) != sizeof one)
        log_event(LOG_LEVEL_ERROR, "eventfd cannot be written", "error", strerror(errno), NULL);
}

static int
read_segments(struct scraper *scraper, int with_values)
{
    int result = round_read(scraper->round, with_values);

    if (result)
        log_event(LOG_LEVEL_ERROR, "no memory to read the segments", NULL);
    pthread_mutex_lock(&scraper->lock);
    if (!result)
        round_summary(scraper->round, &scraper->summary);
    scraper->readings_n++;
    pthread_mutex_unlock(&scraper->lock);
    return result;
}

static void
answer(struct scraper *scraper, struct scrape_request *requests)
{
    struct scrape_request *request, *last = NULL;
    int with_values = 0;

    for (request = requests; request; last = request, request = request->next)
        with_values |= request->wanted.kind == DOCUMENT_METRICS;
    if (!read_segments(scraper, with_values))
        make_documents(scraper, requests);
    pthread_mutex_lock(&scraper->lock);
    last->next = scraper->answered;
    scraper->answered = requests;
    pthread_mutex_unlock(&scraper->lock);
    signal_answers(scraper);
}

/* Applies new settings, and reads the segments that they name, so that the log names them. */
static void
configure(struct scraper *scraper, struct config *config)
{
    int result = round_configure(scraper->round, config);

    if (result)
        config_free(config);
    else
        read_segments(scraper, 0);
    pthread_mutex_lock(&scraper->lock);
    scraper->is_configured = 1;
    scraper->configured = result;
    pthread_mutex_unlock(&scraper->lock);
    signal_answers(scraper);
}

/* What the thread is to do next. */
struct work {
    struct config *config;           /* NULL: none */
    struct scrape_request *requests; /* the whole queue */
    int tick;                        /* 1: the rules are to be evaluated */
};

static int
is_time(struct scraper *scraper)
{
    uint64_t at = round_tick_at(scraper->round);

    return at && clock_ns(CLOCK_MONOTONIC) >= at;
}

/* Waits for a request, or for the time of the rules. The caller holds the lock. */
static void
wait_until_asked(struct scraper *scraper)
{
    uint64_t at = round_tick_at(scraper->round);
    const struct timespec until = { (time_t)(at / 1000000000u), (long)(at % 1000000000u) };

    if (at)
        pthread_cond_timedwait(&scraper->asked, &scraper->lock, &until);
    else
        pthread_cond_wait(&scraper->asked, &scraper->lock);
}

/* Waits for work. Returns 0 when the scraper is to stop. */
static int
wait_for_work(struct scraper *scraper, struct work *work)
{
    pthread_mutex_lock(&scraper->lock);
    scraper->busy = 0;
    scraper->waiting_since_ns = scraper->queue || scraper->config ? clock_ns(CLOCK_MONOTONIC) : 0;
    if (!scraper->queue && !scraper->config)
        pthread_cond_broadcast(&scraper->finished);
    while (!scraper->queue && !scraper->config && !scraper->stopping && !is_time(scraper))
        wait_until_asked(scraper);
    *work = (struct work){ scraper->config, scraper->queue, !scraper->stopping && is_time(scraper) };
    scraper->config = NULL;
    scraper->queue = NULL;
    scraper->queue_end = &scraper->queue;
    scraper->busy = work->requests || work->config || work->tick;
    if (scraper->busy && !scraper->waiting_since_ns)
        scraper->waiting_since_ns = clock_ns(CLOCK_MONOTONIC); /* the rules wait for a reading */
    round_note_reload(scraper->round, &scraper->reload);
    pthread_mutex_unlock(&scraper->lock);
    return work->requests || work->config || work->tick;
}

static void *
scraper_run(void *argument)
{
    struct scraper *scraper = argument;
    struct work work;

    read_segments(scraper, 0);
    signal_answers(scraper);
    while (wait_for_work(scraper, &work)) {
        if (work.config)
            configure(scraper, work.config);
        if (work.tick && round_tick_at(scraper->round) && round_tick(scraper->round))
            log_event(LOG_LEVEL_ERROR, "no memory to read the rules", NULL);
        if (work.requests)
            answer(scraper, work.requests);
    }
    return NULL;
}

/* ---- the interface ---- */

static void
scraper_discard(struct scraper *scraper)
{
    round_free(scraper->round);
    config_free(scraper->config);
    document_cache_close(&scraper->cache);
    if (scraper->fd >= 0)
        close(scraper->fd);
    pthread_cond_destroy(&scraper->asked);
    pthread_cond_destroy(&scraper->finished);
    pthread_mutex_destroy(&scraper->lock);
    free(scraper);
}

struct scraper *
scraper_start(const struct round_options *options, struct config *config)
{
    struct scraper *scraper = calloc(1, sizeof *scraper);
    pthread_condattr_t monotonic;

    if (!scraper) {
        config_free(config);
        return NULL;
    }
    document_cache_open(&scraper->cache);
    pthread_mutex_init(&scraper->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&scraper->asked, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&scraper->finished, NULL);
    scraper->queue_end = &scraper->queue;
    scraper->busy = 1;
    scraper->waiting_since_ns = clock_ns(CLOCK_MONOTONIC);
    scraper->round = round_new(options, config);
    if (!scraper->round)
        config_free(config);
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
    request->document = NULL;
    pthread_mutex_lock(&scraper->lock);
    *scraper->queue_end = request;
    scraper->queue_end = &request->next;
    if (!scraper->waiting_since_ns)
        scraper->waiting_since_ns = clock_ns(CLOCK_MONOTONIC);
    pthread_cond_signal(&scraper->asked);
    pthread_mutex_unlock(&scraper->lock);
}

void
scraper_finish(struct scraper *scraper)
{
    pthread_mutex_lock(&scraper->lock);
    while (scraper->queue || scraper->config || scraper->busy)
        pthread_cond_wait(&scraper->finished, &scraper->lock);
    pthread_mutex_unlock(&scraper->lock);
}

void
scraper_configure(struct scraper *scraper, struct config *config)
{
    pthread_mutex_lock(&scraper->lock);
    scraper->config = config;
    scraper->is_configured = 0;
    if (!scraper->waiting_since_ns)
        scraper->waiting_since_ns = clock_ns(CLOCK_MONOTONIC);
    pthread_cond_signal(&scraper->asked);
    pthread_mutex_unlock(&scraper->lock);
}

int
scraper_configured(struct scraper *scraper, int *result)
{
    int decided;

    pthread_mutex_lock(&scraper->lock);
    decided = scraper->is_configured;
    *result = scraper->configured;
    scraper->is_configured = 0;
    pthread_mutex_unlock(&scraper->lock);
    return decided;
}

void
scraper_note_reload(struct scraper *scraper, const struct round_reload *reload)
{
    pthread_mutex_lock(&scraper->lock);
    scraper->reload = *reload;
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

void
scraper_look(struct scraper *scraper, struct scraper_state *out)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);

    pthread_mutex_lock(&scraper->lock);
    out->readings_n = scraper->readings_n;
    out->waiting_ns = scraper->waiting_since_ns ? now - scraper->waiting_since_ns : 0;
    out->summary = scraper->summary;
    pthread_mutex_unlock(&scraper->lock);
}
