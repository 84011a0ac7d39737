/*
 * As much of HTTP/1.1 as the pool needs: keep-alive, pipelining, small bodies (read and ignored), plain answers. It knows sockets
 * and bytes, not what is served, and nothing of metrics.
 */
#ifndef POOL_HTTP_H
#define POOL_HTTP_H

#include <netinet/in.h>
#include <stddef.h>

#define HTTP_BUFFER_BYTES 8192 /* a request with its body must fit */

struct http_connection {
    int fd; /* non-blocking */
    size_t begin, end;
    char buffer[HTTP_BUFFER_BYTES];
};

struct http_request {
    int status;         /* 200: well-formed. Else the error to answer with, and method and path may be "" */
    int keep_alive;     /* 0: the connection ends with the answer                                         */
    const char *method; /* these two stay until the next http_next()                                      */
    const char *path;   /* without the query                                                              */
};

/* A socket of its own on 127.0.0.1:port (network order), shareable by SO_REUSEPORT, not listening yet. -1: see errno. */
int http_socket(in_port_t port);

/* Takes the next connection that waits, or returns -1. */
int http_accept(int listener);

/* Reads what has arrived. Returns 0 when the other side has gone. */
int http_read(struct http_connection *connection);

/* Takes the next complete request, or one that cannot become complete, out of the buffer. Returns 0 when there is none. */
int http_next(struct http_connection *connection, struct http_request *request);

/* Sends an answer; body is short. Returns 0 when the connection is to be closed. */
int http_send(struct http_connection *connection, const struct http_request *request, int status, const char *body);

#endif
