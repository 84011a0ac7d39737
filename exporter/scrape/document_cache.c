/*
 * Documents are shared by two threads: the scraper's thread makes a document, and the thread that has sent it to the
 * last request frees it. Only the spare buffers are under the lock.
 */
#include "exporter/scrape/document_cache.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_ROUNDS 8u /* a spare buffer that was not used for so many rounds is freed */

/*
 * Takes the spare buffer of an earlier document of this kind, which is probably large enough; or returns an empty
 * buffer.
 */
static struct buffer
spare_take(struct document_cache *cache, const struct wanted *wanted)
{
    struct buffer found = { NULL, 0, 0 };
    uint32_t i;

    pthread_mutex_lock(&cache->lock);
    for (i = 0; i < DOCUMENT_SPARES && !found.capacity; i++)
        if (cache->spares[i].buffer.capacity && wanted_same(&cache->spares[i].wanted, wanted)) {
            found = cache->spares[i].buffer;
            memset(&cache->spares[i].buffer, 0, sizeof cache->spares[i].buffer);
        }
    pthread_mutex_unlock(&cache->lock);
    found.len = 0;
    return found;
}

/* Keeps one buffer of each kind for the next document, and frees those that are no longer used. */
static void
spare_keep(struct document_cache *cache, const struct wanted *wanted, struct buffer *buffer)
{
    struct buffer old[DOCUMENT_SPARES];
    struct document_spare *place = NULL;
    uint32_t i, old_n = 0;

    pthread_mutex_lock(&cache->lock);
    for (i = 0; i < DOCUMENT_SPARES; i++) {
        struct document_spare *spare = &cache->spares[i];
        int same = spare->buffer.capacity && wanted_same(&spare->wanted, wanted);
        if (spare->buffer.capacity && (same || cache->rounds_n - spare->round > SPARE_ROUNDS)) {
            old[old_n++] = spare->buffer;
            memset(&spare->buffer, 0, sizeof spare->buffer);
        }
        if (!spare->buffer.capacity)
            place = spare;
    }
    if (place) {
        *place = (struct document_spare){ *wanted, *buffer, cache->rounds_n };
        memset(buffer, 0, sizeof *buffer);
    }
    pthread_mutex_unlock(&cache->lock);
    for (i = 0; i < old_n; i++)
        buffer_free(&old[i]);
}

/* Whether the next round is likely to want the same. */
static int
is_usual(const struct wanted *wanted)
{
    return wanted->kind == DOCUMENT_METRICS && selection_is_empty(&wanted->selection);
}

static struct document *
document_new(struct document_cache *cache, const struct wanted *wanted)
{
    struct document *document = calloc(1, sizeof *document);

    if (!document)
        return NULL;
    document->cache = cache;
    document->wanted = *wanted;
    if (is_usual(wanted))
        document->body = spare_take(cache, wanted);
    return document;
}

void
document_free(struct document *document)
{
    if (!document)
        return;
    if (is_usual(&document->wanted) && document->body.capacity)
        spare_keep(document->cache, &document->wanted, &document->body);
    buffer_free(&document->body);
    free(document);
}

static struct document *
find(struct document *made, const struct wanted *wanted)
{
    while (made && !wanted_same(&made->wanted, wanted))
        made = made->next;
    return made;
}

struct document *
document_cache_get(struct document_cache *cache, struct round *round, struct document **made,
                   const struct wanted *wanted)
{
    struct wanted uncoded = *wanted;
    struct document *document = find(*made, wanted), *plain = NULL;

    if (document)
        return document;
    uncoded.coding = CODING_IDENTITY;
    if (wanted->coding != CODING_IDENTITY && !(plain = document_cache_get(cache, round, made, &uncoded)))
        return NULL;
    document = document_new(cache, wanted);
    if (!document)
        return NULL;
    if (plain ? round_compress(round, plain, document) : round_make(round, document)) {
        document_free(document);
        return NULL;
    }
    document->next = *made;
    *made = document;
    return document;
}

void
document_cache_begin(struct document_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    cache->rounds_n++;
    pthread_mutex_unlock(&cache->lock);
}

void
document_cache_end(struct document *made)
{
    struct document *next;

    for (; made; made = next) {
        next = made->next;
        if (!made->requests_n) /* it was made only to be compressed */
            document_free(made);
    }
}

void
document_cache_open(struct document_cache *cache)
{
    memset(cache, 0, sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
}

void
document_cache_close(struct document_cache *cache)
{
    uint32_t i;

    for (i = 0; i < DOCUMENT_SPARES; i++)
        buffer_free(&cache->spares[i].buffer);
    pthread_mutex_destroy(&cache->lock);
}
