/*
 * What a process keeps in private memory about a segment that it has mapped. Nothing in here is shared, and nothing
 * that an update uses is read from the segment: a corrupted segment cannot lead a producer out of bounds.
 */
#ifndef SHMETER_SHM_ATTACHMENT_H
#define SHMETER_SHM_ATTACHMENT_H

#include "../layout/layout.h"

struct shmeter_attachment;

/* One moment on two clocks. */
struct shmeter_clock_pair {
    uint64_t ticks, ns; /* ns: CLOCK_MONOTONIC                                                          */
    uint64_t away_ns;   /* CLOCK_BOOTTIME less CLOCK_MONOTONIC: how long the machine was suspended       */
};

/* Where the cells are. A copy stands at the beginning of whatever a handle points at. */
struct shmeter_lanes {
    unsigned char *cpu;    /* CPU lane 0; NULL when detached                                               */
    unsigned char *shared; /* shared lane 0, or private memory of the same shape                           */
    uint32_t cpu_n;        /* CPU lanes that this process may use: 0 without rseq or on another boot        */
    uint32_t shift;        /* a CPU lane has 1 << shift bytes, a shared one 2 << shift                     */
    uint32_t shared_mask;  /* shared lanes - 1                                                             */
    uint32_t reserved;
    uint64_t f64_limit;          /* bits of doubles below this one may go into a CPU lane: +Inf's; 0 when cpu_n is 0 */
    struct shmeter_line *losses; /* SHMETER_LOSS_LINES of them: the segment's, or private when detached     */
    struct shmeter_attachment *attachment;
};

/*
 * A lock that this process holds by a mapping: the claim that it is for, and where it is mapped; moved by one 16-byte
 * compare-and-swap.
 */
struct shmeter_held {
    uint64_t claim, page; /* zero: unused                                                                   */
};
#define SHMETER_HELD 16u

/*
 * Zeroed by the kernel in a forked child (MADV_WIPEONFORK), with the private block behind it: this process's own
 * things.
 */
struct shmeter_wiped {
    uint64_t claim; /* {number + 1:32 (low), generation:24, opens:7, private:1} of the slot; number 0: none.     */
                    /*   private: gauges count in the private block, and are to be carried into the slot     */
    uint64_t slot;  /* address of this process's slot block, where a lock holds it; 0: updates ask. By one 16-byte */
                    /*   compare-and-swap with claim. At 8 modulo 16: elsewhere its line aliases with the rseq area's */
    uint64_t lane_seed; /* of the choice of shared lanes (shm/lanes/lane.h)                                       */
    uint64_t populated; /* bytes of each CPU lane whose page tables this process has                       */
    /* What lost registration races left over, for this process's next series; 0: nothing. */
    uint64_t spare_record; /* {unit:32 (low), units:32}                                                     */
    uint64_t spare_cell;   /* {offset:40 (low), bytes:24}                                                   */
    uint64_t spare_gauge;  /* number + 1                                                                   */
    uint64_t
        reports; /* of checks, left to the thread that has the turn to write them (shm/slots/worker.h); 0: nobody has */
    uint64_t identity; /* who this process is, once known is not 0                                          */
    uint64_t known;    /* 1: identity is; 2: and /proc is its own                                           */
    /* Of a process that has found no slot. */
    uint64_t refused;       /* 1: counted as a loss                                                          */
    uint64_t search_at;     /* where a search that was too long for one call goes on; 0: none is under way    */
    uint64_t retry_ns;      /* CLOCK_MONOTONIC from which the next one begins; 0: at once                     */
    uint64_t given_seen;    /* state.slots_given at the last one's end                                       */
    uint64_t cpu_given;     /* milliseconds of CPU time that slots given back have noted                        */
    uint64_t acknowledging; /* 1: a thread is exchanging the epoch's lock (shm/segment/epoch.h)                  */
    struct shmeter_held held[SHMETER_HELD];
    uint64_t evicting; /* 1: a thread is at the list of the longest idle series (shm/evict.h)                      */
    uint64_t ahead_ns; /* CLOCK_MONOTONIC here less that of the segment's creator, once ahead_known is 1           */
    uint64_t ahead_known;
};

/* One mapped segment, at the beginning of a page; struct shmeter_wiped is at the beginning of the next page. */
struct shmeter_attachment {
    struct shmeter_attachment *before; /* the one that its meter had before it, NULL none                     */
    unsigned char *base;               /* the mapping; NULL when detached                                    */
    struct shmeter_header header;      /* a private copy, checked once: the one that is used                  */
    struct shmeter_lanes lanes;
    uint64_t parked; /* 1 + the page for the lock that this process takes before it looks anything up; 0: it has one   */
    struct shmeter_state *state; /* the segment's, or private                                              */
    unsigned char
        *private_block; /* gauges count here when there is no slot: gauges_off + 16 * gauges_n bytes, wiped at fork */
    const uint64_t *opened_n; /* of its meter: 0: gauges and slots are private until it is opened again. NULL: open */
    uint64_t device, inode;   /* of the file                                                           */
    uint64_t
        origin; /* {pid:32 (low), namespaces:32} of the last process that knew them: this one or one it was forked of */
    struct shmeter_clock_pair began; /* from where the length of a tick is measured                        */
    uint64_t pair;                   /* address of began, or of a later pair                              */
    uint64_t ns_per_tick;            /* bits of a double; final once calibrated                          */
    uint64_t calibrated;
    uint64_t
        ticks_shift; /* what this process adds to its clock to have the segment's: 0 but in another time namespace */
    uint32_t timer_kind; /* enum shmeter_ticks_kind of this process's timers                            */
    uint32_t unwiped;    /* 1: fork does not wipe, libc calls shm/segment/fork.h instead                          */
    uint32_t pid;        /* of the process that has used it last, where fork does not wipe               */
    uint32_t nameless;   /* 1 + descriptor of a file that is being made and has no name; 0: path leads to it  */
    uint32_t same_boot;
    uint32_t any_owner; /* as it was opened: another user's segment is accepted, also when it is made anew    */
    char path[256];
    char worker[SHMETER_WORKER_BYTES];
    uint32_t sharers;     /* as it was opened: 1 + the group whose members' segments are accepted; 0: none */
    uint32_t file;        /* 1 + descriptor of a file to which no path leads (client/python); 0: none */
    uint32_t own;         /* 1: no file: memory of this process and those forked from it (client/python)       */
    uint64_t epoch;       /* whose lock this process holds; 0: none                                        */
    uint64_t epoch_pages; /* address of two pages, of which one is mapped of the file and holds the lock, and two for */
                          /*   locks of a process that is parked; 0: none                                */
    uint64_t epoch_which; /* the one, 0 or 1, but for a moment in which both do                              */
    uint64_t park_from;   /* where the lock of when it was parked begins; 0: it has none                       */
    uint64_t park_which;  /* its page, 2 or 3                                                             */
    uint64_t unparking;   /* the epoch of the lock that all threads take before they look anything up; 0: none yet */
    uint64_t unparked;    /* epochs before this one are over, and nobody was parked after that               */
    uint64_t asked_ns;    /* CLOCK_MONOTONIC, when the kernel was last asked for a grace's end               */
};
#define SHMETER_ATTACHMENT_BYTES 4096u

#define SHMETER_WIPED(attachment) \
    ((struct shmeter_wiped *)(void *)((unsigned char *)(attachment) + SHMETER_ATTACHMENT_BYTES))

/* Whether removed series give their room back: SHMETER_FEATURE_REUSE. */
SHMETER_INLINE int
shmeter_attachment_reuses(const struct shmeter_attachment *attachment)
{
    return (attachment->header.features & SHMETER_FEATURE_REUSE) != 0;
}

#define SHMETER_CLAIM(idx, generation) ((uint64_t)((idx) + 1) | (uint64_t)((generation)&0xffffffu) << 32)
#define SHMETER_CLAIM_OPENED           (UINT64_C(1) << 56)
#define SHMETER_CLAIM_OPENS            (UINT64_C(0x3f) << 56)
#define SHMETER_CLAIM_MAPPED           (UINT64_C(1) << 62)
#define SHMETER_CLAIM_PRIVATE          (UINT64_C(1) << 63)
/* Slot and generation of a claim; 0: none. */
#define SHMETER_CLAIM_KEY(claim) ((uint32_t)(claim) ? (claim) & (SHMETER_CLAIM_OPENED - 1) : 0)

SHMETER_AT(shmeter_wiped, claim, 0);
SHMETER_AT(shmeter_wiped, slot, 8);
SHMETER_STATIC_ASSERT(offsetof(struct shmeter_wiped, held) % 16 == 0, "pairs that are moved as one");
SHMETER_STATIC_ASSERT(sizeof(struct shmeter_attachment) <= SHMETER_ATTACHMENT_BYTES, "an attachment fits a page");

#endif
