#include "tests/fuzz/segment/backed.h"

#include <sanitizer/asan_interface.h>
#include <string.h>

#include "tests/fuzz/segment/kernel.h"

#define SLOTS 64u /* whose marks are held: the images have fewer, a header may say that there are more */

static struct shmeter_header header;
static int held, forbidden;
static uint64_t records, cells, slots[SLOTS]; /* the highest marks */

void
backed_begin(const struct shmeter_header *opened, int marks)
{
    memcpy(&header, opened, sizeof header);
    held = marks;
    records = cells = 0;
    memset(slots, 0, sizeof slots);
}

/* The mark at off, held at most, or what it was. */
static uint64_t
mark(uint64_t off, uint64_t most, uint64_t *highest)
{
    uint64_t value;

    memcpy(&value, kernel.base + off, sizeof value);
    if (value > most)
        value = most;
    if (value > *highest)
        *highest = value;
    return *highest;
}

static void
forbid(uint64_t from, uint64_t end)
{
    if (from < end)
        ASAN_POISON_MEMORY_REGION(kernel.base + from, end - from);
}

static void
forbid_lanes(uint64_t off, uint32_t n, uint64_t bytes, uint64_t backed)
{
    uint32_t i;

    for (i = 0; i < n && backed < bytes; i++)
        forbid(off + i * bytes + backed, off + (i + 1) * bytes);
}

void
backed_forbid(void)
{
    const uint64_t lane = UINT64_C(1) << header.lane_shift;
    uint32_t i;
    uint64_t backed;

    forbidden = 1;
    forbid(header.segment_bytes, kernel.bytes);
    if (!held)
        return;
    backed = mark(header.state_off + offsetof(struct shmeter_state, records_backed), header.records_bytes, &records);
    forbid(header.records_off + backed, header.records_off + header.records_bytes);
    backed = mark(header.state_off + offsetof(struct shmeter_state, cells_backed), lane, &cells);
    forbid_lanes(header.cpu_lanes_off, header.cpu_lanes_n, lane, backed);
    forbid_lanes(header.shared_lanes_off, header.shared_lanes_n, 2 * lane, 2 * backed);
    for (i = 0; i < header.slots_n && i < SLOTS; i++) {
        uint64_t block = header.slot_blocks_off + i * header.slot_block_bytes;
        backed = mark(header.slot_words_off + i * sizeof(struct shmeter_slot_word) +
                          offsetof(struct shmeter_slot_word, backed),
                      header.slot_block_bytes, &slots[i]);
        forbid(block + backed, block + header.slot_block_bytes);
    }
}

void
backed_allow(void)
{
    if (forbidden)
        ASAN_UNPOISON_MEMORY_REGION(kernel.base, kernel.bytes);
    forbidden = 0;
}
