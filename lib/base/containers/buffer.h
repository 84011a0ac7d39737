/* A growing array of bytes, which encoders write to. It keeps its memory from one scrape to the next. */
#ifndef SHMETER_BASE_BUFFER_H
#define SHMETER_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *data; /* without an ending zero */
    size_t len;
    size_t capacity;
};

/* Makes room for more bytes behind len. Returns 0; or -ENOMEM, and the buffer is unchanged. */
int buffer_reserve(struct buffer *buffer, size_t more);
int buffer_append(struct buffer *buffer, const void *bytes, size_t len);
int buffer_append_string(struct buffer *buffer, const char *string);
void buffer_free(struct buffer *buffer); /* frees and zeroes it */

#endif
