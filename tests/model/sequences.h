/*
 * The restartable sequences of shm/machine/rseq_x86_64.h and shm/machine/rseq_aarch64.h in C: the same loads and stores
 * of shared bytes in the same order, through the hooks (test_sequences.py compares them with the instructions). The
 * lane is chosen by the caller.
 */
#ifndef SHMETER_TESTS_MODEL_SEQUENCES_H
#define SHMETER_TESTS_MODEL_SEQUENCES_H

#include <string.h>

#include "tests/model/checker/model.h"

struct observation {
    uint64_t *cell;
    uint64_t bucket, buckets_n;
    double v;
    void (*committed)(const struct observation *); /* at the same moment as the last store; may be NULL            */
    uint32_t aarch64; /* LDAR and STLR; else plain loads and stores, for TSO                                        */
    uint32_t commit_first, no_ldar; /* seeded bugs */
};

static inline double
sequence_f64(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline uint64_t
sequence_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline void
sequence_observe(void *argument)
{
    const struct observation *o = argument;
    uint64_t seq = model_load(o->cell, o->aarch64 && !o->no_ldar ? 'A' : 'r');
    uint64_t *active = o->cell + 1 + 3 * (seq & 1), *other = o->cell + 4 - 3 * (seq & 1);
    uint64_t bucket = model_load(active, 'r'), count;
    double sum;

    if (bucket < o->buckets_n)
        model_store(o->cell + 8 + bucket, model_load(active + 1, 'r'), 'r');
    count = model_load(o->cell + 8 + o->bucket, 'r') + 1;
    sum = sequence_f64(model_load(active + 2, 'r')) + o->v;
    if (o->commit_first) {
        model_store(o->cell, seq + 1, o->aarch64 ? 'l' : 'r');
        if (o->committed)
            o->committed(o);
    }
    model_store(other, o->bucket, 'r');
    model_store(other + 1, count, 'r');
    model_store(other + 2, sequence_bits(sum), 'r');
    if (!o->commit_first) {
        model_store(o->cell, seq + 1, o->aarch64 ? 'l' : 'r');
        if (o->committed)
            o->committed(o);
    }
}

#endif
