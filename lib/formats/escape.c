#include "formats/escape.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

const char *const escape_words[ESCAPINGS] = {
    [ESCAPE_UNDERSCORES] = "underscores",
    [ESCAPE_NOTHING] = "allow-utf-8",
    [ESCAPE_DOTS] = "dots",
    [ESCAPE_VALUES] = "values",
};

static int
is_plain(char c, int is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (c >= '0' && c <= '9' && !is_first);
}

/* The code point of a well-formed sequence. */
static uint32_t
point_of(const unsigned char *at, size_t bytes)
{
    static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t point = at[0] & masks[bytes];
    size_t i;

    for (i = 1; i < bytes; i++)
        point = point << 6 | (at[i] & 0x3fu);
    return point;
}

/* Appends a character that is no plain one, or _ where the scheme escapes it too. */
static int
add_other(struct buffer *out, const unsigned char *at, size_t bytes, enum escaping escaping)
{
    char hex[16];

    if (escaping == ESCAPE_UNDERSCORES)
        return buffer_append(out, "_", 1);
    if (*at == '_')
        return buffer_append(out, "__", 2);
    if (escaping == ESCAPE_DOTS)
        return buffer_append_string(out, *at == '.' ? "_dot_" : "__");
    snprintf(hex, sizeof hex, "_%x_", bytes ? point_of(at, bytes) : 0xfffdu);
    return buffer_append_string(out, hex);
}

int
escape_name(struct buffer *out, const char *name, enum escaping escaping)
{
    const unsigned char *at = (const unsigned char *)name;
    size_t bytes;
    int result = 0;

    if (escaping == ESCAPE_NOTHING || text_metric_legacy(name))
        return buffer_append_string(out, name);
    if (escaping == ESCAPE_VALUES)
        result |= buffer_append(out, "U__", 3);
    for (; *at && !result; at += bytes + !bytes) {
        bytes = utf8_sequence(at, 4);
        if (is_plain((char)*at, at == (const unsigned char *)name) && !(*at == '_' && escaping != ESCAPE_UNDERSCORES))
            result |= buffer_append(out, at, 1);
        else
            result |= add_other(out, at, bytes, escaping);
    }
    return result ? -ENOMEM : 0;
}
