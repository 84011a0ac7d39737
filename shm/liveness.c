/*
 * Dead or alive, from kill(2), /proc/PID/stat (proc(5)) and open-file-description locks (fcntl(2)).
 */
#include "shm/liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "shm/identity.h"
#include "shm/layout.h"
#include "shm/sys.h"

#define PROC_INTERVAL_NS UINT64_C(1000000000)

static uint32_t
ask_proc(uint32_t pid, uint32_t start_wanted)
{
    uint32_t threads_n, start;
    char state;

    if (shmeter_identity_stat(pid, &state, &threads_n, &start))
        return SHMETER_LIVENESS_LIVE; /* kill(2) has found it; /proc may hide it from us */
    if (start_wanted && start != start_wanted)
        return SHMETER_LIVENESS_DEAD; /* another process has its number */
    return (state == 'Z' || state == 'X') && threads_n <= 1 ? SHMETER_LIVENESS_DEAD : SHMETER_LIVENESS_LIVE;
}

static enum shmeter_liveness
ask_kernel(struct shmeter_liveness_memo *memo, uint32_t pid, uint32_t start, uint64_t now_ns)
{
    if (shmeter_sys_probe(pid) == -ESRCH)
        return SHMETER_LIVENESS_DEAD;
    if (!memo->proc_ns || now_ns < memo->proc_ns || now_ns - memo->proc_ns >= PROC_INTERVAL_NS) {
        memo->proc_verdict = ask_proc(pid, start);
        memo->proc_ns = now_ns;
    }
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

enum shmeter_liveness
shmeter_liveness(struct shmeter_liveness_memo *memo, uint64_t owner, uint64_t identity, uint32_t ours, int fd,
                 uint32_t slot, uint64_t now_ns)
{
    uint32_t state = SHMETER_OWNER_STATE(owner), pid = SHMETER_OWNER_PID(owner);

    if (state != SHMETER_SLOT_CLAIMING && state != SHMETER_SLOT_LIVE)
        return SHMETER_LIVENESS_NONE;
    if (memo->owner != owner || memo->identity != identity) {
        memset(memo, 0, sizeof *memo);
        memo->owner = owner;
        memo->identity = identity;
    }
    if (!pid || pid > INT32_MAX)
        return SHMETER_LIVENESS_DEAD; /* no process has such a number, and kill(2) would take it for a group */
    if (!ours || SHMETER_IDENTITY_NAMESPACES(identity) != ours)
        return ask_lock(fd, slot);
    return ask_kernel(memo, pid, SHMETER_IDENTITY_START(identity), now_ns);
}
