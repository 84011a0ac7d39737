/*
 * HTTP responses: the fixed ones, made once, and those that have a document. All have the same protective headers.
 */
#ifndef SHMETER_EXPORTER_WEB_RESPONSES_H
#define SHMETER_EXPORTER_WEB_RESPONSES_H

#include <microhttpd.h>

#include "exporter/scrape/document.h"
#include "exporter/settings/web/config.h"

enum fixed_response {
    RESPONSE_HEALTHY,
    RESPONSE_NOT_FOUND,
    RESPONSE_METHOD,
    RESPONSE_BAD_BODY,   /* a body whose length is stated ambiguously: the connection ends                  */
    RESPONSE_BAD_HOST,   /* more than one host: the connection ends                                         */
    RESPONSE_LARGE_BODY, /* a body: the connection ends                                                     */
    RESPONSE_UNAUTHORIZED,
    RESPONSE_BUSY,    /* too many passwords wait to be checked                                            */
    RESPONSE_LIMITED, /* too many requests                                                                */
    RESPONSE_RELOAD_METHOD,
    RESPONSE_RELOAD_OFF,
    RESPONSE_NO_MEMORY,
    RESPONSES
};

struct responses {
    struct MHD_Response *fixed[RESPONSES];
};

/*
 * headers: WEB_HEADERS of them, for every response; where they are set they replace the ones we have. Returns 0 or
 * -ENOMEM.
 */
int responses_make(struct responses *responses, const struct web_header *headers);
void responses_destroy(struct responses *responses);

/* Queues a fixed one. */
enum MHD_Result responses_queue(const struct responses *responses, struct MHD_Connection *connection,
                                enum fixed_response which);

/*
 * A response with the document as its body. freed is called with argument when the last connection is done with it; the
 * document must stay until then. NULL: no memory.
 */
struct MHD_Response *responses_of_document(const struct document *document, const struct web_header *headers,
                                           MHD_ContentReaderFreeCallback freed, void *argument);

/* One with a text of its own, which is copied. NULL: no memory. */
struct MHD_Response *responses_of_text(const char *text, const struct web_header *headers);

/* 200, or 503 for a document that tells of something wrong. */
unsigned responses_status_of(const struct document *document);

#endif
