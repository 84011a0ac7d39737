/*
 * What a snapshot has read, for lib/read/give/: families, series, sums and gauges in the snapshot's memory. They are
 * not copied, and only the snapshot changes them.
 */
#ifndef SHMETER_READ_SNAPSHOT_CONTENTS_H
#define SHMETER_READ_SNAPSHOT_CONTENTS_H

#include <stdint.h>
#include <string.h>

#include "read/snapshot/modes.h"
#include "read/snapshot/snapshot.h"
#include "shm/layout/kinds.h"

#define SNAPSHOT_NONE UINT32_MAX

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
    uint32_t line_bytes; /* of a sample's line, but for its label values: about                             */
    uint64_t series_key; /* seed of its series' hashes                                                     */
    uint64_t created_ns;
    const char *name, *help, *unit_text;
    const char *const *labels;
    const char *const *states;
    const double *bounds;
    uint32_t visible;    /* in this take                                                                   */
    uint32_t superseded; /* another definition of its name is in force, and it does not fit that one        */
    uint32_t unknown;    /* of a type that a later version has: it and its series are passed by               */
    /*
     * Where its name has several definitions: the name's number + 1 in struct snapshot; else 0, and so are the
     * others.
     */
    uint32_t several;
    uint32_t namesake;          /* number + 1 of the definition before it; 0: it is the first                       */
    uint32_t joins;             /* number + 1 of the one in force, to which it is added                             */
    uint32_t as_f64;            /* counters: fractional ones join it                                             */
    uint32_t was_superseded;    /* when cells were summed last                                                  */
    uint32_t open_n, open_slot; /* living processes that have it open, and the slot of one of them              */
    uint64_t open;              /* number of the last open of theirs                                           */
};

struct snapshot_series { /* a checked private copy of a series record */
    uint32_t unit;
    uint32_t family;
    uint32_t place;   /* counters, histograms: first word in sums; gauges, statesets: number of the cell       */
    uint32_t twins;   /* 1 + group of records with the same labels; 0: there is one only                       */
    uint16_t shown;   /* its record was VISIBLE when its state was last read                                   */
    uint16_t visible; /* and its family is in this take, and no twin stands for it                            */
    uint32_t left;    /* an info that no living process has                                                   */
    uint64_t created_ns;
    const char *const *values;
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

/* Families and series keep their numbers for as long as the snapshot lives; more come at the ends. */
struct snapshot_contents {
    const struct snapshot_family *families;
    const struct snapshot_series *series;
    const uint64_t *sums; /* of the last take: where each series' words stand, its place says                      */
    const struct snapshot_gauge *gauges;
    const struct snapshot_sample *samples;
    uint64_t sums_n;
    uint32_t families_n, series_n, gauges_n, samples_n;
    uint32_t several_n; /* names with more than one definition                                               */
    uint64_t binds_n;   /* how often a series has become another one, with the same number                    */
};

/* How often this series has. */
uint32_t snapshot_binds(const struct snapshot *snapshot, uint32_t series);

/* What there is after the last take. Valid until the next one. */
struct snapshot_contents snapshot_contents(const struct snapshot *snapshot);

/* The worker that has a slot, as of the last take. */
struct snapshot_worker {
    uint32_t pid, generation;
    const char *name; /* valid UTF-8; "" none */
};

struct snapshot_worker snapshot_worker(const struct snapshot *snapshot, uint32_t slot);

/* The definition in force of this name, or NULL. */
const struct snapshot_family *snapshot_definition(const struct snapshot *snapshot, const char *name);

/* Whether what is counted in a definition can be added to what is counted in another one. */
int snapshot_adds_up(const struct snapshot_family *family, const struct snapshot_family *in_force);

/* Whether both have the same labels. order[i]: which of from's is the i-th of to's. */
int snapshot_label_order(const struct snapshot_family *from, const struct snapshot_family *to, uint8_t *order);

static inline double
snapshot_f64(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Words of a series' value in sums: a counter's one, or a sum and buckets. */
static inline uint32_t
snapshot_sum_words(const struct snapshot_family *family)
{
    return shmeter_type_histogram(family->type) ? 1 + family->buckets_n : 1;
}

/* Whether it is a gauge with a series for each worker. */
static inline int
snapshot_per_worker(const struct snapshot_family *family)
{
    return family->type == SHMETER_GAUGE && modes[family->mode].how == MODE_ALL;
}

#endif
