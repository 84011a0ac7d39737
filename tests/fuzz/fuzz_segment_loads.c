/*
 * Any bytes in a segment with a family of each type, while each load of shared memory may say something else than what
 * stands there: the reader is compiled with SHMETER_ATOMIC_HOOKS.
 */
#include "tests/fuzz/segment/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

const int edits_with_loads = 1;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct image_sizes sizes = {
        .cpu_lanes = 2,
        .shared_lanes = 1,
        .lane_shift = 15,
        .slots = 2,
        .gauges = 8,
        .record_chunks = 1,
    };
    static const struct reading_family families[] = {
        { SHMETER_COUNTER, SHMETER_POOL, 2, 0 },   { SHMETER_GAUGE, SHMETER_POOL, 1, 0 },
        { SHMETER_HISTOGRAM, SHMETER_POOL, 1, 7 }, { SHMETER_HISTOGRAM, SHMETER_POOL, 1, 0 },
        { SHMETER_GAUGE, SHMETER_ALL, 1, 0 },      { SHMETER_COUNTER_F64, SHMETER_POOL, 1, 0 },
        { SHMETER_INFO, SHMETER_POOL, 1, 0 },      { SHMETER_GAUGE, SHMETER_LATEST, 1, 0 },
        { SHMETER_COUNTER, SHMETER_POOL, 0, 0 },
    };
    static struct edits both[2];

    reading_run(reading_specimen(both, &sizes, families, data, bytes), data, bytes, 32);
    return 0;
}
