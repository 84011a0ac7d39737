/*
 * What the files of the snapshot share; no other file includes it.
 *
 * The steps of a take, all under the reader's guard: levels -> slots -> records -> definitions in force -> states ->
 * cells -> gauges. Values are kept in private memory only after they were checked.
 */
#ifndef SHMETER_READ_SNAPSHOT_INTERNAL_H
#define SHMETER_READ_SNAPSHOT_INTERNAL_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/containers/arena.h"
#include "base/containers/array.h"
#include "base/containers/hash_table.h"
#include "read/file/liveness.h"
#include "read/file/reader.h"
#include "read/snapshot/contents.h"
#include "read/snapshot/modes.h"
#include "read/snapshot/snapshot.h"
#include "read/snapshot/types.h"
#include "shm/layout/kinds.h"
#include "shm/layout/layout.h"
#include "shm/machine/atomic.h"
#include "shm/machine/hash.h"

#define SNAPSHOT_BLOCK_WORDS 2048u
/*
 * How often a torn read is tried before the last try is used. Against one writer at full rate nine tries of ten fail,
 * so 64 tries would leave a few torn reads in a long test.
 */
#define SNAPSHOT_TRIES       1024u
#define SNAPSHOT_TRIES_LEAST 8u          /* every read has at least so many tries */
#define SNAPSHOT_TRIES_WORDS (1u << 22)  /* words that a take may read in further tries, over all reads */
#define SNAPSHOT_WASTE_BYTES (16u << 20) /* that a walk may copy of units that turn out to be no record */
/*
 * How much of this program's memory a segment's series may take, by an estimate, for copies, sums, model, rendered
 * labels and text: COST_LEAST bytes, and COST_TIMES the memory of the segment's file. Series beyond that are left out
 * and counted.
 */
#define SNAPSHOT_COST_LEAST (UINT64_C(16) << 20)
#define SNAPSHOT_COST_TIMES 64u
#define SNAPSHOT_LINE_BYTES 96u  /* of a sample's line, besides names and label values */
#define SNAPSHOT_COST_EACH  512u /* of a series, besides its lines */

/* A word of the segment. The caller has checked off, a multiple of 8. */
static inline const uint64_t *
snapshot_word(const struct snapshot *snapshot, uint64_t off)
{
    return (const uint64_t *)(const void *)(snapshot->reader->base + off);
}

static inline uint64_t
snapshot_load(const struct snapshot *snapshot, uint64_t off)
{
    return shmeter_load_relaxed(snapshot_word(snapshot, off));
}

static inline uint64_t
snapshot_record_off(const struct snapshot *snapshot, uint64_t unit)
{
    return snapshot->reader->header.records_off + unit * SHMETER_UNIT_BYTES;
}

static inline uint64_t
snapshot_record_state(const struct snapshot *snapshot, uint64_t unit)
{
    const uint64_t off = snapshot_record_off(snapshot, unit) + offsetof(struct shmeter_series_record, state);
    /* pairs with shmeter_registry_show */
    return shmeter_load_acquire(snapshot_word(snapshot, off));
}

static inline uint64_t
snapshot_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Of the changes that producers count before they make them. */
static inline uint64_t
snapshot_changes_begun(const struct snapshot *snapshot)
{
    const uint64_t off = snapshot->reader->header.state_off + offsetof(struct shmeter_state, changes_begun);
    /* pairs with shmeter_reuse_leave */
    return snapshot->state_held ? shmeter_load_acquire(snapshot_word(snapshot, off)) : 0;
}

/* Copies bytes (a multiple of 8) out of the segment, word by word. */
static inline void
snapshot_copy(const struct snapshot *snapshot, void *to, uint64_t off, uint64_t bytes)
{
    uint64_t at, word;

    for (at = 0; at < bytes; at += 8) {
        word = snapshot_load(snapshot, off + at);
        memcpy((char *)to + at, &word, 8);
    }
}

/* ---- estimated memory of series ---- */

/* An estimate of the bytes that a series takes. */
static inline uint64_t
snapshot_cost(const struct snapshot_family *family, uint32_t values_bytes)
{
    const uint64_t lines = family->type == SHMETER_HISTOGRAM  ? family->buckets_n + 3u
                           : family->type == SHMETER_SUMMARY  ? 2
                           : family->type == SHMETER_STATESET ? family->states_n
                                                              : 1;

    return SNAPSHOT_COST_EACH + lines * (family->line_bytes + values_bytes) + UINT64_C(32) * snapshot_sum_words(family);
}

static inline int
snapshot_fits(const struct snapshot *snapshot, uint64_t more)
{
    return snapshot->cost + more <= SNAPSHOT_COST_LEAST + SNAPSHOT_COST_TIMES * snapshot->status.backed_bytes;
}

/* ---- lanes ---- */

struct snapshot_lanes {
    uint64_t off;  /* of the first lane */
    uint64_t step; /* bytes from lane to lane */
    uint32_t n;
    uint32_t stride; /* distance of a cell's words in a lane, in words: 1 in CPU lanes, 2 in shared ones */
};

/* kind 0: the lanes of CPUs, 1: the shared ones. */
static inline struct snapshot_lanes
snapshot_lanes_of(const struct snapshot *snapshot, uint32_t kind)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    const struct snapshot_lanes cpu = { header->cpu_lanes_off, UINT64_C(1) << header->lane_shift, header->cpu_lanes_n,
                                        1 };
    const struct snapshot_lanes shared = { header->shared_lanes_off, UINT64_C(2) << header->lane_shift,
                                           header->shared_lanes_n, 2 };
    return kind ? shared : cpu;
}

/* ---- tries ---- */

/* Whether a read of so many words may be tried once more; tries: how often it was tried. */
static inline int
snapshot_try(struct snapshot_torn *torn, uint32_t tries, uint32_t words)
{
    if (tries < SNAPSHOT_TRIES_LEAST)
        return 1;
    if (tries >= SNAPSHOT_TRIES || torn->words_left < words)
        return 0;
    torn->words_left -= words;
    return 1;
}

/*
 * Reads two words that producers change by one compare-and-swap of 16 bytes: the second word, the first one, and the
 * second one again, until it is unchanged.
 */
struct pair snapshot_pair(struct snapshot *snapshot, uint64_t off);

/* The hash of a number for this snapshot's hash tables. */
static inline uint32_t
snapshot_hash(const struct snapshot *snapshot, uint64_t number)
{
    return (uint32_t)(shmeter_hash_word(snapshot->key, number) >> 32);
}

/*
 * held.c: whether the file has memory for all of these bytes. Asks the system at most once in a take for each region.
 */
int snapshot_held(struct snapshot *snapshot, uint64_t off, uint64_t bytes);
/* Whether the file has memory at off. *end: where the part with, or without, memory ends. */
int snapshot_held_until(struct snapshot *snapshot, uint64_t off, uint64_t *end);
/* The parts behind the index that have memory now. */
const struct snapshot_extents *snapshot_held_parts(struct snapshot *snapshot);
/* To be called before a take. Forgets all parts when the file has less memory than before. */
void snapshot_held_begin(struct snapshot *snapshot);

/*
 * check.c: fill *out from a copy of a record's bytes. 0; -EBADMSG: the bytes are no record, or not yet. -EINVAL: the
 * record is damaged. -EAGAIN: the record may be readable at the next take. -EDQUOT: the series would take too much
 * memory beside the others (snapshot_fits()).
 */
int snapshot_check_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                          struct snapshot_family *out);
/*
 * The caller sets out->family. *word: index of the cell's first word in a CPU lane. *repaired 1: a value was not UTF-8.
 */
int snapshot_check_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                          struct snapshot_series *out, uint32_t *word, int *repaired);
/* Whether the hash of a record is right; nothing else is checked. For records that are not published. */
int snapshot_check_hash(const struct snapshot *snapshot, const unsigned char *bytes, uint32_t bytes_n, uint32_t kind);
#define SNAPSHOT_RECORD_BYTES 16384u /* no valid record is longer */
/*
 * A series' values into room: SHMETER_MAX_LABELS pointers and then as many bytes as the values have. 0, or -EINVAL:
 * they are not so many, or no UTF-8.
 */
int snapshot_check_values(const unsigned char *bytes, uint32_t bytes_n, uint32_t values_n, void *room);

/* records.c: check and add a published record. Return as snapshot_check_*() do, or -ENOMEM: nothing is changed. */
int snapshot_add_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n);
int snapshot_add_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                        uint64_t state);
/* The series that is known by the labels of this one, SNAPSHOT_NONE; this one is from now on; or no more. */
uint32_t snapshot_labelled(const struct snapshot *snapshot, uint32_t number);
void snapshot_label_series(struct snapshot *snapshot, uint32_t number);
void snapshot_unlabel_series(struct snapshot *snapshot, uint32_t number);
/* The family whose record stands at unit; or NULL. */
struct snapshot_family *snapshot_family_at(const struct snapshot *snapshot, uint32_t unit);

/*
 * Add a copied family or series (fold.c). It has no record, so takes do not read it. Return the family's number, or
 * SNAPSHOT_NONE: no memory; 0 or -ENOMEM.
 */
uint32_t snapshot_put_family(struct snapshot *snapshot, const struct snapshot_family *family);
int snapshot_put_series(struct snapshot *snapshot, const struct snapshot_series *series);
/* The number of the family's visible series with these label values, or SNAPSHOT_NONE. */
uint32_t snapshot_series_labelled(const struct snapshot *snapshot, uint32_t family, const char *const *values);

/* The parts of a take; 0 or -ENOMEM. */
int snapshot_take_slots(struct snapshot *snapshot);
void snapshot_take_room(struct snapshot *snapshot); /* slots/room.c */
/* Which of the dead had something under way; after the records, which say what gauges are. */
void snapshot_take_ends(struct snapshot *snapshot);
/* gauges.c: whether a slot has a share of a POOL gauge's present value. */
int snapshot_has_share(struct snapshot *snapshot, uint32_t slot);
/* Gives the descriptors of workers' processes back. */
void snapshot_drop_witnesses(struct snapshot *snapshot);
void snapshot_drop_witness(struct snapshot_slot *slot);
/* Where a slot's block begins in the file. */
uint64_t snapshot_block_off(const struct snapshot *snapshot, uint32_t slot);
/* Whether a slot's block is its owner's and has memory. */
int snapshot_has_block(struct snapshot *snapshot, uint32_t slot);
int snapshot_take_records(struct snapshot *snapshot);
int snapshot_take_in_force(struct snapshot *snapshot);
void snapshot_take_states(struct snapshot *snapshot);
int snapshot_take_cells(struct snapshot *snapshot);
void snapshot_count_superseded(struct snapshot *snapshot);
int snapshot_take_gauges(struct snapshot *snapshot);

/* walk.c: bytes of the record that a head says there is, or 0. */
uint32_t snapshot_head_bytes(const struct snapshot *snapshot, uint64_t unit, uint64_t head);

/* reuse.c: room for one more series. 0 or -ENOMEM. */
int snapshot_bonds_room(struct snapshot *snapshot);
/* Whether a record in this state is published; without reuse it may be hidden. */
int snapshot_is_published(const struct snapshot *snapshot, uint64_t state);
/* A series that was found in this state of its record. word: of its cell. */
void snapshot_bond_new(struct snapshot *snapshot, uint32_t number, uint64_t state, uint32_t word, uint64_t cost);
/* Looks at records that are no series at present, and at all others before. Returns 1 when any has changed. */
int snapshot_take_bonds(struct snapshot *snapshot, int all);
/* Leaves out what has been removed since the states were read. */
void snapshot_confirm_bonds(struct snapshot *snapshot);
#define SNAPSHOT_SERIES_BYTES 2048u /* no valid series' record is longer */

/* runs.c: room for one more series' cells. 0 or -ENOMEM. */
int snapshot_cells_room(struct snapshot *snapshot);
/* Adds a series' cells to the runs or histograms, and sets the series' place. */
void snapshot_cells_add(struct snapshot *snapshot, uint32_t series, uint32_t word);
/* Adds words from .. to - 1 of one lane to the sums, for the runs from index first on. */
void snapshot_runs_add(struct snapshot *snapshot, const uint64_t *lane, uint32_t stride, uint32_t first, uint64_t from,
                       uint64_t to);
/* cells.c: adds one lane's histogram to sums. pages: a bit for each of its pages that has memory. */
#define SNAPSHOT_ALL_PAGES UINT32_MAX
void snapshot_histogram_add(struct snapshot *snapshot, const struct snapshot_histogram *histogram, uint32_t stride,
                            const uint64_t *lane, uint32_t pages);
/* Adds all histograms of all lanes. */
void snapshot_histograms_add(struct snapshot *snapshot);
/* sparse.c: adds counters and histograms where lanes have holes: only the parts with memory. */
void snapshot_sparse_add(struct snapshot *snapshot);
/* gauges.c */
int snapshot_gauges_room(struct snapshot *snapshot);
void snapshot_gauges_add(struct snapshot *snapshot, uint32_t series);

/* left.c: what is exposed only as long as a living process has it. */
int snapshot_may_leave(const struct snapshot_family *family);
int snapshot_has_left(const struct snapshot *snapshot, uint32_t number); /* a series of such a family */
int snapshot_infos_room(struct snapshot *snapshot);
void snapshot_infos_add(struct snapshot *snapshot, uint32_t number);
void snapshot_take_left(struct snapshot *snapshot);

/* force.c: the family with this number has the same name as the family known. The caller has made room in several. */
void snapshot_several_add(struct snapshot *snapshot, uint32_t known, uint32_t number);
/* The definition in force of the family's name: itself, where it is the only one. */
struct snapshot_family *snapshot_family_in_force(const struct snapshot *snapshot, struct snapshot_family *family);

#endif
