#include "base/text.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* Whether a name has only letters, _, digits except at the beginning, and the character besides. */
static int
is_name(const char *name, char besides)
{
    const char *at;

    for (at = name; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_' || (besides && *at == besides) ||
              (*at >= '0' && *at <= '9' && at > name)))
            return 0;
    return at > name;
}

int
text_metric_legacy(const char *name)
{
    return is_name(name, ':');
}

int
text_label_legacy(const char *name)
{
    return is_name(name, 0) && strncmp(name, "__", 2) != 0;
}

int
text_metric_valid(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    size_t bytes;

    for (; *at; at += bytes) {
        bytes = utf8_sequence(at, 4); /* stops at a zero byte */
        if (!bytes || utf8_is_control(at, bytes))
            return 0;
    }
    return *name != 0;
}

int
text_label_valid(const char *name)
{
    return text_metric_valid(name) && strncmp(name, "__", 2) != 0 && !strchr(name, ':');
}

int
text_metric_reserved(const char *name)
{
    return !strcmp(name, "up") || !strncmp(name, "scrape_", 7) || !strncmp(name, "ALERTS", 6) ||
           !strncmp(name, "shmeter_", 8);
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
        size_t bytes = utf8_sequence(from + at, len - at);
        if (is_layout(from[at])) {
            out[to++] = lines == TEXT_LINES ? (char)from[at] : ' ';
        } else if (bytes && !utf8_is_control(from + at, bytes)) {
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
        bytes = utf8_sequence(from + at, len - at);
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
        size_t bytes = utf8_sequence(from + at, len - at);
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
        size_t bytes = utf8_sequence(from, len), n = bytes ? bytes : 1;
        int plain = bytes && !utf8_is_control(from, bytes) && !(bytes == 3 && !memcmp(from, "\xef\xbf\xbd", 3));
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
        size_t bytes = utf8_sequence((const unsigned char *)in + at, len - at), cleaned;
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
