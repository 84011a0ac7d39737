/*
 * One character of UTF-8 (Unicode 15, table 3-7).
 */
#ifndef SHMETER_BASE_UTF8_H
#define SHMETER_BASE_UTF8_H

#include <stddef.h>

/*
 * The length of the well-formed sequence at text, which has len bytes; 0: there is none. A zero byte is a character of
 * its own.
 */
size_t utf8_sequence(const unsigned char *text, size_t len);

/* Whether a character of so many bytes is a control character: C0, DEL, C1. */
int utf8_is_control(const unsigned char *text, size_t bytes);

#endif
