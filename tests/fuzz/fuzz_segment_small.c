/*
 * Any bytes in the smallest segment that the layout allows, with one family of each kind.
 */
#include "tests/fuzz/segment/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

const int edits_with_loads = 0;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const struct edits_specimen wanted = {
        { .cpu_lanes = 1, .shared_lanes = 1, .lane_shift = 15, .slots = 2, .gauges = 4, .record_chunks = 1 },
        .families = 7,
        .series = 1,
    };
    static struct edits edits;

    if (!edits.records_n)
        reading_specimen(&edits, &wanted);
    reading_run(&edits, data, bytes);
    return 0;
}
