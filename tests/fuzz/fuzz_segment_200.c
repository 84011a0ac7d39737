/*
 * Any bytes in a segment of more than 200 series.
 */
#include "tests/fuzz/segment/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

const int edits_with_loads = 0;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct edits_specimen wanted = {
        { .cpu_lanes = 2, .shared_lanes = 1, .lane_shift = 15, .slots = 4, .gauges = 64, .record_chunks = 2 },
        .families = 30,
        .series = 7,
    };
    static struct edits edits;

    if (!edits.records_n)
        reading_specimen(&edits, &wanted);
    reading_run(&edits, data, bytes);
    return 0;
}
