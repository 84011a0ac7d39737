/*
 * One segment at one moment: a bounded pass over its records, the sums of its cells over all lanes, its gauges and its slots, all
 * in private memory afterwards (contents.h). No other part of lib/ touches shared memory. It knows nothing of a model.
 *
 * Any bytes may stand in the segment: each control word is loaded once, checked, then used. Work and memory follow what the file has
 * (its blocks), and not what its header and marks say: holes are not read (held.c), sums are dense (runs.c), what
 * moves is read again only so often, and what all series take is bounded (SNAPSHOT_COST_LEAST).
 */
#ifndef SHMETER_READ_SNAPSHOT_SNAPSHOT_H
#define SHMETER_READ_SNAPSHOT_SNAPSHOT_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct shmeter_reader;
struct snapshot;

/* Begins to read a segment; takes the reader over and closes it with itself. NULL: no memory (the reader is closed). */
struct snapshot *snapshot_new(struct shmeter_reader *reader);
void snapshot_free(struct snapshot *snapshot);

enum snapshot_depth {
    SNAPSHOT_STATUS, /* levels, losses, slots: enough for health and ls                                     */
    SNAPSHOT_ALL     /* and the values of all series                                                      */
};

/*
 * Reads the segment again. Returns 0, -ENOMEM (the last values stay, and it may be read again), or -EFAULT when the file was truncated: then the last values stay and the
 * snapshot can only be freed or given to a model.
 */
int snapshot_take(struct snapshot *snapshot, enum snapshot_depth depth);

/* What is known of the segment, from the last snapshot_take(). */
const struct segment_status *snapshot_status(const struct snapshot *snapshot);

/* Gives the segment's memory back and keeps the last values: what a segment that was replaced has counted. */
void snapshot_freeze(struct snapshot *snapshot);

/*
 * The segment was replaced by another one of its name. What is in force here stays so, whoever still lives: totals that were shown are
 * shown.
 */
void snapshot_keep_in_force(struct snapshot *snapshot);

/* A series of what was replaced is now part of another series, by their numbers. */
typedef void (*snapshot_folded_fn)(void *argument, uint32_t from, uint32_t into);

/*
 * Both are frozen, of one name, and from is the older one: adds to into what from has counted, whose losses are into's too, and tells of
 * each series. Returns 1, and from is of no use any more; or 0, and what could not be added for want of memory is left in it.
 */
int snapshot_fold(struct snapshot *into, struct snapshot *from, snapshot_folded_fn folded, void *argument);

/* Device, inode and nonce. */
void snapshot_identity(const struct snapshot *snapshot, uint64_t out[4]);

/* Whether both are of one file and one segment: it was opened twice. */
int snapshot_same_segment(const struct snapshot *a, const struct snapshot *b);

/*
 * The same segment was opened again: leaves in old what its last values have more than those of now, which are still there; it is the
 * same segment as none from then on. Returns 1, or 0 when nothing is left.
 */
int snapshot_keep_rest(struct snapshot *old, const struct snapshot *now);

/* Bytes of this program's memory that it takes, by an estimate; and of its address space. */
uint64_t snapshot_memory(const struct snapshot *snapshot);
uint64_t snapshot_mapped(const struct snapshot *snapshot);

/* For whoever owns the snapshot and knows more of the segment's state: the status to be completed. */
struct segment_status *snapshot_status_mutable(struct snapshot *snapshot);

/* How often another definition of a name was in force than before, or joined it. */
uint32_t snapshot_chosen_n(const struct snapshot *snapshot);

/* Goes on with the loss that a snapshot of the same name before it has counted itself (SHMETER_LOSS_SUPERSEDED). */
void snapshot_keep_superseded(struct snapshot *snapshot, const struct snapshot *before);

/* What the file's name led to at the last take: enum shmeter_reader_place. */
int snapshot_place(const struct snapshot *snapshot);

#endif
