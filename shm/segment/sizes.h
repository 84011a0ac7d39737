/*
 * From options to the header of a new segment: defaults, limits, and what the machine has (CPUs, clock, boot).
 */
#ifndef SHMETER_SHM_SIZES_H
#define SHMETER_SHM_SIZES_H

#include "../layout/header.h"
#include "../layout/options.h"
#include "../process/clock.h"
#include "../process/identity.h"
#include "../process/ticks.h"

/* Of new segments; tests make those of earlier releases too. */
#if !defined(SHMETER_CREATE_FEATURES)
#define SHMETER_CREATE_FEATURES SHMETER_FEATURE_REUSE
#endif

/* Highest CPU number of a list such as "0-3,8-11", plus 1; 0 when there is none. */
SHMETER_LOCAL uint32_t
shmeter_sizes_list_end(const char *list)
{
    uint32_t number = 0, end = 0;
    for (; *list; list++) {
        if (*list >= '0' && *list <= '9') {
            number = number * 10 + (uint32_t)(*list - '0');
            end = number + 1 > end ? number + 1 : end;
        } else
            number = 0;
    }
    return end;
}

SHMETER_LOCAL uint32_t
shmeter_sizes_cpus(void)
{
    char list[512];
    unsigned char mask[1024];
    uint32_t end = 0;
    long n, i;
    if (shmeter_sys_slurp("/sys/devices/system/cpu/present", list, sizeof list) > 0)
        end = shmeter_sizes_list_end(list);
    if (!end) { /* no sysfs: the CPUs that this process may use */
        memset(mask, 0, sizeof mask);
        n = shmeter_sys(SYS_sched_getaffinity, 0, sizeof mask, SHMETER_SYS_POINTER(mask), 0, 0, 0);
        for (i = 0; i < n * 8; i++)
            if (mask[i / 8] >> (i % 8) & 1)
                end = (uint32_t)i + 1;
    }
    end = end ? end : 1;
    return end > SHMETER_MAX_CPU_LANES ? SHMETER_MAX_CPU_LANES : end;
}

SHMETER_LOCAL uint32_t
shmeter_sizes_or(uint32_t wanted, uint32_t otherwise)
{
    return wanted ? wanted : otherwise;
}

/* Fills header for a new segment. options is complete (all fields known). Returns 0, or -EINVAL and *why. */
SHMETER_LOCAL int
shmeter_sizes_header(const struct shmeter_options *options, struct shmeter_header *header, const char **why)
{
    uint64_t lane_bytes = options->lane_bytes ? options->lane_bytes : UINT64_C(1) << 20, entries = 4096;
    struct shmeter_clock_pair pair;
    uint64_t ring_bytes;
    memset(header, 0, sizeof *header);
    header->magic = SHMETER_MAGIC;
    header->abi_major = SHMETER_ABI_MAJOR;
    header->abi_minor = SHMETER_ABI_MINOR;
    header->header_bytes = sizeof *header;
    header->features = SHMETER_CREATE_FEATURES;
    header->lane_shift = SHMETER_MIN_LANE_SHIFT;
    while (header->lane_shift < SHMETER_MAX_LANE_SHIFT && (UINT64_C(1) << header->lane_shift) < lane_bytes)
        header->lane_shift++;
    header->max_series = shmeter_sizes_or(options->max_series, 16384);
    header->max_family_series = shmeter_sizes_or(options->max_family_series, 1000);
    header->slots_n = shmeter_sizes_or(options->max_slots, 256);
    header->gauges_n = shmeter_sizes_or(options->max_gauges, 1024);
    ring_bytes = shmeter_round_up(shmeter_sizes_or(options->ring_bytes, 262144), SHMETER_PAGE);
    header->ring_bytes = ring_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)ring_bytes; /* refused below */
    header->cpu_lanes_n = shmeter_sizes_or(options->cpu_lanes, shmeter_sizes_cpus());
    header->shared_lanes_n = options->shared_lanes;
    if (!options->shared_lanes) {
        header->shared_lanes_n = 1;
        while (header->shared_lanes_n < SHMETER_MAX_SHARED_LANES && header->shared_lanes_n * 2 <= header->cpu_lanes_n)
            header->shared_lanes_n *= 2;
    }
    while (entries < 2 * (uint64_t)header->max_series)
        entries *= 2;
    header->index_entries = entries;
    header->limbo_entries = header->features & SHMETER_FEATURE_REUSE ? entries / 4 : 0;
    header->records_bytes = shmeter_round_up((uint64_t)header->max_series * 512 + (UINT64_C(1) << 20),
                                             SHMETER_CHUNK_BYTES);
    *why = "sizes are out of range: shared lanes are a power of two up to 8, lanes 32 KiB to 4 GiB, series up to 2^24, "
           "rings 1 GiB";
    if (lane_bytes > (UINT64_C(1) << SHMETER_MAX_LANE_SHIFT) || !shmeter_header_sizes_fit(header))
        return -EINVAL;
    *why = "CPU lanes must be less than 8 TiB together; create it with fewer, or with smaller ones";
    if (!shmeter_header_lanes_fit(header))
        return -EINVAL;
    *why = "the file mode may be 0600, 0640 or 0660";
    if (options->mode && options->mode != 0600 && options->mode != 0640 && options->mode != 0660)
        return -EINVAL;
    shmeter_header_place(header);
    if (shmeter_sys_random(header->nonce, sizeof header->nonce))
        header->nonce[0] = shmeter_hash_word(shmeter_clock_counter(), shmeter_clock_real_ns());
    shmeter_identity_boot(header->boot_id);
    header->created_timens = shmeter_identity_timens();
    header->ticks_kind = shmeter_clock_kind();
    pair = shmeter_ticks_pair(header->ticks_kind);
    header->created_real_ns = shmeter_clock_real_ns();
    header->created_mono_ns = pair.ns;
    header->created_ticks = header->ticks_kind == SHMETER_TICKS_COUNTER ? pair.ticks : pair.ns;
    if (shmeter_identity_timens_offset(&header->created_offset_ns))
        header->created_boot_ns = pair.ns + pair.away_ns;
    header->sum = shmeter_header_sum(header);
    return 0;
}

#endif
