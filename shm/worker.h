/*
 * What a worker says of itself: heartbeat, busy and idle, checks. All in its slot's block, written by its own threads.
 */
#ifndef SHMETER_SHM_WORKER_H
#define SHMETER_SHM_WORKER_H

#include "slot.h"

/* A text of at most bytes - 1 and zeros behind it, word by word: others may be reading. bytes: a multiple of 8, as is out. */
SHMETER_LOCAL void
shmeter_worker_copy(char *out, const char *text, uint32_t bytes)
{
    uint64_t word;
    uint32_t at, i, ended = !text;
    for (at = 0; at < bytes; at += 8) {
        char part[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };
        for (i = 0; i < 8 && !ended && at + i + 1 < bytes; i++) {
            part[i] = text[at + i];
            ended = !part[i];
        }
        memcpy(&word, part, sizeof word);
        shmeter_store_relaxed((uint64_t *)(void *)(out + at), word);
    }
}

SHMETER_LOCAL int
shmeter_worker_is_named(const struct shmeter_slot_check *check, const char *name)
{
    uint32_t i;
    for (i = 0; i + 1 < SHMETER_CHECK_NAME_BYTES && name[i]; i++)
        if (check->name[i] != name[i])
            return 0;
    return !check->name[i];
}

/* The place of the check of this name, taken if need be; NULL when all are taken. */
SHMETER_LOCAL struct shmeter_slot_check *
shmeter_worker_check_place(struct shmeter_slot_block *block, const char *name)
{
    uint32_t i;
    for (i = 0; i < SHMETER_CHECKS; i++) {
        struct shmeter_slot_check *check = &block->checks[i];
        uint64_t seen = shmeter_load_acquire(&check->word);
        if (!seen && shmeter_cas(&check->word, &seen, SHMETER_CHECK_MAKING)) {
            shmeter_fence_release(); /* exclusives of aarch64 let later stores pass their own */
            shmeter_worker_copy(check->name, name, SHMETER_CHECK_NAME_BYTES);
            return check;
        }
        if (seen != SHMETER_CHECK_MAKING && shmeter_worker_is_named(check, name))
            return check;
    }
    return NULL;
}

/* Writes the message that is not shown, then shows it together with the state by one store. */
SHMETER_LOCAL void
shmeter_worker_check_put(struct shmeter_slot_check *check, enum shmeter_health health, const char *message,
                         uint64_t ticks)
{
    uint64_t seen = shmeter_load_acquire(&check->word), which = (seen >> 8 & 1) ^ 1;
    int fresh = seen == SHMETER_CHECK_MAKING;
    /* Who still has the word before this one may be reading that half: it must not see these stores and yet that word again. */
    shmeter_fence_release();
    shmeter_worker_copy(check->message[which], message, SHMETER_CHECK_MESSAGE_BYTES);
    if (fresh || (seen & 0xff) != (uint64_t)health)
        shmeter_store_relaxed(&check->since_ticks, ticks);
    seen = fresh ? 0 : seen >> 32;
    shmeter_store_release(&check->word, (uint64_t)health | which << 8 | ((seen + 1) & UINT32_MAX ? seen + 1 : 1) << 32);
}

#endif
