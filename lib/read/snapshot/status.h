/*
 * The status of one segment apart from its metrics: levels, losses and workers. Plain values in private memory, for
 * health, `shmeter ls`, `shmeter doctor`, the status page and the shmeter_* series.
 */
#ifndef SHMETER_READ_SNAPSHOT_STATUS_H
#define SHMETER_READ_SNAPSHOT_STATUS_H

#include <stdint.h>

#define STATUS_LOSSES              32u
#define STATUS_CHECKS              8u
#define STATUS_WORKER_BYTES        128u /* room for replacement characters                                      */
#define STATUS_CHECK_NAME_BYTES    192u
#define STATUS_CHECK_MESSAGE_BYTES 384u
#define STATUS_NAME_BYTES          512u
#define STATUS_SEGMENT_BYTES       (5u * STATUS_NAME_BYTES)
#define STATUS_ERROR_BYTES         1024u
#define STATUS_NEVER               UINT64_MAX /* an age: it has not happened                                   */

enum status_life {
#define LIFE(name, ...) STATUS_##name,
#include "read/file/life.def"
    STATUS_LIVES
};

enum status_health {
#define VERDICT(name, ...) STATUS_##name,
#include "read/snapshot/verdicts.def"
    STATUS_VERDICTS
};

struct status_check {
    enum status_health health;
    uint64_t age_ns; /* since it has this state; STATUS_NEVER unknown                                       */
    char name[STATUS_CHECK_NAME_BYTES];
    char message[STATUS_CHECK_MESSAGE_BYTES];
};

struct status_slot { /* all text is valid UTF-8 without control characters */
    uint32_t slot;
    enum status_life life;
    uint32_t pid; /* in its own pid namespace                                                            */
    uint32_t generation;
    uint32_t foreign; /* 1: from another namespace; its pid means nothing here                               */
    uint32_t checks_n;
    uint32_t died;   /* 1: dead, and it had something under way: work, a failing check, a share of a POOL gauge */
    uint32_t killed; /* 1: dead, it had nothing under way, and was seen to be killed by a signal                */
    uint64_t claimed_age_ns;
    uint64_t heard_age_ns;     /* since the last sign of life in the segment, or since it was last seen alive    */
    uint64_t dead_age_ns;      /* since it was first seen dead; STATUS_NEVER: not, or it was never seen alive     */
    uint64_t heartbeat_age_ns; /* STATUS_NEVER: it never beat                                               */
    uint64_t busy_age_ns;      /* STATUS_NEVER: idle                                                       */
    uint64_t work_n;           /* units of work begun                                                     */
    uint32_t start_ticks;      /* its start time, as field 22 of /proc/PID/stat in its time namespace; 0 unknown */
    uint64_t cpu_noted_ms;     /* CPU time while it had the slot, as far as it was noted                   */
    uint64_t cpu_given_ms;     /* CPU time before that, which is counted as of an ended owner of a slot    */
    char worker[STATUS_WORKER_BYTES];
    struct status_check checks[STATUS_CHECKS];
};

/* A definition that living workers have open and that is not exposed, because another one is in force. */
struct status_superseded {
    const char *name;    /* of the family; of the snapshot                                                */
    const char *differs; /* "other buckets", ...                                                          */
    uint32_t slot;       /* of one of the workers                                                         */
    uint32_t workers_n;
};

struct segment_status {
    char name[STATUS_SEGMENT_BYTES]; /* as asked for, NAME or a path, and never the same for two: text_name()     */
    char path[STATUS_NAME_BYTES];
    uint32_t readable; /* 0: then error says why, and what follows is what was known last                      */
    uint32_t unlinked; /* 1: still read, but nobody can attach to it any more; error: what has its name */
    int32_t fault;     /* enum shmeter_reader_fault of lib/read/file/reader.h; 0 fine */
    char error[STATUS_ERROR_BYTES];

    uint32_t abi_major, abi_minor;
    uint32_t uid, gid, mode;
    uint64_t segment_bytes; /* of the file; it is sparse                                                    */
    uint64_t backed_bytes;  /* with memory behind them                                                     */
    uint64_t created_real_ns;
    uint64_t generation; /* 1 + how often the segment was created again while this program watched        */
    uint32_t same_boot;  /* 0: made before the last boot, or on another machine                          */
    uint32_t cpu_lanes_n, shared_lanes_n;

    uint64_t cells_used, cells_capacity;     /* bytes of each CPU lane                                       */
    uint64_t records_used, records_capacity; /* bytes                                                       */
    uint64_t gauges_used, gauges_capacity;   /* cells                                                       */
    uint64_t series_used, series_capacity;
    uint64_t families;            /* exposed                                                               */
    uint64_t families_superseded; /* definitions that are not exposed, as another one of their name is         */
    uint64_t families_damaged;    /* records that do not fit together: left out                              */
    uint64_t families_unknown;    /* of types that a later version has: left out with their series            */
    uint64_t series_visible;
    uint64_t series_hidden;
    uint64_t series_damaged;
    uint64_t series_over;     /* left out because all together would take too much memory (SNAPSHOT_COST_LEAST) */
    uint64_t series_idle;     /* not shown in the last scrape, as they have not changed for long               */
    uint64_t series_filtered; /* not shown, as settings leave their names out                                 */
    uint64_t labels_left_out; /* of settings, summed over metric names that have a label of that name themselves */
    uint64_t leaked_bytes;    /* of no record: its maker died, was slower than another one, or is not done yet   */
    uint64_t torn;            /* histogram reads taken as they were after too many tries, since this program began */
    uint64_t losses[STATUS_LOSSES];
    uint64_t losses_before[STATUS_LOSSES]; /* in earlier segments of this name, while this program watched     */
    uint32_t losses_n; /* kinds this segment's version has                                                  */

    uint64_t died;        /* workers that have, with something under way; it never falls while a program watches    */
    uint64_t died_before; /* in earlier segments of this name                                             */
    uint64_t killed;      /* workers that were seen to be, with nothing under way, while this program watched */
    uint64_t killed_before;

    uint32_t slots_n, slots_free, slots_live, slots_dead, slots_unknown;
    struct status_slot *slots; /* those in use (live, dead, unknown), in order of slot                         */
    uint32_t slots_len;
    const uint64_t *cpu_ended_ms; /* by slot: CPU time of the owners that have ended, as far as it was noted    */
    uint32_t cpu_ended_n;

    uint64_t superseded_n; /* of them superseded_len are told of                              */
    struct status_superseded *superseded;
    uint32_t superseded_len;
};

/* The word for a kind of loss, for labels: "series_refused"; NULL past the last one. And words for people: what it is,
   and what to do. */
const char *status_loss_kind(uint32_t loss);
const char *status_loss_help(uint32_t loss);
const char *status_loss_advice(uint32_t loss);
/* Whether health has a reason when it grows. */
int status_loss_is_reason(uint32_t loss);

const char *status_life_word(enum status_life life);       /* "live" */
const char *status_life_slots(enum status_life life);      /* what shmeter_slots{state} calls it: "used" */
const char *status_health_word(enum status_health health); /* "ok" */
/* The verdict of this word. 0, or -EINVAL: none. */
int status_health_of(const char *word, enum status_health *out);

/* A time or an age in seconds, without what is less than a millisecond. */
double status_seconds(uint64_t ns);

#endif
