/*
 * The objects of this process that have handles into segments, and the acknowledgement of epochs
 * (shmeter_quiescent): a child that the program has kept does not look whether its series was removed, so all of
 * them are looked through before. Who has a handle of one that is gone loses it, and counts nowhere from then
 * on.
 *
 * The epoch that is acknowledged is read first, then the objects are looked through: what is removed meanwhile
 * waits for a later epoch. Between both, and in each update, no code of Python runs and the GIL is held: so no
 * update is under way. Without a GIL, or with a second interpreter in the process, which may have one of its
 * own, nothing is acknowledged: all room that was there when the process began stays as it is until it ends.
 */
#include "core.h"

#include <stdlib.h>

struct known {
    struct known *next;
    struct shmeter *meter;
};

static struct known *meters;           /* that the main interpreter has opened; they are never freed */
static struct held *lists[HELD_KINDS]; /* of objects of the main interpreter */
static held_look_fn looks[HELD_KINDS];
static uint64_t others; /* 1: another interpreter has had the module */

void
held_interpreter(struct core *core)
{
    core->is_main = PyInterpreterState_GetID(PyInterpreterState_Get()) == 0;
    if (!core->is_main)
        shmeter_store_relaxed(&others, 1);
}

void
held_look_by(enum held_kind kind, held_look_fn look)
{
    looks[kind] = look;
}

void
held_add(const struct core *core, enum held_kind kind, struct held *held)
{
    if (held->at || !core->is_main)
        return;
    held->at = &lists[kind];
    held->next = lists[kind];
    if (held->next)
        held->next->at = &held->next;
    lists[kind] = held;
}

void
held_drop(struct held *held)
{
    if (!held->at)
        return;
    *held->at = held->next;
    if (held->next)
        held->next->at = held->at;
    held->at = NULL;
}

/* ---- which series a handle is of ---- */

/* Whether the handle's cell is one of the binding's segment; that cell, as records have it. */
static int
cell_of(const struct shmeter_binding *binding, uint32_t type, const void *handle, uint64_t *cell)
{
    const struct shmeter_counter_f64 *counter = handle;
    const struct shmeter_histogram *histogram = handle;
    const struct shmeter_gauge *gauge = handle; /* and of a stateset */

    if (shmeter_type_gauge(type)) {
        *cell = (SHMETER_GAUGE_OFFSET(gauge->cell) - binding->attachment->header.gauges_off) /
                sizeof(struct shmeter_gauge_cell);
        return gauge->slot == &SHMETER_WIPED(binding->attachment)->slot && !(gauge->cell & SHMETER_GAUGE_PRIVATE);
    }
    *cell = shmeter_type_histogram(type) ? histogram->cell : counter->cell;
    return shmeter_type_histogram(type) ? histogram->buckets == binding->buckets
                                        : counter->lanes == &binding->attachment->lanes;
}

/* Whether the cell is of the series of these values: then it is the handle's, since no cell changes its series before
 * this process acknowledges. */
static int
is_of(const struct shmeter_family *family, const struct shmeter_binding *binding, uint64_t cell,
      const char *const *values, uint32_t n, struct held_series *series)
{
    const uint32_t unit = shmeter_series_unit(family, binding, values, n);
    const struct shmeter_series_record *record = unit ? shmeter_arena_series(binding->attachment, unit) : NULL;
    uint64_t state;

    if (!record || record->cell != cell)
        return 0;
    /* pairs with shmeter_reuse_leave */
    state = shmeter_load_acquire(&record->state);
    series->unit = unit;
    series->state = SHMETER_STATE(SHMETER_VISIBLE, SHMETER_STATE_EPOCH(state));
    return 1;
}

void
held_mark(struct held_series *series, const struct shmeter_family *family, const void *handle,
          const char *const *values, uint32_t n)
{
    const char *overflow[SHMETER_MAX_LABELS];
    const struct shmeter_binding *binding = shmeter_family_binding(family);
    uint64_t cell;
    uint32_t i;

    series->unit = 0;
    if (!binding || !shmeter_attachment_reuses(binding->attachment) ||
        !cell_of(binding, family->definition.type, handle, &cell))
        return;
    for (i = 0; i < n; i++)
        overflow[i] = SHMETER_OVERFLOW_VALUE;
    if (!is_of(family, binding, cell, values, n, series) && !is_of(family, binding, cell, overflow, n, series))
        held_lose(series); /* removed since */
}

void
held_lose(struct held_series *series)
{
    series->unit = UINT32_MAX; /* of no record */
    series->state = 0;
}

int
held_is_lost(const struct held_series *series)
{
    return series->unit == UINT32_MAX;
}

/* Who has begun to remove a series may have stopped before it was out of sight. */
int
held_is_gone(const struct shmeter_attachment *attachment, const struct held_series *series)
{
    const struct shmeter_series_record *record = series->unit ? shmeter_arena_series(attachment, series->unit) : NULL;
    /* pairs with shmeter_reuse_leave */
    const uint64_t state = record ? shmeter_load_acquire(&record->state) : 0;

    return series->unit && state != series->state &&
           (!record || state != SHMETER_STATE(SHMETER_LEAVING, SHMETER_STATE_EPOCH(series->state)));
}

/* ---- acknowledgement ---- */

static void
look_through(const struct shmeter_attachment *attachment)
{
    struct held *held;
    int kind;

    for (kind = 0; kind < HELD_KINDS; kind++)
        for (held = lists[kind]; held; held = held->next)
            looks[kind](held, attachment);
}

/* The segment, where this process may say something about its handles; else NULL. */
static struct shmeter_attachment *
spoken_for(const struct core *core, struct shmeter *meter)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);

#if defined(Py_GIL_DISABLED)
    return NULL;
#endif
    if (!core->is_main || shmeter_load_relaxed(&others) || !attachment || !attachment->base ||
        !shmeter_attachment_reuses(attachment))
        return NULL;
    shmeter_fork_check(attachment);
    return attachment;
}

/*
 * Removes what is idle, and acknowledges. Cold calls do it, all of them: a program whose series come and go is in one
 * of them often, and one that only counts is in one when it is asked for its numbers, or uses a metric without labels.
 * Others are helped by the garbage collector (held_collected).
 */
void
held_acknowledge(const struct core *core, struct shmeter *meter)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    uint64_t epoch;
    int begun;

    if (!attachment || !attachment->base || !shmeter_attachment_reuses(attachment))
        return;
    shmeter_fork_check(attachment);
    shmeter_park_end(attachment);
    shmeter_idle_mind(attachment);
    if (!spoken_for(core, meter))
        return;
    if (!shmeter_epoch_is_due(attachment))
        return;
    begun = shmeter_reuse_begin(attachment);
    epoch = shmeter_epoch_now(attachment);
    if (shmeter_epoch_is_newer(attachment, epoch)) {
        shmeter_reuse_wake_all(attachment);
        look_through(attachment);
    }
    shmeter_epoch_quiescent(attachment, epoch, begun);
}

/* ---- all meters ---- */

int
held_meter(const struct core *core, struct shmeter *meter)
{
    struct known *known = meters;

    while (known && known->meter != meter)
        known = known->next;
    if (known || !core->is_main)
        return 0;
    known = malloc(sizeof *known);
    if (!known)
        return -1;
    *known = (struct known){ meters, meter };
    meters = known;
    return 0;
}

/* A child begins with the lock of an epoch, and with no older one than need be. */
void
held_before_fork(const struct core *core)
{
    const struct known *known;

    for (known = meters; known; known = known->next)
        held_acknowledge(core, known->meter);
}

/* A parent that does nothing but wait from here on holds back no series that is made later. */
void
held_after_fork(const struct core *core)
{
    const struct known *known;

    for (known = meters; known; known = known->next) {
        struct shmeter_attachment *attachment = spoken_for(core, known->meter);
        if (attachment)
            shmeter_park_begin(attachment);
    }
}

/*
 * The garbage collector has run: a program that makes no cold calls, because it only updates children that it has kept, is
 * seen here. One that is parked stays so.
 */
void
held_collected(const struct core *core)
{
    const struct known *known;

    for (known = meters; known; known = known->next) {
        const struct shmeter_attachment *attachment = shmeter_meter_attachment(known->meter);
        if (attachment && !shmeter_load_relaxed(&attachment->parked))
            held_acknowledge(core, known->meter);
    }
}
