/* Whether an owner lives, by kill(2), /proc/PID/stat (proc(5)) and open-file-description locks (fcntl(2)). */
#include "read/file/liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shm/layout/layout.h"
#include "shm/machine/atomic.h"
#include "shm/machine/sys.h"
#include "shm/process/identity.h"

#define PROC_INTERVAL_NS UINT64_C(1000000000)
#define WATCHES_MOST     32u /* instances of inotify: a user may have 128 of them */
#define SETTLE_NS        UINT64_C(1000000000)
#define PROC_SHARE       8u /* of the owners with a lock in one reading */

static uint64_t watches_n; /* of this process */

void
shmeter_observer_init(struct shmeter_observer *observer, int fd)
{
    memset(observer, 0, sizeof *observer);
    observer->namespaces = shmeter_namespaces_hash();
    observer->proc_is_ours = shmeter_identity_proc_is_ours();
    observer->fd = fd;
    observer->ends = -1;
}

void
shmeter_observer_watch(struct shmeter_observer *observer)
{
    struct statfs filesystem;
    char path[32];

    if (observer->ends >= 0 || observer->fd < 0 || fstatfs(observer->fd, &filesystem) ||
        filesystem.f_type != TMPFS_MAGIC || shmeter_load_relaxed(&watches_n) >= WATCHES_MOST)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", observer->fd);
    observer->ends = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (observer->ends < 0)
        return;
    shmeter_add(&watches_n, 1);
    if (inotify_add_watch(observer->ends, path, IN_CLOSE_WRITE) < 0)
        shmeter_observer_end(observer);
}

void
shmeter_observer_end(struct shmeter_observer *observer)
{
    if (observer->ends < 0)
        return;
    close(observer->ends);
    observer->ends = -1;
    shmeter_add(&watches_n, UINT64_MAX);
}

/* What the kernel has to tell: each event is one that a writer has closed the file, or that events were lost. */
static void
look_for_ends(struct shmeter_observer *observer, uint64_t now_ns)
{
    char events[4096] __attribute__((aligned(8)));
    ssize_t n;

    while ((n = read(observer->ends, events, sizeof events)) > 0)
        observer->ended_ns = now_ns;
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        shmeter_observer_end(observer);
}

void
shmeter_observer_begin(struct shmeter_observer *observer, uint64_t now_ns)
{
    if (observer->ends >= 0)
        look_for_ends(observer, now_ns);
    observer->turn = observer->turn + PROC_SHARE < observer->mapped_n ? observer->turn + PROC_SHARE : 0;
    observer->mapped_n = 0;
}

static uint32_t
ask_proc(uint32_t pid, uint32_t start_wanted)
{
    struct shmeter_stat stat;

    if (shmeter_identity_stat(pid, &stat))
        return SHMETER_LIVENESS_LIVE; /* kill(2) has found the process; /proc may be hidden from this one */
    if (start_wanted && stat.start_ticks != start_wanted)
        return SHMETER_LIVENESS_DEAD; /* another process has its pid */
    return (stat.state == 'Z' || stat.state == 'X') && stat.threads_n <= 1 ? SHMETER_LIVENESS_DEAD
                                                                           : SHMETER_LIVENESS_LIVE;
}

/* Whether PROC_INTERVAL_NS has gone since the owner was asked for last. */
static int
is_past(const struct shmeter_liveness_memo *memo, uint64_t now_ns)
{
    return !memo->proc_ns || now_ns < memo->proc_ns || now_ns - memo->proc_ns >= PROC_INTERVAL_NS;
}

/* The same, once. */
static int
is_due(struct shmeter_liveness_memo *memo, uint64_t now_ns)
{
    int due = is_past(memo, now_ns);

    if (due)
        memo->proc_ns = now_ns;
    return due;
}

static enum shmeter_liveness
ask_kernel(struct shmeter_liveness_memo *memo, const struct shmeter_observer *observer, uint32_t pid, uint32_t start,
           uint64_t now_ns)
{
    if (shmeter_sys_probe(pid) == -ESRCH)
        return SHMETER_LIVENESS_DEAD;
    if (!observer->proc_is_ours)
        return SHMETER_LIVENESS_LIVE;
    if (is_due(memo, now_ns))
        memo->proc_verdict = ask_proc(pid, start);
    return (enum shmeter_liveness)memo->proc_verdict;
}

int
shmeter_observer_held(const struct shmeter_observer *observer, uint64_t from, uint64_t bytes)
{
    struct flock lock;

    memset(&lock, 0, sizeof lock);
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)from;
    lock.l_len = (off_t)bytes;
    if (observer->fd < 0 || fcntl(observer->fd, F_OFD_GETLK, &lock))
        return -1;
    return lock.l_type != F_UNLCK;
}

static enum shmeter_liveness
ask_lock(const struct shmeter_observer *observer, uint32_t slot)
{
    const int held = shmeter_observer_held(observer, slot, 1);

    return held < 0 ? SHMETER_LIVENESS_UNKNOWN : held ? SHMETER_LIVENESS_LIVE : SHMETER_LIVENESS_DEAD;
}

/*
 * Whether the lock is held still, because it was, and nobody has closed the file since. The event of a close is there
 * before the lock goes: so a lock that is found held within SETTLE_NS of an event is asked for again.
 */
static int
is_known_held(const struct shmeter_liveness_memo *memo, const struct shmeter_observer *observer)
{
    return observer->ends >= 0 && memo->locked_ns &&
           (!observer->ended_ns || memo->locked_ns >= observer->ended_ns + SETTLE_NS);
}

static enum shmeter_liveness
ask_lock_again(struct shmeter_liveness_memo *memo, const struct shmeter_observer *observer, uint32_t slot, int has_turn,
               uint64_t now_ns)
{
    enum shmeter_liveness verdict;

    if (!has_turn && is_known_held(memo, observer))
        return SHMETER_LIVENESS_LIVE;
    verdict = ask_lock(observer, slot);
    memo->locked_ns = verdict == SHMETER_LIVENESS_LIVE ? now_ns : 0;
    return verdict;
}

/*
 * The owner has a lock that no child inherits. A child may have its descriptor by accident, so the owner's number is
 * asked for too: when it is met first, and then in turn, because that costs as much as thirty locks.
 */
static enum shmeter_liveness
ask_mapped(struct shmeter_liveness_memo *memo, struct shmeter_observer *observer, uint32_t slot, uint32_t pid,
           uint32_t start, uint64_t now_ns)
{
    uint32_t rank = observer->mapped_n++;
    int has_turn = !memo->proc_ns || (rank - observer->turn < PROC_SHARE && is_past(memo, now_ns));
    enum shmeter_liveness verdict = ask_lock_again(memo, observer, slot, has_turn, now_ns);

    if (verdict != SHMETER_LIVENESS_LIVE)
        return verdict;
    if (has_turn) {
        memo->proc_ns = now_ns;
        memo->proc_verdict = SHMETER_LIVENESS_LIVE;
        if (shmeter_sys_probe(pid) == -ESRCH)
            memo->proc_verdict = SHMETER_LIVENESS_DEAD;
        else if (observer->proc_is_ours)
            memo->proc_verdict = ask_proc(pid, start);
    }
    return (enum shmeter_liveness)memo->proc_verdict;
}

/* Of another namespace: only the lock is known there. */
static enum shmeter_liveness
ask_foreign(struct shmeter_liveness_memo *memo, struct shmeter_observer *observer, uint32_t slot, int is_mapped,
            uint64_t now_ns)
{
    uint32_t rank = observer->mapped_n;
    int has_turn = !is_mapped || !memo->proc_ns || (rank - observer->turn < PROC_SHARE && is_past(memo, now_ns));

    observer->mapped_n += is_mapped != 0;
    if (has_turn)
        memo->proc_ns = now_ns;
    return ask_lock_again(memo, observer, slot, has_turn, now_ns);
}

enum shmeter_liveness
shmeter_liveness(struct shmeter_liveness_memo *memo, struct shmeter_observer *observer,
                 const struct shmeter_owner *owner, uint32_t slot, uint64_t now_ns)
{
    uint32_t state = SHMETER_OWNER_STATE(owner->owner), pid = SHMETER_OWNER_PID(owner->owner);
    uint32_t start = SHMETER_IDENTITY_START(owner->identity);
    int is_mapped = owner->lock == SHMETER_LOCK(SHMETER_LOCK_MAPPED, SHMETER_OWNER_GENERATION(owner->owner)), is_ours;
    enum shmeter_liveness verdict = SHMETER_LIVENESS_UNKNOWN;

    if (state != SHMETER_SLOT_CLAIMING && state != SHMETER_SLOT_LIVE)
        return SHMETER_LIVENESS_FREE;
    if (memo->owner != owner->owner || memo->identity != owner->identity) {
        memset(memo, 0, sizeof *memo);
        memo->owner = owner->owner;
        memo->identity = owner->identity;
    }
    if (!pid || pid > INT32_MAX)
        return SHMETER_LIVENESS_DEAD; /* no process has such a pid, and kill(2) would take it for a process group */
    is_ours = observer->namespaces && SHMETER_IDENTITY_NAMESPACES(owner->identity) == observer->namespaces;
    if (is_mapped && is_ours)
        verdict = ask_mapped(memo, observer, slot, pid, start, now_ns);
    if (verdict != SHMETER_LIVENESS_UNKNOWN)
        return verdict;
    return is_ours ? ask_kernel(memo, observer, pid, start, now_ns)
                   : ask_foreign(memo, observer, slot, is_mapped, now_ns);
}
