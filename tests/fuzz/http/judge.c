#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/fuzz/http/oracle.h"

struct answer {
    unsigned status;
    int has_length, is_last, is_ours;
    uint64_t length;
    const char *body;
};

static const char *
fault(const char *format, const char *at, const char *end)
{
    static char text[256];

    snprintf(text, sizeof text, format, (int)(end - at > 100 ? 100 : end - at), at);
    return text;
}

static int
is_known(unsigned status)
{
    static const unsigned known[] = { 100, 200, 400, 403, 404, 405, 413, 414, 431, 501, 503, 505 };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == status)
            return 1;
    return 0;
}

/* Returns the line's end, of which "\r\n" follows; NULL: there is none, or a line end or control character is in it. */
static const char *
line_end(const char *at, const char *end)
{
    for (; at < end && *at != '\r'; at++)
        if ((unsigned char)*at < 0x20 && *at != '\t')
            return NULL;
    return end - at >= 2 && at[1] == '\n' ? at : NULL;
}

static const char *
take_header(struct answer *answer, const char *at, const char *end)
{
    const char *colon = memchr(at, ':', (size_t)(end - at));

    if (!colon || colon == at || memchr(at, ' ', (size_t)(colon - at)) || colon + 1 == end || colon[1] != ' ')
        return fault("not a header: %.*s", at, end);
    if (!strncasecmp(at, "Content-Length:", 15)) {
        if (answer->has_length || strspn(colon + 2, "0123456789") != (size_t)(end - colon - 2))
            return fault("bad length: %.*s", at, end);
        answer->has_length = 1;
        answer->length = strtoull(colon + 2, NULL, 10);
    }
    if (!strncasecmp(at, "Transfer-Encoding:", 18))
        return fault("an answer in pieces: %.*s", at, end);
    if (!strncasecmp(at, "Connection: close", 17))
        answer->is_last = 1;
    if (!strncasecmp(at, "Cache-Control:", 14))
        answer->is_ours = 1;
    return NULL;
}

static const char *
take_head(struct answer *answer, const char *at, const char *end)
{
    const char *stop = line_end(at, end), *wrong = NULL;

    memset(answer, 0, sizeof *answer);
    if (!stop || stop - at < 13 || (memcmp(at, "HTTP/1.1 ", 9) && memcmp(at, "HTTP/1.0 ", 9)) ||
        strspn(at + 9, "0123456789") != 3 || at[12] != ' ')
        return fault("not a status line: %.*s", at, end);
    answer->status = (unsigned)atoi(at + 9);
    if (!is_known(answer->status))
        return fault("a status that nobody gives: %.*s", at, end);
    for (at = stop + 2; !wrong; at = stop + 2) {
        stop = line_end(at, end);
        if (!stop)
            return fault("a head that does not end: %.*s", at, end);
        if (stop == at)
            break;
        wrong = take_header(answer, at, stop);
    }
    answer->body = stop + 2;
    if (!wrong && answer->status != 100 && !answer->has_length)
        return fault("an answer without a length: %.*s", answer->body, end);
    return wrong;
}

/* Of an answer that nothing was foreseen of: whether it is one to HEAD. No body begins like an answer. */
static int
has_no_body(const struct answer *answer, const char *end, int had_head)
{
    return answer->status == 100 || (had_head && (answer->body == end || !strncmp(answer->body, "HTTP/1.", 7)));
}

static const char *
hold_against(const struct http_wanted *wanted, const struct answer *answer, const char *at, const char *end)
{
    if (answer->status != wanted->status)
        return fault("another status than foreseen: %.*s", at, end);
    if (!wanted->is_head && wanted->body && strncmp(answer->body, wanted->body, strlen(wanted->body)))
        return fault("another page than foreseen: %.*s", answer->body, end);
    if (wanted->is_last && !answer->is_last)
        return fault("the connection is to end: %.*s", at, end);
    return NULL;
}

static int
has_word(const char *stream, size_t bytes, const char *word)
{
    return memmem(stream, bytes, word, strlen(word)) != NULL;
}

const char *
http_judge(const struct http_wants *wants, const char *stream, size_t stream_bytes, const char *answers, size_t bytes,
           int is_ended, unsigned statuses[HTTP_ANSWERS], uint32_t *statuses_n)
{
    const char *at = answers, *end = answers + bytes, *wrong;
    const int had_head = has_word(stream, stream_bytes, "HEAD");
    struct answer answer;
    uint32_t n;

    *statuses_n = 0;
    for (n = 0; at < end; n++) {
        const struct http_wanted *wanted = n < wants->answers_n ? &wants->answers[n] : NULL;
        if (!wanted && !wants->is_open)
            return fault("an answer to nothing: %.*s", at, end);
        wrong = take_head(&answer, at, end);
        if (!wrong && wanted)
            wrong = hold_against(wanted, &answer, at, end);
        if (wrong)
            return wrong;
        if (*statuses_n < HTTP_ANSWERS)
            statuses[(*statuses_n)++] = answer.status;
        at = answer.body;
        if (!answer.is_ours && answer.is_last && !strncmp(at, "HTTP/1.", 7)) {
            n--; /* libmicrohttpd 0.9.75 may send the head of an error page of its own twice */
            continue;
        }
        if (wanted ? wanted->is_head : has_no_body(&answer, end, had_head))
            answer.length = 0;
        if (answer.length > (size_t)(end - at))
            return fault("a body that does not end: %.*s", at, end);
        at += answer.length;
        if (answer.is_last && at < end)
            return fault("an answer behind the last one: %.*s", at, end);
        if (answer.is_last && !is_ended)
            return "the connection does not end behind its last answer";
    }
    return n < wants->answers_n ? "a request without an answer" : NULL;
}
