/* Whether an owner lives, by kill(2), /proc/PID/stat (proc(5)) and open-file-description locks (fcntl(2)). */
#include "read/file/liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "shm/process/identity.h"
#include "shm/layout/layout.h"
#include "shm/machine/sys.h"

#define PROC_INTERVAL_NS UINT64_C(1000000000)
#define PROC_SHARE       8u /* of the owners with a lock in one reading */

void
shmeter_observer_init(struct shmeter_observer *observer, int fd)
{
    memset(observer, 0, sizeof *observer);
    observer->namespaces = shmeter_namespaces_hash();
    observer->proc_is_ours = shmeter_identity_proc_is_ours();
    observer->fd = fd;
}

void
shmeter_observer_begin(struct shmeter_observer *observer)
{
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

/* Whether PROC_INTERVAL_NS has passed since this function last returned 1. */
static int
is_due(struct shmeter_liveness_memo *memo, uint64_t now_ns)
{
    int due = !memo->proc_ns || now_ns < memo->proc_ns || now_ns - memo->proc_ns >= PROC_INTERVAL_NS;

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

static enum shmeter_liveness
ask_lock(int fd, uint32_t slot)
{
    struct flock lock;

    memset(&lock, 0, sizeof lock);
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = slot;
    lock.l_len = 1;
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock))
        return SHMETER_LIVENESS_UNKNOWN;
    return lock.l_type == F_UNLCK ? SHMETER_LIVENESS_DEAD : SHMETER_LIVENESS_LIVE;
}

/*
 * The owner has a lock that no child inherits. A child may have its descriptor by accident, so the owner's number is
 * asked for too: when it is met first, and then in turn, because that costs as much as thirty locks.
 */
static enum shmeter_liveness
ask_mapped(struct shmeter_liveness_memo *memo, struct shmeter_observer *observer, uint32_t slot, uint32_t pid,
           uint32_t start, uint64_t now_ns)
{
    enum shmeter_liveness verdict = ask_lock(observer->fd, slot);
    uint32_t rank = observer->mapped_n++;
    int has_turn = !memo->proc_ns || rank - observer->turn < PROC_SHARE;

    if (verdict != SHMETER_LIVENESS_LIVE)
        return verdict;
    if (has_turn && is_due(memo, now_ns)) {
        memo->proc_verdict = SHMETER_LIVENESS_LIVE;
        if (shmeter_sys_probe(pid) == -ESRCH)
            memo->proc_verdict = SHMETER_LIVENESS_DEAD;
        else if (observer->proc_is_ours)
            memo->proc_verdict = ask_proc(pid, start);
    }
    return (enum shmeter_liveness)memo->proc_verdict;
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
    return is_ours ? ask_kernel(memo, observer, pid, start, now_ns) : ask_lock(observer->fd, slot);
}
