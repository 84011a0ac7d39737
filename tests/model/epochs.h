/*
 * For models of reuse: the kernel's locks of epochs, and bugs that a model can switch on in the
 * functions that reuse is made of. Included by world.h.
 *
 * A process has four pages, each of which may hold a lock on some bytes; a dead one has none. A system
 * call takes effect at once, and orders all accesses of its CPU, as the kernel's own locks do.
 */
#ifndef SHMETER_TESTS_MODEL_EPOCHS_H
#define SHMETER_TESTS_MODEL_EPOCHS_H

#include "shm/machine/atomic.h"

#define WORLD_EPOCH_PAGES(process) (((uint64_t)(process) + 1) << 20)

struct epochs_lock {
    uint64_t at, bytes; /* 0 none */
};

static struct {
    struct epochs_lock page[PROCESSES][4];
    struct epochs_lock fd[8]; /* of each actor's descriptor                                           */
} epochs;

static uint64_t epochs_kernel; /* shared: what orders the calls                                        */

static struct {
    uint32_t early_epoch;    /* the epoch is read before the series is out of sight                        */
    uint32_t early_limbo;    /* limbo before it is out of the index                                      */
    uint32_t same_epoch;     /* what was removed in the present epoch is over                            */
    uint32_t taken_claims;   /* a claim is taken over while its epoch is not over                          */
    uint32_t no_count;       /* a removal is counted when it can be seen already                         */
    uint32_t unmet;          /* a sweep goes on with removals that it has not met in the index               */
    uint32_t no_second_look; /* the reader does not look at the state again                               */
    uint32_t early_unmap;    /* who parks gives the epoch's lock up before it has the other one             */
    uint32_t not_asked;      /* a maker does not ask who is parked                                         */
} epochs_bugs;

static int
epochs_enter(void)
{
    shmeter_add(&epochs_kernel, 0);
    return 0;
}

static int
shmeter_sys_share_bytes(int fd, uint64_t at, uint64_t bytes)
{
    epochs_enter();
    epochs.fd[fd - 60] = (struct epochs_lock){ at, bytes };
    return 0;
}

static int
epochs_meets(const struct epochs_lock *lock, uint64_t from, uint64_t bytes)
{
    return lock->bytes && lock->at < from + bytes && from < lock->at + lock->bytes;
}

/* What is found is a part of who asks: it stands nowhere else until that makes something of it. */
static int
shmeter_sys_bytes_held(int fd, uint64_t from, uint64_t bytes, uint64_t *at)
{
    uint32_t i, k;

    epochs_enter();
    for (i = 0; i < PROCESSES; i++)
        for (k = 0; k < 4; k++)
            if (epochs_meets(&epochs.page[i][k], from, bytes) && !world_is_dead(i)) {
                *at = epochs.page[i][k].at;
                model_remember(*at);
                return 1;
            }
    for (i = 0; i < 8; i++)
        if (i != (uint32_t)fd - 60 && epochs_meets(&epochs.fd[i], from, bytes) && !model_is_dead(i)) {
            *at = epochs.fd[i].at;
            model_remember(*at);
            return 1;
        }
    model_remember(0);
    return 0;
}

static int
shmeter_sys_map_at(uint64_t at, uint64_t bytes, int protection, int flags, int fd)
{
    static const struct epochs_lock none = { 0, 0 };
    struct epochs_lock *page = &epochs.page[(at >> 20) - 1][at >> 12 & 3];
    (void)bytes, (void)protection, (void)flags;

    epochs_enter();
    *page = fd < 0 ? none : epochs.fd[fd - 60];
    if (fd >= 0)
        epochs.fd[fd - 60] = none;
    return 0;
}

/* ---- bugs ---- */

#define shmeter_epoch_is_over right_epoch_is_over
#define shmeter_epoch_now     right_epoch_now
#include "shm/segment/epoch.h"
#undef shmeter_epoch_is_over
#undef shmeter_epoch_now

static uint64_t epochs_early[8]; /* of each actor's removal */
static const struct shmeter_series_record *epochs_watched;

static uint64_t
shmeter_epoch_now(const struct shmeter_attachment *attachment)
{
    return epochs_bugs.early_epoch && epochs_early[model_self()] ? epochs_early[model_self()]
                                                                 : right_epoch_now(attachment);
}

static int
shmeter_epoch_is_over(const struct shmeter_attachment *attachment, uint64_t epoch)
{
    if (epochs_bugs.taken_claims && SHMETER_STATE_KIND(epochs_watched->state) == SHMETER_CLAIMED)
        return 1;
    return right_epoch_is_over(attachment, epochs_bugs.same_epoch && epoch ? epoch - 1 : epoch);
}

#define shmeter_park_is_in_the_way right_park_is_in_the_way
#include "shm/segment/park.h"
#undef shmeter_park_is_in_the_way

static int
shmeter_park_is_in_the_way(struct shmeter_attachment *attachment, uint64_t made, uint64_t removed)
{
    return !epochs_bugs.not_asked && right_park_is_in_the_way(attachment, made, removed);
}

#define shmeter_arena_chained right_arena_chained
#include "shm/registry/arena.h"
#undef shmeter_arena_chained

static int
shmeter_arena_chained(const struct shmeter_attachment *attachment, uint64_t unit, uint64_t hash)
{
    return epochs_bugs.unmet || right_arena_chained(attachment, unit, hash);
}

#define shmeter_index_mark   right_index_mark
#define shmeter_index_unlink right_index_unlink
#include "shm/registry/index.h"
#undef shmeter_index_mark
#undef shmeter_index_unlink

static int
shmeter_index_mark(const struct shmeter_attachment *attachment, uint32_t unit)
{
    return epochs_bugs.early_limbo || right_index_mark(attachment, unit);
}

static int
shmeter_index_unlink(const struct shmeter_attachment *attachment, uint64_t hash)
{
    return epochs_bugs.early_limbo || right_index_unlink(attachment, hash);
}

#define shmeter_limbo_put right_limbo_put
#include "shm/registry/limbo.h"
#undef shmeter_limbo_put

static void
shmeter_limbo_put(const struct shmeter_attachment *attachment, uint32_t ring, uint32_t unit)
{
    if (epochs_bugs.early_limbo && right_index_mark(attachment, unit))
        right_index_unlink(attachment, shmeter_arena_series(attachment, unit)->hash);
    right_limbo_put(attachment, ring, unit);
}

#define shmeter_reuse_leave right_reuse_leave
static int shmeter_reuse_leave(const struct shmeter_attachment *attachment, struct shmeter_series_record *record,
                               uint32_t unit);
#include "shm/removal.h"
#undef shmeter_reuse_leave

static int
shmeter_reuse_leave(const struct shmeter_attachment *attachment, struct shmeter_series_record *record, uint32_t unit)
{
    uint64_t seen = shmeter_load_acquire(&record->state);

    epochs_early[model_self()] = epochs_bugs.early_epoch ? right_epoch_now(attachment) : 0;
    if (!epochs_bugs.no_count)
        return right_reuse_leave(attachment, record, unit);
    if ((SHMETER_STATE_KIND(seen) != SHMETER_VISIBLE && SHMETER_STATE_KIND(seen) != SHMETER_LEAVING) ||
        !shmeter_cas(&record->state, &seen, SHMETER_STATE(SHMETER_REMOVING, SHMETER_STATE_EPOCH(seen))))
        return 0;
    shmeter_reuse_count(attachment, record, unit, 0);
    shmeter_add(&attachment->state->changes_begun.value, 1);
    shmeter_add(&attachment->state->changes_done.value, 1);
    return 1;
}

#endif
