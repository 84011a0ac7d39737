/*
 * Results are shared by two threads: the scraper's makes them, and whoever has taken the last answer frees them. Only the spare buffers
 * are under the lock.
 */
#include "exporter/scrape/results.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_ROUNDS 8u /* one that nobody has used for so many rounds is given back                      */

/* The buffer of an earlier answer of this kind, which was as large as the next one will be, or an empty one. */
static struct buffer
spare_take(struct results *results, const struct wanted *wanted)
{
    struct buffer found = { NULL, 0, 0 };
    uint32_t i;

    pthread_mutex_lock(&results->lock);
    for (i = 0; i < RESULTS_SPARES && !found.capacity; i++)
        if (results->spares[i].buffer.capacity && wanted_same(&results->spares[i].wanted, wanted)) {
            found = results->spares[i].buffer;
            memset(&results->spares[i].buffer, 0, sizeof results->spares[i].buffer);
        }
    pthread_mutex_unlock(&results->lock);
    found.len = 0;
    return found;
}

/* Keeps a buffer for the next answer of this kind, one of each, and frees those that nobody uses any more. */
static void
spare_keep(struct results *results, const struct wanted *wanted, struct buffer *buffer)
{
    struct buffer old[RESULTS_SPARES];
    struct results_spare *place = NULL;
    uint32_t i, old_n = 0;

    pthread_mutex_lock(&results->lock);
    for (i = 0; i < RESULTS_SPARES; i++) {
        struct results_spare *spare = &results->spares[i];
        int same = spare->buffer.capacity && wanted_same(&spare->wanted, wanted);
        if (spare->buffer.capacity && (same || results->rounds_n - spare->round > SPARE_ROUNDS)) {
            old[old_n++] = spare->buffer;
            memset(&spare->buffer, 0, sizeof spare->buffer);
        }
        if (!spare->buffer.capacity)
            place = spare;
    }
    if (place) {
        *place = (struct results_spare){ *wanted, *buffer, results->rounds_n };
        memset(buffer, 0, sizeof *buffer);
    }
    pthread_mutex_unlock(&results->lock);
    for (i = 0; i < old_n; i++)
        buffer_free(&old[i]);
}

static struct scrape_result *
result_new(struct results *results, const struct wanted *wanted)
{
    struct scrape_result *result = calloc(1, sizeof *result);

    if (!result)
        return NULL;
    result->results = results;
    result->document.wanted = *wanted;
    if (wanted->kind == DOCUMENT_METRICS)
        result->document.body = spare_take(results, wanted);
    return result;
}

void
scrape_result_free(struct scrape_result *result)
{
    if (!result)
        return;
    if (result->document.wanted.kind == DOCUMENT_METRICS && result->document.body.capacity)
        spare_keep(result->results, &result->document.wanted, &result->document.body);
    buffer_free(&result->document.body);
    free(result);
}

static struct scrape_result *
result_find(struct scrape_result *made, const struct wanted *wanted)
{
    while (made && !wanted_same(&made->document.wanted, wanted))
        made = made->next;
    return made;
}

struct scrape_result *
results_get(struct results *results, struct round *round, struct scrape_result **made, const struct wanted *wanted)
{
    struct wanted uncoded = *wanted;
    struct scrape_result *result = result_find(*made, wanted), *plain = NULL;
    int failed;

    if (result)
        return result;
    uncoded.coding = CODING_IDENTITY;
    if (wanted->coding != CODING_IDENTITY && !(plain = results_get(results, round, made, &uncoded)))
        return NULL;
    result = result_new(results, wanted);
    if (!result)
        return NULL;
    failed = plain ? round_compress(round, &plain->document, &result->document) : round_make(round, &result->document);
    if (failed) {
        scrape_result_free(result);
        return NULL;
    }
    result->next = *made;
    *made = result;
    return result;
}

void
results_begin(struct results *results)
{
    pthread_mutex_lock(&results->lock);
    results->rounds_n++;
    pthread_mutex_unlock(&results->lock);
}

void
results_end(struct scrape_result *made)
{
    struct scrape_result *next;

    for (; made; made = next) {
        next = made->next;
        if (!made->requests_n) /* it was made for a coded one only */
            scrape_result_free(made);
    }
}

void
results_open(struct results *results)
{
    memset(results, 0, sizeof *results);
    pthread_mutex_init(&results->lock, NULL);
}

void
results_close(struct results *results)
{
    uint32_t i;

    for (i = 0; i < RESULTS_SPARES; i++)
        buffer_free(&results->spares[i].buffer);
    pthread_mutex_destroy(&results->lock);
}
