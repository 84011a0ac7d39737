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

/*
 * Two words that are changed together by a compare-and-swap of 16 bytes: a gauge's value and aux, or a shared bucket's
 * count and sum.
 */
struct pair {
    uint64_t first, second;
};

struct snapshot_run { /* neighbouring cells of one kind, in order of word in a CPU lane */
    uint32_t word, words;
    uint32_t f64; /* 0: uint64_t */
    uint32_t sum; /* index of its first word in sums */
};

struct snapshot_histogram { /* in sums: the sum, then the buckets */
    uint32_t word, words;   /* in a CPU lane */
    uint32_t buckets_n;
    uint32_t sum;
};

/*
 * A part of the file that has memory. Parts without memory count as zeroes and are never read, because a read would
 * allocate memory.
 */
struct snapshot_extent {
    uint64_t from, to;
};

struct snapshot_extents { /* of one region of the file, in order */
    struct snapshot_extent *all;
    uint32_t n, capacity;
    uint32_t last;   /* index of the extent that the last look-up found */
    uint64_t looked; /* number of the take in which the kernel was asked last, 0 never */
};

/* 64 words of a lane, or 64 gauge cells, with a bit for each one that belongs to a series. */
struct snapshot_mask {
    uint64_t chunk, bits;
};

struct snapshot_pending { /* a unit to be read again at later takes */
    uint32_t unit;
    uint16_t units; /* length of the record there, as far as it is known */
    uint8_t told;   /* enum told: how it is counted until then */
    uint8_t leaks;  /* 1: its units count as leaked */
};

/* Units without memory that the walk has skipped. */
struct snapshot_hole {
    uint32_t from, to;
};

/* How much a take may read again because values change while they are read. */
struct snapshot_torn {
    uint64_t n;          /* torn reads in this take */
    uint64_t words_left; /* that this take may still read again */
};

struct snapshot_slot {
    struct shmeter_liveness_memo memo;
    struct shmeter_owner owner;
    uint64_t backed; /* bytes of its block with memory, at most the block's size */
    uint32_t state;
    uint32_t life;              /* enum shmeter_liveness */
    uint32_t live;              /* LIVE and not proven dead: counts for live gauges */
    uint32_t died;              /* of judged: it had something under way */
    uint64_t judged;            /* owner whose end was judged; 0: none */
    uint64_t seen;              /* owner that was seen alive; 0: none */
    uint64_t alive_ns, dead_ns; /* when that was last, and when it was first seen dead; 0: not */
    uint64_t witnessed;         /* owner whose process witness is of; 0: none */
    int witness;                /* a descriptor + 1; 0: none */
    uint32_t killed;            /* of judged: it had nothing under way, and was killed */
    uint64_t died_before;       /* earlier owners of the slot that have died */
    uint64_t named;             /* the owner word of the owner with this name; 0: read the name again */
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
    uint32_t last;        /* 1 + number of the definition found last; namesake leads to the earlier ones */
    uint32_t in_force;    /* number + 1 */
};

struct snapshot {
    struct shmeter_reader *reader; /* NULL: frozen, only the last values are left */
    struct segment_status status;
    enum snapshot_depth depth;
    uint64_t device, inode; /* of the file; kept when the snapshot is frozen */
    uint64_t nonce[2];      /* of the segment: seed of its records' hashes */
    uint64_t key;           /* secret key of the hash tables, because strangers choose the strings that are looked up */
    uint64_t takes_n;
    struct snapshot_extents fixed, grown; /* the parts with memory before the index, and behind it */
    uint32_t state_held;                  /* 1: the segment's state has memory; 0: all levels are 0 */
    int held_error;                       /* -ENOMEM: there was no memory for the extents */
    struct snapshot_torn torn;
    struct shmeter_observer observer;
    uint64_t room_epoch; /* the present one, where removed series wait for those before; 0: none do */
    uint32_t same_clock; /* 1: the segment was created in this boot and time namespace */
    enum shmeter_reader_place place;
    uint64_t ticks_shift; /* the segment's clock less this process's, in another time namespace */
    uint64_t now_ticks, now_ns;
    double ns_per_tick; /* 0: the segment's clock cannot be compared with this process's */

    uint64_t cells_backed; /* the highest mark so far */
    uint64_t records_end;

    /* records */
    uint64_t walked;                  /* the walk has read the units before this one */
    struct snapshot_pending *pending; /* units without a published record, in order */
    uint32_t pending_n, pending_capacity;
    uint32_t pending_at, pending_unsorted; /* index of the one to be read next */
    struct snapshot_hole *holes;
    uint32_t holes_n, holes_capacity;
    uint64_t wasted; /* bytes that this walk has copied and that were no record */
    uint64_t cost;   /* of all series, as snapshot_cost() estimates it */
    struct snapshot_family *families;
    uint32_t families_n, families_capacity;
    struct snapshot_series *series;
    uint32_t series_n, series_capacity;
    uint32_t *twins_chosen; /* of each group of twins: the series that is exposed in this take */
    uint32_t twins_n, twins_capacity;
    struct hash_table units;  /* unit of a family -> its number + 1 */
    struct hash_table names;  /* name -> first family's number + 1 */
    struct hash_table labels; /* family and label values -> series' number + 1 */
    struct hash_table taken;  /* chunk of words, or of gauge cells -> its mask's number + 1 */
    struct snapshot_mask *masks;
    uint32_t masks_n, masks_capacity;
    struct arena arena;

    /* records that become others (reuse.c) */
    uint32_t reuses;
    struct snapshot_bond *bonds; /* of each series */
    uint32_t bonds_capacity, bonds_n;
    uint32_t *unbound; /* numbers of series that are none at present */
    uint32_t unbound_n, unbound_capacity;
    uint64_t binds_n;      /* of all, how often one has become another one */
    uint64_t changes_seen; /* changes begun when the states of this take were read, or before */

    /* what is in force */
    struct snapshot_several *several;
    uint32_t several_n, several_capacity;
    uint32_t *infos; /* numbers of their series */
    uint32_t infos_n, infos_capacity;
    uint64_t opens;       /* of families, when the lists of living processes were read last */
    uint64_t open_first;  /* number of the first open of theirs */
    uint32_t opens_known; /* 1: all that living processes have open is known */
    uint32_t superseded_capacity;
    uint32_t chosen_n;   /* how often the definition in force of a name, or one that joins it, has changed */
    uint32_t replaced;   /* 1: another segment has the name now, so the definitions in force stay */
    uint64_t superseded; /* updates in definitions that are not exposed: the loss that readers count */
    uint32_t carries_on; /* 1: an earlier snapshot has read this segment, so the first take finds known values */

    /* states */
    uint64_t changes_begun;   /* the count at the last reading of all states */
    uint32_t changes_settled; /* 1: no change was under way then */
    uint32_t uncounted;       /* 1: a producer changes states without counting */
    uint32_t states_n;        /* series whose states were read */
    uint32_t states_next;     /* the series to be compared next */

    /* cells */
    struct snapshot_run *runs;
    uint32_t runs_n, runs_capacity;
    struct snapshot_histogram *histograms; /* in order of word */
    uint32_t histograms_n, histograms_capacity;
    uint32_t runs_unsorted, histograms_unsorted;
    uint64_t words_used;   /* the highest word of a lane that any series has, + 1 */
    uint64_t words_held;   /* the words before this one have memory in every lane */
    uint32_t sums_used;    /* words of sums in use */
    uint64_t *sums, *next; /* of the last take, and of the take under way */
    uint64_t sums_n, next_n;
    uint64_t sums_words; /* words that the last sums cover */
    uint64_t next_words; /* the same of next, which has the sums of the take before the last */

    /* gauges and slots */
    struct snapshot_gauge *gauges; /* in order of cell */
    uint32_t gauges_n, gauges_capacity, gauges_unsorted;
    struct snapshot_sample *samples;
    uint32_t samples_n, samples_capacity;
    uint64_t samples_cost, samples_over; /* estimated memory of samples, and how many were left out because of it */
    struct snapshot_slot *slots;
    uint32_t slots_n, slots_capacity; /* slots up to the last one whose word has memory; later ones are free */
    uint32_t slots_capacity_status;
    uint64_t *cpu_ended; /* by slot, milliseconds */
    uint32_t cpu_ended_capacity;
};

#endif
