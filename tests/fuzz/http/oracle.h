/*
 * What a client of HTTP/1.1 may expect, written from RFC 9112 and docs/web.md and not from the server: which answers
 * the first requests of a stream must get, and whether a stream of answers is one.
 */
#ifndef SHMETER_TESTS_FUZZ_HTTP_ORACLE_H
#define SHMETER_TESTS_FUZZ_HTTP_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_ANSWERS 64

struct http_wanted {
    unsigned status;
    int is_head;      /* no body */
    int is_last;      /* the connection ends behind it */
    int may_close;    /* it may, and what follows is not foreseen */
    const char *body; /* begins so; NULL: whatever */
};

struct http_wants {
    struct http_wanted answers[HTTP_ANSWERS];
    uint32_t answers_n;
    int is_open; /* there is more in the stream, of which nothing is foreseen but that each answer is well-formed */
};

/* is_ready: what /-/ready says. may_reload: whether /-/reload does. */
void http_foresee(struct http_wants *out, const char *stream, size_t bytes, int is_ready, int may_reload);

/*
 * Holds the answers against it. is_ended: the server has closed the connection. Returns NULL, or what is wrong.
 * *statuses_n and statuses tell what came.
 */
const char *http_judge(const struct http_wants *wants, const char *stream, size_t stream_bytes, const char *answers,
                       size_t bytes, int is_ended, unsigned statuses[HTTP_ANSWERS], uint32_t *statuses_n);

#endif
