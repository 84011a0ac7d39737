/*
 * Two Content-Length headers, or one beside a Transfer-Encoding, are how requests are smuggled past proxies; libmicrohttpd lets
 * them through, so they are refused here. Paths are compared as they were sent, with nothing decoded.
 */
#include "exporter/web/routes.h"

#include <string.h>
#include <strings.h>

struct body_headers {
    unsigned lengths_n, encodings_n;
    int is_empty; /* every length is 0 */
};

static enum MHD_Result
look_at_header(void *argument, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct body_headers *seen = argument;

    (void)kind;
    if (!strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
        seen->lengths_n++;
        if (!value || strcmp(value, "0"))
            seen->is_empty = 0;
    }
    seen->encodings_n += !strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    return MHD_YES;
}

static struct route
route_fixed(enum fixed_response fixed)
{
    return (struct route){ .is_fixed = 1, .fixed = fixed };
}

static struct route
route_document(enum document_kind kind)
{
    return (struct route){ .wanted = { .kind = kind, .encoder = kind == DOCUMENT_METRICS ? &encode_text : NULL } };
}

/* The path of http://host/path (RFC 9112, 3.2.2). */
static const char *
path_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path;

    if (url[0] == '/' || !host)
        return url;
    path = strchr(host + 3, '/');
    return path ? path : "/";
}

struct route
route_of(struct MHD_Connection *connection, const char *method, const char *url, const char *telemetry_path)
{
    struct body_headers seen = { 0, 0, 1 };
    const char *path = path_of(url);

    MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at_header, &seen);
    if (seen.encodings_n || seen.lengths_n > 1)
        return route_fixed(RESPONSE_BAD_BODY);
    if (!seen.is_empty)
        return route_fixed(RESPONSE_LARGE_BODY);
    if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
        return route_fixed(RESPONSE_METHOD);
    if (!strcmp(path, telemetry_path))
        return route_document(DOCUMENT_METRICS);
    if (!strcmp(path, "/health"))
        return route_document(DOCUMENT_HEALTH);
    if (!strcmp(path, "/-/healthy"))
        return route_fixed(RESPONSE_HEALTHY);
    if (!strcmp(path, "/-/ready"))
        return route_document(DOCUMENT_READY);
    if (!strcmp(path, "/"))
        return route_document(DOCUMENT_PAGE);
    return route_fixed(RESPONSE_NOT_FOUND);
}
