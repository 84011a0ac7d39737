/*
 * Checks a segment's header. The one test that producers and readers share, run on a private copy.
 */
#ifndef SHMETER_SHM_HEADER_H
#define SHMETER_SHM_HEADER_H

#include "../machine/files.h"
#include "../machine/hash.h"
#include "../machine/sys.h"
#include "layout.h"

#define SHMETER_PAGE 4096u

SHMETER_LOCAL uint64_t
shmeter_header_sum(const struct shmeter_header *header)
{
    return shmeter_hash_bytes(SHMETER_MAGIC, header, offsetof(struct shmeter_header, sum));
}

SHMETER_LOCAL uint64_t
shmeter_round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) & ~(to - 1);
}

/*
 * Fills in the offsets of all sections from the sizes (lane counts and shift, index_entries, records_bytes, slots_n,
 * gauges_n, ring_bytes). The order of sections is fixed, so this is also how a header is checked.
 */
SHMETER_LOCAL void
shmeter_header_place(struct shmeter_header *header)
{
    uint64_t at = SHMETER_PAGE;
    header->state_off = at;
    at += shmeter_round_up(sizeof(struct shmeter_state), SHMETER_PAGE);
    header->slot_words_off = at;
    at += shmeter_round_up((uint64_t)header->slots_n * sizeof(struct shmeter_slot_word), SHMETER_PAGE);
    header->common_off = at;
    at += shmeter_round_up((uint64_t)header->gauges_n * sizeof(struct shmeter_gauge_cell), SHMETER_PAGE);
    header->index_off = at;
    at += shmeter_round_up(header->index_entries * 8, SHMETER_PAGE);
    header->limbo_off = 0;
    if (header->features & SHMETER_FEATURE_REUSE) {
        header->limbo_off = at;
        at += shmeter_round_up(SHMETER_LIMBO_RINGS * header->limbo_entries * 8, SHMETER_PAGE);
    }
    header->records_off = at;
    at += header->records_bytes;
    header->gauges_off = sizeof(struct shmeter_slot_block);
    header->ring_off = (uint32_t)shmeter_round_up(
        header->gauges_off + (uint64_t)header->gauges_n * sizeof(struct shmeter_gauge_cell), SHMETER_PAGE);
    header->slot_block_bytes = shmeter_round_up((uint64_t)header->ring_off + header->ring_bytes, SHMETER_PAGE);
    header->slot_blocks_off = at;
    at += header->slot_block_bytes * header->slots_n;
    header->cpu_lanes_off = at;
    at += (uint64_t)header->cpu_lanes_n << header->lane_shift;
    header->shared_lanes_off = at;
    at += (uint64_t)header->shared_lanes_n << (header->lane_shift + 1);
    header->segment_bytes = at;
}

SHMETER_LOCAL int
shmeter_header_sizes_fit(const struct shmeter_header *header)
{
    uint64_t entries = header->index_entries;
    uint32_t shared = header->shared_lanes_n;
    return header->lane_shift >= SHMETER_MIN_LANE_SHIFT && header->lane_shift <= SHMETER_MAX_LANE_SHIFT &&
           header->cpu_lanes_n >= 1 && header->cpu_lanes_n <= SHMETER_MAX_CPU_LANES && shared >= 1 &&
           shared <= SHMETER_MAX_SHARED_LANES && !(shared & (shared - 1)) && header->slots_n >= 1 &&
           header->slots_n <= SHMETER_MAX_SLOTS && header->gauges_n >= 1 && header->gauges_n <= SHMETER_MAX_GAUGES &&
           header->max_series >= 1 && header->max_series <= SHMETER_MAX_SERIES && entries >= 64 &&
           entries <= (UINT64_C(1) << 32) && !(entries & (entries - 1)) &&
           header->records_bytes >= SHMETER_CHUNK_BYTES && header->records_bytes <= (UINT64_C(1) << 37) &&
           !(header->records_bytes % SHMETER_CHUNK_BYTES) && header->ring_bytes <= (1u << 30) &&
           header->ticks_kind <= SHMETER_TICKS_COUNTER &&
           (header->features & SHMETER_FEATURE_REUSE ? header->limbo_entries && header->limbo_entries <= entries &&
                                                           !(header->limbo_entries & (header->limbo_entries - 1))
                                                     : !header->limbo_entries);
}

/*
 * Whether a handle of a counter can hold where its shared cell is: some segments of earlier releases are too large for
 * that.
 */
SHMETER_LOCAL int
shmeter_header_lanes_fit(const struct shmeter_header *header)
{
    return ((uint64_t)header->cpu_lanes_n + 1) << header->lane_shift <= SHMETER_MAX_LANES_BYTES;
}

/* What a sentence's end wants behind it: " " and the segment, where it ends with a command; else nothing. */
SHMETER_LOCAL const char *
shmeter_header_names(const char *why)
{
    static const char command[] = "--force";
    size_t n = 0, i;
    while (why[n])
        n++;
    for (i = 0; i < sizeof command; i++)
        if (n < i || why[n - i] != command[sizeof command - 1 - i])
            return "";
    return " ";
}

/*
 * Returns 0, or -errno with one sentence's end in *why: -EINVAL (no segment, or damaged), -EPROTONOSUPPORT (another
 * abi). file_bytes is the size of the file that the header was read from; a shorter file than a header is the caller's
 * to refuse.
 */
SHMETER_LOCAL int
shmeter_header_check(const struct shmeter_header *header, uint64_t file_bytes, const char **why)
{
    struct shmeter_header placed;
    *why = "is no shmeter segment (its first bytes are others); choose another name, or remove the file";
    if (header->magic != SHMETER_MAGIC)
        return -EINVAL;
    *why = "is a segment of another abi version; use the shmeter release that made it, or remove it";
    if (header->abi_major != SHMETER_ABI_MAJOR || header->header_bytes != sizeof *header ||
        header->features & ~SHMETER_FEATURES_KNOWN)
        return -EPROTONOSUPPORT;
    *why = "is a damaged segment (its header's sum is wrong); remove it with: shmeter rm --force";
    if (header->sum != shmeter_header_sum(header) || !shmeter_header_sizes_fit(header))
        return -EINVAL;
    memcpy(&placed, header, sizeof placed);
    shmeter_header_place(&placed);
    if (memcmp(&placed, header, sizeof placed) != 0)
        return -EINVAL;
    *why = "has CPU lanes of 8 TiB together or more, which counters' handles cannot hold; remove it with: shmeter rm "
           "--force";
    if (!shmeter_header_lanes_fit(header))
        return -EINVAL;
    *why = "is truncated (it is shorter than its header says); remove it with: shmeter rm --force";
    if (file_bytes < header->segment_bytes)
        return -EINVAL;
    *why = "";
    return 0;
}

#endif
