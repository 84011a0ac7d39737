#include "base/containers/arena.h"

#include <stdlib.h>
#include <string.h>

#ifndef ARENA_BLOCK_BYTES
#define ARENA_BLOCK_BYTES 65536u
#endif
#define ARENA_FIRST_BYTES ((size_t)1024) /* many arenas hold little */

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    char bytes[]; /* allocated from the end downwards */
};

static void *
take(struct arena *arena, size_t bytes, size_t alignment)
{
    struct arena_block *block = arena->blocks;
    size_t capacity = arena->capacity ? arena->capacity : ARENA_FIRST_BYTES / 2, at;
    int is_large;

    if (block && bytes <= arena->left) {
        at = (arena->left - bytes) & ~(alignment - 1);
        arena->left = at;
        return block->bytes + at;
    }
    for (capacity *= 2; capacity < ARENA_BLOCK_BYTES && capacity / 4 < bytes;)
        capacity *= 2;
    capacity = capacity < ARENA_BLOCK_BYTES ? capacity : ARENA_BLOCK_BYTES;
    is_large = bytes > capacity / 4;
    capacity = is_large ? (bytes + 15) & ~(size_t)15 : capacity;
    block = calloc(1, sizeof *block + capacity);
    if (!block)
        return NULL;
    block->capacity = capacity;
    if (is_large && arena->blocks) { /* its own block; the newest one stays in use */
        block->next = arena->blocks->next;
        arena->blocks->next = block;
        return block->bytes;
    }
    block->next = arena->blocks;
    arena->blocks = block;
    arena->capacity = is_large ? arena->capacity : capacity;
    arena->left = (capacity - bytes) & ~(alignment - 1);
    return block->bytes + arena->left;
}

void *
arena_take(struct arena *arena, size_t bytes)
{
    return bytes > (size_t)-1 / 2 ? NULL : take(arena, bytes, 16);
}

char *
arena_bytes(struct arena *arena, const void *bytes, size_t len)
{
    char *copy = take(arena, len, 1);

    if (copy && len)
        memcpy(copy, bytes, len);
    return copy;
}

char *
arena_string(struct arena *arena, const char *string)
{
    return arena_bytes(arena, string, strlen(string) + 1);
}

void
arena_free(struct arena *arena)
{
    struct arena_block *block = arena->blocks, *next;

    for (; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
    arena->left = arena->capacity = 0;
}
