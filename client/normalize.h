/*
 * The path of a request as a label value, with {id} in place of parts that name one object among many. shmeter_path.h
 * has the rules. "Segment" is a part of a path here; shared memory is not used.
 */
#ifndef SHMETER_CLIENT_NORMALIZE_H
#define SHMETER_CLIENT_NORMALIZE_H

#include <stddef.h>
#include <stdint.h>

#include "../shm/machine/linkage.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SHMETER_PATH_LONGEST 64u /* a longer segment is not a word that a program's author chose */
#define SHMETER_PATH_TOKEN   16u /* a random token has at least so many bytes */
#define SHMETER_PATH_HASH    8u  /* and a hash so many hexadecimal digits */
#define SHMETER_PATH_CHANGES 9u  /* of the kind of character in a token; a change from or to digits counts twice */

/* The characters of a segment: how many there are of each kind, and how often the kind changes. */
struct shmeter_path_segment {
    uint32_t bytes, digits, hex, letters, marks, token, changes, at; /* at: '@' inside of it */
    uint32_t dots_behind_at;
};

enum shmeter_path_kind { SHMETER_PATH_OTHER, SHMETER_PATH_DIGIT, SHMETER_PATH_LOWER, SHMETER_PATH_UPPER };

SHMETER_INLINE enum shmeter_path_kind
shmeter_path_kind_of(unsigned char c)
{
    return c >= '0' && c <= '9'   ? SHMETER_PATH_DIGIT
           : c >= 'a' && c <= 'z' ? SHMETER_PATH_LOWER
           : c >= 'A' && c <= 'Z' ? SHMETER_PATH_UPPER
                                  : SHMETER_PATH_OTHER;
}

SHMETER_LOCAL void
shmeter_path_look(struct shmeter_path_segment *out, const char *text, size_t n)
{
    static const struct shmeter_path_segment none = { 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    enum shmeter_path_kind last = SHMETER_PATH_OTHER;
    size_t i;
    *out = none;
    out->bytes = (uint32_t)n;
    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        enum shmeter_path_kind kind = shmeter_path_kind_of(c);
        if (kind == SHMETER_PATH_DIGIT) {
            out->digits++;
            out->hex++;
        } else if (kind != SHMETER_PATH_OTHER) {
            out->letters++;
            out->hex += (c | 32) <= 'f';
        } else if (c == '-' || c == '_' || c == '.' || c == ':' || c == '+' || c == ',') {
            out->marks++;
        } else if (c == '@') {
            out->at += i > 0;
        }
        out->dots_behind_at += c == '.' && out->at;
        out->token += kind != SHMETER_PATH_OTHER || c == '-' || c == '_' || c == '=' || c == '.' || c == '~';
        if (kind != SHMETER_PATH_OTHER && last != SHMETER_PATH_OTHER && kind != last)
            out->changes += kind == SHMETER_PATH_DIGIT || last == SHMETER_PATH_DIGIT ? 2 : 1;
        last = kind;
    }
}

/* 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4). */
SHMETER_LOCAL int
shmeter_path_is_uuid(const struct shmeter_path_segment *segment, const char *text)
{
    return segment->bytes == 36 && segment->hex == 32 && text[8] == '-' && text[13] == '-' && text[18] == '-' &&
           text[23] == '-';
}

/* Whether a segment names one object among many. Its last extension, of at most 5 letters, is ignored. */
SHMETER_LOCAL int
shmeter_path_is_id(const char *text, size_t n)
{
    struct shmeter_path_segment s;
    uint32_t others;
    size_t dot, whole = n;
    if (n > SHMETER_PATH_LONGEST)
        return 1;
    for (dot = n; dot > 1 && n - dot < 6 && shmeter_path_kind_of((unsigned char)text[dot - 1]) >= SHMETER_PATH_LOWER;)
        dot--;
    if (dot > 1 && dot < n && n - dot <= 5 && text[dot - 1] == '.')
        n = dot - 1;
    shmeter_path_look(&s, text, n);
    if (s.at && (s.dots_behind_at || n < whole))
        return 1; /* an e-mail address */
    if (!s.digits)
        return 0;
    others = s.bytes - s.digits - s.marks;
    if (!others || shmeter_path_is_uuid(&s, text))
        return 1; /* numbers, dates, versions */
    if (s.hex == s.bytes && s.bytes >= SHMETER_PATH_HASH)
        return 1;
    if (s.bytes > 2 && text[0] == '0' && (text[1] | 32) == 'x' && s.hex == s.bytes - 1)
        return 1;
    if (s.digits >= 4 && s.digits >= s.letters && s.letters + s.marks + s.digits == s.bytes)
        return 1; /* INV-2024-001, 2024-01-31T10:00:00Z */
    return s.token == s.bytes && s.bytes >= SHMETER_PATH_TOKEN && s.digits >= 2 && s.changes >= SHMETER_PATH_CHANGES;
}

/* Appends "/" and n bytes if all of it fits, with a zero behind. */
SHMETER_LOCAL int
shmeter_path_put(char *out, size_t out_bytes, size_t *at, const char *text, size_t n)
{
    size_t i;
    if (out_bytes < 2 || n > out_bytes - 2 || *at > out_bytes - 2 - n)
        return 0;
    out[(*at)++] = '/';
    for (i = 0; i < n; i++)
        out[(*at)++] = text[i];
    return 1;
}

SHMETER_WARM size_t
shmeter_normalize_path(char *out, size_t out_bytes, const char *path, size_t path_len)
{
    size_t at = 0, i = 0, from;
    int fits = 1;
    if (!out || !out_bytes)
        return 0;
    while (fits && path && i < path_len && path[i] && path[i] != '?' && path[i] != '#') {
        for (from = i; i < path_len && path[i] && path[i] != '/' && path[i] != '?' && path[i] != '#'; i++)
            ;
        if (i > from)
            fits = shmeter_path_is_id(path + from, i - from)
                       ? shmeter_path_put(out, out_bytes, &at, "{id}", 4)
                       : shmeter_path_put(out, out_bytes, &at, path + from, i - from);
        if (i < path_len && path[i] == '/')
            i++;
    }
    if (!at)
        shmeter_path_put(out, out_bytes, &at, "", 0);
    out[at] = 0;
    return at;
}

#ifdef __cplusplus
}
#endif

#endif
