/*
 * The processes of the pool: what prometheus_client's process collector says of one, summed over all workers of the
 * segment, whichever worker is asked. Before a sum is told, what it has of the living is noted in their slots: so no
 * other worker ever tells less, also when they are dead by then.
 */
#include "view.h"

#include "process/pool.h"
#include "read/store.h"

/* The attachment whose slots these are; NULL: the program has another segment by now, or none. */
static struct shmeter_attachment *
attachment_of(const struct meter_object *meter, const struct segment_status *status)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter->meter);

    return attachment && attachment->base && attachment->header.created_real_ns == status->created_real_ns ? attachment
                                                                                                           : NULL;
}

/* Of a slot whose owner has made it ready. */
static struct shmeter_slot_block *
block_of(const struct shmeter_attachment *attachment, uint32_t slot)
{
    if (slot >= attachment->header.slots_n ||
        shmeter_load_relaxed(&shmeter_slot_word_at(attachment, slot)->backed) < sizeof(struct shmeter_slot_block))
        return NULL;
    return (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment, slot);
}

static void
note(const struct meter_object *meter, const struct segment_status *status, const struct process_worker *workers,
     uint32_t n)
{
    const struct shmeter_attachment *attachment = attachment_of(meter, status);
    uint32_t i;

    for (i = 0; attachment && i < n; i++) {
        struct shmeter_slot_block *block = block_of(attachment, workers[i].slot->slot);
        if (block)
            shmeter_cpu_note(block, workers[i].slot->generation, workers[i].cpu_ms);
    }
}

/* A number, or None where it is not known. */
static PyObject *
known(int is_known, double value)
{
    return is_known ? PyFloat_FromDouble(value) : Py_NewRef(Py_None);
}

/*
 * (cpu, start, memory, virtual, threads, open_fds, max_fds) in seconds and bytes; after cpu None, where no process
 * lives.
 */
static PyObject *
figures_of(const struct process_sums *sums)
{
    const int lives = sums->counted != 0;

    return Py_BuildValue("(dNNNNNN)", (double)sums->cpu_ms / 1000, known(lives, sums->start_seconds),
                         known(lives, (double)sums->memory_bytes), known(lives, (double)sums->virtual_bytes),
                         known(lives, (double)sums->threads_n),
                         known(lives && sums->parts & PROCESS_OPEN_FDS, (double)sums->open_fds),
                         known(lives && sums->parts & PROCESS_MAX_FDS, sums->max_fds));
}

static PyObject *
worker_of(const struct process_worker *worker)
{
    const struct process_sums one = process_sums_of(worker);

    return Py_BuildValue("(INs)", worker->slot->pid, figures_of(&one), worker->slot->worker);
}

/* The last reading of the pool. */
static PyObject *
reading_of(const struct process_pool *pool)
{
    const struct process_sums *sums = process_pool_sums(pool, 0);
    uint32_t n, i;
    const struct process_worker *workers = process_pool_workers(pool, 0, &n);
    PyObject *list = PyList_New(n);

    for (i = 0; list && i < n; i++) {
        PyObject *one = worker_of(&workers[i]);
        if (!one || PyList_SetItem(list, i, one))
            Py_CLEAR(list);
    }
    return list ? Py_BuildValue("(N(III)N)", figures_of(sums), sums->counted, sums->foreign, sums->hidden, list) : NULL;
}

PyObject *
meter_processes(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct meter_object *meter = (struct meter_object *)self;
    struct process_pool *pool;
    PyObject *result = NULL;

    CORE_LOCK(self)
    pool = view_processes(meter);
    if (pool) {
        const struct segment_status *status = store_status(view_store(meter), 0);
        uint32_t n;
        const struct process_worker *workers = process_pool_workers(pool, 0, &n);
        note(meter, status, workers, n);
        result = reading_of(pool);
    }
    CORE_UNLOCK()
    return result;
}

PyObject *
meter_note_cpu(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const struct meter_object *meter = (const struct meter_object *)self;
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter->meter);

    held_acknowledge(meter->core, meter->meter);
    if (attachment)
        shmeter_cpu_note_own(attachment);
    Py_RETURN_NONE;
}
