/*
 * Private memory for families and detached cells: a bump allocator without a lock, so that a child forked (or cloned)
 * while another thread allocates can go on. Handles live until the process ends, so nothing that others have seen is
 * freed. Zeroed, 16-aligned.
 */
#ifndef SHMETER_SHM_HEAP_H
#define SHMETER_SHM_HEAP_H

#include <string.h>

#include "process.h"
#include "sys.h"

#define SHMETER_HEAP_CHUNK_BYTES 65536u

struct shmeter_heap_chunk {
    uint64_t used, bytes;
};

/* Returns NULL when the kernel has no memory. Thread-safe, async-signal-safe. */
SHMETER_LOCAL void *
shmeter_heap_take(uint64_t bytes)
{
    bytes = (bytes + 15) & ~UINT64_C(15);
    for (;;) {
        uint64_t at = shmeter_load_acquire(&shmeter_process_v1.heap), size = SHMETER_HEAP_CHUNK_BYTES;
        struct shmeter_heap_chunk *chunk = SHMETER_POINTER(struct shmeter_heap_chunk *, at);
        long mapped;
        if (chunk) {
            uint64_t used = shmeter_add(&chunk->used, bytes);
            if (used + bytes <= chunk->bytes)
                return (unsigned char *)chunk + used;
        }
        while (size < bytes + sizeof *chunk)
            size *= 2;
        mapped = shmeter_sys_map(size, SHMETER_PROT_READ | SHMETER_PROT_WRITE,
                                 SHMETER_MAP_PRIVATE | SHMETER_MAP_ANONYMOUS, -1);
        if (shmeter_sys_failed(mapped))
            return NULL;
        chunk = SHMETER_POINTER(struct shmeter_heap_chunk *, mapped);
        chunk->bytes = size;
        chunk->used = sizeof *chunk;
        if (!shmeter_cas(&shmeter_process_v1.heap, &at, SHMETER_ADDRESS(chunk)))
            shmeter_sys_unmap(chunk, size);
    }
}

/* Gives back what nobody has seen. It is taken again when it was taken last; else it stays taken. */
SHMETER_LOCAL void
shmeter_heap_give(void *memory, uint64_t bytes)
{
    struct shmeter_heap_chunk *chunk = SHMETER_POINTER(struct shmeter_heap_chunk *,
                                                       shmeter_load_acquire(&shmeter_process_v1.heap));
    uint64_t at = SHMETER_ADDRESS(memory) - SHMETER_ADDRESS(chunk), end;
    bytes = (bytes + 15) & ~UINT64_C(15);
    end = at + bytes;
    if (!memory || at >= chunk->bytes || end > chunk->bytes)
        return;
    memset(memory, 0, bytes);
    shmeter_cas(&chunk->used, &end, at);
}

#endif
