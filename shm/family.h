/*
 * Families as a process has opened them: the private definition, and its binding to the record in the segment in use.
 * A family that cannot be had is not an error for the program: it counts into private memory.
 */
#ifndef SHMETER_SHM_FAMILY_H
#define SHMETER_SHM_FAMILY_H

#include "registry.h"
#include "segment.h"

/* A family in one attachment. */
struct shmeter_binding {
    const struct shmeter_attachment *attachment;
    struct shmeter_family_record *record;
    const struct shmeter_buckets *buckets; /* histograms */
    uint64_t hash;                         /* seed of its series' keys                                     */
    uint32_t unit, max_series;
};

/* Where handles of a family lead that cannot be had: one cell for all its series. */
struct shmeter_private {
    struct shmeter_lanes lanes;
    struct shmeter_buckets *buckets;
    uint64_t reserved, slot; /* slot: address of cell, as a gauge handle wants it                          */
    uint64_t cell[2];
};

enum shmeter_refusal {
    SHMETER_ACCEPTED,
    SHMETER_CONFLICT, /* another definition has the name in this process */
    SHMETER_INVALID,
    SHMETER_FORGOTTEN /* the program gave the name up */
};

struct shmeter_family {
    struct shmeter_family *next;
    struct shmeter *meter;
    uint64_t binding;  /* address of the struct shmeter_binding in use, 0 none                               */
    uint64_t fallback; /* address of its struct shmeter_private, made when it is needed                      */
    uint64_t refused;  /* enum shmeter_refusal; changes when a name is given up or taken again                   */
    struct shmeter_definition definition;
};

/* Counts and reports that the store could not be had; why is a sentence's end, or NULL for the errno. */
SHMETER_LOCAL void
shmeter_family_complain(struct shmeter_family *family, const char *what, int error)
{
    char buffer[24];
    const char *why = error == -ENOMEM ? "the segment is used up (shmeter doctor tells what to raise)"
                                       : shmeter_text_errno(-error, buffer);
    shmeter_meter_say(family->meter, what, family->definition.strings, ": ", why);
}

/*
 * Attaches to the segment that the path names by now, when that is another one (re-created). Cold paths call it; handles
 * from before keep the old mapping. A segment that is merely gone is not made anew: after a chroot that would be a second
 * one in another place.
 */
SHMETER_LOCAL void
shmeter_meter_refresh(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter), *fresh = NULL;
    struct shmeter_file file;
    uint64_t seen = SHMETER_ADDRESS(attachment);
    const char *why;
    if (!attachment->base || attachment->closed || shmeter_sys_stat(-1, meter->path, &file) ||
        (file.inode == attachment->inode && file.device == attachment->device) ||
        shmeter_segment_attach(meter->path, &meter->options, &fresh, &why) || !fresh)
        return;
    memcpy(fresh->worker, meter->worker, SHMETER_WORKER_BYTES);
    shmeter_cas(&meter->attachment, &seen, SHMETER_ADDRESS(fresh));
}

/* Finds or adds the record; *unit, or -errno. */
SHMETER_LOCAL int64_t
shmeter_family_record_of(const struct shmeter_attachment *attachment, const struct shmeter_definition *definition)
{
    const struct shmeter_header *header = &attachment->header;
    struct shmeter_key key;
    struct shmeter_probe probe;
    key.hash = shmeter_hash_bytes(header->nonce[0] ^ definition->hash, definition->strings, definition->name_bytes);
    key.family = 0;
    key.bytes = definition->name_bytes;
    key.definition = definition->hash;
    key.text = definition->strings;
    probe = shmeter_registry_probe(attachment, &key);
    if (probe.entry && probe.seen)
        return (int64_t)(uint32_t)probe.seen;
    return shmeter_registry_add_family(attachment, definition, &key,
                                       definition->max_series ? definition->max_series : header->max_family_series);
}

/* Makes the binding to the segment in use. NULL, and the error is said, when it cannot be had. */
SHMETER_LOCAL struct shmeter_binding *
shmeter_family_bind(struct shmeter_family *family)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(family->meter);
    const struct shmeter_definition *definition = &family->definition;
    struct shmeter_binding *binding;
    struct shmeter_buckets *buckets = NULL;
    int64_t unit;
    if (!attachment->base)
        return NULL;
    unit = shmeter_family_record_of(attachment, definition);
    if (unit < 0) {
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_FAMILIES_REFUSED);
        shmeter_family_complain(family, "no room for the family ", (int)unit);
        return NULL;
    }
    binding = (struct shmeter_binding *)shmeter_heap_take(sizeof *binding);
    if (shmeter_type_histogram(definition->type))
        buckets = shmeter_buckets_make(definition->bounds, definition->bounds_n, (int)definition->exponential);
    if (!binding || (shmeter_type_histogram(definition->type) && !buckets))
        return NULL;
    if (buckets)
        buckets->lanes = attachment->lanes;
    binding->attachment = attachment;
    binding->record = shmeter_arena_family(attachment, (uint64_t)unit);
    binding->buckets = buckets;
    binding->unit = (uint32_t)unit;
    binding->max_series = definition->max_series ? definition->max_series : attachment->header.max_family_series;
    if (!binding->record)
        return NULL;
    binding->hash = shmeter_hash_word(binding->record->hash, attachment->header.nonce[1]);
    shmeter_registry_show(&binding->record->state);
    shmeter_store_release(&family->binding, SHMETER_ADDRESS(binding));
    return binding;
}

SHMETER_INLINE uint64_t
shmeter_family_refused(const struct shmeter_family *family)
{
    return shmeter_load_relaxed(&family->refused);
}

SHMETER_INLINE struct shmeter_binding *
shmeter_family_binding(const struct shmeter_family *family)
{
    struct shmeter_binding *binding = SHMETER_POINTER(struct shmeter_binding *, shmeter_load_acquire(&family->binding));
    if (SHMETER_LIKELY(binding && binding->attachment == shmeter_meter_attachment(family->meter)))
        return binding;
    if (shmeter_family_refused(family))
        return NULL;
    return shmeter_family_bind(SHMETER_POINTER(struct shmeter_family *, SHMETER_ADDRESS(family)));
}

/* NULL only when there is no memory at all. */
SHMETER_LOCAL struct shmeter_private *
shmeter_family_private(const struct shmeter_family *const_family)
{
    struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, SHMETER_ADDRESS(const_family));
    const struct shmeter_definition *definition = &family->definition;
    uint64_t at = shmeter_load_acquire(&family->fallback), none = 0;
    struct shmeter_private *own;
    if (at)
        return SHMETER_POINTER(struct shmeter_private *, at);
    own = (struct shmeter_private *)shmeter_heap_take(sizeof *own);
    if (!own)
        return NULL;
    own->lanes = shmeter_meter_attachment(family->meter)->lanes;
    own->lanes.cpu_n = 0;
    own->lanes.shared_mask = 0;
    own->lanes.shared = (unsigned char *)own->cell;
    own->slot = SHMETER_ADDRESS(own->cell);
    if (shmeter_type_histogram(definition->type)) {
        own->buckets = shmeter_buckets_make(definition->bounds, definition->bounds_n, (int)definition->exponential);
        if (!own->buckets)
            return NULL;
        own->buckets->lanes = own->lanes;
        own->buckets->lanes.shared = (unsigned char *)shmeter_heap_take(2 * (uint64_t)definition->cell_bytes);
        if (!own->buckets->lanes.shared)
            return NULL;
    }
    if (!shmeter_cas(&family->fallback, &none, SHMETER_ADDRESS(own)))
        return SHMETER_POINTER(struct shmeter_private *, none);
    return own;
}

/*
 * An open family of this name: the same definition, or another one (*conflict); infos of one name may have different labels. One that
 * had to give way, or was forgotten, is accepted now, if no other one has the name by now.
 */
SHMETER_LOCAL struct shmeter_family *
shmeter_family_find(const struct shmeter *meter, const struct shmeter_definition *definition, int invalid,
                    int *conflict)
{
    struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, shmeter_load_acquire(&meter->families)),
                          *same = NULL;
    *conflict = 0;
    for (; family; family = family->next) {
        uint64_t refused = shmeter_family_refused(family);
        if ((refused == SHMETER_INVALID) != invalid ||
            !shmeter_definition_same(family->definition.strings, definition->strings))
            continue;
        if (family->definition.hash != definition->hash)
            *conflict |= refused == SHMETER_ACCEPTED &&
                         !(family->definition.type == SHMETER_INFO && definition->type == SHMETER_INFO);
        else if (refused == SHMETER_ACCEPTED || invalid)
            return family;
        else
            same = family;
    }
    if (same)
        shmeter_store_relaxed(&same->refused, *conflict ? SHMETER_CONFLICT : SHMETER_ACCEPTED);
    return same;
}

/* Adds a family to the meter. NULL when there is no memory. */
SHMETER_LOCAL struct shmeter_family *
shmeter_family_push(struct shmeter *meter, const struct shmeter_definition *definition, enum shmeter_refusal refused)
{
    struct shmeter_family *family = (struct shmeter_family *)shmeter_heap_take(sizeof *family);
    uint64_t newest = shmeter_load_acquire(&meter->families);
    if (!family)
        return NULL;
    family->meter = meter;
    family->refused = (uint64_t)refused;
    family->definition = *definition;
    do
        family->next = SHMETER_POINTER(struct shmeter_family *, newest);
    while (!shmeter_cas(&meter->families, &newest, SHMETER_ADDRESS(family)));
    return family;
}

/* A family whose description is refused; it keeps the name and type, so that handles of it are refused quietly. */
SHMETER_LOCAL struct shmeter_family *
shmeter_family_refuse(struct shmeter *meter, const struct shmeter_desc *desc)
{
    static const struct shmeter_desc blank;
    struct shmeter_definition definition;
    struct shmeter_desc plain = blank;
    struct shmeter_family *family;
    int conflict;
    plain.type = (uint32_t)desc->type >= SHMETER_TYPES ? SHMETER_COUNTER : desc->type;
    plain.name = desc->name;
    plain.mode = (uint32_t)desc->mode >= SHMETER_MODES ? SHMETER_POOL : desc->mode;
    if (shmeter_definition_make(&plain, &definition))
        return NULL;
    family = shmeter_family_find(meter, &definition, 1, &conflict);
    if (!family)
        return shmeter_family_push(meter, &definition, SHMETER_INVALID);
    shmeter_definition_drop(&definition);
    return family;
}

#endif
