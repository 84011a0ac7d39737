#include "base/text.h"

#include <stdint.h>
#include <string.h>

static int
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int
text_metric_valid(const char *name)
{
    if (!is_letter(*name) && *name != ':')
        return 0;
    for (name++; *name; name++)
        if (!is_letter(*name) && !is_digit(*name) && *name != ':')
            return 0;
    return 1;
}

int
text_label_valid(const char *name)
{
    if (!is_letter(*name) || (name[0] == '_' && name[1] == '_'))
        return 0;
    for (name++; *name; name++)
        if (!is_letter(*name) && !is_digit(*name))
            return 0;
    return 1;
}

int
text_metric_reserved(const char *name)
{
    return !strcmp(name, "up") || !strncmp(name, "scrape_", 7) || !strncmp(name, "ALERTS", 6) ||
           !strncmp(name, "shmeter_", 8);
}

/* The bytes of the well-formed UTF-8 sequence at in (Unicode 15, table 3-7), or 0. */
static size_t
utf8_bytes(const unsigned char *in, size_t len)
{
    unsigned char lead = in[0], low = 0x80, high = 0xbf;
    size_t bytes, i;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (bytes > len)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (in[1] < low || in[1] > high)
        return 0;
    for (i = 2; i < bytes; i++)
        if (in[i] < 0x80 || in[i] > 0xbf)
            return 0;
    return bytes;
}

static int
is_control(const unsigned char *at, size_t bytes)
{
    return (bytes == 1 && (at[0] < 0x20 || at[0] == 0x7f)) || (bytes == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

static int
is_layout(unsigned char c)
{
    return c == '\t' || c == '\n' || c == '\r';
}

size_t
text_clean(char *out, const char *in, size_t len, enum text_lines lines)
{
    const unsigned char *from = (const unsigned char *)in;
    size_t at = 0, to = 0;

    while (at < len && from[at]) {
        size_t bytes = utf8_bytes(from + at, len - at);
        if (is_layout(from[at])) {
            out[to++] = lines == TEXT_LINES ? (char)from[at] : ' ';
        } else if (bytes && !is_control(from + at, bytes)) {
            memcpy(out + to, from + at, bytes);
            to += bytes;
        } else {
            memcpy(out + to, "\xef\xbf\xbd", 3);
            to += 3;
        }
        at += bytes ? bytes : 1;
    }
    out[to] = 0;
    return to;
}

int
text_utf8_valid(const char *in, size_t len)
{
    const unsigned char *from = (const unsigned char *)in;
    size_t at = 0, bytes;

    while (at < len) {
        bytes = utf8_bytes(from + at, len - at);
        if (!bytes)
            return 0;
        at += bytes;
    }
    return 1;
}

size_t
text_repair(char *out, const char *in, size_t len)
{
    const unsigned char *from = (const unsigned char *)in;
    size_t at = 0, to = 0;

    while (at < len && from[at]) {
        size_t bytes = utf8_bytes(from + at, len - at);
        memcpy(out + to, bytes ? in + at : "\xef\xbf\xbd", bytes ? bytes : 3);
        to += bytes ? bytes : 3;
        at += bytes ? bytes : 1;
    }
    out[to] = 0;
    return to;
}

void
text_name(char *out, const char *in)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *from = (const unsigned char *)in;
    size_t len = strlen(in), i;

    while (len) {
        size_t bytes = utf8_bytes(from, len), n = bytes ? bytes : 1;
        int plain = bytes && !is_control(from, bytes) && !(bytes == 3 && !memcmp(from, "\xef\xbf\xbd", 3));
        for (i = 0; i < n; i++) {
            if (plain) {
                *out++ = (char)from[i];
                continue;
            }
            memcpy(out, "\xef\xbf\xbd", 3);
            out[3] = digits[from[i] >> 4];
            out[4] = digits[from[i] & 15];
            out += 5;
        }
        from += n;
        len -= n;
    }
    *out = 0;
}

void
text_clip(char *out, size_t capacity, const char *in, enum text_lines lines)
{
    const size_t len = strlen(in);
    size_t at = 0, to = 0;
    char one[TEXT_CLEAN_BYTES(4)];

    while (at < len) {
        size_t bytes = utf8_bytes((const unsigned char *)in + at, len - at), cleaned;
        bytes = bytes ? bytes : 1;
        cleaned = text_clean(one, in + at, bytes, lines);
        if (to + cleaned >= capacity)
            break;
        memcpy(out + to, one, cleaned);
        to += cleaned;
        at += bytes;
    }
    out[to] = 0;
}

static int
escape(struct buffer *out, const char *text, const char *special)
{
    int result = 0;

    while (*text && !result) {
        size_t plain = strcspn(text, special);
        result = buffer_append(out, text, plain);
        text += plain;
        if (*text && !result) {
            char pair[2] = { '\\', *text == '\n' ? 'n' : *text };
            result = buffer_append(out, pair, 2);
            text++;
        }
    }
    return result;
}

int
text_escape_value(struct buffer *out, const char *value)
{
    return escape(out, value, "\\\"\n");
}

int
text_escape_help(struct buffer *out, const char *help)
{
    return escape(out, help, "\\\n");
}
