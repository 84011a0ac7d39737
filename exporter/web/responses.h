/* HTTP responses: fixed ones, which are made once, and those with a document. All have the same security headers. */
#ifndef SHMETER_EXPORTER_WEB_RESPONSES_H
#define SHMETER_EXPORTER_WEB_RESPONSES_H

#include <microhttpd.h>

#include "exporter/scrape/document.h"
#include "exporter/settings/web/config.h"

enum fixed_response {
    RESPONSE_HEALTHY,
    RESPONSE_NOT_FOUND,
    RESPONSE_METHOD,
    RESPONSE_BAD_BODY,   /* the length of the body is ambiguous: the connection ends */
    RESPONSE_BAD_HEAD,   /* a line of the head is no header, or the target has a blank: the connection ends */
    RESPONSE_NO_HOST,    /* a request of HTTP/1.1 without Host: the connection ends */
    RESPONSE_BAD_HOST,   /* more than one Host: the connection ends */
    RESPONSE_LARGE_BODY, /* the request has a body: the connection ends */
    RESPONSE_BAD_QUERY,  /* a parameter of /metrics cannot be understood */
    RESPONSE_UNAUTHORIZED,
    RESPONSE_BUSY,    /* too many passwords wait to be checked: 503 */
    RESPONSE_LIMITED, /* the rate of requests is too high: 429 */
    RESPONSE_RELOAD_METHOD,
    RESPONSE_RELOAD_OFF,
    RESPONSE_NO_MEMORY,
    RESPONSES
};

struct responses {
    struct MHD_Response *fixed[RESPONSES];
};

/*
 * Makes the fixed responses. headers: WEB_HEADERS headers for every response; those that are set replace the default
 * ones. Returns 0 or -ENOMEM.
 */
int responses_make(struct responses *responses, const struct web_header *headers);
void responses_destroy(struct responses *responses);

unsigned responses_status_fixed(enum fixed_response which);

/* Queues a fixed response. */
enum MHD_Result responses_queue(const struct responses *responses, struct MHD_Connection *connection,
                                enum fixed_response which);

/*
 * A response with the document as its body. freed is called with argument when the last connection has released the
 * response; the document must live until then. NULL: no memory.
 */
struct MHD_Response *responses_of_document(const struct document *document, const struct web_header *headers,
                                           MHD_ContentReaderFreeCallback freed, void *argument);

/* A response with a text, which is copied. NULL: no memory. */
struct MHD_Response *responses_of_text(const char *text, const struct web_header *headers);

/* 200, or 503 for a document that reports a problem. */
unsigned responses_status_of(const struct document *document);

#endif
