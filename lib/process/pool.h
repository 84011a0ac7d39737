/*
 * The processes of a segment's workers: each once, and their sums. CPU time is that of the pool, over the living and
 * the dead, and never falls as far as it is known: what owners of slots had used when they ended is in the segment
 * (shm/slots/cpu.h), and a reader that remembers adds what it has seen of an owner that could not note it.
 */
#ifndef SHMETER_PROCESS_POOL_H
#define SHMETER_PROCESS_POOL_H

#include <stdint.h>

#include "process/process.h"
#include "read/snapshot/status.h"

struct process_worker {
    const struct status_slot *slot;
    struct process_figures figures;
    uint64_t cpu_ms; /* what it has used while it had the slot: figures.cpu_ms less what was counted before     */
};

struct process_sums {
    uint64_t cpu_ms;
    double start_seconds;  /* of the oldest worker that lives; 0: none does                                  */
    uint64_t memory_bytes; /* PSS, or RSS where that cannot be had                                           */
    uint64_t virtual_bytes, threads_n, open_fds;
    double max_fds;
    uint32_t parts;   /* enum process_part: sums that all counted workers have a part of                      */
    uint32_t counted; /* processes in the sums                                                              */
    uint32_t foreign; /* workers of other pid namespaces: only the CPU time that they have noted is counted      */
    uint32_t hidden;  /* workers that /proc does not show: likewise                                         */
};

/* The same figures of one worker. */
struct process_sums process_sums_of(const struct process_worker *worker);

struct process_pool;

/* remembers: 1: of each segment, the last CPU time of its workers. NULL: no memory. */
struct process_pool *process_pool_new(int remembers);
void process_pool_free(struct process_pool *pool); /* NULL is fine */

/*
 * Reads the processes of the workers of all segments, as their last taking found them: some 20 us for each. PSS of a
 * worker is read when it is met first, and later of 4 workers in one reading, every 30 seconds. Returns 0 or -ENOMEM:
 * then nothing is known. Valid until the next reading of the pool, or of the segments.
 */
int process_pool_read(struct process_pool *pool, const struct segment_status *const *statuses, uint32_t n);

/* Of the segment that was the i-th in the last reading. */
const struct process_sums *process_pool_sums(const struct process_pool *pool, uint32_t i);
/* Its workers' processes, *n of them. */
const struct process_worker *process_pool_workers(const struct process_pool *pool, uint32_t i, uint32_t *n);

#endif
