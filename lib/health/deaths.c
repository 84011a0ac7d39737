/*
 * The births and deaths of the workers of one name, in their order: a birth makes good for the death before it.
 */
#include "health/deaths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct event {
    const struct status_slot *slot;
    uint64_t age_ns;
    int is_death;
};

static int
in_order(const void *a, const void *b)
{
    const struct event *one = a, *other = b;
    int order = strcmp(one->slot->worker, other->slot->worker);

    if (order)
        return order;
    if (one->age_ns != other->age_ns)
        return one->age_ns > other->age_ns ? -1 : 1; /* the oldest first */
    return one->is_death - other->is_death;
}

static uint32_t
list_events(const struct segment_status *segment, struct event *events)
{
    uint32_t i, n = 0;

    for (i = 0; i < segment->slots_len; i++) {
        const struct status_slot *slot = &segment->slots[i];
        if (slot->claimed_age_ns != STATUS_NEVER)
            events[n++] = (struct event){ slot, slot->claimed_age_ns, 0 };
        if (slot->life == STATUS_DEAD && (slot->died || slot->killed) && slot->heard_age_ns != STATUS_NEVER)
            events[n++] = (struct event){ slot, slot->heard_age_ns, 1 };
    }
    qsort(events, n, sizeof *events, in_order);
    return n;
}

static double
age_seconds(const struct status_slot *slot)
{
    return (double)(slot->dead_age_ns != STATUS_NEVER ? slot->dead_age_ns : slot->heard_age_ns) / 1e9;
}

static int
latest_first(const void *a, const void *b)
{
    const struct status_slot *const *one = a, *const *other = b;

    if ((*one)->heard_age_ns != (*other)->heard_age_ns)
        return (*one)->heard_age_ns < (*other)->heard_age_ns ? -1 : 1;
    return (*one)->slot < (*other)->slot ? -1 : (*one)->slot > (*other)->slot;
}

int
deaths_find(const struct segment_status *segment, double within_seconds, const struct status_slot ***out,
            uint32_t *out_n)
{
    struct event *events = calloc(2 * (size_t)segment->slots_len + 1, sizeof *events);
    const struct status_slot **dead = calloc((size_t)segment->slots_len + 1, sizeof *dead);
    uint32_t i, events_n, of_name = 0, n = 0, kept = 0;

    *out = NULL;
    *out_n = 0;
    if (!events || !dead) {
        free(events);
        free(dead);
        return -ENOMEM;
    }
    events_n = list_events(segment, events);
    for (i = 0; i < events_n; i++) {
        if (i && strcmp(events[i].slot->worker, events[i - 1].slot->worker) != 0)
            of_name = n;
        if (events[i].is_death)
            dead[n++] = events[i].slot;
        else if (n > of_name)
            n--;
    }
    for (i = 0; i < n; i++)
        if (age_seconds(dead[i]) <= within_seconds)
            dead[kept++] = dead[i];
    free(events);
    qsort(dead, kept, sizeof *dead, latest_first);
    *out = dead;
    *out_n = kept;
    return 0;
}
