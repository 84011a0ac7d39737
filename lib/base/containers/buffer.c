#include "base/containers/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    char *data;

    if (more > SIZE_MAX / 2 - buffer->len)
        return -ENOMEM;
    if (buffer->len + more <= buffer->capacity)
        return 0;
    while (capacity < buffer->len + more)
        capacity += capacity / 2;
    data = realloc(buffer->data, capacity);
    if (!data)
        return -ENOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int
buffer_append(struct buffer *buffer, const void *bytes, size_t len)
{
    int result = buffer_reserve(buffer, len);

    if (result || !len)
        return result;
    memcpy(buffer->data + buffer->len, bytes, len);
    buffer->len += len;
    return 0;
}

int
buffer_append_string(struct buffer *buffer, const char *string)
{
    return buffer_append(buffer, string, strlen(string));
}

void
buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}
