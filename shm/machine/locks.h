/*
 * Locks on bytes of a file, of open file descriptions, and the mapping that holds one.
 */
#ifndef SHMETER_SHM_LOCKS_H
#define SHMETER_SHM_LOCKS_H

#include "sys.h"

/* The kernel's struct flock: one byte, from the file's beginning. */
struct shmeter_flock_ {
    int16_t type, whence;
    int32_t gap;
    int64_t start, bytes;
    int32_t pid, tail;
};

/*
 * An open-file-description write lock on one byte, not waiting: 0, -EAGAIN when another description holds one there,
 * another -errno where there are no such locks (-EINVAL, -ENOLCK, -EOPNOTSUPP).
 */
SHMETER_LOCAL int
shmeter_sys_lock_byte(int fd, uint64_t at)
{
    struct shmeter_flock_ lock = { 1 /* F_WRLCK */, 0 /* SEEK_SET */, 0, (int64_t)at, 1, 0, 0 };
    return (int)shmeter_sys(SYS_fcntl, fd, SHMETER_F_OFD_SETLK, SHMETER_SYS_POINTER(&lock), 0, 0, 0);
}

/* The same, a read lock on so many bytes, which many descriptions hold at once. */
SHMETER_LOCAL int
shmeter_sys_share_bytes(int fd, uint64_t at, uint64_t bytes)
{
    struct shmeter_flock_ lock = { 0 /* F_RDLCK */, 0 /* SEEK_SET */, 0, (int64_t)at, (int64_t)bytes, 0, 0 };
    return (int)shmeter_sys(SYS_fcntl, fd, SHMETER_F_OFD_SETLK, SHMETER_SYS_POINTER(&lock), 0, 0, 0);
}

/* Whether another description holds a lock on any of these bytes: 1 and where one of them begins, 0, or -errno. */
SHMETER_LOCAL int
shmeter_sys_bytes_held(int fd, uint64_t from, uint64_t bytes, uint64_t *at)
{
    struct shmeter_flock_ lock = { 1 /* F_WRLCK */, 0 /* SEEK_SET */, 0, (int64_t)from, (int64_t)bytes, 0, 0 };
    long result = shmeter_sys(SYS_fcntl, fd, SHMETER_F_OFD_GETLK, SHMETER_SYS_POINTER(&lock), 0, 0, 0);
    shmeter_sys_filled(&lock, result ? 0 : (long)sizeof lock);
    *at = (uint64_t)lock.start;
    return result ? (int)result : lock.type != 2 /* F_UNLCK */;
}

/* Gives back what this description holds there. */
SHMETER_LOCAL void
shmeter_sys_unlock_byte(int fd, uint64_t at)
{
    struct shmeter_flock_ lock = { 2 /* F_UNLCK */, 0 /* SEEK_SET */, 0, (int64_t)at, 1, 0, 0 };
    shmeter_sys(SYS_fcntl, fd, SHMETER_F_OFD_SETLK, SHMETER_SYS_POINTER(&lock), 0, 0, 0);
}

/* Maps in the place of what is at this address. 0 or -errno. */
SHMETER_LOCAL int
shmeter_sys_map_at(uint64_t at, uint64_t bytes, int protection, int flags, int fd)
{
    long result = shmeter_sys(SYS_mmap, (long)at, (long)bytes, protection, flags | SHMETER_MAP_FIXED, fd, 0);
    return shmeter_sys_failed(result) ? (int)result : 0;
}

#endif
