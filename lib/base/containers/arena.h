/* Memory that is freed all at once: strings and small arrays of a model. */
#ifndef SHMETER_BASE_ARENA_H
#define SHMETER_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena { /* zeroed to begin with */
    struct arena_block *blocks;
    size_t left;     /* in the newest block */
    size_t capacity; /* of the newest block; each has twice as many bytes as the one before, up to a limit */
};

/* Allocates zeroed memory, aligned for any type. NULL: no memory. bytes 0 gives a pointer too. */
void *arena_take(struct arena *arena, size_t bytes);

/* Allocates a copy of the bytes, without alignment. NULL: no memory. */
char *arena_bytes(struct arena *arena, const void *bytes, size_t len);
char *arena_string(struct arena *arena, const char *string);

void arena_free(struct arena *arena);

#endif
