/*
 * The exporter's documents besides metrics, a function for each kind, which renders the last reading as bytes. It knows
 * neither threads nor HTTP.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_DOCUMENTS_H
#define SHMETER_EXPORTER_SCRAPE_DOCUMENTS_H

#include "base/containers/buffer.h"
#include "health/health.h"

struct rules;

struct documents_context {
    const struct segment_status *const *statuses;
    uint32_t statuses_n;
    const struct health *health;
    const struct rules *rules; /* NULL: none */
    const char *telemetry_path;
};

/* Each appends a document to out and returns 0 or -ENOMEM. *good becomes 0 when the document reports a problem. */
int document_health(const struct documents_context *context, struct buffer *out, int *good);
int document_summary(const struct documents_context *context, struct buffer *out, int *good);
int document_ready(const struct documents_context *context, struct buffer *out, int *good);
int document_page(const struct documents_context *context, struct buffer *out, int *good);

#endif
