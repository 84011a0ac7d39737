/*
 * Families as a process has opened them: the private definition, and its binding to the record in the segment in use.
 * A family that cannot be had is not an error for the program: it counts into private memory.
 */
#ifndef SHMETER_SHM_FAMILY_H
#define SHMETER_SHM_FAMILY_H

#include "../segment/segment.h"
#include "lifetime.h"
#include "opened.h"
#include "registry.h"

/* A family in one attachment. */
struct shmeter_binding {
    const struct shmeter_attachment *attachment;
    struct shmeter_family_record *record;
    struct shmeter_buckets *buckets; /* histograms */
    uint64_t hash;                   /* seed of its series' keys                                     */
    uint32_t unit, max_series;
    uint64_t opened;     /* number of the open that lasts, 0 none: given up, or the meter was closed              */
    uint64_t longest;    /* address of the list of its longest idle series (shm/evict.h), made at need            */
    uint64_t counted_ns; /* CLOCK_MONOTONIC when this process last counted its visible series anew, 0 never     */
};

/*
 * A name is had by one definition in a process, or by infos of any labels. Who has it stands in one word, {key:44
 * (low), generation:20}, in the family of this name that was opened first: key 0 is nobody, SHMETER_NAME_INFOS infos,
 * another one a family's address / 16. The generation moves each time the name is given up. A family is accepted while
 * the word is what it was when the family got the name.
 */
#define SHMETER_NAME_KEY        ((UINT64_C(1) << 44) - 1)
#define SHMETER_NAME_GENERATION (UINT64_C(1) << 44)
#define SHMETER_NAME_INFOS      UINT64_C(1)

#define SHMETER_FAMILY_INVALID(family) ((uint32_t)shmeter_load_relaxed(&(family)->marks) & 1u)
#define SHMETER_FAMILY_NO_ROOM         UINT64_C(2)
#define SHMETER_FAMILY_TOLD            UINT64_C(4) /* times enum shmeter_told */

struct shmeter_family {
    struct shmeter_family *next;
    struct shmeter *meter;
    struct shmeter_family *first; /* of its name; itself when its description is refused                      */
    uint64_t holder;              /* in the first one of a name: who has it                                   */
    uint64_t accepted;            /* what holder was when this one got the name; never so: 0                  */
    uint64_t binding;             /* address of the struct shmeter_binding in use, 0 none                     */
    uint64_t fallback;            /* address of its struct shmeter_private, made when it is needed            */
    uint64_t marks;               /* {its description is refused:1 (low), no room was told:1, shmeter_told:2}  */
    struct shmeter_definition definition;
};

/* Sets a mark. 0: it was set already. */
SHMETER_LOCAL int
shmeter_family_mark(struct shmeter_family *family, uint64_t mark)
{
    uint64_t seen = shmeter_load_relaxed(&family->marks);
    while (!(seen & mark))
        if (shmeter_cas(&family->marks, &seen, seen | mark))
            return 1;
    return 0;
}

/* Counts that the segment has no room for the family, and says so once. */
SHMETER_LOCAL void
shmeter_family_complain(struct shmeter_family *family, const struct shmeter_lanes *lanes, int error)
{
    char buffer[24];
    shmeter_lane_lose(lanes, SHMETER_LOSS_FAMILIES_REFUSED);
    if (shmeter_family_mark(family, SHMETER_FAMILY_NO_ROOM))
        shmeter_meter_say(family->meter, "no room for the family ", family->definition.strings, ": ",
                          error == -ENOMEM ? "the segment is used up (shmeter doctor tells what to raise)"
                                           : shmeter_text_errno(-error, buffer));
}

/*
 * Sees to it that what is this process's own is so, and attaches to the segment that the path names by now, when that
 * is another one (re-created). Cold paths call it; handles from before keep the old mapping. A segment that is merely
 * gone is not made anew: after a chroot that would be a second one in another place.
 */
SHMETER_LOCAL void
shmeter_meter_refresh(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter), *fresh = NULL;
    struct shmeter_options options;
    struct shmeter_file file;
    const char *why;
    memset((void *)&options, 0, sizeof options);
    options.any_owner = attachment->any_owner;
    options.mode = attachment->sharers ? 0660 : 0;
    options.group = (int64_t)attachment->sharers - 1;
    shmeter_fork_check(attachment);
    if (!attachment->base || attachment->own || shmeter_attachment_closed(attachment) ||
        shmeter_sys_stat(-1, meter->path, &file) ||
        (file.inode == attachment->inode && file.device == attachment->device) ||
        shmeter_segment_attach(meter->path, &options, &fresh, &why) || !fresh)
        return;
    shmeter_segment_adopt(meter, SHMETER_ADDRESS(attachment), fresh);
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
    if (!probe.entry)
        return -ENOMEM; /* the index is full there */
    if (probe.seen)
        return (int64_t)(uint32_t)probe.seen;
    return shmeter_registry_add_family(attachment, definition, &key,
                                       definition->max_series ? definition->max_series : header->max_family_series);
}

/*
 * Whether the family does not have its name: another definition has it, or it was given up, or its description is
 * refused.
 */
SHMETER_INLINE int
shmeter_family_refused(const struct shmeter_family *family)
{
    return shmeter_load_relaxed(&family->accepted) != shmeter_load_relaxed(&family->first->holder);
}

/* ---- what is open ---- */

/* The binding of a family that leads to this attachment, whether it has its name or not; NULL. */
SHMETER_LOCAL struct shmeter_binding *
shmeter_family_bound(const struct shmeter_family *family, const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_family_bind */
    struct shmeter_binding *binding = SHMETER_POINTER(struct shmeter_binding *, shmeter_load_acquire(&family->binding));
    return binding && binding->attachment == attachment ? binding : NULL;
}

/*
 * Opens a family in its segment, if it is not open there, and lists it. A thread that binds the family while another
 * one claims the slot: the binding is published, then the claim is loaded, with an add between them; there it is the
 * other way round with a cas. So one of both sees what the other has done.
 */
SHMETER_LOCAL void
shmeter_binding_open(struct shmeter_binding *binding)
{
    uint64_t number = shmeter_load_relaxed(&binding->opened), next;
    if (shmeter_attachment_closed(binding->attachment))
        return; /* its next open opens them anew */
    if (!number) {
        /* pairs with shmeter_claim_publish */
        next = shmeter_opened_number(binding->attachment, binding->record);
        if (shmeter_cas(&binding->opened, &number, next))
            number = next;
    }
    shmeter_opened_put(binding->attachment, binding->unit, number);
}

/*
 * Opens a family, or takes one that has lost its name off the list; once more when a thread has changed that meanwhile.
 */
SHMETER_LOCAL void
shmeter_family_settle(const struct shmeter_family *family, struct shmeter_binding *binding)
{
    int refused;
    do {
        refused = shmeter_family_refused(family);
        if (!refused) {
            shmeter_binding_open(binding);
        } else {
            shmeter_store_relaxed(&binding->opened, 0);
            shmeter_opened_take_off(binding->attachment, binding->unit);
        }
    } while (refused != shmeter_family_refused(family));
}

/* The meter is closed: its next open opens the family anew. */
SHMETER_LOCAL void
shmeter_family_end(const struct shmeter_family *family, struct shmeter_binding *binding)
{
    (void)family;
    shmeter_store_relaxed(&binding->opened, 0);
}

/*
 * Does something with each family that this process has in an attachment. To settle them all is for a process that has
 * just got a slot: a forked child has them from its parent, with the numbers of the parent's opens. Lock-free and
 * async-signal-safe.
 */
SHMETER_LOCAL void
shmeter_family_all(const struct shmeter_attachment *attachment,
                   void (*act)(const struct shmeter_family *family, struct shmeter_binding *binding))
{
    /* pairs with shmeter_open_have */
    uint64_t at = shmeter_load_acquire(&shmeter_process_v3.meters);
    struct shmeter *meter = SHMETER_POINTER(struct shmeter *, at);
    for (; meter; meter = meter->next) {
        /* pairs with shmeter_family_have */
        uint64_t newest = shmeter_load_acquire(&meter->families);
        struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, newest);
        for (; family; family = family->next) {
            struct shmeter_binding *binding = shmeter_family_bound(family, attachment);
            if (binding)
                act(family, binding);
        }
    }
}

/* ---- bindings ---- */

/* Gives back a binding that nobody has seen. */
SHMETER_LOCAL void
shmeter_binding_give(struct shmeter_binding *binding)
{
    if (binding)
        shmeter_buckets_give(binding->buckets);
    shmeter_heap_give(binding, sizeof *binding);
}

/* A binding of the family to this segment. NULL, and the error is said, when it cannot be had. */
SHMETER_LOCAL struct shmeter_binding *
shmeter_binding_make(struct shmeter_family *family, const struct shmeter_attachment *attachment)
{
    const struct shmeter_definition *definition = &family->definition;
    struct shmeter_binding *binding;
    int64_t unit = shmeter_family_record_of(attachment, definition);
    if (unit < 0) {
        shmeter_family_complain(family, &attachment->lanes, (int)unit);
        return NULL;
    }
    binding = (struct shmeter_binding *)shmeter_heap_take(sizeof *binding);
    if (!binding)
        return NULL;
    if (shmeter_type_histogram(definition->type)) {
        binding->buckets = shmeter_buckets_make(definition->bounds, definition->bounds_n, (int)definition->exponential);
        if (binding->buckets)
            binding->buckets->lanes = attachment->lanes;
    }
    binding->attachment = attachment;
    binding->record = shmeter_arena_family(attachment, (uint64_t)unit);
    binding->unit = (uint32_t)unit;
    binding->max_series = definition->max_series ? definition->max_series : attachment->header.max_family_series;
    if (!binding->record || (shmeter_type_histogram(definition->type) && !binding->buckets)) {
        shmeter_binding_give(binding);
        return NULL;
    }
    binding->hash = shmeter_hash_word(binding->record->hash, attachment->header.nonce[1]);
    shmeter_registry_show(&binding->record->state);
    shmeter_lifetime_declare(attachment, binding->record, binding->unit, shmeter_load_relaxed(&definition->idle));
    return binding;
}

/*
 * The binding to the segment in use, made if need be; of threads that make one at once all get the same one. NULL, and
 * the error is said, when it cannot be had. The attachment is loaded behind the binding: it is never an older one than
 * the binding's.
 */
SHMETER_LOCAL struct shmeter_binding *
shmeter_family_bind(struct shmeter_family *family)
{
    for (;;) {
        /* pairs with shmeter_family_bind */
        uint64_t seen = shmeter_load_acquire(&family->binding);
        const struct shmeter_attachment *attachment = shmeter_meter_attachment(family->meter);
        struct shmeter_binding *binding = SHMETER_POINTER(struct shmeter_binding *, seen);
        if (binding && binding->attachment == attachment)
            return binding;
        binding = attachment->base ? shmeter_binding_make(family, attachment) : NULL;
        if (!binding)
            return NULL;
        /* pairs with shmeter_family_binding */
        if (shmeter_cas(&family->binding, &seen, SHMETER_ADDRESS(binding))) {
            shmeter_family_settle(family, binding);
            return binding;
        }
        shmeter_binding_give(binding);
    }
}

SHMETER_INLINE struct shmeter_binding *
shmeter_family_binding(const struct shmeter_family *family)
{
    /* pairs with shmeter_family_bind */
    struct shmeter_binding *binding = SHMETER_POINTER(struct shmeter_binding *, shmeter_load_acquire(&family->binding));
    struct shmeter_attachment *attachment = shmeter_meter_attachment(family->meter);
    shmeter_park_end(attachment);
    if (SHMETER_LIKELY(binding && binding->attachment == attachment))
        return binding;
    if (shmeter_family_refused(family))
        return NULL;
    return shmeter_family_bind(SHMETER_POINTER(struct shmeter_family *, SHMETER_ADDRESS(family)));
}

/*
 * The family of this definition in a list, if it is there; *first is the one of its name that was opened first, or
 * NULL.
 */
SHMETER_LOCAL struct shmeter_family *
shmeter_family_find(uint64_t newest, const struct shmeter_definition *definition, uint32_t invalid,
                    struct shmeter_family **first)
{
    struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, newest);
    *first = NULL;
    for (; family; family = family->next) {
        if (SHMETER_FAMILY_INVALID(family) != invalid ||
            !shmeter_definition_same(family->definition.strings, definition->strings))
            continue;
        if (family->definition.hash == definition->hash)
            return family;
        *first = family->first;
    }
    return NULL;
}

/*
 * The meter's family of this definition, added if it is not there; takes the definition over, or drops it. It is added
 * only to the list in which it was not found: threads that open one at once all get the same one. NULL when there is no
 * memory.
 */
SHMETER_LOCAL struct shmeter_family *
shmeter_family_have(struct shmeter *meter, struct shmeter_definition *definition, uint32_t invalid)
{
    struct shmeter_family *family, *first, *own = NULL;
    uint64_t newest;
    for (;;) {
        /* pairs with shmeter_family_have */
        newest = shmeter_load_acquire(&meter->families);
        family = shmeter_family_find(newest, definition, invalid, &first);
        if (family)
            break;
        if (!own)
            own = (struct shmeter_family *)shmeter_heap_take(sizeof *own);
        if (!own)
            break;
        own->meter = meter;
        own->first = first && !invalid ? first : own;
        own->holder = SHMETER_NAME_GENERATION;
        own->marks = invalid;
        own->definition = *definition;
        own->next = SHMETER_POINTER(struct shmeter_family *, newest);
        /* pairs with shmeter_family_have */
        if (shmeter_cas(&meter->families, &newest, SHMETER_ADDRESS(own)))
            return own;
    }
    shmeter_heap_give(own, sizeof *own);
    shmeter_definition_drop(definition);
    return family;
}

/*
 * Takes the family's name for it, if nobody has it. 0: another definition has it. What the family had is loaded before
 * who has the name: a thread that was slow does not bring back what was given up meanwhile.
 */
SHMETER_LOCAL int
shmeter_family_accept(struct shmeter_family *family)
{
    uint64_t *holder = &family->first->holder;
    uint64_t key = family->definition.type == SHMETER_INFO ? SHMETER_NAME_INFOS : SHMETER_ADDRESS(family) / 16;
    for (;;) {
        /* accepted: pairs with shmeter_family_accept; the holder: pairs with shmeter_family_give_up */
        uint64_t had = shmeter_load_acquire(&family->accepted), seen = shmeter_load_acquire(holder);
        if (!(seen & SHMETER_NAME_KEY)) {
            if (!shmeter_cas(holder, &seen, seen | key))
                continue;
            seen |= key;
        }
        if ((seen & SHMETER_NAME_KEY) != key)
            return 0;
        /* pairs with shmeter_family_accept */
        if (had == seen || shmeter_cas(&family->accepted, &had, seen))
            return 1;
    }
}

/* Gives up the name of which this family is the first one, for all definitions at once. */
SHMETER_LOCAL void
shmeter_family_give_up(struct shmeter_family *first)
{
    /* pairs with shmeter_family_accept */
    uint64_t seen = shmeter_load_acquire(&first->holder), next;
    do {
        next = (seen & ~SHMETER_NAME_KEY) + SHMETER_NAME_GENERATION;
        next = next ? next : SHMETER_NAME_GENERATION;
        /* pairs with shmeter_family_accept */
    } while (seen & SHMETER_NAME_KEY && !shmeter_cas(&first->holder, &seen, next));
}

/* A family whose description is refused; it keeps the name and type, so that handles of it are refused quietly. */
SHMETER_LOCAL struct shmeter_family *
shmeter_family_refuse(struct shmeter *meter, const struct shmeter_desc *desc)
{
    static const struct shmeter_desc blank = SHMETER_ZEROED;
    struct shmeter_definition definition;
    struct shmeter_desc plain = blank;
    plain.type = (uint32_t)desc->type >= SHMETER_TYPES ? SHMETER_COUNTER : desc->type;
    plain.name = desc->name;
    plain.mode = (uint32_t)desc->mode >= SHMETER_MODES ? SHMETER_POOL : desc->mode;
    if (shmeter_definition_make(&plain, &definition))
        return NULL;
    return shmeter_family_have(meter, &definition, 1);
}

#endif
