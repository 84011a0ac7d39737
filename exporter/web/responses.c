/* The fixed responses, and headers for all responses. */
#include "exporter/web/responses.h"

#include <errno.h>
#include <string.h>

struct fixed {
    unsigned status;
    const char *body;
    const char *header, *value; /* one more header, or NULL */
};

static const struct fixed fixed_responses[RESPONSES] = {
    [RESPONSE_HEALTHY] = { MHD_HTTP_OK, "shmeter-exporter is running.\n", NULL, NULL },
    [RESPONSE_NOT_FOUND] = { MHD_HTTP_NOT_FOUND, "There is no such page; / lists those that exist.\n", NULL, NULL },
    [RESPONSE_METHOD] = { MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD are answered.\n", MHD_HTTP_HEADER_ALLOW,
                          "GET, HEAD" },
    [RESPONSE_BAD_BODY] = { MHD_HTTP_BAD_REQUEST, "The request states its body's length in an ambiguous way.\n",
                            MHD_HTTP_HEADER_CONNECTION, "close" },
    [RESPONSE_BAD_HEAD] = { MHD_HTTP_BAD_REQUEST, "The head of the request is malformed.\n", MHD_HTTP_HEADER_CONNECTION,
                            "close" },
    [RESPONSE_NO_HOST] = { MHD_HTTP_BAD_REQUEST, "The request names no host.\n", MHD_HTTP_HEADER_CONNECTION, "close" },
    [RESPONSE_BAD_HOST] = { MHD_HTTP_BAD_REQUEST, "The request names more than one host.\n", MHD_HTTP_HEADER_CONNECTION,
                            "close" },
    [RESPONSE_LARGE_BODY] = { MHD_HTTP_CONTENT_TOO_LARGE, "Requests with a body are not answered.\n",
                              MHD_HTTP_HEADER_CONNECTION, "close" },
    [RESPONSE_BAD_QUERY] = { MHD_HTTP_BAD_REQUEST,
                             "name[] and collect[] have at most 1000 bytes; collect[] is one of application, segments, "
                             "health, processes, exporter.\n",
                             NULL, NULL },
    [RESPONSE_UNAUTHORIZED] = { MHD_HTTP_UNAUTHORIZED, "A user's name and password are needed.\n",
                                MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"shmeter\", charset=\"UTF-8\"" },
    [RESPONSE_BUSY] = { MHD_HTTP_SERVICE_UNAVAILABLE, "Too many passwords wait to be checked; try again.\n",
                        MHD_HTTP_HEADER_RETRY_AFTER, "1" },
    [RESPONSE_LIMITED] = { MHD_HTTP_TOO_MANY_REQUESTS, "There are too many requests; try again.\n",
                           MHD_HTTP_HEADER_RETRY_AFTER, "1" },
    [RESPONSE_RELOAD_METHOD] = { MHD_HTTP_METHOD_NOT_ALLOWED, "Only POST and PUT are answered here.\n",
                                 MHD_HTTP_HEADER_ALLOW, "POST, PUT" },
    [RESPONSE_RELOAD_OFF] = { MHD_HTTP_FORBIDDEN, "Lifecycle API is not enabled (--web.enable-lifecycle).\n", NULL,
                              NULL },
    [RESPONSE_NO_MEMORY] = { MHD_HTTP_INTERNAL_SERVER_ERROR, "The exporter has no memory for the answer.\n", NULL,
                             NULL },
};

static int
add_headers(struct MHD_Response *response, const char *content_type, const struct web_header *headers)
{
    int fine = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) == MHD_YES &&
               MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES;
    unsigned i;

    if (!headers[WEB_HEADER_CONTENT_TYPE].value)
        fine = fine && MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    for (i = 0; i < WEB_HEADERS; i++)
        if (headers[i].value)
            fine = fine && MHD_add_response_header(response, headers[i].name, headers[i].value) == MHD_YES;
    return fine;
}

static struct MHD_Response *
make_fixed(const struct fixed *fixed, const struct web_header *headers)
{
    /* The library's parameter is not const, but it does not write to a buffer that is declared persistent. */
    union {
        const char *in;
        void *out;
    } body = { fixed->body };
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(fixed->body), body.out,
                                                                    MHD_RESPMEM_PERSISTENT);

    if (!response)
        return NULL;
    if (add_headers(response, "text/plain; charset=utf-8", headers) &&
        (!fixed->header || MHD_add_response_header(response, fixed->header, fixed->value) == MHD_YES))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

int
responses_make(struct responses *responses, const struct web_header *headers)
{
    int i;

    memset(responses, 0, sizeof *responses);
    for (i = 0; i < RESPONSES; i++) {
        responses->fixed[i] = make_fixed(&fixed_responses[i], headers);
        if (!responses->fixed[i]) {
            responses_destroy(responses);
            return -ENOMEM;
        }
    }
    return 0;
}

void
responses_destroy(struct responses *responses)
{
    int i;

    for (i = 0; i < RESPONSES; i++)
        if (responses->fixed[i])
            MHD_destroy_response(responses->fixed[i]);
    memset(responses, 0, sizeof *responses);
}

unsigned
responses_status_fixed(enum fixed_response which)
{
    return fixed_responses[which].status;
}

enum MHD_Result
responses_queue(const struct responses *responses, struct MHD_Connection *connection, enum fixed_response which)
{
    return MHD_queue_response(connection, fixed_responses[which].status, responses->fixed[which]);
}

struct MHD_Response *
responses_of_document(const struct document *document, const struct web_header *headers,
                      MHD_ContentReaderFreeCallback freed, void *argument)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        document->body.len, document->body.data, freed, argument);
    int fine;

    if (!response)
        return NULL;
    fine = add_headers(response, document->content_type, headers);
    if (document->wanted.kind == DOCUMENT_METRICS) /* also without compression, because caches need it */
        fine = fine && MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding") == MHD_YES;
    if (document->wanted.coding == CODING_GZIP)
        fine = fine && MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip") == MHD_YES;
    if (document->wanted.kind == DOCUMENT_PAGE && !headers[WEB_HEADER_CSP].value)
        fine = fine &&
               MHD_add_response_header(response, "Content-Security-Policy",
                                       "default-src 'none'; style-src 'unsafe-inline'; "
                                       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'") == MHD_YES;
    if (fine)
        return response;
    MHD_destroy_response(response); /* this calls freed */
    return NULL;
}

struct MHD_Response *
responses_of_text(const char *text, const struct web_header *headers)
{
    union {
        const char *in;
        void *out;
    } body = { text };
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), body.out, MHD_RESPMEM_MUST_COPY);

    if (!response || add_headers(response, "text/plain; charset=utf-8", headers))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

unsigned
responses_status_of(const struct document *document)
{
    return document->good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}
