/*
 * Prints the accesses of sequence_observe: order of each, and its place in the cell. Arguments: seq, the record's
 * bucket, the bucket.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/sequences.h"

static uint64_t cell[16];

uint64_t
model_load(const uint64_t *at, char order)
{
    printf("load %c %d\n", order, (int)(8 * (at - cell)));
    return *at;
}

void
model_store(uint64_t *at, uint64_t value, char order)
{
    printf("store %c %d\n", order, (int)(8 * (at - cell)));
    *at = value;
}

int
main(int argc, char **argv)
{
    struct observation o = { .cell = cell, .buckets_n = 4, .v = 1 };

    if (argc != 5)
        return 2;
    o.aarch64 = argv[1][0] == 'a';
    cell[0] = strtoull(argv[2], NULL, 0);
    cell[1 + 3 * (cell[0] & 1)] = strtoull(argv[3], NULL, 0);
    o.bucket = strtoull(argv[4], NULL, 0);
    sequence_observe(&o);
    return 0;
}
