/*
 * Any bytes in the smallest segment that the layout allows, with four families of one series each.
 */
#include "tests/fuzz/segment/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

const int edits_with_loads = 0;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct image_sizes sizes = {
        .cpu_lanes = 1,
        .shared_lanes = 1,
        .lane_shift = 15,
        .slots = 2,
        .gauges = 4,
        .record_chunks = 1,
    };
    static const struct reading_family families[] = {
        { SHMETER_COUNTER, SHMETER_POOL, 1, 0 },   { SHMETER_GAUGE, SHMETER_POOL, 1, 0 },
        { SHMETER_HISTOGRAM, SHMETER_POOL, 1, 0 }, { SHMETER_GAUGE, SHMETER_LIVE_ALL, 1, 0 },
        { SHMETER_COUNTER, SHMETER_POOL, 0, 0 },
    };
    static struct edits both[2];

    reading_run(reading_specimen(both, &sizes, families, data, bytes), data, bytes, 32);
    return 0;
}
