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
    uint32_t by_pid;     /* of a gauge with a series per worker: 1: its series have the label pid, 0: worker and slot */
    uint32_t line_bytes; /* estimated length of a sample's line without label values */
    uint64_t series_key; /* seed for the hashes of its series */
    uint64_t created_ns;
    const char *name, *help, *unit_text;
    const char *const *labels;
    const char *const *states;
    const double *bounds;
    uint32_t visible;    /* in this take */
    uint32_t superseded; /* another definition of its name is in force, and it does not fit that one */
    uint32_t unknown;    /* of a type that only a later version knows: the family and its series are skipped */
    /*
     * If its name has several definitions: 1 + the name's index in snapshot.several. Otherwise 0, and the next fields
     * are 0.
     */
    uint32_t several;
    uint32_t namesake;          /* 1 + number of the name's previous definition; 0: this is the first */
    uint32_t joins;             /* 1 + number of the definition in force, to which this one is added; 0 none */
    uint32_t as_f64;            /* counters: definitions with fractional values join it */
    uint32_t was_superseded;    /* at the take before */
    uint32_t open_n, open_slot; /* number of living processes that have it open, and the slot of one */
    uint64_t open;              /* number of the latest open by one of these */
};

struct snapshot_series { /* a checked private copy of a series record */
    uint32_t unit;
    uint32_t family;
    uint32_t place;   /* counters, histograms: index of its first word in sums; gauges, statesets: number of the cell */
    uint32_t twins;   /* 1 + number of its group of twins: records with the same labels; 0: it has no twin */
    uint16_t shown;   /* its record was VISIBLE when its state was last read */
    uint16_t visible; /* shown, its family is visible, and no twin is exposed instead */
    uint32_t left;    /* an info that no living process has */
    uint64_t created_ns;
    const char *const *values;
};

struct snapshot_gauge { /* accumulator of one gauge series */
    uint32_t series;
    uint32_t cell;
    uint32_t mode;
    uint32_t any;   /* 1: a value was set */
    uint64_t stamp; /* POOL: the current epoch; LATEST: ticks of the latest set */
    double value;
};

struct snapshot_sample { /* of a gauge that has one series per worker */
    uint32_t series, slot;
    double value;
};

/* Families and series keep their index for as long as the snapshot lives; new ones are appended. */
struct snapshot_contents {
    const struct snapshot_family *families;
    const struct snapshot_series *series;
    const uint64_t *sums; /* of the last take; the place of a series is the index of its first word */
    const struct snapshot_gauge *gauges;
    const struct snapshot_sample *samples;
    uint64_t sums_n;
    uint32_t families_n, series_n, gauges_n, samples_n;
    uint32_t several_n; /* names with more than one definition */
    uint64_t binds_n;   /* how often a series has become another one, with the same number */
};

/* How often this series has. */
uint32_t snapshot_binds(const struct snapshot *snapshot, uint32_t series);

/* The contents after the last take. Valid until the next one. */
struct snapshot_contents snapshot_contents(const struct snapshot *snapshot);

/* The worker that has a slot, as of the last take. */
struct snapshot_worker {
    uint32_t pid, generation;
    const char *name; /* valid UTF-8; "" none */
};

struct snapshot_worker snapshot_worker(const struct snapshot *snapshot, uint32_t slot);

/* The definition in force of this name, or NULL. */
const struct snapshot_family *snapshot_definition(const struct snapshot *snapshot, const char *name);

/* Whether the values of a definition can be added to those of the definition in force. */
int snapshot_adds_up(const struct snapshot_family *family, const struct snapshot_family *in_force);

/* Whether both have the same label names. order[i]: index in from of the i-th label of to. */
int snapshot_label_order(const struct snapshot_family *from, const struct snapshot_family *to, uint8_t *order);

static inline double
snapshot_f64(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* How many words a series has in sums: one for a counter; a sum and the buckets for a histogram. */
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
