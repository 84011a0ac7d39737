/*
 * Where an update goes: this CPU's lane by a restartable sequence, or else a shared lane by atomic instructions. CPU
 * lanes are written by sequences only and shared lanes by atomics only; the two never mix.
 */
#ifndef SHMETER_SHM_LANE_H
#define SHMETER_SHM_LANE_H

#include "../machine/f64.h"
#include "../machine/hash.h"
#include "../machine/rseq.h"
#include "../process/clock.h"
#include "../process/process.h"

SHMETER_INLINE uint64_t
shmeter_lane_thread(void)
{
    uint64_t pointer;
#if defined(__x86_64__)
    __asm__("movq %%fs:0, %0" : "=r"(pointer));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
    return pointer;
}

/*
 * A number that spreads threads over the shared lanes. Forked children have their parent's thread pointer, hence a seed
 * of each process's own, which the kernel zeroes at fork. No system call.
 */
SHMETER_LOCAL uint64_t
shmeter_lane_pick(void)
{
    uint64_t *seed_at = SHMETER_POINTER(uint64_t *, shmeter_load_relaxed(&shmeter_process_v3.wiped));
    uint64_t seed = 0;
    if (seed_at) {
        seed = shmeter_load_relaxed(seed_at);
        if (!seed) {
            seed = shmeter_hash_word(SHMETER_ADDRESS(&seed), shmeter_clock_counter()) | 1;
            shmeter_store_relaxed(seed_at, seed);
        }
    }
    return shmeter_hash_word(seed, shmeter_lane_thread()) >> 32;
}

/* How many CPU lanes updates use: 0 none. */
SHMETER_INLINE void
shmeter_lanes_use(struct shmeter_lanes *lanes, uint32_t cpu_n)
{
    lanes->cpu_n = cpu_n;
    lanes->f64_limit = cpu_n ? SHMETER_F64_INF : 0;
}

/*
 * Whether a double of these bits, without its sign where that does not matter, goes into a CPU lane: finite, and there
 * are lanes.
 */
SHMETER_INLINE int
shmeter_lanes_take(const struct shmeter_lanes *lanes, uint64_t bits)
{
    return __builtin_constant_p(bits) && bits < SHMETER_F64_INF ? lanes->cpu_n != 0 : bits < lanes->f64_limit;
}

/* The shared cell of a cell at offset cell_off of a CPU lane. */
SHMETER_INLINE unsigned char *
shmeter_lane_shared_cell(const struct shmeter_lanes *lanes, uint64_t cell_off)
{
    uint64_t lane = lanes->shared_mask ? shmeter_lane_pick() & lanes->shared_mask : 0;
    return lanes->shared + (lane << (lanes->shift + 1)) + 2 * cell_off;
}

SHMETER_INLINE void
shmeter_lane_lose(const struct shmeter_lanes *lanes, enum shmeter_loss loss)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): private gauges have none, nor a mode that refuses */
    if (lanes->losses)
        shmeter_add(&lanes->losses[loss].value, 1);
}

/* Adds v to a double that others may change at the same time. */
SHMETER_INLINE void
shmeter_lane_add_f64(unsigned char *cell, double v)
{
    uint64_t *at = (uint64_t *)(void *)cell;
    uint64_t seen = shmeter_load_relaxed(at);
    while (!shmeter_cas(at, &seen, shmeter_f64_bits(shmeter_f64_sum(shmeter_f64_of(seen), v))))
        ;
}

#endif
