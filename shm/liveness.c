/*
 * Dead or alive, from kill(2), /proc/PID/stat (proc(5)) and open-file-description locks (fcntl(2)).
 */
#include "shm/liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/layout.h"

#define PROC_INTERVAL_NS UINT64_C(1000000000)

/* Fields 3 (state), 20 (num_threads) and 22 (starttime) of /proc/PID/stat. Returns 0 when they cannot be had. */
static int
proc_read(uint32_t pid, char *state, long *threads, unsigned long long *start)
{
    char path[64], text[1024], *field;
    ssize_t got;
    int fd, i;

    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return 0;
    text[got] = 0;
    field = strrchr(text, ')'); /* the name before it may hold anything */
    if (!field || field[1] != ' ')
        return 0;
    field += 2;
    *state = *field;
    for (i = 3; i < 20 && field; i++) {
        field = strchr(field, ' ');
        field = field ? field + 1 : NULL;
    }
    return field && sscanf(field, "%ld %*s %llu", threads, start) == 2;
}

static uint32_t
proc_verdict(uint32_t pid, uint32_t start_wanted)
{
    char state;
    long threads;
    unsigned long long start;

    if (!proc_read(pid, &state, &threads, &start))
        return SHMETER_LIFE_LIVE; /* kill(2) has found it; /proc may hide it from us */
    if (start_wanted && (uint32_t)start != start_wanted)
        return SHMETER_LIFE_DEAD; /* another process has its number */
    if (state == 'X' || state == 'x' || (state == 'Z' && threads <= 1))
        return SHMETER_LIFE_DEAD;
    return SHMETER_LIFE_LIVE;
}

static enum shmeter_liveness
ask_kernel(struct shmeter_life *life, uint32_t pid, uint32_t start, uint64_t now_ns)
{
    if (kill((pid_t)pid, 0) && errno == ESRCH)
        return SHMETER_LIFE_DEAD;
    if (!life->proc_ns || now_ns < life->proc_ns || now_ns - life->proc_ns >= PROC_INTERVAL_NS) {
        life->proc_verdict = proc_verdict(pid, start);
        life->proc_ns = now_ns;
    }
    return (enum shmeter_liveness)life->proc_verdict;
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
        return SHMETER_LIFE_UNKNOWN;
    return lock.l_type == F_UNLCK ? SHMETER_LIFE_DEAD : SHMETER_LIFE_LIVE;
}

enum shmeter_liveness
shmeter_liveness(struct shmeter_life *life, uint64_t owner, uint64_t identity, uint32_t ours, int fd, uint32_t slot,
                 uint64_t now_ns)
{
    uint32_t state = SHMETER_OWNER_STATE(owner), pid = SHMETER_OWNER_PID(owner);

    if (state != SHMETER_SLOT_CLAIMING && state != SHMETER_SLOT_LIVE)
        return SHMETER_LIFE_NONE;
    if (life->owner != owner || life->identity != identity) {
        memset(life, 0, sizeof *life);
        life->owner = owner;
        life->identity = identity;
    }
    if (!pid || pid > INT32_MAX)
        return SHMETER_LIFE_DEAD; /* no process has such a number, and kill(2) would take it for a group */
    if (SHMETER_IDENTITY_NAMESPACES(identity) != ours)
        return ask_lock(fd, slot);
    return ask_kernel(life, pid, SHMETER_IDENTITY_START(identity), now_ns);
}
