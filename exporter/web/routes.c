/*
 * Finds what a request asks for. libmicrohttpd accepts heads that proxies may read in another way, by which requests
 * could be smuggled: two Content-Length headers, or one together with Transfer-Encoding; names of headers that are no
 * tokens, such as one with a blank before the colon; NUL bytes. They are refused here. So is a request of HTTP/1.1
 * without Host, of which the library would send the head of the answer twice. Paths are compared as they were sent,
 * without decoding.
 */
#include "exporter/web/routes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "exporter/web/negotiate.h"
#include "formats/encode.h"

#define LIST_BYTES 2048u /* of an Accept header; longer ones are cut */

struct head {
    unsigned lengths_n, encodings_n, hosts_n;
    int is_empty;                                         /* 1: every Content-Length is 0 */
    int is_broken;                                        /* 1: a name is no token, or there is a NUL */
    char accept[LIST_BYTES], accept_encoding[LIST_BYTES]; /* of all header lines of the name, joined (RFC 9110, 5.2) */
};

static void
join(char list[LIST_BYTES], const char *value)
{
    size_t len = strlen(list), more = value ? strlen(value) : 0;

    if (len && len + 1 < LIST_BYTES)
        list[len++] = ',';
    if (more > LIST_BYTES - 1 - len)
        more = LIST_BYTES - 1 - len;
    if (more)
        memcpy(list + len, value, more);
    list[len + more] = 0;
}

/* RFC 9110, 5.6.2. */
static int
is_token(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
              (text[i] >= '0' && text[i] <= '9') || (text[i] && strchr("!#$%&'*+-.^_`|~", text[i]))))
            return 0;
    return len > 0;
}

static enum MHD_Result
look_at_header(void *argument, enum MHD_ValueKind kind, const char *key, size_t key_len, const char *value,
               size_t value_len)
{
    struct head *seen = argument;

    (void)kind;
    seen->is_broken |= !is_token(key, key_len) || (value && strlen(value) != value_len);
    if (!strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
        seen->lengths_n++;
        if (!value || !*value || strspn(value, "0") != strlen(value))
            seen->is_empty = 0;
    }
    seen->encodings_n += !strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    seen->hosts_n += !strcasecmp(key, MHD_HTTP_HEADER_HOST);
    if (!strcasecmp(key, MHD_HTTP_HEADER_ACCEPT))
        join(seen->accept, value);
    else if (!strcasecmp(key, MHD_HTTP_HEADER_ACCEPT_ENCODING))
        join(seen->accept_encoding, value);
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
    return (struct route){ .wanted = { .kind = kind } };
}

/* Of a query: what it chooses, and whether a parameter is wrong. */
struct query {
    struct selection selection;
    int is_wrong;
};

static enum MHD_Result
look_at_parameter(void *argument, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct query *query = argument;
    char name[16], text[SELECTION_BYTES];

    (void)kind;
    if (snprintf(name, sizeof name, "%s", key) >= (int)sizeof name || selection_decode(name))
        return MHD_YES; /* none of ours */
    if (strcmp(name, "name[]") && strcmp(name, "collect[]"))
        return MHD_YES;
    if (!value || snprintf(text, sizeof text, "%s", value) >= (int)sizeof text || selection_decode(text) ||
        (*name == 'n' ? selection_add_name : selection_add_group)(&query->selection, text))
        query->is_wrong = 1;
    return MHD_YES;
}

static struct route
route_metrics(struct MHD_Connection *connection, const struct head *head)
{
    static const struct encoder *const encoders[] = {
        [NEGOTIATE_TEXT] = &encode_text,
        [NEGOTIATE_OPENMETRICS] = &encode_openmetrics,
        [NEGOTIATE_PROTOBUF] = &encode_protobuf,
    };

    const struct negotiated negotiated = negotiate_accept(head->accept);
    struct route route = {
        .wanted = { .kind = DOCUMENT_METRICS, .encoder = encoders[negotiated.format], .escaping = negotiated.escaping }
    };
    struct query query = { .is_wrong = 0 };

    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, look_at_parameter, &query);
    if (query.is_wrong)
        return route_fixed(RESPONSE_BAD_QUERY);
    route.wanted.coding = negotiate_gzip(head->accept_encoding) ? CODING_GZIP : CODING_IDENTITY;
    route.wanted.selection = query.selection;
    negotiate_type(&negotiated, route.wanted.type, sizeof route.wanted.type);
    return route;
}

/* /-/reload, the only path that changes something. */
static struct route
route_reload(const char *method)
{
    if (strcmp(method, MHD_HTTP_METHOD_POST) && strcmp(method, MHD_HTTP_METHOD_PUT))
        return route_fixed(RESPONSE_RELOAD_METHOD);
    return (struct route){ .is_reload = 1 };
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
route_of(struct MHD_Connection *connection, const char *method, const char *url, const char *version,
         const char *telemetry_path)
{
    struct head seen = { .is_empty = 1 };
    const char *path = path_of(url);

    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at_header, &seen);
    if (seen.is_broken || strpbrk(url, " \t"))
        return route_fixed(RESPONSE_BAD_HEAD);
    if (!seen.hosts_n && !strcmp(version, MHD_HTTP_VERSION_1_1))
        return route_fixed(RESPONSE_NO_HOST);
    if (seen.encodings_n || seen.lengths_n > 1)
        return route_fixed(RESPONSE_BAD_BODY);
    if (seen.hosts_n > 1) /* RFC 9112, 3.2 */
        return route_fixed(RESPONSE_BAD_HOST);
    if (!seen.is_empty)
        return route_fixed(RESPONSE_LARGE_BODY);
    if (!strcmp(path, "/-/reload"))
        return route_reload(method);
    if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
        return route_fixed(RESPONSE_METHOD);
    if (!strcmp(path, telemetry_path))
        return route_metrics(connection, &seen);
    if (!strcmp(path, "/health"))
        return route_document(DOCUMENT_HEALTH);
    if (!strcmp(path, "/api/v1/summary"))
        return route_document(DOCUMENT_SUMMARY);
    if (!strcmp(path, "/-/healthy"))
        return route_fixed(RESPONSE_HEALTHY);
    if (!strcmp(path, "/-/ready"))
        return route_document(DOCUMENT_READY);
    if (!strcmp(path, "/"))
        return route_document(DOCUMENT_PAGE);
    return route_fixed(RESPONSE_NOT_FOUND);
}
