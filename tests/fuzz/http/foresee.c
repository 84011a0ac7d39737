#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/fuzz/http/oracle.h"

#define HEAD_BYTES 4000u /* what certainly has room */
#define HEADERS    40u

struct head {
    char method[24], target[1024];
    int version; /* of HTTP/1.x */
    uint32_t headers_n, hosts_n, lengths_n, codings_n;
    uint64_t length;
    int ends, is_strange; /* Connection: close; a header whose effect is not foreseen */
    int has_strange_length;
};

static int
is_one_of(char c, const char *from, const char *to)
{
    for (; *from; from++, to++)
        if (c >= *from && c <= *to)
            return 1;
    return 0;
}

/*
 * Copies characters of the ranges up to the one that ends them. Returns what is behind it, NULL: something else is
 * there.
 */
static const char *
take(const char *at, const char *end, char stop, const char *from, const char *to, char *out, size_t capacity)
{
    size_t n = 0;

    for (; at < end && is_one_of(*at, from, to) && *at != stop; at++) {
        if (n + 1 == capacity)
            return NULL;
        out[n++] = *at;
    }
    out[n] = 0;
    return at < end && *at == stop ? at + 1 : NULL;
}

static void
take_length(struct head *head, const char *value)
{
    head->lengths_n++;
    if (!*value || strspn(value, "0123456789") != strlen(value) || strlen(value) > 9)
        head->is_strange = head->has_strange_length = 1;
    else
        head->length = strtoull(value, NULL, 10);
}

static void
note(struct head *head, const char *name, const char *value)
{
    static const char *const strange[] = { "expect", "upgrade", "proxy-connection", "keep-alive",
                                           "cookie", "te",      "trailer" };
    size_t i;

    if (!strcasecmp(name, "host"))
        head->hosts_n++;
    else if (!strcasecmp(name, "content-length"))
        take_length(head, value);
    else if (!strcasecmp(name, "transfer-encoding"))
        head->codings_n++;
    else if (!strcasecmp(name, "connection") && !strcmp(value, "close"))
        head->ends = 1;
    else if (!strcasecmp(name, "connection") && strcmp(value, "keep-alive"))
        head->is_strange = 1;
    for (i = 0; i < sizeof strange / sizeof *strange; i++)
        head->is_strange |= !strcasecmp(name, strange[i]);
}

/* "name: value" and its end. */
static const char *
take_header(struct head *head, const char *at, const char *end)
{
    char name[64], value[512];
    size_t n;

    at = take(at, end, ':', "AZaz09--", "ZZzz99--", name, sizeof name);
    if (!at || !*name || at == end || *at != ' ')
        return NULL;
    at = take(at + 1, end, '\r', " ", "~", value, sizeof value);
    if (!at || at == end || *at != '\n' || ++head->headers_n > HEADERS)
        return NULL;
    n = strlen(value);
    if (!n || value[0] == ' ' || value[n - 1] == ' ')
        head->is_strange = 1; /* blanks around a value, or none at all */
    note(head, name, value);
    return at + 1;
}

/* A head of the plainest form. Returns what is behind it; NULL: it is none, or not whole. */
static const char *
take_head(struct head *head, const char *at, const char *end)
{
    const char *begin = at;
    char version[16] = "";

    memset(head, 0, sizeof *head);
    at = take(at, end, ' ', "A", "Z", head->method, sizeof head->method);
    if (at) /* a method there has to be */
        at = *head->method ? take(at, end, ' ', "!", "~", head->target, sizeof head->target) : NULL;
    if (at)
        at = take(at, end, '\r', "/.AZ09", "/.ZZ99", version, sizeof version);
    if (!at || at == end || *at != '\n' || (strcmp(version, "HTTP/1.1") && strcmp(version, "HTTP/1.0")))
        return NULL;
    head->version = version[7] - '0';
    for (at++; at && end - at >= 2 && memcmp(at, "\r\n", 2);)
        at = take_header(head, at, end);
    if (!at || end - at < 2 || at + 2 - begin > (long)HEAD_BYTES)
        return NULL;
    return at + 2;
}

/* The path that is meant, without the query; NULL: not foreseen. */
static const char *
path_of(char *target)
{
    char *path = target;

    if (!strncmp(target, "http://", 7)) {
        size_t host = strspn(target + 7, "abcdefghijklmnopqrstuvwxyz0123456789.:");
        path = target + 7 + host;
        if (!host || (*path && *path != '/'))
            return NULL;
        if (!*path)
            return "/";
    }
    if (*path != '/' || strpbrk(path, "#%\\+"))
        return NULL;
    path[strcspn(path, "?")] = 0;
    return path;
}

/* What is at a path. */
static void
want_page(struct http_wanted *out, const char *path, int is_ready)
{
    static const struct {
        const char *path, *body;
    } pages[] = { { "/metrics", "metrics" },        { "/health", "health" }, { "/-/ready", "ready" },
                  { "/api/v1/summary", "summary" }, { "/", "page" },         { "/-/healthy", "shmeter-exporter is" } };
    size_t i;

    out->status = 404;
    for (i = 0; i < sizeof pages / sizeof *pages; i++)
        if (!strcmp(path, pages[i].path)) {
            out->status = !strcmp(path, "/-/ready") && !is_ready ? 503 : 200;
            out->body = pages[i].body;
        }
}

/* Returns 0: nothing is foreseen. */
static int
want(struct http_wanted *out, struct head *head, int is_ready, int may_reload)
{
    const char *path = path_of(head->target);
    int changes = !strcmp(head->method, "POST") || !strcmp(head->method, "PUT");

    memset(out, 0, sizeof *out);
    out->is_head = !strcmp(head->method, "HEAD");
    out->may_close = head->version == 0;
    out->is_last = head->ends;
    if (head->has_strange_length) /* the library may answer by itself: 413 */
        return 0;
    if ((head->version == 1 && !head->hosts_n) || head->codings_n || head->lengths_n > 1 || head->hosts_n > 1) {
        out->status = 400;
        out->is_last = 1;
        return 1;
    }
    if (!path || head->is_strange || !strcmp(head->method, "CONNECT"))
        return 0;
    if (head->length) {
        out->status = 413;
        out->is_last = 1;
    } else if (!strcmp(path, "/-/reload")) {
        out->status = !changes ? 405 : may_reload ? 200 : 403;
    } else if (strcmp(head->method, "GET") && !out->is_head) {
        out->status = 405;
    } else {
        want_page(out, path, is_ready);
    }
    return 1;
}

void
http_foresee(struct http_wants *out, const char *stream, size_t bytes, int is_ready, int may_reload)
{
    const char *at = stream, *end = stream + bytes;
    struct head head;

    memset(out, 0, sizeof *out);
    while (at < end) {
        struct http_wanted *wanted = &out->answers[out->answers_n];
        at = take_head(&head, at, end);
        if (!at || out->answers_n == HTTP_ANSWERS - 1 || !want(wanted, &head, is_ready, may_reload)) {
            out->is_open = 1;
            return;
        }
        out->answers_n++;
        if (wanted->is_last)
            return;
        if (wanted->may_close) {
            out->is_open = 1;
            return;
        }
    }
}
