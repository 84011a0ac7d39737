/*
 * Bytes that grow: what encoders write into. Keeps its memory from one scrape to the next.
 */
#ifndef SHMETER_BASE_BUFFER_H
#define SHMETER_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *data; /* not ended by a zero                                                                      */
    size_t len;
    size_t capacity;
};

/* Room for more bytes behind len. Returns 0 or -ENOMEM, the buffer unchanged. */
int buffer_reserve(struct buffer *buffer, size_t more);
int buffer_append(struct buffer *buffer, const void *bytes, size_t len);
int buffer_append_string(struct buffer *buffer, const char *string);
void buffer_free(struct buffer *buffer); /* frees and zeroes it                                             */

#endif
