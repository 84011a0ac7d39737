/*
 * Names and strings of an exposition: which are valid, how foreign bytes are made harmless, how they are escaped.
 */
#ifndef SHMETER_EXPO_TEXT_H
#define SHMETER_EXPO_TEXT_H

#include <stddef.h>

#include "expo/buffer.h"

/* Prometheus' rules for names: [a-zA-Z_:][a-zA-Z0-9_:]* and, for labels, [a-zA-Z_][a-zA-Z0-9_]* that does not begin with __. */
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
 * Copies at most len bytes of in, up to a zero byte, as valid UTF-8: what is invalid and each other control character (C0, DEL, C1)
 * becomes U+FFFD. Ends out with a zero. Returns the bytes before it.
 */
size_t text_clean(char *out, const char *in, size_t len, enum text_lines lines);

/* The same of a whole string, cut between two characters where capacity ends. */
void text_clip(char *out, size_t capacity, const char *in, enum text_lines lines);

/* As label values are escaped, and HELP of OpenMetrics (\\ \" \n); and as HELP of text 0.0.4 is (\\ \n). 0 or -ENOMEM. */
int text_escape_value(struct buffer *out, const char *value);
int text_escape_help(struct buffer *out, const char *help);

#endif
