/*
 * The records of families and series, and their states. A part of the segment's layout (layout.h).
 */
#ifndef SHMETER_SHM_RECORDS_H
#define SHMETER_SHM_RECORDS_H

#include <stdint.h>

#include "pins.h"

/* ---- records: append-only, walkable in the order of registration ----------------------------- */

/*
 * The states of a record. Each arrow but a is one compare-and-swap of state. Those of d, e, f, g
 * and i are counted: in changes_begun before, in changes_done after.
 *
 *   zero --a--> UNPUBLISHED --b--> VISIBLE ------c------> LEAVING
 *                                   ^   ^                 |     |
 *                                   |   |                 d     e
 *                                   |   |                 v     |
 *                                   |   +-------f------ HIDDEN  |
 *                                   |                   |    ^  |
 *                                   |                   g    h  |
 *                                   |                   v    |  v
 *                                   +---------i-------- HIDING --j--> RETIRED
 *
 *   a  its maker: the head, as one store, last                           shmeter_registry_head
 *   b  its maker, or a lookup that has it from the index                 shmeter_registry_show
 *   c  a hide: it is exposed still                                       shmeter_series_leave
 *   d  the same hide, or a lookup that finds it LEAVING                  shmeter_series_leave
 *   e  likewise, of a gauge                                              shmeter_series_leave
 *   f  a lookup of a gauge or an info                                    shmeter_series_show
 *   g  a lookup of a gauge that an old handle has set meanwhile          shmeter_series_show
 *   h  the hide, when all cells of the gauge are unset                   shmeter_series_hide_gauge
 *   i  the lookup of g, when all are unset                               shmeter_series_show
 *   j  a lookup, which makes another record: who unsets may be dead      shmeter_series_retire
 *
 * A family stays VISIBLE, and a hidden counter or histogram HIDDEN: a lookup makes another record.
 * One whose maker died stays zero or UNPUBLISHED: a walker steps over it (zero: one unit).
 * Producers before ABI 1.3 hide without LEAVING.
 *
 * With SHMETER_FEATURE_REUSE the state of a series' record is {enum shmeter_visibility:8 (low),
 * epoch:56}, and these are its arrows. Only k takes another epoch: so VISIBLE
 * with an epoch is always the same series, and the word tells readers which one a record is. Each arrow is one
 * compare-and-swap, but for the first.
 *
 *   zero --a--> CLAIMED --b--> UNPUBLISHED --c--> VISIBLE --d--> LEAVING
 *                ^   |            |                                 |
 *                |   h            g                                 e
 *                |   v            v                                 v
 *                +-k-LIMBO <--f-- REMOVING <------------------------+
 *
 *   a  its maker: of a new record, the head last                         shmeter_reuse_append
 *   b  the same: its text is written, its cells are zero                 shmeter_reuse_ready
 *   c  its maker, or a lookup that meets it in the index                 shmeter_reuse_show
 *   d  a removal: it is exposed still                                    shmeter_reuse_leave
 *   e  the same, or whoever meets it; counted as d, e above              shmeter_reuse_leave
 *   f  the same: out of the index, and then the epoch is read            shmeter_reuse_bury
 *   g  a sweep, when its epoch is over: its maker is dead                shmeter_reuse_sweep_one
 *   h  a sweep, likewise; or its maker that was not the first: LIMBO, 0  shmeter_reuse_sweep_one
 *   k  a maker, when its epoch is over; brings the present one           shmeter_reuse_take
 *
 * An info rests as HIDDEN between e and f: c leads from there to VISIBLE again, and a maker or a
 * sweep that wants its room to REMOVING (shmeter_reuse_wake).
 *
 * What is half done belongs to anybody when its epoch is over (shm/segment/epoch.h): whoever did it
 * holds that epoch's lock for as long as the call lasts.
 */
enum shmeter_kind { SHMETER_KIND_NONE, SHMETER_KIND_FAMILY, SHMETER_KIND_SERIES };
enum shmeter_visibility {
    SHMETER_UNPUBLISHED,
    SHMETER_VISIBLE,
    SHMETER_HIDDEN,  /* a gauge is unset by then */
    SHMETER_HIDING,  /* a gauge that is not unset everywhere yet */
    SHMETER_RETIRED, /* the same for good: another record stands for it */
    SHMETER_LEAVING, /* visible still; who looks it up hides it first. Since ABI 1.3 */
    /* Only with SHMETER_FEATURE_REUSE; since 1.4. */
    SHMETER_REMOVING, /* not visible any more, but perhaps in the index */
    SHMETER_LIMBO,    /* out of the index: its room is used again when its epoch is over */
    SHMETER_CLAIMED   /* being made into another series */
};

struct shmeter_family_record {
    uint32_t bytes; /* whole units */
    uint32_t kind;
    uint64_t state;    /* enum shmeter_visibility; mutable */
    uint64_t series_n; /* series made; with SHMETER_FEATURE_REUSE: that are visible. Mutable */
    uint64_t created_real_ns;
    uint64_t hash;        /* of name and definition: the index key */
    uint64_t definition;  /* hash of everything that makes two families of one name differ */
    uint32_t type;        /* enum shmeter_type */
    uint32_t mode;        /* enum shmeter_mode, gauges; LATEST of statesets */
    int32_t schema;       /* exponential histograms: in use; gauges of ALL modes: 1: label pid */
    uint32_t exponential; /* 1: buckets are {zero bucket, log_n log-spaced ones} */
    double min_value;     /* exponential: the zero bucket's threshold */
    double max_value;
    uint32_t buckets_n;  /* histograms, summaries: cells' buckets, +Inf included */
    uint32_t bounds_n;   /* histograms: doubles behind this struct; explicit bounds without +Inf, */
                         /*   exponential: the upper bounds of the zero bucket and the log ones */
    uint32_t cell_bytes; /* of one series, in a CPU lane; 0 for gauges, info and statesets */
    uint32_t max_series;
    uint16_t states_n;     /* statesets: names behind the label names */
    uint16_t states_bytes; /* of all of them */
    uint32_t labels_n;
    uint16_t name_bytes; /* each string's bytes, its ending zero included */
    uint16_t help_bytes;
    uint16_t unit_bytes;
    uint16_t labels_bytes; /* labels_n strings one after the other */
    int32_t first_index;   /* exponential: index of the first log bucket, whose upper bound is */
                           /*   2^(first_index * 2^-schema) */
    uint32_t log_n;        /* exponential: log-spaced buckets */
    uint64_t opened;       /* number of the last open of it, 0 none; mutable; since ABI 1.3 */
    /* then double bounds[bounds_n]; name; help; unit; label names; states. With */
    /*   SHMETER_FEATURE_REUSE the record's last 8 bytes are {0:32 (low), next:31, 0:1}, and the 8 */
    /*   before them {idle seconds:32 (low), evict:1}, mutable; 0: made before there was such a thing */
};
SHMETER_AT(shmeter_family_record, bytes, 0);
SHMETER_AT(shmeter_family_record, kind, 4);
SHMETER_AT(shmeter_family_record, state, 8);
SHMETER_AT(shmeter_family_record, series_n, 16);
SHMETER_AT(shmeter_family_record, created_real_ns, 24);
SHMETER_AT(shmeter_family_record, hash, 32);
SHMETER_AT(shmeter_family_record, definition, 40);
SHMETER_AT(shmeter_family_record, type, 48);
SHMETER_AT(shmeter_family_record, mode, 52);
SHMETER_AT(shmeter_family_record, schema, 56);
SHMETER_AT(shmeter_family_record, exponential, 60);
SHMETER_AT(shmeter_family_record, min_value, 64);
SHMETER_AT(shmeter_family_record, max_value, 72);
SHMETER_AT(shmeter_family_record, buckets_n, 80);
SHMETER_AT(shmeter_family_record, bounds_n, 84);
SHMETER_AT(shmeter_family_record, cell_bytes, 88);
SHMETER_AT(shmeter_family_record, max_series, 92);
SHMETER_AT(shmeter_family_record, states_n, 96);
SHMETER_AT(shmeter_family_record, states_bytes, 98);
SHMETER_AT(shmeter_family_record, labels_n, 100);
SHMETER_AT(shmeter_family_record, name_bytes, 104);
SHMETER_AT(shmeter_family_record, help_bytes, 106);
SHMETER_AT(shmeter_family_record, unit_bytes, 108);
SHMETER_AT(shmeter_family_record, labels_bytes, 110);
SHMETER_AT(shmeter_family_record, first_index, 112);
SHMETER_AT(shmeter_family_record, log_n, 116);
SHMETER_AT(shmeter_family_record, opened, 120);
SHMETER_SIZE(shmeter_family_record, 128);

struct shmeter_series_record {
    uint32_t bytes;
    uint32_t kind;
    uint64_t state;    /* enum shmeter_visibility; mutable */
    uint32_t family;   /* unit of its family's record */
    uint32_t values_n; /* = the family's labels_n */
    uint64_t cell;     /* offset in a CPU lane; gauges, statesets: number of the gauge cell */
    uint64_t created_real_ns;
    uint64_t hash; /* the index key */
    uint32_t values_bytes;
    uint32_t next; /* {unit of the index entry's next record:31 (low), mark:1: it is removed}; one */
                   /*   word with values_bytes; mutable; 0 without SHMETER_FEATURE_REUSE */
    /* then values_n strings, each with its ending zero. With SHMETER_FEATURE_REUSE the record's last */
    /*   8 bytes, where values do not reach, are the note {seconds:28 (low), of the contents:36} of */
    /*   when they were seen to change (shm/idle.h); mutable */
};
SHMETER_AT(shmeter_series_record, bytes, 0);
SHMETER_AT(shmeter_series_record, kind, 4);
SHMETER_AT(shmeter_series_record, state, 8);
SHMETER_AT(shmeter_series_record, family, 16);
SHMETER_AT(shmeter_series_record, values_n, 20);
SHMETER_AT(shmeter_series_record, cell, 24);
SHMETER_AT(shmeter_series_record, created_real_ns, 32);
SHMETER_AT(shmeter_series_record, hash, 40);
SHMETER_AT(shmeter_series_record, values_bytes, 48);
SHMETER_AT(shmeter_series_record, next, 52);
SHMETER_SIZE(shmeter_series_record, 56);

#endif
