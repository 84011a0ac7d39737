/*
 * Whether the process that owns a slot is alive, as far as a reader can tell: by the lock on the slot's byte where the
 * owner is known to hold one, else by pid and start time (shm/process/identity.h). Results are remembered, so that
 * /proc is read rarely. They are for reading only: taking over a slot needs a proof of death, which producers make
 * themselves.
 */
#ifndef SHMETER_READ_FILE_LIVENESS_H
#define SHMETER_READ_FILE_LIVENESS_H

#include <stdint.h>

enum shmeter_liveness { /* the same numbers as enum status_life; FREE: the slot has no owner */
#define LIFE(name, ...) SHMETER_LIVENESS_##name,
#include "read/file/life.def"
};

/* What is remembered of a slot from one call to the next. Zeroed at first. */
struct shmeter_liveness_memo {
    uint64_t owner, identity; /* the owner that the other fields are about */
    uint64_t proc_ns;         /* CLOCK_MONOTONIC when /proc was read last; 0 never */
    uint64_t locked_ns;       /* and when the lock was found held last; 0 never */
    uint32_t proc_verdict;    /* enum shmeter_liveness, the result of reading /proc */
    uint32_t reserved;
};

/* The process that asks. */
struct shmeter_observer {
    uint32_t namespaces; /* this process's namespaces word (shmeter_namespaces_hash()); 0 unknown */
    int proc_is_ours;    /* 1: /proc belongs to this process's pid namespace */
    int fd;              /* of the segment's file, for locks; -1 none */
    uint32_t mapped_n;   /* owners with a mapped lock in the reading under way, so far */
    uint32_t turn;       /* the first of them whose number is asked for */
    int ends;            /* inotify(7) of the segment's file; -1 none */
    uint64_t ended_ns;   /* CLOCK_MONOTONIC when it has told last that a writer has closed the file; 0 never */
};

/* Fills in what is needed of this process. Some 12 system calls. */
void shmeter_observer_init(struct shmeter_observer *observer, int fd);

/*
 * From now on the kernel tells when somebody has closed the file, which is the only way in which a lock on it goes. As
 * long as nobody has, locks are held that were held before, and no question is asked: that makes 64 workers cost as
 * much as one. Of a file on a tmpfs only, which no other machine can have. Takes a descriptor and an instance of
 * inotify, of which a user may have 128: so at most 32 segments are watched, and programs of which there are many do
 * without. Where it cannot be had, nothing changes.
 */
void shmeter_observer_watch(struct shmeter_observer *observer);
void shmeter_observer_end(struct shmeter_observer *observer);

/* A reading of all slots begins. now_ns: CLOCK_MONOTONIC. */
void shmeter_observer_begin(struct shmeter_observer *observer, uint64_t now_ns);

/* Whether anybody holds a lock on some of these bytes of the file: 1, 0, or -1 where nobody can be asked. */
int shmeter_observer_held(const struct shmeter_observer *observer, uint64_t from, uint64_t bytes);

/* The owner that is asked about: words of the slot word, each loaded once, owner first. */
struct shmeter_owner {
    uint64_t owner, identity, lock;
};

/*
 * slot: its number. now_ns: CLOCK_MONOTONIC.
 *   a mapped lock    not held is DEAD, for any reader. Held is LIVE; in the same namespaces kill(2) and /proc/PID/stat
 *                    are asked too, at most once a second, because a child may hold its parent's lock by accident
 *                    (shm/process/lock.h).
 *   no mapped lock   in the same namespaces: kill(2) each time, /proc/PID/stat at most once a second. Another start
 *                    time, or a zombie without threads, is DEAD. A /proc that shows nothing, or is another namespace's,
 *                    proves nothing, and then kill(2) alone decides.
 *                    In other namespaces: the lock on the slot's byte. Held is LIVE, not held is DEAD, no answer is
 *                    UNKNOWN.
 * Allocates nothing. Nothing where the lock is known; 0.3 us with few locks on the file, 1.3 us with 400; with /proc 10
 * us.
 */
enum shmeter_liveness shmeter_liveness(struct shmeter_liveness_memo *memo, struct shmeter_observer *observer,
                                       const struct shmeter_owner *owner, uint32_t slot, uint64_t now_ns);

#endif
