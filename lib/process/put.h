/*
 * Series of the processes of workers: shmeter_pool_process_*{segment}, with the suffixes, units and meanings of
 * prometheus_client's process collector, and shmeter_worker_process_* of each worker.
 */
#ifndef SHMETER_PROCESS_PUT_H
#define SHMETER_PROCESS_PUT_H

#include <stdint.h>

#include "model/model.h"
#include "process/pool.h"

/*
 * Adds the series of the pool's last reading, of these segments, to a model. with_workers: each worker's, too. A sum
 * that is not known of all processes counted is left out. Returns 0 or -ENOMEM.
 */
int process_put(const struct process_pool *pool, const struct segment_status *const *statuses, uint32_t n,
                int with_workers, struct model *model);

#endif
