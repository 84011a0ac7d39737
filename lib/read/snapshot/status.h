/*
 * The status of one segment apart from its metrics: levels, losses and workers. Plain values in private memory, for
 * health, `shmeter ls`, `shmeter doctor`, the status page and the shmeter_* series.
 */
#ifndef SHMETER_READ_SNAPSHOT_STATUS_H
#define SHMETER_READ_SNAPSHOT_STATUS_H

#include <stdint.h>

#define STATUS_LOSSES              32u
#define STATUS_CHECKS              8u
#define STATUS_WORKER_BYTES        128u /* with room for replacement characters */
#define STATUS_CHECK_NAME_BYTES    192u
#define STATUS_CHECK_MESSAGE_BYTES 384u
#define STATUS_NAME_BYTES          512u
#define STATUS_SEGMENT_BYTES       (5u * STATUS_NAME_BYTES)
#define STATUS_ERROR_BYTES         1024u
#define STATUS_NEVER               UINT64_MAX /* age of something that has not happened */

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
    uint64_t age_ns; /* of its present state; STATUS_NEVER: unknown */
    char name[STATUS_CHECK_NAME_BYTES];
    char message[STATUS_CHECK_MESSAGE_BYTES];
};

struct status_slot { /* all text is valid UTF-8 without control characters */
    uint32_t slot;
    enum status_life life;
    uint32_t pid; /* in its own pid namespace */
    uint32_t generation;
    uint32_t foreign; /* 1: in another pid namespace, so the pid is not one of this namespace */
    uint32_t checks_n;
    uint32_t died;   /* 1: dead, and it had something under way: work, a failing check, a share of a POOL gauge */
    uint32_t killed; /* 1: dead, it had nothing under way, and was seen to be killed by a signal */
    uint64_t claimed_age_ns;
    uint64_t heard_age_ns;     /* since the last sign of life in the segment, or since it was last seen alive */
    uint64_t dead_age_ns;      /* since it was first seen dead; STATUS_NEVER: not, or it was never seen alive */
    uint64_t heartbeat_age_ns; /* STATUS_NEVER: it never had one */
    uint64_t busy_age_ns;      /* STATUS_NEVER: idle */
    uint64_t work_n;           /* units of work begun */
    uint64_t epochs_behind;    /* it may have what was removed so many epochs ago, whose room waits; 0: it has not */
    uint32_t start_ticks;      /* its start time, as field 22 of /proc/PID/stat in its time namespace; 0 unknown */
    uint64_t cpu_noted_ms;     /* CPU time while it had the slot, as far as it was noted */
    uint64_t cpu_given_ms;     /* CPU time before that, which is counted as of an ended owner of a slot */
    char worker[STATUS_WORKER_BYTES];
    struct status_check checks[STATUS_CHECKS];
};

/* A definition that living workers have open and that is not exposed, because another one is in force. */
struct status_superseded {
    const char *name;    /* of the family; of the snapshot */
    const char *differs; /* "other buckets", ... */
    uint32_t slot;       /* of one of the workers */
    uint32_t workers_n;
};

struct segment_status {
    char name[STATUS_SEGMENT_BYTES]; /* NAME or path as it was asked for, unambiguous: text_name() */
    char path[STATUS_NAME_BYTES];
    uint32_t readable; /* 0: error says why, and the other fields are from the last reading */
    uint32_t unlinked; /* 1: still read, but no process can attach to it any more; error says what has its name */
    int32_t fault;     /* enum shmeter_reader_fault of lib/read/file/reader.h; 0 fine */
    char error[STATUS_ERROR_BYTES];

    uint32_t abi_major, abi_minor;
    uint32_t uid, gid, mode;
    uint64_t segment_bytes; /* of the file; it is sparse */
    uint64_t backed_bytes;  /* of the file that have memory */
    uint64_t created_real_ns;
    uint64_t generation; /* 1 + how often the segment was created again while this program watched */
    uint32_t same_boot;  /* 0: made before the last boot, or on another machine */
    uint32_t cpu_lanes_n, shared_lanes_n;

    uint64_t cells_used, cells_capacity;     /* bytes of each CPU lane */
    uint64_t records_used, records_capacity; /* bytes */
    uint64_t gauges_used, gauges_capacity;   /* cells */
    uint64_t series_used, series_capacity;
    uint64_t families;            /* exposed */
    uint64_t families_superseded; /* definitions that are not exposed, because another one of their name is in force */
    uint64_t families_damaged;    /* left out because their records are inconsistent */
    uint64_t families_unknown;    /* left out with their series, because only a later version knows their type */
    uint64_t series_visible;
    uint64_t series_hidden;
    uint64_t series_damaged;
    uint64_t series_over; /* left out because all series together would take too much memory (SNAPSHOT_COST_LEAST) */
    uint64_t series_idle; /* left out of the last scrape, because they have not changed for the idle time-out */
    uint64_t series_filtered; /* left out by the settings' allow and deny */
    uint64_t labels_left_out; /* labels of the settings that metrics have themselves; summed over metrics */
    uint64_t leaked_bytes;    /* of records that are not in use: the maker died, lost a race, or is not done yet */
    uint64_t torn;            /* reads that may be inconsistent, after too many tries, since this program began */
    uint64_t losses[STATUS_LOSSES];
    uint64_t losses_before[STATUS_LOSSES]; /* in earlier segments of this name, while this program watched */
    uint32_t losses_n;                     /* number of kinds */

    uint64_t died;        /* workers that have, with something under way; it never falls while a program watches */
    uint64_t died_before; /* in earlier segments of this name */
    uint64_t killed;      /* workers that were seen to be, with nothing under way, while this program watched */
    uint64_t killed_before;

    uint64_t held_age_ns; /* since when removed series wait for processes that may have them; STATUS_NEVER: none do */
    uint32_t unlocked;    /* 1: no room is used again in this segment, because a process could have no lock */
    uint64_t slots_refused_age_ns; /* since a claim last found no slot; STATUS_NEVER: none has, or nobody knows when */
    uint32_t slots_n, slots_free, slots_live, slots_dead, slots_unknown;
    struct status_slot *slots; /* those in use (live, dead, unknown), in order of slot */
    uint32_t slots_len;
    const uint64_t *cpu_ended_ms; /* by slot: CPU time of the owners that have ended, as far as it was noted */
    uint32_t cpu_ended_n;

    uint64_t superseded_n; /* how many superseded definitions are open; superseded lists the first superseded_len */
    struct status_superseded *superseded;
    uint32_t superseded_len;
};

/*
 * The word of a kind of loss for the label kind, such as "series_refused"; NULL for a number beyond the last kind. And
 * sentences for people: what was lost, and what to do.
 */
const char *status_loss_kind(uint32_t loss);
const char *status_loss_help(uint32_t loss);
const char *status_loss_advice(uint32_t loss);
/* Whether health has a reason when this loss grows. */
int status_loss_is_reason(uint32_t loss);

const char *status_life_word(enum status_life life);       /* "live" */
const char *status_life_slots(enum status_life life);      /* the value of the label state of shmeter_slots: "used" */
const char *status_health_word(enum status_health health); /* "ok" */
/* The verdict with this word. 0, or -EINVAL: there is no such verdict. */
int status_health_of(const char *word, enum status_health *out);

/* A time or an age in seconds, rounded down to milliseconds. */
double status_seconds(uint64_t ns);

#endif
