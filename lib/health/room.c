/* Who holds back the room of removed series, in words. */
#include "health/room.h"

#include <stdio.h>

#define NAMED_MOST 4u

static int
holds(const struct status_slot *slot)
{
    return slot->epochs_behind && (slot->life == STATUS_LIVE || slot->life == STATUS_UNKNOWN);
}

const struct status_slot *
room_holder(const struct segment_status *segment, uint32_t *n)
{
    const struct status_slot *found = NULL;
    uint32_t i;

    for (i = 0, *n = 0; i < segment->slots_len; i++) {
        const struct status_slot *slot = &segment->slots[i];
        if (!holds(slot))
            continue;
        ++*n;
        if (!found || slot->epochs_behind > found->epochs_behind)
            found = slot;
    }
    return found;
}

void
room_say(const struct segment_status *segment, char *out, size_t bytes)
{
    char names[320] = "", more[32] = "";
    uint32_t i, n, named = 0;
    size_t at = 0;

    room_holder(segment, &n);
    for (i = 0; i < segment->slots_len && named < NAMED_MOST; i++) {
        const struct status_slot *slot = &segment->slots[i];
        if (!holds(slot))
            continue;
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%.40s (pid %u)", named++ ? ", " : "",
                               *slot->worker ? slot->worker : "?", slot->pid);
    }
    if (n > NAMED_MOST)
        snprintf(more, sizeof more, " and %u more", n - NAMED_MOST);
    snprintf(
        out, bytes,
        "the room of removed series of segment %.100s has been waiting for %.0f s for %s%s%s: it is used again when %s "
        "calls shmeter_quiescent, or ends",
        segment->name, (double)segment->held_age_ns / 1e9,
        n == 1  ? "worker "
        : n > 1 ? "workers "
                : "a process without a slot",
        names, more, n > 1 ? "each of them" : "that");
}
