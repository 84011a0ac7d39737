/*
 * Names and strings of an exposition: which are valid, how foreign bytes are made harmless, how they are escaped.
 */
#ifndef SHMETER_BASE_TEXT_H
#define SHMETER_BASE_TEXT_H

#include <stddef.h>

#include "base/containers/buffer.h"

/*
 * Prometheus' rules for names: [a-zA-Z_:][a-zA-Z0-9_:]* and, for labels, [a-zA-Z_][a-zA-Z0-9_]* that does not begin
 * with __.
 */
int text_metric_valid(const char *name);
int text_label_valid(const char *name);

/* Names that belong to Prometheus or to shmeter itself: up, scrape_*, ALERTS*, shmeter_*. */
int text_metric_reserved(const char *name);

enum text_lines {
    TEXT_LINES,   /* tab, newline and carriage return stay                                                  */
    TEXT_ONE_LINE /* they become blanks                                                                    */
};

#define TEXT_CLEAN_BYTES(len) (3 * (len) + 1) /* room that text_clean needs for len bytes */

/*
 * Copies at most len bytes of in, up to a zero byte, as valid UTF-8: what is invalid and each other control character
 * (C0, DEL, C1) becomes U+FFFD. Ends out with a zero. Returns the bytes before it.
 */
size_t text_clean(char *out, const char *in, size_t len, enum text_lines lines);

/* Whether it is well-formed UTF-8, whatever its characters. */
int text_utf8_valid(const char *in, size_t len);

/* Copies as text_clean() does, but for control characters, which stay: only what is no UTF-8 becomes U+FFFD. */
size_t text_repair(char *out, const char *in, size_t len);

/*
 * As text_clean() makes them harmless, but so that no two strings become the same: bytes that are no UTF-8 and those of
 * control characters and of U+FFFD itself become U+FFFD and two hexadecimal digits each. For names that are labels. out
 * has room for TEXT_NAME_BYTES.
 */
#define TEXT_NAME_BYTES(len) (5 * (len) + 1)
void text_name(char *out, const char *in);

/* text_clean() of a whole string, cut between two characters where capacity ends. */
void text_clip(char *out, size_t capacity, const char *in, enum text_lines lines);

/*
 * As label values are escaped, and HELP of OpenMetrics (\\ \" \n); and as HELP of text 0.0.4 is (\\ \n). 0 or -ENOMEM.
 */
int text_escape_value(struct buffer *out, const char *value);
int text_escape_help(struct buffer *out, const char *help);

#endif
