/* HTTP/1.1 in small: see http.h. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "http.h"

int
http_socket(in_port_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = port };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    return -1;
}

int
http_accept(int listener)
{
    /* cppcheck-suppress nullPointer ; accept(2): without an address its length is NULL too */
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    return fd;
}

int
http_read(struct http_connection *connection)
{
    ssize_t n = recv(connection->fd, connection->buffer + connection->end, sizeof connection->buffer - connection->end,
                     0);
    if (n > 0)
        connection->end += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static int
bad(struct http_request *request, int status)
{
    *request = (struct http_request){ .status = status, .method = "", .path = "" };
    return 1;
}

/* The value when the line has this name, else NULL. */
static const char *
header_value(const char *line, const char *name)
{
    size_t n = strlen(name);
    return strncasecmp(line, name, n) == 0 && line[n] == ':' ? line + n + 1 + strspn(line + n + 1, " \t") : NULL;
}

/* Reads the header lines of head, which ends with an empty line. Returns the status, and the body's length. */
static int
parse_headers(char *head, struct http_request *request, int minor, size_t *body_bytes)
{
    int hosts = 0, lengths = 0;
    char *end;
    for (char *line = head; *line; line = end + 2) {
        const char *value;
        end = strstr(line, "\r\n");
        *end = '\0';
        if (!strchr(line, ':') || line[0] == ' ' || line[0] == '\t')
            return 400;
        if (header_value(line, "Transfer-Encoding"))
            return 501;
        hosts += header_value(line, "Host") != NULL;
        if ((value = header_value(line, "Connection")) && strcasecmp(value, "close") == 0)
            request->keep_alive = 0;
        if ((value = header_value(line, "Content-Length"))) {
            if (lengths++ || !*value || strspn(value, "0123456789") != strlen(value))
                return 400;
            *body_bytes = strlen(value) > 9 ? HTTP_BUFFER_BYTES : strtoul(value, NULL, 10);
        }
    }
    return minor == 1 && hosts != 1 ? 400 : 200;
}

/* Takes "METHOD /path?query HTTP/1.x" apart. Returns the minor version, or -1. */
static int
parse_request_line(char *line, struct http_request *request)
{
    char *path = strchr(line, ' '), *version = path ? strchr(path + 1, ' ') : NULL;
    if (!version || path == line || path[1] != '/' || strncmp(version, " HTTP/1.", 8) != 0 ||
        (strcmp(version + 8, "1") != 0 && strcmp(version + 8, "0") != 0))
        return -1;
    *path = *version = '\0';
    path[1 + strcspn(path + 1, "?")] = '\0';
    request->method = line;
    request->path = path + 1;
    return version[8] - '0';
}

/* Makes room for the rest of what has begun. */
static int
incomplete(struct http_connection *connection)
{
    connection->end -= connection->begin;
    memmove(connection->buffer, connection->buffer + connection->begin, connection->end);
    connection->begin = 0;
    return 0;
}

int
http_next(struct http_connection *connection, struct http_request *request)
{
    char *start = connection->buffer + connection->begin;
    size_t bytes = connection->end - connection->begin, body_bytes = 0;
    char *blank = memmem(start, bytes, "\r\n\r\n", 4);
    if (!blank)
        return bytes < sizeof connection->buffer ? incomplete(connection) : bad(request, 431);

    size_t head_bytes = (size_t)(blank - start) + 4;
    char head[HTTP_BUFFER_BYTES + 1]; /* a copy: when the body is not complete the request is read once more */
    memcpy(head, start, head_bytes);
    head[head_bytes - 2] = '\0';
    if (strlen(head) != head_bytes - 2)
        return bad(request, 400);
    char *line_end = strstr(head, "\r\n");
    *line_end = '\0';
    *request = (struct http_request){ .status = 200, .keep_alive = 1 };
    int minor = parse_request_line(head, request);
    if (minor < 0)
        return bad(request, 400);
    request->keep_alive = minor == 1;
    int status = parse_headers(line_end + 2, request, minor, &body_bytes);
    if (status != 200)
        return bad(request, status);
    if (head_bytes + body_bytes > sizeof connection->buffer)
        return bad(request, 413);
    if (head_bytes + body_bytes > bytes)
        return incomplete(connection);
    connection->begin += head_bytes + body_bytes;
    memcpy(start, head, head_bytes); /* method and path stay there, with their ends */
    request->method = start;
    request->path = start + (request->path - head);
    return 1;
}

static const char *
reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    default:
        return "Internal Server Error";
    }
}

int
http_send(struct http_connection *connection, const struct http_request *request, int status, const char *body)
{
    char text[512];
    const char *allow = status == 405 ? "Allow: GET, HEAD\r\n" : "";
    const char *end = request->keep_alive ? "" : "Connection: close\r\n";
    const char *sent_body = strcmp(request->method, "HEAD") == 0 ? "" : body;
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s%s\r\n%s", status,
                     reason(status), strlen(body), allow, end, sent_body);
    /* An answer that does not fit the socket's buffer: the client does not read, and is let go. */
    return send(connection->fd, text, (size_t)n, MSG_NOSIGNAL) == n && request->keep_alive;
}
