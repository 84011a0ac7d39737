/*
 * Which parts of the file have memory, according to the kernel and not to the segment's marks: a wrong mark would make
 * a reader allocate memory for holes, and work through them. There are two regions, which grow in different ways. The
 * part before the index has memory from the start, though perhaps no process has touched it yet. The rest gets memory
 * piece by piece, each time before a mark is raised.
 *
 * The kernel is asked when a part is needed that is not known to have memory, and at most once for each region and
 * take. So a take in which nothing new has appeared does not ask. On a tmpfs, memory that was allocated and never
 * touched counts as a hole (kernels before 5.14 make such pages). It reads as zeroes, as a hole does, so skipping it
 * gives the same result.
 */
#include "read/snapshot/internal.h"

static struct snapshot_extents *
region_of(struct snapshot *snapshot, uint64_t off)
{
    return off < snapshot->reader->header.index_off ? &snapshot->fixed : &snapshot->grown;
}

static int
add(struct snapshot *snapshot, struct snapshot_extents *extents, uint64_t from, uint64_t to)
{
    if (extents->n && extents->all[extents->n - 1].to >= from) {
        extents->all[extents->n - 1].to = to;
        return 1;
    }
    if (array_room(&extents->all, &extents->capacity, (uint64_t)extents->n + 1, sizeof *extents->all)) {
        snapshot->held_error = -ENOMEM;
        return 0;
    }
    extents->all[extents->n++] = (struct snapshot_extent){ from, to };
    return 1;
}

/*
 * Asks the kernel about a region. The first extent is kept, because memory is not taken away from a file
 * (snapshot_held_begin() notices if it is).
 */
static void
look(struct snapshot *snapshot, struct snapshot_extents *extents)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    uint64_t at = extents == &snapshot->fixed ? 0 : header->records_off, from, to;
    const uint64_t end = extents == &snapshot->fixed ? header->index_off : header->segment_bytes;

    extents->looked = snapshot->takes_n;
    extents->last = 0;
    extents->n = extents->n && extents->all[0].from == at;
    if (extents->n)
        at = extents->all[0].to;
    while (at < end && shmeter_reader_part(snapshot->reader, at, end, &from, &to)) {
        if (!add(snapshot, extents, from, to))
            return;
        at = to;
    }
}

/* Index of the first extent that ends behind off; extents->n: there is none. */
static uint32_t
place(struct snapshot_extents *extents, uint64_t off)
{
    uint32_t low = 0, high = extents->n, last = extents->last;

    if (last < high && extents->all[last].to > off && (!last || extents->all[last - 1].to <= off))
        return last;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (extents->all[middle].to > off)
            high = middle;
        else
            low = middle + 1;
    }
    extents->last = low;
    return low;
}

static int
known(struct snapshot_extents *extents, uint64_t off, uint64_t bytes)
{
    uint32_t at = place(extents, off);

    return at < extents->n && extents->all[at].from <= off && bytes <= extents->all[at].to - off;
}

int
snapshot_held(struct snapshot *snapshot, uint64_t off, uint64_t bytes)
{
    struct snapshot_extents *extents = region_of(snapshot, off);

    if (known(extents, off, bytes))
        return 1;
    if (extents->looked == snapshot->takes_n)
        return 0;
    look(snapshot, extents);
    return known(extents, off, bytes);
}

int
snapshot_held_until(struct snapshot *snapshot, uint64_t off, uint64_t *end)
{
    struct snapshot_extents *extents = region_of(snapshot, off);
    int held = snapshot_held(snapshot, off, 1);
    uint32_t at = place(extents, off);

    *end = at == extents->n ? UINT64_MAX : held ? extents->all[at].to : extents->all[at].from;
    return held;
}

const struct snapshot_extents *
snapshot_held_parts(struct snapshot *snapshot)
{
    if (snapshot->grown.looked != snapshot->takes_n)
        look(snapshot, &snapshot->grown);
    return &snapshot->grown;
}

void
snapshot_held_begin(struct snapshot *snapshot)
{
    const uint64_t before = snapshot->status.backed_bytes;

    snapshot->takes_n++;
    snapshot->held_error = 0;
    snapshot->status.backed_bytes = snapshot->reader->held_bytes;
    if (snapshot->status.backed_bytes >= before)
        return;
    snapshot->fixed.n = snapshot->grown.n = 0;
    snapshot->words_held = 0;
}
