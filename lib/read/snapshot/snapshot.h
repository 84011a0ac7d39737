/*
 * One segment at one moment. A take is a bounded pass over the segment's records, lanes, gauges and slots, and copies
 * the values into private memory (contents.h). Apart from lib/read/file/, which checks the header, no other part of
 * lib/ reads shared memory. The snapshot does not use the model.
 *
 * The segment may have any bytes: each control word is loaded once, checked, then used. Work and memory depend on how
 * much memory the file has (its blocks), and not on what its header and marks say: holes are not read (held.c), the
 * array of sums has no gaps (runs.c), a value that changes while it is read is read again a limited number of times,
 * and the memory for all series is bounded (SNAPSHOT_COST_LEAST).
 */
#ifndef SHMETER_READ_SNAPSHOT_SNAPSHOT_H
#define SHMETER_READ_SNAPSHOT_SNAPSHOT_H

#include <stdint.h>

#include "read/snapshot/status.h"

struct shmeter_reader;
struct snapshot;

/*
 * A snapshot of a segment, before its first take. Takes ownership of the reader. NULL: no memory, and the reader is
 * closed.
 */
struct snapshot *snapshot_new(struct shmeter_reader *reader);
void snapshot_free(struct snapshot *snapshot);

/* For programs that read it again and again: takes a descriptor, and workers cost less (shmeter_observer_watch()). */
void snapshot_watch(struct snapshot *snapshot);

enum snapshot_depth {
    SNAPSHOT_STATUS, /* levels, losses and slots, without values: for health and shmeter ls */
    SNAPSHOT_ALL     /* the values of all series too */
};

/*
 * Reads the segment again. Returns 0, -ENOMEM (the last values stay, and it may be read again), or -EFAULT when the
 * file was truncated: then the last values stay and the snapshot can only be freed or given to a model.
 */
int snapshot_take(struct snapshot *snapshot, enum snapshot_depth depth);

/* The status of the segment at the last snapshot_take(). */
const struct segment_status *snapshot_status(const struct snapshot *snapshot);

/* Unmaps the segment and keeps the last values. For a segment that was replaced. */
void snapshot_freeze(struct snapshot *snapshot);

/*
 * To be called when another segment has replaced this one. The definitions in force here stay in force, whichever
 * processes still live, so that totals that were exposed stay exposed.
 */
void snapshot_keep_in_force(struct snapshot *snapshot);

/* Reports that series number from of a replaced segment was added to series number into. */
typedef void (*snapshot_folded_fn)(void *argument, uint32_t from, uint32_t into);

/*
 * Adds the values and losses of from to into, and calls folded for each series. Both are frozen and have the same name,
 * and from is the older one. Returns 1 when all values were added. Returns 0 when memory was too short; from keeps the
 * values that could not be added.
 */
int snapshot_fold(struct snapshot *into, struct snapshot *from, snapshot_folded_fn folded, void *argument);

/* Device, inode and nonce. */
void snapshot_identity(const struct snapshot *snapshot, uint64_t out[4]);

/* Whether both are of the same file and segment, which was opened twice. */
int snapshot_same_segment(const struct snapshot *a, const struct snapshot *b);

/*
 * To be called when the segment of old was opened again as now. Subtracts the values of now from those of old, so that
 * old has only the counts that are no longer in the file. From then on old no longer matches any other segment
 * (snapshot_same_segment()). Returns 1, or 0 when nothing remains in old.
 */
int snapshot_keep_rest(struct snapshot *old, const struct snapshot *now);

/* How many bytes of this program's memory the snapshot takes, by an estimate; and how many bytes of address space. */
uint64_t snapshot_memory(const struct snapshot *snapshot);
uint64_t snapshot_mapped(const struct snapshot *snapshot);

/* The status, for the owner of the snapshot to fill in the fields that only the owner knows. */
struct segment_status *snapshot_status_mutable(struct snapshot *snapshot);

/* How often the definition in force of a name, or a definition that joins it, has changed. */
uint32_t snapshot_chosen_n(const struct snapshot *snapshot);

/*
 * Takes over the superseded loss (SHMETER_LOSS_SUPERSEDED, which readers count) of an earlier snapshot of the same
 * name.
 */
void snapshot_keep_superseded(struct snapshot *snapshot, const struct snapshot *before);

/* Where the file's name led at the last take: enum shmeter_reader_place. */
int snapshot_place(const struct snapshot *snapshot);

#endif
