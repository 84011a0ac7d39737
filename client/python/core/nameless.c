/*
 * Where the segment cannot be had: a segment without a file, in memory that this process shares with those forked from
 * it. So a process whose kernel, container or disk refuses it the store shows at least what it counts itself. Making it
 * needs anonymous memory, and nothing that may have been refused before.
 */
#include "core.h"

#define SLOTS     64u
#define NORESERVE 0x4000 /* MAP_NORESERVE: what is not used takes no memory */

static long
map(uint64_t bytes, int kind)
{
    return shmeter_sys_map(bytes, SHMETER_PROT_READ | SHMETER_PROT_WRITE, kind | SHMETER_MAP_ANONYMOUS | NORESERVE, -1);
}

/* Gives the meter such a segment, in the place of nothing. Without memory nothing changes. */
void
nameless_have(struct meter_object *meter, const struct shmeter_options *options)
{
    struct shmeter_attachment *had = shmeter_meter_attachment(meter->meter), *attachment;
    struct shmeter_options small = *options;
    struct shmeter_header header;
    const char *why;
    long mapped;

    if (!had || had->base)
        return;
    small.mode = 0;
    small.ring_bytes = SHMETER_PAGE;
    small.max_slots = SLOTS;
    if (shmeter_sizes_header(&small, &header, &why)) {
        small = (struct shmeter_options){ .struct_bytes = sizeof small, .max_slots = SLOTS };
        if (shmeter_sizes_header(&small, &header, &why))
            return;
    }
    mapped = map(header.segment_bytes, SHMETER_MAP_SHARED);
    if (shmeter_sys_failed(mapped))
        mapped = map(header.segment_bytes, SHMETER_MAP_PRIVATE);
    if (shmeter_sys_failed(mapped))
        return;
    memcpy((void *)mapped, &header, sizeof header);
    attachment = shmeter_attachment_of(&header, (unsigned char *)mapped);
    if (!attachment) {
        shmeter_sys_unmap((void *)mapped, header.segment_bytes);
        return;
    }
    attachment->own = 1;
    if (attachment->unwiped)
        shmeter_fork_watch();
    shmeter_segment_adopt(meter->meter, SHMETER_ADDRESS(had), attachment);
    shmeter_claim(shmeter_meter_attachment(meter->meter), INT64_MAX);
}

/* Whether the meter counts in such a segment. */
int
nameless_is(const struct meter_object *meter)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter->meter);

    return attachment && attachment->own;
}
