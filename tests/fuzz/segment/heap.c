#include "tests/fuzz/segment/heap.h"

#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_BYTES ((size_t)256 << 20)
#define GIVEN      UINT64_C(0x6768656170676976)
#define FREED      UINT64_C(0x6768656170667265)

/* Stands before each piece, and between it and the one before, where nobody may read. */
struct piece {
    uint64_t unused[2];
    size_t bytes;
    uint64_t state;
};

static unsigned char *heap;
static size_t used, given_n;
static uint32_t starve, starved;

static void
fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

__attribute__((no_sanitize("address"))) static void
mark(void *at, size_t bytes, uint64_t state)
{
    struct piece *piece = (struct piece *)at - 1;

    piece->bytes = bytes;
    piece->state = state;
}

/* Its bytes. */
__attribute__((no_sanitize("address"))) static size_t
known(const void *at)
{
    const struct piece *piece = (const struct piece *)at - 1;

    if ((const unsigned char *)at < heap || (const unsigned char *)at >= heap + used || (uintptr_t)at % 16 ||
        piece->state != GIVEN)
        fail("freed what was not given out, or was freed");
    return piece->bytes;
}

void *
heap_malloc(size_t bytes)
{
    size_t whole = bytes > HEAP_BYTES ? HEAP_BYTES : sizeof(struct piece) + ((bytes + 15) & ~(size_t)15);
    unsigned char *at;

    if (!heap) {
        heap = mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (heap == MAP_FAILED)
            fail("no memory for a heap");
        ASAN_POISON_MEMORY_REGION(heap, HEAP_BYTES);
    }
    if (starve && !--starve) {
        starved = 1;
        return NULL;
    }
    if (whole > HEAP_BYTES - used)
        return NULL;
    at = heap + used + sizeof(struct piece);
    used += whole;
    given_n++;
    mark(at, bytes, GIVEN);
    ASAN_UNPOISON_MEMORY_REGION(at, bytes);
    return at;
}

void *
heap_calloc(size_t n, size_t bytes)
{
    void *at = bytes && n > SIZE_MAX / bytes ? NULL : heap_malloc(n * bytes);

    return at ? memset(at, 0, n * bytes) : NULL;
}

void
heap_free(void *at)
{
    size_t bytes;

    if (!at)
        return;
    bytes = known(at);
    mark(at, bytes, FREED);
    ASAN_POISON_MEMORY_REGION(at, bytes);
    given_n--;
}

void *
heap_realloc(void *at, size_t bytes)
{
    size_t before = at ? known(at) : 0;
    void *other = heap_malloc(bytes);

    if (!other || !at)
        return other;
    memcpy(other, at, before < bytes ? before : bytes);
    heap_free(at);
    return other;
}

void
heap_starve(uint32_t number)
{
    starve = number;
    starved = 0;
}

int
heap_starved(void)
{
    return (int)starved;
}

void
heap_end(void)
{
    if (given_n)
        fail("something was not freed");
    used = 0;
}
