/*
 * Names and strings of an exposition: which names are valid, how invalid bytes and control characters are replaced, and
 * how values are escaped.
 */
#ifndef SHMETER_BASE_TEXT_H
#define SHMETER_BASE_TEXT_H

#include <stddef.h>

#include "base/containers/buffer.h"

/*
 * Names of metrics and labels: UTF-8 without control characters, not empty; a label's does not begin with __ and has no colon.
 */
int text_metric_valid(const char *name);
int text_label_valid(const char *name);

/*
 * Names that need no quotes and no escapes: [a-zA-Z_:][a-zA-Z0-9_:]* and, for labels, [a-zA-Z_][a-zA-Z0-9_]* that does
 * not begin with __.
 */
int text_metric_legacy(const char *name);
int text_label_legacy(const char *name);

/* Names that belong to Prometheus or to shmeter itself: up, scrape_*, ALERTS*, shmeter_*. */
int text_metric_reserved(const char *name);

enum text_lines {
    TEXT_LINES,   /* tab, newline and carriage return stay */
    TEXT_ONE_LINE /* tab, newline and carriage return become blanks */
};

#define TEXT_CLEAN_BYTES(len) (3 * (len) + 1) /* room that text_clean() needs for len bytes */

/*
 * Copies at most len bytes of in, up to a zero byte, as valid UTF-8: invalid bytes and control characters (C0, DEL, C1;
 * but see enum text_lines) become U+FFFD. Ends out with a zero. Returns the number of bytes before it.
 */
size_t text_clean(char *out, const char *in, size_t len, enum text_lines lines);

/* Whether the bytes are well-formed UTF-8. All characters are allowed. */
int text_utf8_valid(const char *in, size_t len);

/* Copies as text_clean() does, but keeps control characters: only bytes that are not UTF-8 become U+FFFD. */
size_t text_repair(char *out, const char *in, size_t len);

/*
 * Replaces as text_clean() does, but so that different strings stay different: each byte that is not UTF-8, and each
 * byte of a control character or of U+FFFD itself, becomes U+FFFD and two hexadecimal digits. For names that are label
 * values. out has room for TEXT_NAME_BYTES.
 */
#define TEXT_NAME_BYTES(len) (5 * (len) + 1)
void text_name(char *out, const char *in);

/* text_clean() of a whole string, cut off after the last character that fits into capacity. */
void text_clip(char *out, size_t capacity, const char *in, enum text_lines lines);

/*
 * Append text, escaped as label values and OpenMetrics' HELP are (\\ \" \n), or as HELP of text 0.0.4 is (\\ \n). 0 or
 * -ENOMEM.
 */
int text_escape_value(struct buffer *out, const char *value);
int text_escape_help(struct buffer *out, const char *help);

#endif
