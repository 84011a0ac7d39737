/*
 * Any bytes in a segment with 216 series of all types and of most modes.
 */
#include "tests/fuzz/segment/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

const int edits_with_loads = 0;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct image_sizes sizes = {
        .cpu_lanes = 2,
        .shared_lanes = 1,
        .lane_shift = 15,
        .slots = 4,
        .gauges = 64,
        .record_chunks = 1,
    };
    static const struct reading_family families[] = {
        { SHMETER_COUNTER, SHMETER_POOL, 70, 0 },     { SHMETER_GAUGE, SHMETER_POOL, 30, 0 },
        { SHMETER_HISTOGRAM, SHMETER_POOL, 2, 7 },    { SHMETER_GAUGE, SHMETER_LIVE_ALL, 2, 0 },
        { SHMETER_COUNTER_F64, SHMETER_POOL, 70, 0 }, { SHMETER_GAUGE, SHMETER_SUM, 4, 0 },
        { SHMETER_INFO, SHMETER_POOL, 20, 0 },        { SHMETER_HISTOGRAM, SHMETER_POOL, 4, 0 },
        { SHMETER_GAUGE, SHMETER_LATEST, 4, 0 },      { SHMETER_GAUGE, SHMETER_LIVE_MAX, 4, 0 },
        { SHMETER_GAUGE, SHMETER_MIN, 4, 0 },         { SHMETER_GAUGE, SHMETER_ALL, 2, 0 },
        { SHMETER_COUNTER, SHMETER_POOL, 0, 0 },
    };
    static struct edits both[2];

    reading_run(reading_specimen(both, &sizes, families, data, bytes), data, bytes, 256);
    return 0;
}
