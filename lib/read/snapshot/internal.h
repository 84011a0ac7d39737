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
 * How often a torn read is repeated before the last reading is used. Against one writer at full rate nine tries of ten
 * fail, so 64 tries would leave a few torn reads in a long test.
 */
#define SNAPSHOT_TRIES       1024u
#define SNAPSHOT_TRIES_LEAST 8u          /* and so many have all reads, whatever a take has spent on others         */
#define SNAPSHOT_TRIES_WORDS (1u << 22)  /* words that a take may read again beyond these                           */
#define SNAPSHOT_WASTE_BYTES (16u << 20) /* of what may be records and are none, copied in a walk                    */
/*
 * The bound of what a segment's series may take of this program's memory, for copies, sums, model, rendered labels and
 * text, by an estimate: so many bytes, and so many times the memory that the segment's file has. Series past it are
 * left out and counted.
 */
#define SNAPSHOT_COST_LEAST (UINT64_C(16) << 20)
#define SNAPSHOT_COST_TIMES 64u
#define SNAPSHOT_LINE_BYTES 96u  /* of a sample's line, besides names and label values */
#define SNAPSHOT_COST_EACH  512u /* of a series, besides its lines                 */

/* The segment's words; off is checked by the caller and a multiple of 8. */
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

/* ---- what a segment's series cost ---- */

/* Bytes that a series takes, about. */
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
    uint64_t off;  /* of the first lane                                                                    */
    uint64_t step; /* bytes from lane to lane                                                              */
    uint32_t n;
    uint32_t stride; /* words from cell word to cell word: 1 in CPU lanes, 2 in shared ones                  */
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

/* Whether one more try of a read of so many words may be made; tries: those so far. */
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

/* Both halves of 16 bytes that are moved by one compare-and-swap: second, first, second equal. */
struct pair snapshot_pair(struct snapshot *snapshot, uint64_t off);

/* A number's hash in the tables of this snapshot. */
static inline uint32_t
snapshot_hash(const struct snapshot *snapshot, uint64_t number)
{
    return (uint32_t)(shmeter_hash_word(snapshot->key, number) >> 32);
}

/*
 * held.c: whether the file has memory for all of these bytes. Asks the system at most once in a take for each region.
 */
int snapshot_held(struct snapshot *snapshot, uint64_t off, uint64_t bytes);
/* The same of one byte: *end is where that ends. */
int snapshot_held_until(struct snapshot *snapshot, uint64_t off, uint64_t *end);
/* The parts behind the index, as they are now. */
const struct snapshot_extents *snapshot_held_parts(struct snapshot *snapshot);
/* Before a take: what was known is void when the file has given memory back. */
void snapshot_held_begin(struct snapshot *snapshot);

/*
 * check.c: from a copy of a record's bytes. -EBADMSG: it is no record, or none yet. -EINVAL: it is one, and damaged.
 * -EAGAIN: one that perhaps can be had at the next take; -EDQUOT: that has no room beside the others
 * (snapshot_bound()).
 */
int snapshot_check_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                          struct snapshot_family *out);
/* out->family is set. *word: of its cell in a CPU lane; *repaired: a value was no UTF-8. */
int snapshot_check_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                          struct snapshot_series *out, uint32_t *word, int *repaired);
/* Whether the hash of a record is right, whatever else it has: for one that is not published. */
int snapshot_check_hash(const struct snapshot *snapshot, const unsigned char *bytes, uint32_t bytes_n, uint32_t kind);
#define SNAPSHOT_RECORD_BYTES 16384u /* no valid record is longer */
/*
 * A series' values into room: SHMETER_MAX_LABELS pointers and then as many bytes as the values have. 0, or -EINVAL:
 * they are not so many, or no UTF-8.
 */
int snapshot_check_values(const unsigned char *bytes, uint32_t bytes_n, uint32_t values_n, void *room);

/*
 * records.c: what a published record says is known from now on. As snapshot_check_*(), or -ENOMEM and nothing is
 * changed.
 */
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
 * The same of what is made from copies: no record stands behind it, so it takes no part in a take. The family's number,
 * or SNAPSHOT_NONE; 0 or -ENOMEM.
 */
uint32_t snapshot_put_family(struct snapshot *snapshot, const struct snapshot_family *family);
int snapshot_put_series(struct snapshot *snapshot, const struct snapshot_series *series);
/* The number of the family's series with these label values that is visible; SNAPSHOT_NONE. */
uint32_t snapshot_series_labelled(const struct snapshot *snapshot, uint32_t family, const char *const *values);

/* The parts of a take; 0 or -ENOMEM. */
int snapshot_take_slots(struct snapshot *snapshot);
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
/* They take part from now on; sets the series' place. */
void snapshot_cells_add(struct snapshot *snapshot, uint32_t series, uint32_t word);
/* Adds to sums what lies in words from .. to of one lane, of the runs from first on. */
void snapshot_runs_add(struct snapshot *snapshot, const uint64_t *lane, uint32_t stride, uint32_t first, uint64_t from,
                       uint64_t to);
/* cells.c: adds one lane's histogram to sums. pages: a bit for each of its pages that has memory. */
#define SNAPSHOT_ALL_PAGES UINT32_MAX
void snapshot_histogram_add(struct snapshot *snapshot, const struct snapshot_histogram *histogram, uint32_t stride,
                            const uint64_t *lane, uint32_t pages);
/* All of them in all lanes. */
void snapshot_histograms_add(struct snapshot *snapshot);
/* sparse.c: adds all that has memory, where lanes have holes. */
void snapshot_sparse_add(struct snapshot *snapshot);
/* gauges.c */
int snapshot_gauges_room(struct snapshot *snapshot);
void snapshot_gauges_add(struct snapshot *snapshot, uint32_t series);

/* left.c: what is exposed only as long as a living process has it. */
int snapshot_may_leave(const struct snapshot_family *family);
int snapshot_has_left(const struct snapshot *snapshot, uint32_t number); /* a series of such a family */
int snapshot_infos_add(struct snapshot *snapshot, uint32_t number);
void snapshot_take_left(struct snapshot *snapshot);

/*
 * force.c: families number is another definition of the name of families known. There is room for it in
 * several.
 */
void snapshot_several_add(struct snapshot *snapshot, uint32_t known, uint32_t number);
/* The definition in force of the family's name: itself, where it is the only one. */
struct snapshot_family *snapshot_family_in_force(const struct snapshot *snapshot, struct snapshot_family *family);

#endif
