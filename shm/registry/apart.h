/*
 * Private memory for a family of which the segment has nothing: no segment, no room, or a name that another definition
 * has. Its handles lead here, and count safely for nobody.
 */
#ifndef SHMETER_SHM_REGISTRY_APART_H
#define SHMETER_SHM_REGISTRY_APART_H

#include "family.h"

/* Where handles of a family lead that cannot be had: one cell for all its series. */
struct shmeter_private {
    struct shmeter_lanes lanes;
    struct shmeter_buckets *buckets;
    uint64_t reserved, slot; /* slot: address of cell, as a gauge handle wants it                          */
    uint64_t cell[2];
};

/* Gives back private cells that nobody has seen. */
SHMETER_LOCAL void
shmeter_private_give(struct shmeter_private *own, const struct shmeter_definition *definition)
{
    if (own->buckets) {
        shmeter_heap_give(own->buckets->lanes.shared, 2 * (uint64_t)definition->cell_bytes);
        shmeter_buckets_give(own->buckets);
    }
    shmeter_heap_give(own, sizeof *own);
}

/* NULL when there is no memory. */
SHMETER_LOCAL struct shmeter_private *
shmeter_private_make(const struct shmeter_definition *definition, const struct shmeter_lanes *lanes)
{
    struct shmeter_private *own = (struct shmeter_private *)shmeter_heap_take(sizeof *own);
    if (!own)
        return NULL;
    own->lanes = *lanes;
    shmeter_lanes_use(&own->lanes, 0);
    own->lanes.shared_mask = 0;
    own->lanes.shared = (unsigned char *)own->cell;
    own->slot = SHMETER_ADDRESS(own->cell);
    if (!shmeter_type_histogram(definition->type))
        return own;
    own->buckets = shmeter_buckets_make(definition->bounds, definition->bounds_n, (int)definition->exponential);
    if (own->buckets) {
        own->buckets->lanes = own->lanes;
        own->buckets->lanes.shared = (unsigned char *)shmeter_heap_take(2 * (uint64_t)definition->cell_bytes);
        if (own->buckets->lanes.shared)
            return own;
    }
    shmeter_private_give(own, definition);
    return NULL;
}

/* The family's private cells, made if need be: one for all threads. NULL only when there is no memory at all. */
SHMETER_LOCAL struct shmeter_private *
shmeter_family_private(const struct shmeter_family *const_family)
{
    struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, SHMETER_ADDRESS(const_family));
    /* pairs with shmeter_family_private */
    uint64_t at = shmeter_load_acquire(&family->fallback);
    struct shmeter_private *own;
    if (at)
        return SHMETER_POINTER(struct shmeter_private *, at);
    own = shmeter_private_make(&family->definition, &shmeter_meter_attachment(family->meter)->lanes);
    /* pairs with shmeter_family_private */
    if (!own || shmeter_cas(&family->fallback, &at, SHMETER_ADDRESS(own)))
        return own;
    shmeter_private_give(own, &family->definition);
    /* pairs with shmeter_family_private */
    return SHMETER_POINTER(struct shmeter_private *, shmeter_load_acquire(&family->fallback));
}

#endif
