/*
 * The exporter's own log: one line an event on standard error, as logfmt or JSON, escaped so that no value can forge a
 * line. It does not know the meaning of what it logs.
 */
#ifndef SHMETER_BASE_LOG_H
#define SHMETER_BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* To be called before any thread is started. The defaults are info and logfmt. */
void log_configure(enum log_level level, enum log_format format);

/* Whether an event of this level would be written. For callers whose values are costly to make. */
int log_wanted(enum log_level level);

/*
 * Writes one event: a message, then pairs of key and value, ended by NULL, all strings. A NULL value leaves its pair
 * out. Keys are the program's own and are not escaped. A long value is cut. Thread-safe: a line is one write(2). Not
 * signal-safe. It never waits: a line that nobody takes is dropped, and the next line that is written is preceded by a
 * warning that says how many were.
 */
void log_event(enum log_level level, const char *message, ...) __attribute__((sentinel));

/* How many lines were dropped. Any thread. */
uint64_t log_dropped(void);

/* The words that --log.level and --log.format take. Return 0 and *out, or -EINVAL. */
int log_level_parse(const char *word, enum log_level *out);
int log_format_parse(const char *word, enum log_format *out);

#endif
