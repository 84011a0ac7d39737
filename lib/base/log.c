/*
 * Log lines are put together on the stack and written with one write(2), so that lines of two threads do not mix.
 *
 * Nobody may read the log: a pipe that is full, a terminal that is stopped. A line that cannot be written at once is
 * dropped and counted. O_NONBLOCK cannot be set, because other processes share the open file. A line is no longer than
 * PIPE_BUF: a pipe that poll(2) calls writable has room for that. RWF_NOWAIT is for the case that another process fills
 * the pipe in between; write(2) is used for files on disks, and where the kernel does not know the flag.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define LINE_BYTES    ((size_t)PIPE_BUF)
#define LINE_TAIL     16u /* kept free for the end of a line */
#define VALUE_BYTES   1500u
#define ESCAPED_BYTES ((size_t)12) /* longest escaped character */

static enum log_level log_level = LOG_LEVEL_INFO;
static enum log_format log_format = LOG_FORMAT_LOGFMT;

static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER; /* from poll(2) to write(2), and for the counts */
static uint64_t dropped_n, dropped_untold_n;

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

static void
line_begin(struct line *line, enum log_level level, const char *message)
{
    char now[64];

    line->len = 0;
    time_text(now, sizeof now);
    line_add_pair(line, "ts", now);
    line_add_pair(line, "level", level_words[level]);
    line_add_pair(line, "msg", message);
}

static void
line_end(struct line *line)
{
    if (log_format == LOG_FORMAT_JSON)
        line->text[line->len++] = '}';
    line->text[line->len++] = '\n';
}

/* ---- writing ---- */

/* Writes a line if that needs no wait. Returns 1, or 0: it is not written. The caller holds the lock. */
static int
line_write(const struct line *line)
{
    struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };
    struct iovec part = { (void *)(uintptr_t)line->text, line->len };
    ssize_t written = -1;
    struct stat file;

    if (poll(&log, 1, 0) < 1 || !(log.revents & POLLOUT))
        return 0;
    if (!fstat(STDERR_FILENO, &file) && !S_ISREG(file.st_mode)) {
        written = pwritev2(STDERR_FILENO, &part, 1, -1, RWF_NOWAIT);
        if (written < 0 && errno == EAGAIN)
            return 0;
    }
    return written >= 0 || write(STDERR_FILENO, line->text, line->len) >= 0;
}

/* Says how many lines were dropped, once the log can be written again. The caller holds the lock. */
static void
tell_dropped(void)
{
    struct line line;
    char number[32];

    snprintf(number, sizeof number, "%llu", (unsigned long long)dropped_untold_n);
    line_begin(&line, LOG_LEVEL_WARN, "lines of this log are missing, because nobody took them");
    line_add_pair(&line, "lines", number);
    line_end(&line);
    if (line_write(&line))
        dropped_untold_n = 0;
}

uint64_t
log_dropped(void)
{
    uint64_t n;

    pthread_mutex_lock(&write_lock);
    n = dropped_n;
    pthread_mutex_unlock(&write_lock);
    return n;
}

void
log_event(enum log_level level, const char *message, ...)
{
    struct line line;
    va_list pairs;
    const char *key, *value;

    if (!log_wanted(level))
        return;
    line_begin(&line, level, message);
    va_start(pairs, message);
    while ((key = va_arg(pairs, const char *))) {
        value = va_arg(pairs, const char *);
        if (value)
            line_add_pair(&line, key, value);
    }
    va_end(pairs);
    line_end(&line);
    pthread_mutex_lock(&write_lock);
    if (dropped_untold_n)
        tell_dropped();
    if (!line_write(&line)) {
        dropped_n++;
        dropped_untold_n++;
    }
    pthread_mutex_unlock(&write_lock);
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
