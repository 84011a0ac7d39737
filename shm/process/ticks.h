/*
 * Which clock ticks. There are two units, which need not be the same. A process's timers have one for as long as it
 * lives, whatever segments come and go: a number from before stays comparable, and the length of a tick belongs to it.
 * What stands in a segment (heartbeats, the stamps of LATEST gauges) is in the segment's, as its creator decided and in
 * its creator's time namespace.
 */
#ifndef SHMETER_SHM_TICKS_H
#define SHMETER_SHM_TICKS_H

#include "../machine/f64.h"
#include "process.h"
#include "timens.h"

/*
 * One of two numbers, without a branch: which instructions run must not depend on how long they took, or no two runs
 * could be compared.
 */
SHMETER_INLINE uint64_t
shmeter_clock_choose(int first, uint64_t a, uint64_t b)
{
    return b ^ ((a ^ b) & (0 - (uint64_t)first));
}

/*
 * The ticks are those around the nanoseconds. The thread may be paused between the two, for longer than what is to be
 * measured: of some tries the one counts that took the fewest ticks.
 */
SHMETER_LOCAL struct shmeter_clock_pair
shmeter_ticks_pair(uint32_t kind)
{
    struct shmeter_clock_pair pair = { 0, 0, 0 };
    uint64_t before, ns, boot_ns, ticks, narrowest = UINT64_MAX;
    int i;
    for (i = 0; i < 5; i++) {
        before = shmeter_clock_ticks(kind);
        ns = shmeter_clock_ns();
        ticks = shmeter_clock_ticks(kind);
        pair.ticks = shmeter_clock_choose(ticks - before < narrowest, before + (ticks - before) / 2, pair.ticks);
        pair.ns = shmeter_clock_choose(ticks - before < narrowest, ns, pair.ns);
        narrowest = shmeter_clock_choose(ticks - before < narrowest, ticks - before, narrowest);
    }
    for (narrowest = UINT64_MAX, i = 0; i < 5; i++) {
        ns = shmeter_clock_ns();
        boot_ns = shmeter_clock_boot_ns();
        ticks = shmeter_clock_ns();
        pair.away_ns = shmeter_clock_choose(ticks - ns < narrowest, boot_ns - ns, pair.away_ns);
        narrowest = shmeter_clock_choose(ticks - ns < narrowest, ticks - ns, narrowest);
    }
    return pair;
}

/* The segment's clock. Async-signal-safe; no system call where the kernel's clock can be read without one. */
SHMETER_INLINE uint64_t
shmeter_attachment_ticks(const struct shmeter_attachment *attachment)
{
    return shmeter_clock_ticks(attachment->header.ticks_kind) + attachment->ticks_shift;
}

/* The unit of this process's timers: the first one that is asked for stays. */
SHMETER_LOCAL uint32_t
shmeter_ticks_decide(uint32_t kind)
{
    uint64_t decided = 0;
    return shmeter_cas(&shmeter_process_v3.ticks, &decided, 1 + (uint64_t)kind) ? kind : (uint32_t)decided - 1;
}

/*
 * Whether the moment of creation may serve to measure ticks: on these clocks, before now, and not suspended since, in
 * which the counter may have gone on and CLOCK_MONOTONIC has not.
 */
SHMETER_LOCAL int
shmeter_ticks_creation_serves(const struct shmeter_header *header, const struct shmeter_clock_pair *now)
{
    return header->created_boot_ns && header->created_ticks < now->ticks && header->created_mono_ns < now->ns &&
           !shmeter_clock_suspended(header->created_boot_ns - header->created_mono_ns, now->away_ns) &&
           shmeter_timens_same(header);
}

SHMETER_LOCAL void
shmeter_attachment_calibrate(struct shmeter_attachment *attachment)
{
    const struct shmeter_header *header = &attachment->header;
    uint64_t boot[2];
    shmeter_identity_boot(boot);
    attachment->same_boot = boot[0] && boot[0] == header->boot_id[0] && boot[1] == header->boot_id[1];
    attachment->timer_kind = shmeter_ticks_decide(attachment->same_boot ? header->ticks_kind : shmeter_clock_kind());
    attachment->ticks_shift = shmeter_timens_shift(header);
    attachment->began = shmeter_ticks_pair(attachment->timer_kind);
    if (attachment->same_boot && attachment->timer_kind == header->ticks_kind &&
        shmeter_ticks_creation_serves(header, &attachment->began)) {
        attachment->began.ticks = header->created_ticks;
        attachment->began.ns = header->created_mono_ns;
    }
    attachment->pair = SHMETER_ADDRESS(&attachment->began);
    attachment->ns_per_tick = shmeter_f64_bits(1);
    attachment->calibrated = attachment->timer_kind == SHMETER_TICKS_MONOTONIC_NS;
}

#endif
