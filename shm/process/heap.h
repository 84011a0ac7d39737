/*
 * Private memory for families and detached cells, without a lock, so that a child forked (or cloned) while another
 * thread allocates can go on. Handles live until the process ends, so nothing that others have seen is given back; what
 * was made for nothing is, and is taken again. Zeroed, 16-aligned.
 *
 * Small blocks come from a chunk, or from the free list of their class: four classes between two powers of two. A
 * list's head is {block, count}, moved by one 16-byte compare-and-swap; the count moves with each, so that a slow
 * thread does not take a block for the head whose next has changed meanwhile. Large blocks are mappings of their own.
 */
#ifndef SHMETER_SHM_HEAP_H
#define SHMETER_SHM_HEAP_H

#include <string.h>

#include "../layout/header.h"
#include "../machine/sys.h"
#include "process.h"

#define SHMETER_HEAP_CHUNK_BYTES 65536u
#define SHMETER_HEAP_SMALL_BYTES 16384u /* of the largest class */

struct shmeter_heap_chunk {
    uint64_t used, bytes;
};

struct shmeter_heap_block { /* before what the caller gets */
    uint64_t next; /* address of the next free one; stays readable when the block is taken                        */
    uint64_t reserved;
};

SHMETER_STATIC_ASSERT(SHMETER_HEAP_SMALL_BYTES == UINT64_C(64) << (SHMETER_HEAP_CLASSES - 1) / 4,
                      "the largest class is the last one");

/*
 * The class of a block for so many bytes of the caller's, and its size with the head; SHMETER_HEAP_CLASSES: it is
 * large.
 */
SHMETER_INLINE uint32_t
shmeter_heap_class(uint64_t bytes, uint64_t *block_bytes)
{
    uint32_t class_of = 0;
    uint64_t size = 64, step = 16;
    bytes += sizeof(struct shmeter_heap_block);
    while (size < bytes && class_of < SHMETER_HEAP_CLASSES) {
        size += step;
        if (!(++class_of % 4))
            step = size / 4;
    }
    *block_bytes = class_of < SHMETER_HEAP_CLASSES ? size : shmeter_round_up(bytes, SHMETER_PAGE);
    return class_of;
}

SHMETER_INLINE long
shmeter_heap_map(uint64_t bytes)
{
    return shmeter_sys_map(bytes, SHMETER_PROT_READ | SHMETER_PROT_WRITE, SHMETER_MAP_PRIVATE | SHMETER_MAP_ANONYMOUS,
                           -1);
}

/* A block that was given back; NULL: there is none. */
SHMETER_LOCAL struct shmeter_heap_block *
shmeter_heap_reuse(uint64_t *list)
{
    uint64_t head[2], next;
    /* pairs with shmeter_heap_give */
    head[0] = shmeter_load_acquire(&list[0]);
    head[1] = shmeter_load_acquire(&list[1]);
    while (head[0]) {
        struct shmeter_heap_block *block = SHMETER_POINTER(struct shmeter_heap_block *, head[0]);
        /* pairs with shmeter_heap_give */
        next = shmeter_load_acquire(&block->next);
        if (shmeter_cas16(list, head, next, head[1] + 1))
            return block;
    }
    return NULL;
}

/* A new block, out of the chunk. NULL when the kernel has no memory. */
SHMETER_LOCAL struct shmeter_heap_block *
shmeter_heap_cut(uint64_t bytes)
{
    for (;;) {
        /* pairs with shmeter_heap_cut */
        uint64_t at = shmeter_load_acquire(&shmeter_process_v3.heap);
        struct shmeter_heap_chunk *chunk = SHMETER_POINTER(struct shmeter_heap_chunk *, at);
        long mapped;
        if (chunk) {
            uint64_t used = shmeter_add(&chunk->used, bytes);
            if (used + bytes <= chunk->bytes)
                return (struct shmeter_heap_block *)(void *)((unsigned char *)chunk + used);
        }
        mapped = shmeter_heap_map(SHMETER_HEAP_CHUNK_BYTES);
        if (shmeter_sys_failed(mapped))
            return NULL;
        chunk = SHMETER_POINTER(struct shmeter_heap_chunk *, mapped);
        chunk->bytes = SHMETER_HEAP_CHUNK_BYTES;
        chunk->used = sizeof *chunk;
        /* pairs with shmeter_heap_cut */
        if (!shmeter_cas(&shmeter_process_v3.heap, &at, SHMETER_ADDRESS(chunk)))
            shmeter_sys_unmap(chunk, SHMETER_HEAP_CHUNK_BYTES);
    }
}

/* Returns NULL when the kernel has no memory. Thread-safe, async-signal-safe. */
SHMETER_LOCAL void *
shmeter_heap_take(uint64_t bytes)
{
    struct shmeter_heap_block *block;
    uint64_t block_bytes;
    uint32_t class_of = shmeter_heap_class(bytes, &block_bytes);
    if (class_of == SHMETER_HEAP_CLASSES) {
        long mapped = shmeter_heap_map(block_bytes);
        return shmeter_sys_failed(mapped) ? NULL : SHMETER_POINTER(struct shmeter_heap_block *, mapped) + 1;
    }
    block = shmeter_heap_reuse(shmeter_process_v3.free[class_of]);
    if (!block)
        block = shmeter_heap_cut(block_bytes);
    return block ? block + 1 : NULL;
}

/* Gives back what nobody has seen, or NULL. bytes: as many as were taken. Thread-safe, async-signal-safe. */
SHMETER_LOCAL void
shmeter_heap_give(void *memory, uint64_t bytes)
{
    struct shmeter_heap_block *block = (struct shmeter_heap_block *)memory;
    uint64_t block_bytes, head[2], *list;
    uint32_t class_of;
    if (!block)
        return;
    block--;
    class_of = shmeter_heap_class(bytes, &block_bytes);
    if (class_of == SHMETER_HEAP_CLASSES) {
        shmeter_sys_unmap(block, block_bytes);
        return;
    }
    memset(memory, 0, bytes);
    list = shmeter_process_v3.free[class_of];
    /* pairs with none: the compare-and-swap fails unless both are of one moment */
    head[0] = shmeter_load_acquire(&list[0]);
    head[1] = shmeter_load_acquire(&list[1]);
    do /* pairs with shmeter_heap_reuse */
        shmeter_store_release(&block->next, head[0]);
    while (!shmeter_cas16(list, head, SHMETER_ADDRESS(block), head[1] + 1));
}

#endif
