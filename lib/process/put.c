#include "process/put.h"

#include <errno.h>
#include <stdio.h>

#include "base/number.h"

enum figure { CPU, START, MEMORY, VIRTUAL, THREADS, OPEN_FDS, MAX_FDS, FIGURES };

static const char *const by_segment[] = { "segment", NULL };
static const char *const by_state[] = { "segment", "state", NULL };
static const char *const by_worker[] = { "segment", "worker", "slot", "pid", NULL };

#define POOL(type, name, help)                                             \
    {                                                                      \
        MODEL_##type, "shmeter_pool_process_" name, help, NULL, by_segment \
    }
#define WORKER(type, name, help)                                            \
    {                                                                       \
        MODEL_##type, "shmeter_worker_process_" name, help, NULL, by_worker \
    }

static const struct model_metric pool_metrics[FIGURES] = {
    [CPU] = POOL(COUNTER, "cpu_seconds_total",
                 "CPU time of the pool's workers, user and system: of those that live, and of those that have ended."),
    [START] = POOL(GAUGE, "start_time_seconds", "Start time of the oldest living worker, in seconds since 1970."),
    [MEMORY] = POOL(GAUGE, "resident_memory_bytes",
                    "Memory of the living workers that is resident: of pages that several processes share, their "
                    "share (PSS), where it can be had."),
    [VIRTUAL] = POOL(GAUGE, "virtual_memory_bytes", "Address space of the living workers, summed."),
    [THREADS] = POOL(GAUGE, "threads", "Threads of the living workers."),
    [OPEN_FDS] = POOL(GAUGE, "open_fds", "Descriptors that the living workers have open."),
    [MAX_FDS] = POOL(GAUGE, "max_fds", "Descriptors that the living workers may have open, summed."),
};
static const struct model_metric worker_metrics[FIGURES] = {
    [CPU] = WORKER(COUNTER, "cpu_seconds_total", "CPU time that the worker has used since it has its slot."),
    [START] = WORKER(GAUGE, "start_time_seconds", "Start time of the worker, in seconds since 1970."),
    [MEMORY] = WORKER(GAUGE, "resident_memory_bytes",
                      "Memory of the worker that is resident: of shared pages its share (PSS), where it can be had."),
    [VIRTUAL] = WORKER(GAUGE, "virtual_memory_bytes", "Address space of the worker."),
    [THREADS] = WORKER(GAUGE, "threads", "Threads of the worker."),
    [OPEN_FDS] = WORKER(GAUGE, "open_fds", "Descriptors that the worker has open."),
    [MAX_FDS] = WORKER(GAUGE, "max_fds", "Descriptors that the worker may have open."),
};
static const struct model_metric processes = {
    MODEL_GAUGE, "shmeter_pool_processes",
    "Processes of living workers: counted in shmeter_pool_process_*, foreign (of another pid namespace), or hidden "
    "(/proc "
    "does not show them). Of the last two only CPU time that they have noted themselves is counted.",
    NULL, by_state
};

static int
put(struct model *model, const struct model_metric *metric, const char *const *values, double value)
{
    /* Another type under the name is counted by the model. */
    return model_put_f64(model, metric, values, value) == -ENOMEM;
}

/* The figures that are there. living: whether any process was counted. */
static int
put_figures(struct model *model, const struct model_metric *metrics, const char *const *values,
            const struct process_sums *sums, int living)
{
    int result = put(model, &metrics[CPU], values, (double)sums->cpu_ms / 1000);

    if (!living)
        return result;
    result |= put(model, &metrics[START], values, sums->start_seconds);
    result |= put(model, &metrics[MEMORY], values, (double)sums->memory_bytes);
    result |= put(model, &metrics[VIRTUAL], values, (double)sums->virtual_bytes);
    result |= put(model, &metrics[THREADS], values, (double)sums->threads_n);
    if (sums->parts & PROCESS_OPEN_FDS)
        result |= put(model, &metrics[OPEN_FDS], values, (double)sums->open_fds);
    if (sums->parts & PROCESS_MAX_FDS)
        result |= put(model, &metrics[MAX_FDS], values, sums->max_fds);
    return result;
}

static int
put_worker(struct model *model, const char *segment, const struct process_worker *worker)
{
    const struct process_sums one = process_sums_of(worker);
    char slot[NUMBER_BYTES + 1], pid[NUMBER_BYTES + 1];
    const char *const values[] = { segment, worker->slot->worker, slot, pid };

    slot[number_u64(slot, worker->slot->slot)] = 0;
    pid[number_u64(pid, worker->slot->pid)] = 0;
    return put_figures(model, worker_metrics, values, &one, 1);
}

static int
put_states(struct model *model, const char *segment, const struct process_sums *sums)
{
    const char *const counted[] = { segment, "counted" }, *const foreign[] = { segment, "foreign" },
                      *const hidden[] = { segment, "hidden" };

    return put(model, &processes, counted, sums->counted) | put(model, &processes, foreign, sums->foreign) |
           put(model, &processes, hidden, sums->hidden);
}

int
process_put(const struct process_pool *pool, const struct segment_status *const *statuses, uint32_t n, int with_workers,
            struct model *model)
{
    uint32_t i, k, workers_n;
    int result = 0;

    for (i = 0; i < n; i++) {
        const struct process_sums *sums = process_pool_sums(pool, i);
        const struct process_worker *workers = process_pool_workers(pool, i, &workers_n);
        const char *const values[] = { statuses[i]->name };
        if (!statuses[i]->readable && !sums->cpu_ms)
            continue; /* never read */
        result |= put_figures(model, pool_metrics, values, sums, sums->counted != 0);
        result |= put_states(model, statuses[i]->name, sums);
        for (k = 0; with_workers && k < workers_n; k++)
            result |= put_worker(model, statuses[i]->name, &workers[k]);
    }
    return result ? -ENOMEM : 0;
}
