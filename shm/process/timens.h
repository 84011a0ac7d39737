/*
 * The clocks of a segment's creator, as they are seen from here: in another time namespace CLOCK_MONOTONIC is another
 * one, and a machine may have been suspended since.
 */
#ifndef SHMETER_SHM_TIMENS_H
#define SHMETER_SHM_TIMENS_H

#include "clock.h"
#include "identity.h"

/*
 * Whether the machine was suspended between two pairs, in which the counter may have gone on and CLOCK_MONOTONIC has
 * not.
 */
SHMETER_INLINE int
shmeter_clock_suspended(uint64_t away_ns, uint64_t now_away_ns)
{
    return now_away_ns - away_ns + 1000000 > 2000000; /* within a millisecond: a pause between the two clocks */
}

/*
 * CLOCK_MONOTONIC here less that of the creator. By the two namespaces' offsets: another namespace may have got the
 * number of one that is gone. Segments from before ABI 1.3 tell no offset: there the machine's own namespace is known
 * by its number. 0: it cannot be known.
 */
SHMETER_LOCAL int
shmeter_timens_ahead(const struct shmeter_header *header, uint64_t *ahead_ns)
{
    uint32_t created = header->created_timens;
    uint64_t own_offset;
    int known = shmeter_identity_timens_offset(&own_offset);
    *ahead_ns = own_offset - header->created_offset_ns;
    return known && (header->created_boot_ns || created == SHMETER_TIMENS_OF_MACHINE ||
                     (!created && !shmeter_identity_timens()));
}

/* Whether it is the same. */
SHMETER_LOCAL int
shmeter_timens_same(const struct shmeter_header *header)
{
    uint64_t ahead_ns;
    return shmeter_timens_ahead(header, &ahead_ns) && !ahead_ns;
}

/*
 * What to add to CLOCK_MONOTONIC here to have the segment's ticks, where those are nanoseconds. Exact between time
 * namespaces of one boot, whose offsets are known; else by the time of day, which may have been set since; and nothing
 * where it cannot be told that they differ.
 */
SHMETER_LOCAL uint64_t
shmeter_timens_shift(const struct shmeter_header *header)
{
    uint64_t boot[2], ahead_ns, real_ns;
    int other_boot;
    if (header->ticks_kind != SHMETER_TICKS_MONOTONIC_NS)
        return 0;
    shmeter_identity_boot(boot);
    other_boot = boot[0] && header->boot_id[0] && (boot[0] != header->boot_id[0] || boot[1] != header->boot_id[1]);
    if (!other_boot && shmeter_timens_ahead(header, &ahead_ns))
        return 0 - ahead_ns;
    if (!other_boot &&
        (!header->created_timens || shmeter_identity_timens() == header->created_timens || !shmeter_identity_timens()))
        return 0;
    real_ns = shmeter_clock_real_ns();
    return header->created_mono_ns + (real_ns - header->created_real_ns) - shmeter_clock_ns();
}

#endif
