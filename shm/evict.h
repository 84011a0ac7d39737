/*
 * Families that make room for a new series at their limit: the series that was idle for longest goes, by the notes of
 * shm/idle.h. A series that was not updated since the last look goes before each that was. Where all were, one goes
 * that nobody has looked at before, since a new one has only been made, perhaps, and not used again; else the one that
 * was made first.
 *
 * Who needs room looks at all of the family's series, and keeps a list of the longest idle ones in memory of its own,
 * so that the next ones need no such walk. Each of the list is looked at again before it goes: what moved since stays.
 */
#ifndef SHMETER_SHM_EVICT_H
#define SHMETER_SHM_EVICT_H

#include "idle.h"
#include "registry/family.h"

#define SHMETER_EVICT_LIST  32u
#define SHMETER_EVICT_TRIES 4 /* when others take away what was found */

struct shmeter_evict_entry {
    uint64_t unit, note;
    uint64_t idle; /* seconds                                                                                      */
    uint64_t created_real_ns;
};

/* The longest idle first. In memory that a forked child inherits half-written, perhaps: nothing of it is believed. */
struct shmeter_evict {
    uint64_t n, at;
    struct shmeter_evict_entry entries[SHMETER_EVICT_LIST];
};

/* Whether a family's series make room for others. */
SHMETER_LOCAL int
shmeter_evict_does(const struct shmeter_binding *binding)
{
    return (shmeter_lifetime_of(binding->attachment, binding->record, binding->unit) & SHMETER_IDLE_EVICT) != 0;
}

/* Whether a goes before b. */
SHMETER_LOCAL int
shmeter_evict_before(const struct shmeter_evict_entry *a, const struct shmeter_evict_entry *b)
{
    return a->idle != b->idle ? a->idle > b->idle : a->created_real_ns < b->created_real_ns;
}

SHMETER_LOCAL void
shmeter_evict_put(struct shmeter_evict *list, const struct shmeter_evict_entry *entry)
{
    uint64_t at = list->n < SHMETER_EVICT_LIST ? list->n++ : SHMETER_EVICT_LIST;
    for (; at && shmeter_evict_before(entry, &list->entries[at - 1]); at--)
        if (at < SHMETER_EVICT_LIST)
            list->entries[at] = list->entries[at - 1];
    if (at < SHMETER_EVICT_LIST)
        list->entries[at] = *entry;
}

/* Looks at all series of the family. Of those that have moved one is in the list, and only where none has not. */
SHMETER_LOCAL void
shmeter_evict_look(const struct shmeter_binding *binding, struct shmeter_evict *list)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    struct shmeter_evict_entry moved = { 0, 0, 0, 0 }, entry = { 0, 0, 0, 0 };
    uint64_t now = shmeter_idle_now(attachment), unit = 1;
    struct shmeter_look look;
    int is_first = 0;
    list->n = list->at = 0;
    while ((entry.unit = shmeter_reuse_next(attachment, &unit))) {
        struct shmeter_series_record *record = shmeter_arena_series(attachment, entry.unit);
        if (!record || record->family != binding->unit ||
            !shmeter_idle_look(attachment, binding->record, record, (uint32_t)entry.unit, now, &look))
            continue;
        entry.note = look.note;
        entry.idle = look.idle;
        entry.created_real_ns = record->created_real_ns;
        if (look.same) {
            shmeter_evict_put(list, &entry);
        } else if (!moved.unit || look.is_first > is_first ||
                   (look.is_first == is_first && shmeter_evict_before(&entry, &moved))) {
            moved = entry;
            is_first = look.is_first;
        }
    }
    if (!list->n && moved.unit)
        shmeter_evict_put(list, &moved);
}

/* Removes the first of the list that is as it was. 1: it has; 0: nothing is left of it. */
SHMETER_LOCAL int
shmeter_evict_take(const struct shmeter_binding *binding, struct shmeter_evict *list)
{
    const struct shmeter_attachment *attachment = binding->attachment;
    uint64_t now = shmeter_idle_now(attachment);
    struct shmeter_look look;
    while (list->at < list->n && list->at < SHMETER_EVICT_LIST) {
        const struct shmeter_evict_entry *entry = &list->entries[list->at++];
        uint32_t unit = (uint32_t)entry->unit;
        struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
        if (record && record->family == binding->unit &&
            shmeter_idle_peek(attachment, binding->record, record, unit, now, entry->note, &look) && look.same &&
            shmeter_reuse_remove(attachment, record, unit)) {
            shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SERIES_EVICTED);
            return 1;
        }
    }
    return 0;
}

/* The process's list, made at need; NULL: there is no memory for it. */
SHMETER_LOCAL struct shmeter_evict *
shmeter_evict_list(struct shmeter_binding *binding)
{
    /* pairs with shmeter_evict_list */
    uint64_t at = shmeter_load_acquire(&binding->longest);
    struct shmeter_evict *made;
    if (at)
        return SHMETER_POINTER(struct shmeter_evict *, at);
    made = (struct shmeter_evict *)shmeter_heap_take(sizeof *made);
    /* pairs with shmeter_evict_list */
    if (!made || shmeter_cas(&binding->longest, &at, SHMETER_ADDRESS(made)))
        return made;
    shmeter_heap_give(made, sizeof *made);
    return SHMETER_POINTER(struct shmeter_evict *, at);
}

/*
 * Makes room for one series of a family that is at its limit; before: only looks, since the next one will be. 1: there
 * is room now. Who finds another thread at the list, or has no memory for one, looks for itself.
 */
SHMETER_LOCAL int
shmeter_evict(const struct shmeter_binding *const_binding, int before)
{
    struct shmeter_binding *binding = SHMETER_POINTER(struct shmeter_binding *, SHMETER_ADDRESS(const_binding));
    uint64_t *turn = &SHMETER_WIPED(binding->attachment)->evicting, nobody = 0;
    struct shmeter_evict own, *list = shmeter_evict_list(binding);
    int tries, shared, done = 0;
    own.n = own.at = 0;
    /* pairs with shmeter_evict */
    shared = list && shmeter_cas(turn, &nobody, 1);
    if (!shared)
        list = &own;
    if (before)
        shmeter_evict_look(binding, list);
    for (tries = 0; !before && !done && tries < SHMETER_EVICT_TRIES; tries++) {
        done = shmeter_evict_take(binding, list);
        if (!done) {
            shmeter_evict_look(binding, list);
            done = shmeter_evict_take(binding, list);
        }
    }
    /* pairs with shmeter_evict */
    if (shared)
        shmeter_store_release(turn, 0);
    return done;
}

#endif
