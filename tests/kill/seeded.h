/* Updates of which one in many is wrong on purpose, which the ledger has to notice. For worker.c. */
#ifndef SHMETER_TESTS_KILL_SEEDED_H
#define SHMETER_TESTS_KILL_SEEDED_H

#include "shmeter.h"
#include "tests/kill/worker.h"

#define SEEDED_EACH   64u
#define SEEDED_ROUNDS 4096u /* between the halves of a split update                                      */

static inline void
kill_seeded_spin(uint64_t rounds)
{
    volatile uint64_t round;

    for (round = 0; round < rounds; round++)
        ;
}

/* The load and the store are of one cell that all workers use; rounds is how long one takes to the other. */
static inline void
kill_seeded_split(struct shmeter_counter counter, uint64_t n, uint64_t rounds)
{
    volatile uint64_t *cell = (volatile uint64_t *)(void *)(counter.cell + 8 * (counter.lanes >> 24));
    uint64_t value = *cell;

    kill_seeded_spin(rounds);
    *cell = value + n;
}

static inline void
kill_seeded_add(enum seeded seeded, struct shmeter_counter counter, uint64_t n)
{
    static uint32_t calls;
    static struct shmeter_counter late;
    static uint64_t late_n;

    if (late_n) {
        shmeter_counter_add(late, late_n);
        late_n = 0;
    }
    calls++;
    if (seeded == SEEDED_SPLIT) {
        kill_seeded_split(counter, n, calls % SEEDED_EACH ? 0 : SEEDED_ROUNDS);
        return;
    }
    if (!seeded || calls % SEEDED_EACH) {
        shmeter_counter_add(counter, n);
        return;
    }
    switch (seeded) {
    case SEEDED_LOST:
        break;
    case SEEDED_DOUBLED:
        shmeter_counter_add(counter, 2 * n);
        break;
    case SEEDED_LATE:
        late = counter;
        late_n = n;
        break;
    default:
        shmeter_counter_add(counter, n);
    }
}

static inline void
kill_seeded_observe(enum seeded seeded, struct shmeter_histogram histogram, double v)
{
    static uint32_t calls;
    struct shmeter_shared_bucket *bucket;

    if (seeded != SEEDED_TORN || ++calls % SEEDED_EACH) {
        shmeter_histogram_observe(histogram, v);
        return;
    }
    bucket = (struct shmeter_shared_bucket *)(void *)shmeter_lane_shared_cell(
        &histogram.buckets->lanes, histogram.cell + sizeof(struct shmeter_histogram_cell) +
                                       8 * (uint64_t)shmeter_buckets_find(histogram.buckets, shmeter_f64_bits(v)));
    __atomic_add_fetch(&bucket->count, 1, __ATOMIC_SEQ_CST);
    kill_seeded_spin(SEEDED_ROUNDS);
    shmeter_lane_add_f64((unsigned char *)&bucket->sum, v);
}

#endif
