/*
 * The parts of a snapshot apart from its contents: the state of the file, the walk, the lanes and the slots. For
 * internal.h.
 */
#ifndef SHMETER_READ_SNAPSHOT_TYPES_H
#define SHMETER_READ_SNAPSHOT_TYPES_H

#include <stdint.h>

#include "base/containers/arena.h"
#include "base/containers/hash_table.h"
#include "read/file/liveness.h"
#include "read/file/reader.h"
#include "read/snapshot/contents.h"

/* A value that moves with another one in 16 bytes: a gauge's value and aux, a shared bucket's count and sum. */
struct pair {
    uint64_t first, second;
};

struct snapshot_run { /* neighbouring cells of one kind, in order of word in a CPU lane */
    uint32_t word, words;
    uint32_t f64; /* 0: uint64_t */
    uint32_t sum; /* its first word in sums: the others follow it */
};

struct snapshot_histogram { /* in sums: the sum, then the buckets */
    uint32_t word, words;   /* in a CPU lane */
    uint32_t buckets_n;
    uint32_t sum;
};

/* A part of the file that has memory. What has none reads as zeroes, and is never read: that would give it some. */
struct snapshot_extent {
    uint64_t from, to;
};

struct snapshot_extents { /* of one region of the file, in order */
    struct snapshot_extent *all;
    uint32_t n, capacity;
    uint32_t last;   /* where something was found last */
    uint64_t looked; /* number of the take in which they were looked for last, 0 never */
};

/* 64 words of a lane, or gauge cells: a bit for each that a series has. */
struct snapshot_mask {
    uint64_t chunk, bits;
};

struct snapshot_pending { /* a unit to be looked at again */
    uint32_t unit;
    uint16_t units; /* of the record that stands there, as far as it is known */
    uint8_t told;   /* what it is counted as meanwhile */
    uint8_t leaks;  /* 1: its units are no record's */
};

/* Units without memory that the walk has passed. */
struct snapshot_hole {
    uint32_t from, to;
};

/* What a take may spend on reading once more what moves under it. */
struct snapshot_torn {
    uint64_t n;          /* reads that were taken as they were after too many tries, since this program began */
    uint64_t words_left; /* that may be read again in this take */
};

struct snapshot_slot {
    struct shmeter_liveness_memo memo;
    struct shmeter_owner owner;
    uint64_t backed; /* of its block, held at the block's size */
    uint32_t state;
    uint32_t life;              /* enum shmeter_liveness */
    uint32_t live;              /* LIVE and not proven dead: counts for live gauges */
    uint32_t died;              /* of judged: it had something under way */
    uint64_t judged;            /* owner whose end was judged; 0: none                                     */
    uint64_t seen;              /* owner that was seen alive; 0: none                                      */
    uint64_t alive_ns, dead_ns; /* when that was last, and when it was first seen dead; 0: not             */
    uint64_t witnessed;         /* owner whose process witness is of; 0: none                                       */
    int witness;                /* a descriptor + 1; 0: none                                                       */
    uint32_t killed;            /* of judged: it had nothing under way, and was killed                              */
    uint64_t died_before;       /* earlier owners of the slot that have died                              */
    uint64_t named;             /* the owner whose name follows; 0: it is to be read again */
    char worker[STATUS_WORKER_BYTES];
};

struct snapshot_bond { /* of a series whose record may become another one */
    uint64_t epoch;    /* of its record's state, which says what it is; 0: it is no series at present */
    uint64_t take;     /* number of the take in which it was bound */
    void *room;        /* for values, from when on it has become another one */
    uint32_t room_bytes;
    uint32_t word; /* of its cell in a CPU lane */
    uint32_t cost;
    uint32_t binds;   /* how often it has become another one */
    uint32_t damaged; /* the record is not what it can be; counted */
};

struct snapshot_several { /* a name with several definitions */
    uint32_t last;        /* number + 1 of the definition found last; the others by namesake                  */
    uint32_t in_force;    /* number + 1                                                                     */
};

struct snapshot {
    struct shmeter_reader *reader; /* NULL: frozen, only the last values are left */
    struct segment_status status;
    enum snapshot_depth depth;
    uint64_t device, inode; /* of the file, also when it is frozen                                          */
    uint64_t nonce[2];      /* of the segment: its records' hashes are checked with it                            */
    uint64_t key;           /* of hash tables, which nobody else knows: what is looked up is of strangers' choice  */
    uint64_t takes_n;
    struct snapshot_extents fixed, grown; /* what has memory before the index, and behind it                      */
    uint32_t state_held;                  /* the state has memory: else all levels are 0                          */
    int held_error;                       /* -ENOMEM: it could not be looked for                                   */
    struct snapshot_torn torn;
    struct shmeter_observer observer;
    uint32_t same_clock; /* the creation pair is from this boot and time namespace */
    enum shmeter_reader_place place;
    uint64_t ticks_shift; /* what our clock lacks to be the segment's: in another time namespace              */
    uint64_t now_ticks, now_ns;
    double ns_per_tick; /* 0: the segment's clock is not comparable to ours                                    */

    uint64_t cells_backed; /* the highest mark so far: no mark falls                                             */
    uint64_t records_end;

    /* records */
    uint64_t walked; /* units, all before were looked at                                                    */
    struct snapshot_pending *pending; /* zero heads, unpublished records, and what is no record, or none yet; by unit */
    uint32_t pending_n, pending_capacity;
    uint32_t pending_at, pending_unsorted; /* the one to be looked at next                                       */
    struct snapshot_hole *holes;
    uint32_t holes_n, holes_capacity;
    uint64_t wasted; /* bytes that were copied in vain in this walk                                         */
    uint64_t cost;   /* of all series, as snapshot_cost() estimates it                                       */
    struct snapshot_family *families;
    uint32_t families_n, families_capacity;
    struct snapshot_series *series;
    uint32_t series_n, series_capacity;
    uint32_t *twins_chosen; /* per group: the series that stands for it in this take                           */
    uint32_t twins_n, twins_capacity;
    struct hash_table units;  /* unit of a family -> its number + 1                                       */
    struct hash_table names;  /* name -> first family's number + 1                                        */
    struct hash_table labels; /* family and label values -> series' number + 1                            */
    struct hash_table taken;  /* chunk of words, or of gauge cells -> its mask's number + 1                 */
    struct snapshot_mask *masks;
    uint32_t masks_n, masks_capacity;
    struct arena arena;

    /* records that become others (reuse.c) */
    uint32_t reuses;
    struct snapshot_bond *bonds; /* of each series                                                         */
    uint32_t bonds_capacity, bonds_n;
    uint32_t *unbound; /* numbers of series that are none at present                                       */
    uint32_t unbound_n, unbound_capacity;
    uint64_t binds_n;      /* of all, how often one has become another one                                 */
    uint64_t changes_seen; /* changes begun when the states of this take were read, or before              */

    /* what is in force */
    struct snapshot_several *several;
    uint32_t several_n, several_capacity;
    uint32_t *infos; /* numbers of their series */
    uint32_t infos_n, infos_capacity;
    uint64_t opens;       /* of families, when the lists of living processes were read last                 */
    uint64_t open_first;  /* number of the first open of theirs                                            */
    uint32_t opens_known; /* 1: all that living processes have open is known                               */
    uint32_t superseded_capacity;
    uint32_t chosen_n;   /* how often another one was in force than before, or joined                          */
    uint32_t replaced;   /* by another segment of its name: what is in force stays so                          */
    uint64_t superseded; /* updates in definitions that are not exposed: the loss that readers count            */
    uint32_t carries_on; /* the first take finds what another snapshot has seen before                          */

    /* states */
    uint64_t changes_begun;   /* when all states were read last                                             */
    uint32_t changes_settled; /* and none was under way then                                                */
    uint32_t uncounted;       /* somebody changes states and does not count it                              */
    uint32_t states_n;        /* series whose states were read                                              */
    uint32_t states_next;     /* the series to be compared next                                             */

    /* cells */
    struct snapshot_run *runs;
    uint32_t runs_n, runs_capacity;
    struct snapshot_histogram *histograms; /* in order of word */
    uint32_t histograms_n, histograms_capacity;
    uint32_t runs_unsorted, histograms_unsorted;
    uint64_t words_used;   /* the highest word of a lane that any series has, + 1                              */
    uint64_t words_held;   /* all words before it have memory in every lane                                   */
    uint32_t sums_used;    /* words of sums that series have                                                */
    uint64_t *sums, *next; /* the last take's, and the one under way                                         */
    uint64_t sums_n, next_n;
    uint64_t sums_words; /* words that the last sums cover                                                 */
    uint64_t next_words; /* words that next covers: after a take, those of the take before                    */

    /* gauges and slots */
    struct snapshot_gauge *gauges; /* in order of cell */
    uint32_t gauges_n, gauges_capacity, gauges_unsorted;
    struct snapshot_sample *samples;
    uint32_t samples_n, samples_capacity;
    uint64_t samples_cost, samples_over; /* what they cost, and how many were left out for it                   */
    struct snapshot_slot *slots;
    uint32_t slots_n, slots_capacity; /* up to the last one whose word has memory: the others are free            */
    uint32_t slots_capacity_status;
    uint64_t *cpu_ended; /* by slot, milliseconds */
    uint32_t cpu_ended_capacity;
};

#endif
