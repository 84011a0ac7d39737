/*
 * Log lines are put together on the stack and written with one write(2), so that lines of two threads do not mix.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define LINE_BYTES    8192u
#define LINE_TAIL     16u /* kept free for the end of a line */
#define VALUE_BYTES   1500u
#define ESCAPED_BYTES ((size_t)12) /* longest escaped character */

static enum log_level log_level = LOG_LEVEL_INFO;
static enum log_format log_format = LOG_FORMAT_LOGFMT;

static const char *const level_words[] = { "debug", "info", "warn", "error" };
static const char *const format_words[] = { "logfmt", "json" };

struct line {
    char text[LINE_BYTES];
    size_t len;
};

void
log_configure(enum log_level level, enum log_format format)
{
    log_level = level;
    log_format = format;
}

int
log_wanted(enum log_level level)
{
    return level >= log_level;
}

static void
line_add(struct line *line, const char *text, size_t len)
{
    if (len > LINE_BYTES - LINE_TAIL - line->len)
        return;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void
line_add_string(struct line *line, const char *text)
{
    line_add(line, text, strlen(text));
}

/* One character, escaped as JSON wants it; logfmt readers take the same. Returns the bytes read. */
static size_t
line_add_character(struct line *line, const unsigned char *text)
{
    size_t bytes = utf8_sequence(text, 4); /* stops at a zero byte */
    char escaped[ESCAPED_BYTES];

    if (!bytes) {
        line_add_string(line, "\xef\xbf\xbd");
        return 1;
    }
    if (text[0] == '"' || text[0] == '\\') {
        escaped[0] = '\\';
        escaped[1] = (char)text[0];
        line_add(line, escaped, 2);
    } else if (text[0] == '\n') {
        line_add_string(line, "\\n");
    } else if (utf8_is_control(text, bytes)) { /* control characters, which a terminal would execute */
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(bytes == 2 ? text[1] : text[0]));
        line_add_string(line, escaped);
    } else {
        line_add(line, (const char *)text, bytes);
    }
    return bytes;
}

static int
needs_quotes(const char *value)
{
    for (; *value; value++)
        if ((unsigned char)*value <= ' ' || (unsigned char)*value >= 0x7f || strchr("=\"\\", *value))
            return 1;
    return 0;
}

static void
line_add_value(struct line *line, const char *value)
{
    const unsigned char *at = (const unsigned char *)value;
    size_t start = line->len;
    int quotes = log_format == LOG_FORMAT_JSON || !*value || needs_quotes(value);

    if (quotes)
        line_add_string(line, "\"");
    while (*at && line->len - start < VALUE_BYTES && line->len < LINE_BYTES - LINE_TAIL - 4 * ESCAPED_BYTES)
        at += line_add_character(line, at);
    if (*at)
        line_add_string(line, "...");
    if (quotes)
        line_add_string(line, "\"");
}

static void
line_add_pair(struct line *line, const char *key, const char *value)
{
    int json = log_format == LOG_FORMAT_JSON;

    if (line->len + strlen(key) + 8 * ESCAPED_BYTES > LINE_BYTES - LINE_TAIL)
        return;
    if (line->len)
        line_add_string(line, json ? "," : " ");
    line_add_string(line, json ? (line->len ? "\"" : "{\"") : "");
    line_add_string(line, key);
    line_add_string(line, json ? "\":" : "=");
    line_add_value(line, value);
}

/* RFC 3339 in UTC with milliseconds. */
static void
time_text(char *out, size_t bytes)
{
    const uint64_t now = clock_ns(CLOCK_REALTIME);
    const time_t since = (time_t)(now / 1000000000u);
    struct tm broken;
    char seconds[32];

    gmtime_r(&since, &broken);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &broken);
    snprintf(out, bytes, "%s.%03uZ", seconds, (unsigned)(now / 1000000u % 1000u));
}

void
log_event(enum log_level level, const char *message, ...)
{
    struct line line;
    char now[64];
    va_list pairs;
    const char *key, *value;

    if (!log_wanted(level))
        return;
    line.len = 0;
    time_text(now, sizeof now);
    line_add_pair(&line, "ts", now);
    line_add_pair(&line, "level", level_words[level]);
    line_add_pair(&line, "msg", message);
    va_start(pairs, message);
    while ((key = va_arg(pairs, const char *))) {
        value = va_arg(pairs, const char *);
        if (value)
            line_add_pair(&line, key, value);
    }
    va_end(pairs);
    if (log_format == LOG_FORMAT_JSON)
        line.text[line.len++] = '}';
    line.text[line.len++] = '\n';
    /* A log that cannot be written is no reason to stop serving. */
    if (write(STDERR_FILENO, line.text, line.len) < 0)
        return;
}

static int
word_parse(const char *word, const char *const *words, int words_n)
{
    int i;

    for (i = 0; i < words_n; i++)
        if (!strcmp(word, words[i]))
            return i;
    return -EINVAL;
}

int
log_level_parse(const char *word, enum log_level *out)
{
    int found = word_parse(word, level_words, 4);

    if (found >= 0)
        *out = (enum log_level)found;
    return found < 0 ? found : 0;
}

int
log_format_parse(const char *word, enum log_format *out)
{
    int found = word_parse(word, format_words, 2);

    if (found >= 0)
        *out = (enum log_format)found;
    return found < 0 ? found : 0;
}
