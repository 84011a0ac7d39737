/*
 * CPU time of a slot's owners, in the slot's block. While an owner lives, /proc says what it has used; after that only
 * what was noted is known: by the owner when it gives the slot back, and by any process of the pool that reads /proc
 * and is about to tell. So a sum over the living and the dead never falls below what was told before.
 *
 * The owner's time and that of all owners before it move by one 16-byte compare-and-swap: whoever takes the slot over
 * adds the one to the other, and a death in between loses and doubles nothing.
 */
#ifndef SHMETER_SHM_CPU_H
#define SHMETER_SHM_CPU_H

#include "../machine/atomic.h"
#include "../process/attachment.h"
#include "../process/clock.h"

#define SHMETER_CPU_MS_MOST ((UINT64_C(1) << 40) - 1)

/* What this process has used so far. One system call; async-signal-safe. */
SHMETER_LOCAL uint64_t
shmeter_cpu_now_ms(void)
{
    uint64_t ms = shmeter_clock_cpu_ns() / 1000000;
    return ms < SHMETER_CPU_MS_MOST ? ms : SHMETER_CPU_MS_MOST;
}

/*
 * Notes what the owner of this generation has used while it had the slot. A smaller number than noted before changes
 * nothing, nor does one of an owner before the one that was noted last: that was added up when the slot was taken over.
 * Lock-free among processes; async-signal-safe.
 */
SHMETER_LOCAL void
shmeter_cpu_note(struct shmeter_slot_block *block, uint32_t generation, uint64_t ms)
{
    uint64_t seen[2], noted, before;
    int32_t later;
    seen[0] = shmeter_load_relaxed(&block->cpu_noted);
    seen[1] = shmeter_load_relaxed(&block->cpu_before);
    do {
        noted = SHMETER_CPU_MS(seen[0]);
        before = seen[1];
        later = (int32_t)((generation - SHMETER_CPU_GENERATION(seen[0])) << 8) >> 8; /* they have 24 bits */
        if (later < 0 || (!later && ms <= noted))
            return;
        if (later)
            before += noted;
        /* pairs with snapshot_pair */
    } while (!shmeter_cas16(&block->cpu_noted, seen, SHMETER_CPU(generation, ms), before));
}

/*
 * A slot that this process is CLAIMING begins to count for it. earlier: the generation of the owner before, where that
 * was this process, too (an image before exec); else generation.
 */
SHMETER_LOCAL void
shmeter_cpu_begin(const struct shmeter_attachment *attachment, void *at, uint32_t generation, uint32_t earlier)
{
    struct shmeter_slot_block *block = (struct shmeter_slot_block *)at;
    uint64_t given = shmeter_load_relaxed(&SHMETER_WIPED(attachment)->cpu_given), own;
    if (earlier != generation) {
        own = SHMETER_CPU_OF(shmeter_load_relaxed(&block->cpu_noted), earlier) +
              SHMETER_CPU_OF(shmeter_load_relaxed(&block->cpu_given), earlier);
        given = own > given ? own : given;
    }
    shmeter_store_relaxed(&block->cpu_given, SHMETER_CPU(generation, given));
    shmeter_cpu_note(block, generation, 0);
}

/* Before this process gives the slot back: what it uses later is counted in its next slot. */
SHMETER_LOCAL void
shmeter_cpu_end(const struct shmeter_attachment *attachment, void *at, uint32_t generation)
{
    struct shmeter_slot_block *block = (struct shmeter_slot_block *)at;
    uint64_t now = shmeter_cpu_now_ms(), given = SHMETER_CPU_OF(shmeter_load_relaxed(&block->cpu_given), generation);
    shmeter_cpu_note(block, generation, now > given ? now - given : 0);
    shmeter_store_relaxed(&SHMETER_WIPED(attachment)->cpu_given, now);
}

#endif
