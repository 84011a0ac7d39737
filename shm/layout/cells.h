/*
 * The cells of series: what updates write and readers read. Part of the layout (shm/layout/layout.h).
 */
#ifndef SHMETER_SHM_CELLS_H
#define SHMETER_SHM_CELLS_H

#include <stdint.h>

#include "pins.h"

/*
 * A counter's cell is one uint64_t or one double. A cell at offset o of a CPU lane is at 2 * o of a
 * shared lane, and a histogram's shared cell has twice the bytes: there each bucket is a
 * {count, sum} moved by one compare-and-swap.
 */
struct shmeter_histogram_record { /* "this bucket has this count, and this lane's sum is this" */
    uint64_t bucket;
    uint64_t count;
    double sum;
};
struct shmeter_histogram_cell { /* in a CPU lane */
    uint64_t seq;               /* rec[seq & 1] is in force */
    struct shmeter_histogram_record rec[2];
    uint64_t reserved;
    /* then uint64_t buckets[buckets_n] */
};
SHMETER_AT(shmeter_histogram_record, bucket, 0);
SHMETER_AT(shmeter_histogram_record, count, 8);
SHMETER_AT(shmeter_histogram_record, sum, 16);
SHMETER_SIZE(shmeter_histogram_record, 24);
SHMETER_AT(shmeter_histogram_cell, seq, 0);
SHMETER_AT(shmeter_histogram_cell, rec, 8);
SHMETER_AT(shmeter_histogram_cell, reserved, 56);
SHMETER_SIZE(shmeter_histogram_cell, 64);

struct shmeter_shared_bucket { /* in a shared lane, at 2 * (o + 64 + 8 * bucket) */
    uint64_t count;
    double sum;
};
SHMETER_AT(shmeter_shared_bucket, count, 0);
SHMETER_AT(shmeter_shared_bucket, sum, 8);
SHMETER_SIZE(shmeter_shared_bucket, 16);

/* A gauge's value is stored XOR this NaN: zero is "never set". A NaN becomes the plain one. */
#define SHMETER_UNSET_BITS UINT64_C(0x7ff86e6f74736574)

struct shmeter_gauge_cell {
    uint64_t value; /* bits of a double XOR SHMETER_UNSET_BITS */
    uint64_t aux;   /* POOL: epoch. LATEST, LIVE_LATEST: ticks of the set. SUM, MIN, MAX: what */
                    /*   this slot's earlier owners have left, stored like value. Else unused */
};
SHMETER_AT(shmeter_gauge_cell, value, 0);
SHMETER_AT(shmeter_gauge_cell, aux, 8);
SHMETER_SIZE(shmeter_gauge_cell, 16);

#endif
