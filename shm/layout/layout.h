/*
 * The segment's layout: types and their sizes, and nothing that runs. shm/layout/limits.h says how much of
 * each there may be.
 *
 * docs/ABI.md has the same fields with writers, readers and ordering: a test compares the two.
 * Shared fields are plain integers of a fixed width and are touched through shm/machine/atomic.h only.
 * "Immutable" means: written before the segment (or the record) is published. All-zero bytes are a
 * valid beginning everywhere: free, empty, never set.
 */
#ifndef SHMETER_SHM_LAYOUT_H
#define SHMETER_SHM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "../machine/compiler.h"
#include "cells.h"
#include "limits.h"
#include "pins.h"
#include "records.h"
#include "words.h"

#if !defined(__LP64__) || !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "shmeter needs a 64-bit little-endian machine"
#endif
#if !defined(__x86_64__) && !defined(__aarch64__)
#error "shmeter needs a 16-byte compare-and-swap: x86-64 or aarch64"
#endif

#define SHMETER_MAGIC     UINT64_C(0x31524554454d4853) /* "SHMETER1" */
#define SHMETER_ABI_MAJOR 1u
#define SHMETER_ABI_MINOR 4u

/* Bits of header.features. */
#define SHMETER_FEATURE_REUSE  1u /* removed series give their room back */
#define SHMETER_FEATURES_KNOWN SHMETER_FEATURE_REUSE

/* ---- header: immutable ----------------------------------------------------------------------- */

enum shmeter_ticks_kind { SHMETER_TICKS_MONOTONIC_NS, SHMETER_TICKS_COUNTER };

struct shmeter_header {
    uint64_t magic;
    uint32_t abi_major; /* another one is another file name, and is refused */
    uint32_t abi_minor; /* a later one only adds */
    uint32_t header_bytes;
    uint32_t features; /* a reader or writer that does not know a bit here refuses the segment */
    uint64_t segment_bytes;
    uint64_t nonce[2];        /* random: seeds the index's hash */
    uint64_t boot_id[2];      /* of the machine that created it */
    uint64_t created_real_ns; /* CLOCK_REALTIME */
    uint64_t created_mono_ns; /* CLOCK_MONOTONIC, in the creator's time namespace */
    uint64_t created_ticks;   /* shmeter_ticks() at the same moment */
    uint32_t ticks_kind;      /* enum shmeter_ticks_kind, for every process of this boot */
    uint32_t created_timens;  /* the creator's time namespace (inode), 0 unknown */
    uint64_t state_off;       /* struct shmeter_state */
    uint64_t index_off;       /* uint64_t[index_entries] */
    uint64_t index_entries;   /* a power of two */
    uint64_t records_off;     /* the arena; unit 0 is never a record */
    uint64_t records_bytes;
    uint64_t slot_words_off;   /* struct shmeter_slot_word[slots_n] */
    uint64_t slot_blocks_off;  /* slots_n blocks of slot_block_bytes */
    uint64_t slot_block_bytes; /* struct shmeter_slot_block, gauge cells, ring */
    uint64_t common_off;       /* struct shmeter_gauge_cell[gauges_n]: what no single worker owns */
    uint64_t cpu_lanes_off;    /* cpu_lanes_n lanes of 1 << lane_shift bytes */
    uint64_t shared_lanes_off; /* shared_lanes_n lanes of 2 << lane_shift bytes */
    uint32_t cpu_lanes_n;
    uint32_t shared_lanes_n; /* a power of two, at most SHMETER_MAX_SHARED_LANES */
    uint32_t lane_shift;
    uint32_t max_series;
    uint32_t max_family_series;
    uint32_t slots_n;
    uint32_t gauges_n;          /* gauge cells per slot */
    uint32_t ring_bytes;        /* per slot */
    uint32_t gauges_off;        /* within a slot's block */
    uint32_t ring_off;          /* within a slot's block */
    uint64_t created_boot_ns;   /* CLOCK_BOOTTIME at that moment; 0: made before ABI 1.3 */
    uint64_t created_offset_ns; /* CLOCK_MONOTONIC there less the machine's; since 1.3 */
    uint64_t limbo_off;         /* with SHMETER_FEATURE_REUSE: uint64_t[SHMETER_LIMBO_RINGS][limbo_entries] */
    uint64_t limbo_entries;     /* a power of two; both 0 without it; since 1.4 */
    uint64_t reserved[31];
    uint64_t sum; /* shmeter_header_sum() of all before it: no damaged header is ever used */
};

SHMETER_AT(shmeter_header, magic, 0);
SHMETER_AT(shmeter_header, abi_major, 8);
SHMETER_AT(shmeter_header, abi_minor, 12);
SHMETER_AT(shmeter_header, header_bytes, 16);
SHMETER_AT(shmeter_header, features, 20);
SHMETER_AT(shmeter_header, segment_bytes, 24);
SHMETER_AT(shmeter_header, nonce, 32);
SHMETER_AT(shmeter_header, boot_id, 48);
SHMETER_AT(shmeter_header, created_real_ns, 64);
SHMETER_AT(shmeter_header, created_mono_ns, 72);
SHMETER_AT(shmeter_header, created_ticks, 80);
SHMETER_AT(shmeter_header, ticks_kind, 88);
SHMETER_AT(shmeter_header, created_timens, 92);
SHMETER_AT(shmeter_header, state_off, 96);
SHMETER_AT(shmeter_header, index_off, 104);
SHMETER_AT(shmeter_header, index_entries, 112);
SHMETER_AT(shmeter_header, records_off, 120);
SHMETER_AT(shmeter_header, records_bytes, 128);
SHMETER_AT(shmeter_header, slot_words_off, 136);
SHMETER_AT(shmeter_header, slot_blocks_off, 144);
SHMETER_AT(shmeter_header, slot_block_bytes, 152);
SHMETER_AT(shmeter_header, common_off, 160);
SHMETER_AT(shmeter_header, cpu_lanes_off, 168);
SHMETER_AT(shmeter_header, shared_lanes_off, 176);
SHMETER_AT(shmeter_header, cpu_lanes_n, 184);
SHMETER_AT(shmeter_header, shared_lanes_n, 188);
SHMETER_AT(shmeter_header, lane_shift, 192);
SHMETER_AT(shmeter_header, max_series, 196);
SHMETER_AT(shmeter_header, max_family_series, 200);
SHMETER_AT(shmeter_header, slots_n, 204);
SHMETER_AT(shmeter_header, gauges_n, 208);
SHMETER_AT(shmeter_header, ring_bytes, 212);
SHMETER_AT(shmeter_header, gauges_off, 216);
SHMETER_AT(shmeter_header, ring_off, 220);
SHMETER_AT(shmeter_header, created_boot_ns, 224);
SHMETER_AT(shmeter_header, created_offset_ns, 232);
SHMETER_AT(shmeter_header, limbo_off, 240);
SHMETER_AT(shmeter_header, limbo_entries, 248);
SHMETER_AT(shmeter_header, reserved, 256);
SHMETER_AT(shmeter_header, sum, 504);
SHMETER_SIZE(shmeter_header, 512);

/* ---- state: fill levels, backed marks, losses; each on a cache line of its own --------------- */

struct shmeter_line {
    uint64_t value;
    uint64_t reserved[7];
};
SHMETER_AT(shmeter_line, value, 0);
SHMETER_AT(shmeter_line, reserved, 8);
SHMETER_SIZE(shmeter_line, 64);

/* What processes without a slot wait for, and when one of them last found none. */
struct shmeter_wanted {
    uint64_t value;         /* slots given back; since ABI 1.3 */
    uint64_t refused_ticks; /* of the last claim that found none, 0 never; since ABI 1.4 */
    uint64_t reserved[6];
};
SHMETER_AT(shmeter_wanted, value, 0);
SHMETER_AT(shmeter_wanted, refused_ticks, 8);
SHMETER_AT(shmeter_wanted, reserved, 16);
SHMETER_SIZE(shmeter_wanted, 64);

/* Numbers of the reuse of room, one for each ring of hints. */
struct shmeter_limbo {
    uint64_t ring[SHMETER_LIMBO_RINGS];
};
SHMETER_AT(shmeter_limbo, ring, 0);
SHMETER_SIZE(shmeter_limbo, 64);

struct shmeter_reuse {
    uint64_t pressure; /* what waits for a grace: a hint that one is worth its cost */
    uint64_t begun_ns; /* CLOCK_MONOTONIC of the last grace's begin: a hint */
    uint64_t unlocked; /* processes that could have no lock: nothing is used again */
    uint64_t swept;    /* the last value of over that the records were swept for */
    uint64_t backed;   /* a bit for each ring of hints that has memory */
    uint64_t idle;     /* fewest seconds of a family whose series go when they are idle; 0: there is none */
    uint64_t looked;   /* when its series were last looked at, by seconds since the segment was made */
    uint64_t parks;    /* how often processes were parked (shm/segment/park.h); 0: none ever was */
};
SHMETER_AT(shmeter_reuse, pressure, 0);
SHMETER_AT(shmeter_reuse, begun_ns, 8);
SHMETER_AT(shmeter_reuse, unlocked, 16);
SHMETER_AT(shmeter_reuse, swept, 24);
SHMETER_AT(shmeter_reuse, backed, 32);
SHMETER_AT(shmeter_reuse, idle, 40);
SHMETER_AT(shmeter_reuse, looked, 48);
SHMETER_AT(shmeter_reuse, parks, 56);
SHMETER_SIZE(shmeter_reuse, 64);

/* Every loss is counted and exported. The order is part of the ABI: new ones come at the end. */
enum shmeter_loss {
    SHMETER_LOSS_SERIES_REFUSED,    /* lookups: the store is full, or values too long */
    SHMETER_LOSS_SERIES_OVERFLOWED, /* lookups past their family's limit */
    SHMETER_LOSS_FAMILIES_REFUSED,  /* could not be had: they count privately */
    SHMETER_LOSS_FAMILY_CONFLICTS,  /* second definitions of a name in a process: likewise */
    SHMETER_LOSS_VALUES_REPAIRED,   /* label values with invalid UTF-8 */
    SHMETER_LOSS_OBSERVATIONS_NAN,
    SHMETER_LOSS_OBSERVATIONS_NEGATIVE, /* refused by exponential histograms */
    SHMETER_LOSS_OBSERVATIONS_CLAMPED,  /* above an exponential one's range: in its last bucket */
    SHMETER_LOSS_ADDS_REFUSED,          /* negative or NaN increments of fractional counters */
    SHMETER_LOSS_GAUGE_REFUSED,         /* add on LATEST, NaN to MIN or MAX */
    SHMETER_LOSS_SLOTS_EXHAUSTED,       /* claims that found no slot: gauges count privately */
    SHMETER_LOSS_SLOTS_ROBBED,          /* taken from another namespace's process as last resort */
    SHMETER_LOSS_BACKING_FAILED,        /* the filesystem was full */
    SHMETER_LOSS_SERIES_RENEWED,        /* counters and histograms back with fresh cells */
    SHMETER_LOSS_HANDLES_REFUSED,       /* wrong number of label values, wrong type */
    SHMETER_LOSS_CHECKS_REFUSED,        /* more checks than a worker has places for */
    SHMETER_LOSS_SUPERSEDED,            /* in definitions not exposed: counted by readers */
    SHMETER_LOSS_SERIES_EVICTED,        /* removed at their family's limit, to make room for others */
    SHMETER_LOSSES
};

struct shmeter_state {
    struct shmeter_line cells_fill;     /* bytes of each CPU lane handed out */
    struct shmeter_line cells_backed;   /* bytes of each CPU lane with memory; shared ones: twice */
    struct shmeter_line records_fill;   /* bytes of the arena handed out */
    struct shmeter_line records_backed; /* bytes of the arena with memory */
    struct shmeter_line gauges_fill;    /* gauge cells handed out */
    struct shmeter_line series_n;       /* series made (or visible: REUSE), without overflow series */
    struct shmeter_line families_n;     /* families made */
    struct shmeter_line changes_begun;  /* hides and returns of series; since ABI 1.1 */
    struct shmeter_line changes_done;   /* likewise; equal: none is under way */
    struct shmeter_wanted slots_given;
    struct shmeter_line epoch;        /* the present epoch less 1; since 1.4, as are the next four */
    struct shmeter_line over;         /* all epochs before this one plus 1 are over */
    struct shmeter_limbo limbo_put;   /* hints written to each ring */
    struct shmeter_limbo limbo_taken; /* hints taken from it */
    struct shmeter_reuse reuse;
    struct shmeter_line opens; /* opens of families, which are numbered by it; since ABI 1.3 */
    struct shmeter_line losses[SHMETER_LOSS_LINES];
};
SHMETER_AT(shmeter_state, cells_fill, 0);
SHMETER_AT(shmeter_state, cells_backed, 64);
SHMETER_AT(shmeter_state, records_fill, 128);
SHMETER_AT(shmeter_state, records_backed, 192);
SHMETER_AT(shmeter_state, gauges_fill, 256);
SHMETER_AT(shmeter_state, series_n, 320);
SHMETER_AT(shmeter_state, families_n, 384);
SHMETER_AT(shmeter_state, changes_begun, 448);
SHMETER_AT(shmeter_state, changes_done, 512);
SHMETER_AT(shmeter_state, slots_given, 576);
SHMETER_AT(shmeter_state, epoch, 640);
SHMETER_AT(shmeter_state, over, 704);
SHMETER_AT(shmeter_state, limbo_put, 768);
SHMETER_AT(shmeter_state, limbo_taken, 832);
SHMETER_AT(shmeter_state, reuse, 896);
SHMETER_AT(shmeter_state, opens, 960);
SHMETER_AT(shmeter_state, losses, 1024);
SHMETER_SIZE(shmeter_state, 3072);

/* ---- slots ----------------------------------------------------------------------------------- */

/*
 * The states of a slot. Each arrow is one 16-byte compare-and-swap of {owner, identity}; those into
 * CLAIMING bring the claimant's pid and the next generation.
 *
 *   FREE --a--> CLAIMING --c--> LIVE
 *               ^  |  ^         |  |
 *               a  d  +----b----+  e
 *               |  v               |
 *               RELEASED <---------+
 *
 *   a  a claimant                                                        shmeter_slot_take
 *   b  a claimant: the owner is proven dead, or was this process before  shmeter_slot_take
 *      exec; or as the last resort (shm/slots/search.h)
 *   c  the claimant, when the block is ready                             shmeter_slot_take
 *   d  the claimant, where the block cannot be backed                    shmeter_slot_take
 *   e  the owner: its last copy of the header has closed                 shmeter_slot_leave
 *
 * A claimant that dies leaves CLAIMING, with its pid: b leads from there to CLAIMING again.
 */
enum shmeter_slot_state { SHMETER_SLOT_FREE, SHMETER_SLOT_CLAIMING, SHMETER_SLOT_LIVE, SHMETER_SLOT_RELEASED };

struct shmeter_slot_word {
    uint64_t owner;    /* {state:8 (low), generation:24, pid:32}; moved together with identity */
    uint64_t identity; /* {start time:32 (low), namespaces:32} */
    uint64_t image;    /* {generation:24 (low), hash of AT_RANDOM:40}: the process image. Written */
                       /*   after the claim: of another generation, an earlier owner's */
    uint64_t backed;   /* bytes of the slot's block that have memory: readers never pass it */
    uint64_t claimed_ticks;
    uint64_t ended_ticks; /* of a release; 0 while owned */
    uint64_t users;       /* {copies of the header that use it:40 (low), generation:24}: the last */
                          /*   gives it back. Another generation: another owner's; 0: before 1.3 */
    uint64_t lock;        /* {generation:24 (low), enum shmeter_lock_kind:8}. 1.3. Another: none */
};
SHMETER_AT(shmeter_slot_word, owner, 0);
SHMETER_AT(shmeter_slot_word, identity, 8);
SHMETER_AT(shmeter_slot_word, image, 16);
SHMETER_AT(shmeter_slot_word, backed, 24);
SHMETER_AT(shmeter_slot_word, claimed_ticks, 32);
SHMETER_AT(shmeter_slot_word, ended_ticks, 40);
SHMETER_AT(shmeter_slot_word, users, 48);
SHMETER_AT(shmeter_slot_word, lock, 56);
SHMETER_SIZE(shmeter_slot_word, 64);
enum shmeter_lock_kind { SHMETER_LOCK_UNKNOWN, SHMETER_LOCK_MAPPED }; /* on the owner's byte */

struct shmeter_slot_check {
    uint64_t word; /* {health:8 (low), which message:8, 0:16, changes:32}; zero: an unused place */
    uint64_t since_ticks;
    char name[SHMETER_CHECK_NAME_BYTES];
    char message[2][SHMETER_CHECK_MESSAGE_BYTES];
};
SHMETER_AT(shmeter_slot_check, word, 0);
SHMETER_AT(shmeter_slot_check, since_ticks, 8);
SHMETER_AT(shmeter_slot_check, name, 16);
SHMETER_AT(shmeter_slot_check, message, 64);
SHMETER_SIZE(shmeter_slot_check, 256);

struct shmeter_slot_block {
    uint64_t heartbeat_ticks; /* of the last heartbeat, 0 none */
    uint64_t busy_ticks;      /* since when a unit of work is under way, 0 idle */
    uint64_t work_n;          /* units of work begun */
    uint64_t ended;           /* {generation:24 (low) of the last known end, died:40}. 1.3 */
    uint64_t epoch;           /* SHMETER_CPU: whose lock the owner holds, 0 none: a hint. 1.4 */
    uint64_t reserved_a[3];
    char worker[SHMETER_WORKER_BYTES];
    uint64_t check_turn; /* {generation:24 (low), places being written:8, named:8, count:24}. 1.3 */
                         /*   Of another generation than the slot's: an earlier owner's, none */
    uint64_t reserved_b;
    uint64_t cpu_noted;  /* SHMETER_CPU: what an owner has used while it had the slot, as far as it was */
    uint64_t cpu_before; /*   noted; milliseconds of all owners before that one. Moved together. 1.3 */
    uint64_t cpu_given;  /* SHMETER_CPU: what the owner had used before, and is counted elsewhere. 1.3 */
    uint64_t reserved_d[15];
    struct shmeter_slot_check checks[SHMETER_CHECKS];
    uint64_t ring_claimed;           /* {cells claimed, records} of the ring; no events yet: 0 */
    uint64_t ring_backed;            /* bytes of the ring that have memory */
    uint64_t opened_of;              /* owner (LIVE) whose list follows; another one's: none. 1.3 */
    uint64_t opened[SHMETER_OPENED]; /* families: SHMETER_OPENED_ENTRY; zero ends the list */
    uint64_t opened_first;           /* the least number that was ever in the list, 0 none */
    uint64_t reserved_c[20];
    /* at header.gauges_off: struct shmeter_gauge_cell[gauges_n]; at header.ring_off: the ring */
};
SHMETER_AT(shmeter_slot_block, heartbeat_ticks, 0);
SHMETER_AT(shmeter_slot_block, busy_ticks, 8);
SHMETER_AT(shmeter_slot_block, work_n, 16);
SHMETER_AT(shmeter_slot_block, ended, 24);
SHMETER_AT(shmeter_slot_block, epoch, 32);
SHMETER_AT(shmeter_slot_block, reserved_a, 40);
SHMETER_AT(shmeter_slot_block, worker, 64);
SHMETER_AT(shmeter_slot_block, check_turn, 96);
SHMETER_AT(shmeter_slot_block, reserved_b, 104);
SHMETER_AT(shmeter_slot_block, cpu_noted, 112);
SHMETER_AT(shmeter_slot_block, cpu_before, 120);
SHMETER_AT(shmeter_slot_block, cpu_given, 128);
SHMETER_AT(shmeter_slot_block, reserved_d, 136);
SHMETER_AT(shmeter_slot_block, checks, 256);
SHMETER_AT(shmeter_slot_block, ring_claimed, 2304);
SHMETER_AT(shmeter_slot_block, ring_backed, 2312);
SHMETER_AT(shmeter_slot_block, opened_of, 2320);
SHMETER_AT(shmeter_slot_block, opened, 2328);
SHMETER_AT(shmeter_slot_block, opened_first, 3928);
SHMETER_AT(shmeter_slot_block, reserved_c, 3936);
SHMETER_SIZE(shmeter_slot_block, 4096);
SHMETER_STATIC_ASSERT(SHMETER_CHECKS <= 8, "check_turn has a bit for each place");

#endif
