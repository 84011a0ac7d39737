/*
 * Whether the process that owns a slot is alive, as far as a reader can tell: shm/identity.h's proof where it counts, with a
 * memory so that /proc is read rarely, and the slot's lock where another namespace's process is concerned. A verdict for
 * reading only: taking over a slot needs a proof of death, which producers make themselves.
 */
#ifndef SHMETER_SHM_LIVENESS_H
#define SHMETER_SHM_LIVENESS_H

#include <stdint.h>

enum shmeter_liveness {
    SHMETER_LIVENESS_NONE, /* nobody owns the slot                                                          */
    SHMETER_LIVENESS_LIVE,
    SHMETER_LIVENESS_DEAD,
    SHMETER_LIVENESS_UNKNOWN
};

/* What is remembered of one slot between two questions; zeroed to begin with. */
struct shmeter_liveness_memo {
    uint64_t owner, identity; /* of whom the rest is known                                                */
    uint64_t proc_ns;         /* CLOCK_MONOTONIC when /proc was read last; 0 never                         */
    uint32_t proc_verdict;    /* enum shmeter_liveness that /proc gave                                     */
    uint32_t reserved;
};

/*
 * owner and identity: the slot's words, each loaded once. ours: this process's namespaces word (shmeter_namespaces_hash()).
 * fd: a descriptor of the segment's file, slot: the slot's number (for its lock). now_ns: CLOCK_MONOTONIC.
 *   same namespaces  kill(2) each time, /proc/PID/stat at most once a second: another start time or a zombie without threads is
 *                    DEAD; a /proc that shows nothing proves nothing, and then kill(2) alone decides.
 *   other ones       the lock on the slot's byte: held is LIVE, not held is DEAD, no answer is UNKNOWN.
 * Allocates nothing. 0.2 us, with /proc 10 us.
 */
enum shmeter_liveness shmeter_liveness(struct shmeter_liveness_memo *memo, uint64_t owner, uint64_t identity,
                                       uint32_t ours, int fd, uint32_t slot, uint64_t now_ns);

#endif
