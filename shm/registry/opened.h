/*
 * Which families a process has open: a list in its slot's block, from which readers tell what living processes use. An
 * entry is one word, the record's unit and the number of the open; opens of a segment are numbered in their order.
 * Lock-free and async-signal-safe.
 */
#ifndef SHMETER_SHM_OPENED_H
#define SHMETER_SHM_OPENED_H

#include "../machine/atomic.h"
#include "../machine/compiler.h"
#include "../process/attachment.h"

SHMETER_INLINE struct shmeter_slot_block *
shmeter_opened_block_at(const struct shmeter_attachment *attachment, uint64_t idx)
{
    return (struct shmeter_slot_block *)(void *)(attachment->base + attachment->header.slot_blocks_off +
                                                 idx * attachment->header.slot_block_bytes);
}

/* The block of this process's slot; NULL when it has none, or another process has taken it. */
SHMETER_LOCAL struct shmeter_slot_block *
shmeter_opened_block(const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_claim_publish */
    uint64_t claim = SHMETER_CLAIM_KEY(shmeter_load_acquire(&SHMETER_WIPED(attachment)->claim));
    struct shmeter_slot_block *block;
    if (!claim || !attachment->base)
        return NULL;
    block = shmeter_opened_block_at(attachment, (uint32_t)claim - 1);
    /* pairs with shmeter_opened_begin */
    return SHMETER_OWNER_GENERATION(shmeter_load_acquire(&block->opened_of)) == claim >> 32 ? block : NULL;
}

/*
 * Begins the list of the slot that this process is CLAIMING. What stands there is its last owner's until opened_of says
 * whose it is; a claimant of before ABI 1.3 leaves both alone.
 */
SHMETER_LOCAL void
shmeter_opened_begin(const struct shmeter_attachment *attachment, uint64_t idx)
{
    const unsigned char *words = attachment->base + attachment->header.slot_words_off;
    const struct shmeter_slot_word *word = (const struct shmeter_slot_word *)(const void *)words + idx;
    struct shmeter_slot_block *block = shmeter_opened_block_at(attachment, idx);
    uint64_t owner = shmeter_load_relaxed(&word->owner); /* ours */
    uint32_t i;
    for (i = 0; i < SHMETER_OPENED && shmeter_load_relaxed(&block->opened[i]); i++)
        shmeter_store_relaxed(&block->opened[i], 0);
    shmeter_store_relaxed(&block->opened_first, 0);
    /* pairs with read_list of lib/read/snapshot/shown/force.c */
    shmeter_store_release(&block->opened_of, (owner & ~UINT64_C(0xff)) | SHMETER_SLOT_LIVE);
}

/*
 * The number of an open that is made now: 0 in its lower half is never one. The record has the number of its last open.
 */
SHMETER_LOCAL uint64_t
shmeter_opened_number(const struct shmeter_attachment *attachment, struct shmeter_family_record *record)
{
    uint64_t seen = shmeter_load_relaxed(&record->opened), number;
    do
        /* pairs with read_list of lib/read/snapshot/shown/force.c */
        number = shmeter_add(&attachment->state->opens.value, 1) + 1;
    while (!(uint32_t)number);
    while (seen < number && !shmeter_cas(&record->opened, &seen, number))
        ;
    return number;
}

/* The unit's entry, or else the first free place, and what is there; NULL: the list is full. */
SHMETER_LOCAL uint64_t *
shmeter_opened_find(struct shmeter_slot_block *block, uint32_t unit, uint64_t *seen)
{
    uint64_t *place = NULL, entry = 1;
    uint32_t i;
    for (i = 0; i < SHMETER_OPENED && entry; i++) {
        entry = shmeter_load_relaxed(&block->opened[i]);
        if (SHMETER_OPENED_UNIT(entry) != unit && (place || SHMETER_OPENED_NUMBER(entry)))
            continue;
        place = &block->opened[i];
        *seen = entry;
        if (SHMETER_OPENED_UNIT(entry) == unit)
            break;
    }
    return place;
}

/*
 * Lists a family with the number of its last open. Without a slot, or when the list is full, it is not listed: then the
 * record's number is all that tells of it. It stands there once, unless another thread makes room just then: then the
 * later number counts.
 */
SHMETER_LOCAL void
shmeter_opened_put(const struct shmeter_attachment *attachment, uint32_t unit, uint64_t number)
{
    struct shmeter_slot_block *block = shmeter_opened_block(attachment);
    uint64_t *place, seen = block ? shmeter_load_relaxed(&block->opened_first) : 0;
    while (block && (!seen || number < seen) && !shmeter_cas(&block->opened_first, &seen, number))
        ;
    seen = 0;
    while (block && (place = shmeter_opened_find(block, unit, &seen))) {
        if (SHMETER_OPENED_UNIT(seen) == unit && SHMETER_OPENED_NUMBER(seen) &&
            (int32_t)((uint32_t)number - SHMETER_OPENED_NUMBER(seen)) <= 0)
            return;
        /* pairs with read_list of lib/read/snapshot/shown/force.c */
        if (shmeter_cas(place, &seen, SHMETER_OPENED_ENTRY(unit, number)))
            return;
    }
}

/* Takes a family off the list. Its place keeps the list together, and is used again. */
SHMETER_LOCAL void
shmeter_opened_take_off(const struct shmeter_attachment *attachment, uint32_t unit)
{
    struct shmeter_slot_block *block = shmeter_opened_block(attachment);
    uint64_t seen;
    uint32_t i;
    for (i = 0; block && i < SHMETER_OPENED && (seen = shmeter_load_relaxed(&block->opened[i])); i++)
        while (SHMETER_OPENED_UNIT(seen) == unit && SHMETER_OPENED_NUMBER(seen) &&
               !shmeter_cas(&block->opened[i], &seen, SHMETER_OPENED_ENTRY(unit, 0)))
            ;
}

#endif
