/*
 * The heap of an execution. Memory is given out once, so that freed memory stays forbidden until the end of the
 * execution. Memory that is not freed by then is a leak, which is reported at once. AddressSanitizer watches it as it
 * watches its own heap, and it takes less time.
 */
#ifndef SHMETER_TESTS_FUZZ_HEAP_H
#define SHMETER_TESTS_FUZZ_HEAP_H

#include <stddef.h>
#include <stdint.h>

void *heap_malloc(size_t bytes);
void *heap_calloc(size_t n, size_t bytes);
void *heap_realloc(void *at, size_t bytes);
void heap_free(void *at);

/*
 * Of the pieces that are asked for from here on, the one of this number, the first being 1, cannot be had. 0: all can.
 */
void heap_starve(uint32_t number);
/* Whether it was asked for. */
int heap_starved(void);

/* The end of an execution: fails the program when something was not freed. */
void heap_end(void);

#endif
