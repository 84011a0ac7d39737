/*
 * One segment at one moment: a bounded pass over its records, the sums of its cells over all lanes, its gauges and its
 * slots, all in private memory afterwards (contents.h). No other part of lib/ touches shared memory. It knows nothing
 * of a model.
 *
 * The segment may have any bytes: each control word is loaded once, checked, then used. Work and memory depend on how
 * much memory the file has (its blocks), and not on what its header and marks say: holes are not read (held.c), sums
 * are dense (runs.c), a value that changes while it is read is read again a limited number of times, and the memory for
 * all series is bounded (SNAPSHOT_COST_LEAST).
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

/* For programs that read it again and again: takes a descriptor, and workers cost less (shmeter_observer_watch()). */
void snapshot_watch(struct snapshot *snapshot);

enum snapshot_depth {
    SNAPSHOT_STATUS, /* levels, losses, slots: enough for health and ls                                     */
    SNAPSHOT_ALL     /* and the values of all series                                                      */
};

/*
 * Reads the segment again. Returns 0, -ENOMEM (the last values stay, and it may be read again), or -EFAULT when the
 * file was truncated: then the last values stay and the snapshot can only be freed or given to a model.
 */
int snapshot_take(struct snapshot *snapshot, enum snapshot_depth depth);

/* What is known of the segment, from the last snapshot_take(). */
const struct segment_status *snapshot_status(const struct snapshot *snapshot);

/* Gives the segment's memory back and keeps the last values: what a segment that was replaced has counted. */
void snapshot_freeze(struct snapshot *snapshot);

/*
 * To be called when another segment has replaced this one. The definitions in force here stay in force, whichever
 * processes still live, so that totals that were exposed stay exposed.
 */
void snapshot_keep_in_force(struct snapshot *snapshot);

/* A series of what was replaced is now part of another series, by their numbers. */
typedef void (*snapshot_folded_fn)(void *argument, uint32_t from, uint32_t into);

/*
 * Adds the values and losses of from to into, and calls folded for each series. Both
 * are frozen and have the same name, and from is the older one. Returns 1: from has nothing left. Returns 0: there was
 * too little memory, and from keeps the values that could not be added.
 */
int snapshot_fold(struct snapshot *into, struct snapshot *from, snapshot_folded_fn folded, void *argument);

/* Device, inode and nonce. */
void snapshot_identity(const struct snapshot *snapshot, uint64_t out[4]);

/* Whether both are of one file and one segment: it was opened twice. */
int snapshot_same_segment(const struct snapshot *a, const struct snapshot *b);

/*
 * To be called when the segment of old was opened again as now. Subtracts the values that now has from those of old, so
 * that only the rest remains in old. From then on old no longer matches any other segment (snapshot_same_segment()).
 * Returns 1, or 0 when there is no rest.
 */
int snapshot_keep_rest(struct snapshot *old, const struct snapshot *now);

/* How many bytes of this program's memory the snapshot takes, by an estimate; and how many of its address space. */
uint64_t snapshot_memory(const struct snapshot *snapshot);
uint64_t snapshot_mapped(const struct snapshot *snapshot);

/* The status, for the owner of the snapshot, which adds what only it knows. */
struct segment_status *snapshot_status_mutable(struct snapshot *snapshot);

/* How often another definition of a name was in force than before, or joined it. */
uint32_t snapshot_chosen_n(const struct snapshot *snapshot);

/*
 * Takes over the superseded loss (SHMETER_LOSS_SUPERSEDED, which readers count) of an earlier snapshot of the same
 * name.
 */
void snapshot_keep_superseded(struct snapshot *snapshot, const struct snapshot *before);

/* What the file's name led to at the last take: enum shmeter_reader_place. */
int snapshot_place(const struct snapshot *snapshot);

#endif
