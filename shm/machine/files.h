/*
 * What a file is asked and told, where a kernel may be too old for the best call, or a filter of system calls may
 * refuse it (seccomp, as containers have it): then another call does the same. Cold paths only.
 */
#ifndef SHMETER_SHM_FILES_H
#define SHMETER_SHM_FILES_H

#include "sys.h"

struct shmeter_file { /* what stat tells of a file */
    uint64_t device, inode, bytes;
    uint32_t links, uid, gid, mode;
};

struct shmeter_statx_ { /* the kernel's struct statx */
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad1;
    uint64_t ino, size, blocks, attributes_mask;
    uint64_t times[8];
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t spare[14];
};

#if defined(__x86_64__)
struct shmeter_stat_ { /* the kernel's struct stat, of which the beginning is used */
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev, size, spare[11];
};
#else
struct shmeter_stat_ {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev, pad, size, spare[9];
};
#endif

/* newfstatat(2), as old as openat(2). Its device numbers are put together as those of statx(2) are here. */
SHMETER_LOCAL int
shmeter_sys_stat_before_statx(int at, const char *path, int flags, struct shmeter_file *out)
{
    struct shmeter_stat_ raw;
    int result;
    memset(&raw, 0, sizeof raw);
    result = (int)shmeter_sys(SYS_newfstatat, at, SHMETER_SYS_POINTER(path), SHMETER_SYS_POINTER(&raw), flags, 0, 0);
    if (result < 0)
        return result;
    out->device = ((raw.dev >> 8 & 0xfff) | (raw.dev >> 32 & ~UINT64_C(0xfff))) << 32 | (raw.dev & 0xff) |
                  (raw.dev >> 12 & 0xffffff00u);
    out->inode = raw.ino;
    out->bytes = raw.size;
    out->links = (uint32_t)raw.nlink;
    out->uid = raw.uid;
    out->gid = raw.gid;
    out->mode = raw.mode;
    return 0;
}

/* path NULL: the file behind fd. Does not follow a link. */
SHMETER_LOCAL int
shmeter_sys_stat(int fd, const char *path, struct shmeter_file *out)
{
    struct shmeter_statx_ raw;
    int at = path ? SHMETER_AT_FDCWD : fd, flags = path ? SHMETER_AT_SYMLINK_NOFOLLOW : SHMETER_AT_EMPTY_PATH;
    int result;
    memset(&raw, 0, sizeof raw);
    result = (int)shmeter_sys(SYS_statx, at, SHMETER_SYS_POINTER(path ? path : ""), flags, 0x7ff,
                              SHMETER_SYS_POINTER(&raw), 0);
    if (shmeter_sys_refused(result)) /* kernels before 4.11, and filters of before it */
        return shmeter_sys_stat_before_statx(at, path ? path : "", flags, out);
    if (result < 0)
        return result;
    out->device = (uint64_t)raw.dev_major << 32 | raw.dev_minor;
    out->inode = raw.ino;
    out->bytes = raw.size;
    out->links = raw.nlink;
    out->uid = raw.uid;
    out->gid = raw.gid;
    out->mode = raw.mode;
    return 0;
}

/* One zero byte at so many places of a file of which nobody uses a byte yet: it gets memory there, and a size. */
SHMETER_LOCAL int
shmeter_sys_write_zeros(int fd, uint64_t from, uint64_t to, uint64_t step)
{
    static const char zero = 0;
    long put = 1;
    uint64_t at;
    for (at = from; at < to && put == 1; at += step)
        put = shmeter_sys(SYS_pwrite64, fd, SHMETER_SYS_POINTER(&zero), 1, (long)at, 0, 0);
    return put == 1 ? 0 : put < 0 ? (int)put : -ENOSPC;
}

/* Gives a new, empty file its size, without memory. */
SHMETER_LOCAL int
shmeter_sys_truncate(int fd, uint64_t bytes)
{
    int result = (int)shmeter_sys(SYS_ftruncate, fd, (long)bytes, 0, 0, 0, 0);
    return shmeter_sys_refused(result) ? shmeter_sys_write_zeros(fd, bytes - 1, bytes, 1) : result;
}

/* A signal undoes it; who gets one at each of so many tries is told -EINTR, rather than tried for ever. */
SHMETER_LOCAL int
shmeter_sys_allocate(int fd, uint64_t at, uint64_t bytes)
{
    long result;
    int tries = 100;
    do
        result = shmeter_sys(SYS_fallocate, fd, 0, (long)at, (long)bytes, 0, 0);
    while (result == -EINTR && --tries);
    return (int)result;
}

/* The same of a new file, of which nobody uses a byte yet: also where there is no fallocate(2). */
SHMETER_LOCAL int
shmeter_sys_allocate_new(int fd, uint64_t bytes)
{
    int result = shmeter_sys_allocate(fd, 0, bytes);
    return shmeter_sys_refused(result) || result == -EOPNOTSUPP ? shmeter_sys_write_zeros(fd, 0, bytes, 4096) : result;
}

/* Refused, it is no error where the file has the mode already. */
SHMETER_LOCAL int
shmeter_sys_chmod(int fd, uint32_t mode)
{
    struct shmeter_file file;
    int result = (int)shmeter_sys(SYS_fchmod, fd, (long)mode, 0, 0, 0, 0);
    return shmeter_sys_refused(result) && !shmeter_sys_stat(fd, NULL, &file) && (file.mode & 07777) == mode ? 0
                                                                                                            : result;
}

/* The beginning of a file, by a descriptor that nothing was read by yet. Returns the bytes, or -errno. */
SHMETER_LOCAL long
shmeter_sys_read_first(int fd, void *buffer, size_t bytes)
{
    long got = shmeter_sys_pread(fd, buffer, bytes, 0);
    return shmeter_sys_refused(got) ? shmeter_sys_read(fd, buffer, bytes) : got;
}

#endif
