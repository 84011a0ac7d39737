/*
 * What the files of the snapshot share among themselves; nobody else includes it.
 *
 * The way of a take, all of it under the reader's guard: levels -> slots -> records -> states -> cells -> gauges. What is read stays
 * behind in private memory only after it was checked.
 */
#ifndef SHMETER_EXPO_SNAPSHOT_PARTS_H
#define SHMETER_EXPO_SNAPSHOT_PARTS_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "expo/arena.h"
#include "expo/model.h"
#include "expo/snapshot.h"
#include "shm/atomic.h"
#include "shm/layout.h"
#include "shm/liveness.h"
#include "shm/reader.h"
#include "shm/types.h"

#define SNAPSHOT_NONE UINT32_MAX
/*
 * Tries of an untorn read; then what was read last counts. Against one writer at full rate nine tries of ten fail, so 64 would not
 * do where somebody looks closely.
 */
#define SNAPSHOT_TRIES 1024u

/* A value that moves with another one in 16 bytes: a gauge's value and aux, a shared bucket's count and sum. */
struct pair {
    uint64_t first, second;
};

struct snapshot_family { /* a checked private copy of a family record */
    uint32_t unit;
    uint32_t type; /* enum shmeter_type */
    uint32_t mode; /* enum shmeter_mode */
    uint32_t labels_n;
    uint32_t bounds_n, buckets_n, cell_bytes;
    uint32_t states_n; /* statesets */
    uint32_t exponential, log_n;
    int32_t schema, first_index;
    double zero_threshold;
    uint32_t by_pid;     /* a gauge with a series per worker: these have the label pid, not worker and slot        */
    uint64_t series_key; /* seed of its series' hashes                                                     */
    uint64_t created_ns;
    const char *name, *help, *unit_text;
    const char *const *labels;
    const char *const *states;
    const double *bounds;
    uint32_t visible;    /* in this take                                                                   */
    uint32_t superseded; /* a later record has the same name                                               */
    uint32_t unknown;    /* of a type that a later version has: it and its series are passed by               */
    uint32_t
        namesake; /* infos: number + 1 of the record of this name before it, whose infos stand beside its; 0 none */
    /* In the model, valid in the epoch that the snapshot remembers. */
    struct model_family *target;
    const struct model_shape *shape;
    uint32_t bound;   /* target and shape were looked for                                                   */
    uint32_t refused; /* and cannot be had: another type has the name                                       */
    const struct snapshot *newer; /* what redefined was found out from, when it had newer_families_n families  */
    uint32_t newer_families_n;
    uint32_t redefined;
    uint32_t labels_added;    /* a bit for each label of the settings that its series get                        */
    uint32_t labels_left_out; /* labels of the settings whose names it has itself                               */
    uint32_t filtered;        /* the settings leave it out, found out for those with the id judged                */
    uint64_t judged;
};

struct snapshot_series { /* a checked private copy of a series record */
    uint32_t unit;
    uint32_t family;
    uint32_t place; /* counters, histograms: word in a CPU lane; gauges, statesets: number of the cell       */
    uint32_t
        target; /* series of the model's family, of statesets place in state_targets; SNAPSHOT_NONE not looked for */
    uint32_t twins;   /* 1 + group of records with the same labels; 0: there is one only                       */
    uint16_t shown;   /* its record was VISIBLE when its state was last read                                   */
    uint16_t visible; /* and its family is in this take, and no twin stands for it                            */
    uint64_t created_ns;
    const char *const *values;
};

struct snapshot_run { /* neighbouring cells of one kind, in order of word */
    uint32_t word, words;
    uint32_t f64; /* 0: uint64_t */
};

struct snapshot_histogram {
    uint32_t word, words;
    uint32_t series;
};

struct snapshot_gauge { /* accumulator of one gauge series */
    uint32_t series;
    uint32_t cell;
    uint32_t mode;
    uint32_t any;   /* there is a value */
    uint64_t stamp; /* POOL: the epoch in force; LATEST: of the latest */
    double value;
};

struct snapshot_sample { /* of a gauge that has one series per worker */
    uint32_t series, slot;
    double value;
};

struct snapshot_idle { /* when a series was last seen to change */
    uint64_t token;    /* stands for its value then */
    uint64_t since_ns; /* 0: not seen yet */
};

struct snapshot_slot {
    struct shmeter_liveness_memo memo;
    uint64_t owner, identity;
    uint64_t backed; /* of its block, held at the block's size */
    uint32_t state;
    uint32_t life; /* enum shmeter_liveness */
    uint32_t live; /* LIVE and not proven dead: counts for live gauges */
    char worker[STATUS_WORKER_BYTES];
};

struct snapshot_table { /* hash -> number, open addressing; number 0 is empty */
    struct snapshot_entry {
        uint32_t hash, number;
    } * entries;
    uint32_t entries_n, used;
};

struct snapshot {
    struct shmeter_reader *reader; /* NULL: frozen, only the last values are left */
    struct segment_status status;
    enum snapshot_depth depth;
    uint64_t device, inode; /* of the file, also when it is frozen                                          */
    uint64_t key[2];        /* of hash tables: label values are chosen by strangers                                */
    uint32_t namespaces;
    uint32_t same_clock; /* the creation pair is from this boot and time namespace */
    enum shmeter_reader_place place;
    uint64_t now_ticks, now_ns;
    double ns_per_tick; /* 0: the segment's clock is not comparable to ours                                    */

    uint64_t cells_backed, records_end, gauges_used;

    /* records */
    uint64_t walked;   /* units, all before were looked at                                                    */
    uint32_t *pending; /* units to look at again: zero heads, unpublished records                             */
    uint32_t pending_n, pending_capacity;
    struct snapshot_family *families;
    uint32_t families_n, families_capacity;
    struct snapshot_series *series;
    uint32_t series_n, series_capacity;
    uint32_t *twins_chosen; /* per group: the series that stands for it in this take                           */
    uint32_t twins_n, twins_capacity;
    struct snapshot_table units;  /* unit of a family -> its number + 1                                       */
    struct snapshot_table names;  /* name -> newest family's number + 1                                       */
    struct snapshot_table labels; /* family and label values -> series' number + 1                            */
    uint64_t *words_taken;        /* a bit for each word of a lane that a series has                           */
    uint64_t words_taken_n;
    uint64_t *gauges_taken;
    struct arena arena;

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
    uint64_t words_used;   /* the highest word of any series, + 1                                          */
    uint64_t *sums, *next; /* words: the last take's, and the one under way                                  */
    uint64_t sums_n, next_n;
    uint64_t sums_words; /* words that the last sums cover                                                 */

    /* gauges and slots */
    struct snapshot_gauge *gauges;
    uint32_t gauges_n, gauges_capacity;
    struct snapshot_sample *samples;
    uint32_t samples_n, samples_capacity;
    struct snapshot_slot *slots; /* header.slots_n */
    uint32_t slots_capacity_status;

    struct snapshot_idle *idle; /* of each series; NULL: settings have no time-out                               */
    uint32_t idle_capacity;
    struct snapshot_idle
        *idle_of_workers; /* of gauges with a series per worker: cell by cell, slot by slot; NULL: none yet */

    uint64_t epoch; /* of the model that targets are of */
    const struct model *model;
    uint32_t *state_targets; /* of each stateset's states: series of the model's family, as target             */
    uint32_t state_targets_n, state_targets_capacity;
};

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
    return shmeter_load_acquire(snapshot_word(snapshot, off));
}

static inline uint64_t
snapshot_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline double
snapshot_f64(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
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

/* Both halves of 16 bytes that are moved by one compare-and-swap: second, first, second equal. */
struct pair snapshot_pair(struct snapshot *snapshot, uint64_t off);

/* Makes *array hold wanted elements. 0 or -ENOMEM. */
int snapshot_room(void *array, uint32_t *capacity, uint32_t wanted, size_t element);

/* snapshot_table.c */
int snapshot_table_add(struct snapshot_table *table, uint32_t hash, uint32_t number);
/* The entries of hash, one after the other: *at is 0 to begin with. NULL: no more. */
struct snapshot_entry *snapshot_table_next(const struct snapshot_table *table, uint32_t hash, uint32_t *at);

/* snapshot_check.c: from a copy of a record's bytes. -EINVAL: damaged; -EAGAIN: perhaps at the next take. out->family is set. */
int snapshot_check_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                          struct snapshot_family *out);
int snapshot_check_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                          struct snapshot_series *out);
#define SNAPSHOT_RECORD_BYTES 16384u /* no valid record is longer */

/* The parts of a take; 0 or -ENOMEM. */
int snapshot_take_slots(struct snapshot *snapshot);
int snapshot_take_records(struct snapshot *snapshot);
void snapshot_take_states(struct snapshot *snapshot);
int snapshot_take_cells(struct snapshot *snapshot);
int snapshot_take_gauges(struct snapshot *snapshot);

/* snapshot_cells.c: a series' cells take part from now on. 0 or -ENOMEM. */
int snapshot_cells_add(struct snapshot *snapshot, uint32_t series);
/* snapshot_gauges.c */
int snapshot_gauges_add(struct snapshot *snapshot, uint32_t series);

/* snapshot_bind.c: forgets all of another model or epoch. */
void snapshot_unbind(struct snapshot *snapshot, const struct model *model);
/* Looks for the family in the model. 0, also when it is refused (another type or a reserved name); or -ENOMEM. */
int snapshot_bind_family(struct snapshot_family *family, const struct snapshot_target *target, struct model *model);
/* What tells several series of one record apart. */
struct snapshot_part {
    uint32_t slot;     /* of a series per worker; SNAPSHOT_NONE */
    const char *state; /* of a stateset's; NULL */
};
/* Looks for the series in the model, and sets *idx. NULL with *error 0 when another series has its labels. */
struct model_series *snapshot_bind_series(const struct snapshot *snapshot, const struct snapshot_series *series,
                                          const struct snapshot_family *family, const struct snapshot_target *target,
                                          struct snapshot_part part, struct model *model, uint32_t *idx, int *error);
/* Whether a later segment of this name says something else of the family. */
int snapshot_redefined(struct snapshot_family *family, const struct snapshot *newer);

/* snapshot_idle.c: room for what is remembered of each series, as the settings want it. 0 or -ENOMEM. */
int snapshot_idle_room(struct snapshot *snapshot, const struct settings *settings);
/* What changes when a counter or histogram does. */
uint64_t snapshot_idle_token(const struct snapshot *snapshot, const struct snapshot_series *series,
                             const struct snapshot_family *family);
/* What is remembered of one worker's gauge, whose token becomes another worker's when the slot does. NULL: no memory. */
struct snapshot_idle *snapshot_idle_of_worker(struct snapshot *snapshot, uint32_t series, uint32_t slot,
                                              uint64_t *token);

/* Whether nothing has changed for idle_ns. To be seen for the first time is a change. */
static inline int
snapshot_idle(struct snapshot_idle *idle, uint64_t token, uint64_t now_ns, uint64_t idle_ns)
{
    if (idle->since_ns && idle->token == token)
        return now_ns - idle->since_ns >= idle_ns;
    idle->token = token;
    idle->since_ns = now_ns;
    return 0;
}

/* The newest family record of this name, or NULL. */
struct snapshot_family *snapshot_family_named(const struct snapshot *snapshot, const char *name);

#endif
