/*
 * System calls, made directly: they return -errno, leave errno alone (so that a claim inside a signal handler disturbs
 * nobody), and need no feature macro that strict -std=c11 would hide. Numbers and layouts are the kernel's, the same
 * for every libc. Cold paths only; no update makes a system call.
 */
#ifndef SHMETER_SHM_SYS_H
#define SHMETER_SHM_SYS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "compiler.h"

#define SHMETER_AT_FDCWD            (-100)
#define SHMETER_AT_SYMLINK_NOFOLLOW 0x100
#define SHMETER_AT_SYMLINK_FOLLOW   0x400
#define SHMETER_AT_EMPTY_PATH       0x1000
#define SHMETER_O_RDWR              2
#define SHMETER_O_CREAT             0100
#define SHMETER_O_EXCL              0200
#define SHMETER_O_NONBLOCK          04000
#define SHMETER_O_CLOEXEC           02000000
#define SHMETER_O_PATH              010000000
#if defined(__aarch64__)
#define SHMETER_O_DIRECTORY 040000
#define SHMETER_O_NOFOLLOW  0100000
#else
#define SHMETER_O_DIRECTORY 0200000
#define SHMETER_O_NOFOLLOW  0400000
#endif
#define SHMETER_O_TMPFILE           (020000000 | SHMETER_O_DIRECTORY)
#define SHMETER_PROT_NONE           0
#define SHMETER_PROT_READ           1
#define SHMETER_PROT_WRITE          2
#define SHMETER_MAP_SHARED          1
#define SHMETER_MAP_FIXED           0x10
#define SHMETER_MAP_PRIVATE         2
#define SHMETER_MAP_ANONYMOUS       0x20
#define SHMETER_MADV_DONTNEED       4
#define SHMETER_MADV_DONTFORK       10
#define SHMETER_MADV_WIPEONFORK     18
#define SHMETER_MADV_POPULATE_READ  22
#define SHMETER_MADV_POPULATE_WRITE 23
#define SHMETER_MADV_GUARD_INSTALL  102
#define SHMETER_F_GETFD             1
#define SHMETER_F_OFD_GETLK         36
#define SHMETER_F_OFD_SETLK         37
#define SHMETER_F_DUPFD_CLOEXEC     1030
#define SHMETER_CLOCK_REALTIME      0
#define SHMETER_CLOCK_MONOTONIC     1
#define SHMETER_CLOCK_BOOTTIME      7
#define SHMETER_CLOCK_PROCESS_CPU   2
#define SHMETER_S_IFMT              0170000
#define SHMETER_S_IFREG             0100000

#if defined(SHMETER_SYS_HOOKS) /* tests: a function of theirs stands between the client and the kernel */
long shmeter_sys(long number, long a, long b, long c, long d, long e, long f);
#elif defined(__x86_64__)
SHMETER_LOCAL long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ __volatile__("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
    return result;
}
#else
SHMETER_LOCAL long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ __volatile__("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return x0;
}
#endif

/* What the kernel fills has a value before: tools that read the code do not see it do so. */
#define SHMETER_SYS_POINTER(pointer) ((long)(uintptr_t)(pointer))

#if defined(SHMETER_MEMORY_SANITIZER) || defined(SHMETER_THREAD_SANITIZER)
#ifdef __cplusplus
extern "C" {
#endif
extern void *shmeter_libc_mmap_(void *at, size_t bytes, int protection, int flags, int fd, long off) __asm__("mmap");
extern int shmeter_libc_munmap_(void *at, size_t bytes) __asm__("munmap");
#if defined(SHMETER_MEMORY_SANITIZER)
extern void shmeter_msan_unpoison_(const volatile void *at, size_t bytes) __asm__("__msan_unpoison");
#endif
#ifdef __cplusplus
}
#endif
#endif

/* Tells MemorySanitizer what the kernel has written. */
SHMETER_INLINE void
shmeter_sys_filled(void *at, long bytes)
{
#if defined(SHMETER_MEMORY_SANITIZER)
    if (bytes > 0)
        shmeter_msan_unpoison_(at, (size_t)bytes);
#else
    (void)at, (void)bytes;
#endif
}

SHMETER_LOCAL int
shmeter_sys_open(const char *path, int flags, uint32_t mode)
{
    return (int)shmeter_sys(SYS_openat, SHMETER_AT_FDCWD, SHMETER_SYS_POINTER(path), flags, (long)mode, 0, 0);
}

SHMETER_LOCAL int
shmeter_sys_close(int fd)
{
    return (int)shmeter_sys(SYS_close, fd, 0, 0, 0, 0, 0);
}

/*
 * Opens what must not get the number of a standard stream that the program has closed: what others print to that number
 * would land in the file. Such numbers are held meanwhile by descriptors that nothing can be read from or written to
 * (EBADF, as for a closed one).
 */
SHMETER_LOCAL int
shmeter_sys_open_apart(const char *path, int flags, uint32_t mode)
{
    int held[4], held_n = 0, fd, low = 0, moved;
    for (fd = 0; fd < 3 && !low; fd++)
        low = shmeter_sys(SYS_fcntl, fd, SHMETER_F_GETFD, 0, 0, 0, 0) == -EBADF;
    while (low && held_n < 4) {
        fd = shmeter_sys_open("/", SHMETER_O_PATH | SHMETER_O_CLOEXEC, 0);
        if (fd < 0)
            break;
        held[held_n++] = fd;
        low = fd < 3;
    }
    fd = shmeter_sys_open(path, flags, mode);
    if (fd >= 0 && fd < 3) { /* closed by another thread this moment, or nothing could be held */
        moved = (int)shmeter_sys(SYS_fcntl, fd, SHMETER_F_DUPFD_CLOEXEC, 3, 0, 0, 0);
        shmeter_sys_close(fd);
        fd = moved;
    }
    while (held_n)
        shmeter_sys_close(held[--held_n]);
    return fd;
}

SHMETER_LOCAL long
shmeter_sys_read(int fd, void *buffer, size_t bytes)
{
    long got = shmeter_sys(SYS_read, fd, SHMETER_SYS_POINTER(buffer), (long)bytes, 0, 0, 0);
    shmeter_sys_filled(buffer, got);
    return got;
}

SHMETER_LOCAL long
shmeter_sys_pread(int fd, void *buffer, size_t bytes, uint64_t at)
{
    long got = shmeter_sys(SYS_pread64, fd, SHMETER_SYS_POINTER(buffer), (long)bytes, (long)at, 0, 0);
    shmeter_sys_filled(buffer, got);
    return got;
}

/* The result is -errno. An address may be negative too, but lies elsewhere. */
SHMETER_INLINE int
shmeter_sys_failed(long result)
{
    return result < 0 && result > -4096;
}

/* Whether a kernel does not have the call, or a filter of system calls (seccomp) refuses it: another one may do. */
SHMETER_INLINE int
shmeter_sys_refused(long result)
{
    return result == -ENOSYS || result == -EPERM || result == -EACCES;
}

/* Returns the address, or -errno: ask shmeter_sys_failed. */
SHMETER_LOCAL long
shmeter_sys_map(uint64_t bytes, int protection, int flags, int fd)
{
#if defined(SHMETER_MEMORY_SANITIZER) || defined(SHMETER_THREAD_SANITIZER) /* they forget what an address had before */
    const int before = errno;
    void *at = shmeter_libc_mmap_(NULL, bytes, protection, flags, fd, 0);
    long result = at == SHMETER_POINTER(void *, -1) ? -errno : SHMETER_SYS_POINTER(at);
    errno = before;
    return result;
#else
    return shmeter_sys(SYS_mmap, 0, (long)bytes, protection, flags, fd, 0);
#endif
}

/*
 * Maps a sparse file, shared, without giving memory to its holes. In a process that locks what it maps (mlockall with
 * MCL_FUTURE) a mapping is filled at once, and larger than RLIMIT_MEMLOCK it is refused; so one page is mapped, which
 * must have memory, unlocked, and grown. *locked: the process does. Returns the address, or -errno: ask
 * shmeter_sys_failed.
 */
SHMETER_LOCAL long
shmeter_sys_map_sparse(uint64_t bytes, int protection, int fd, uint64_t off, int *locked)
{
    const long page = 4096;
    long at = shmeter_sys(SYS_mmap, 0, page, protection, SHMETER_MAP_SHARED, fd, (long)off), grown;
    if (shmeter_sys_failed(at))
        return at;
    *locked = shmeter_sys(SYS_madvise, at, page, SHMETER_MADV_DONTNEED, 0, 0, 0) == -EINVAL; /* refused where locked */
    if (*locked)
        shmeter_sys(SYS_munlock, at, page, 0, 0, 0, 0);
    grown = shmeter_sys(SYS_mremap, at, page, (long)bytes, 1 /* MREMAP_MAYMOVE */, 0, 0);
    if (shmeter_sys_failed(grown)) {
        shmeter_sys(SYS_munmap, at, page, 0, 0, 0, 0);
        if (!*locked && shmeter_sys_refused(grown))
            grown = shmeter_sys(SYS_mmap, 0, (long)bytes, protection, SHMETER_MAP_SHARED, fd, (long)off);
    }
    if (!shmeter_sys_failed(grown) && protection)
        shmeter_sys_filled(SHMETER_POINTER(void *, grown), (long)bytes);
    return grown;
}

SHMETER_LOCAL int
shmeter_sys_unmap(void *at, uint64_t bytes)
{
#if defined(SHMETER_MEMORY_SANITIZER) || defined(SHMETER_THREAD_SANITIZER)
    const int before = errno;
    int result = shmeter_libc_munmap_(at, bytes) ? -errno : 0;
    errno = before;
    return result;
#else
    return (int)shmeter_sys(SYS_munmap, SHMETER_SYS_POINTER(at), (long)bytes, 0, 0, 0, 0);
#endif
}

SHMETER_LOCAL int
shmeter_sys_advise(void *at, uint64_t bytes, int advice)
{
    return (int)shmeter_sys(SYS_madvise, SHMETER_SYS_POINTER(at), (long)bytes, advice, 0, 0, 0);
}

/* RLIMIT_FSIZE: how large a file this process may make. */
SHMETER_LOCAL uint64_t
shmeter_sys_file_limit(void)
{
    uint64_t limits[2] = { UINT64_MAX, UINT64_MAX };
    shmeter_sys(SYS_prlimit64, 0, 1 /* RLIMIT_FSIZE */, 0, SHMETER_SYS_POINTER(limits), 0, 0);
    return limits[0];
}

/*
 * Locks what a mapping has, and what it gets when it is used, as the process wants it. Not where that would take of a
 * limit which the process has for itself; one that may lock more than its limit has none.
 */
SHMETER_LOCAL void
shmeter_sys_lock_used(long at, uint64_t bytes)
{
    uint64_t limits[2] = { 0, 0 };
    shmeter_sys(SYS_prlimit64, 0, 8 /* RLIMIT_MEMLOCK */, 0, SHMETER_SYS_POINTER(limits), 0, 0);
    if (limits[0] == UINT64_MAX || limits[0] < bytes)
        shmeter_sys(SYS_mlock2, at, (long)bytes, 1 /* MLOCK_ONFAULT */, 0, 0, 0);
}

SHMETER_LOCAL int
shmeter_sys_chgrp(int fd, int64_t gid)
{
    return (int)shmeter_sys(SYS_fchown, fd, -1, (long)gid, 0, 0, 0);
}

SHMETER_LOCAL int
shmeter_sys_link(const char *from, const char *to, int flags)
{
    return (int)shmeter_sys(SYS_linkat, SHMETER_AT_FDCWD, SHMETER_SYS_POINTER(from), SHMETER_AT_FDCWD,
                            SHMETER_SYS_POINTER(to), flags, 0);
}

/* Gives a file another name, unless that is taken: -EEXIST. -EINVAL or -ENOSYS where filesystem or kernel cannot. */
SHMETER_LOCAL int
shmeter_sys_rename(const char *from, const char *to)
{
    return (int)shmeter_sys(SYS_renameat2, SHMETER_AT_FDCWD, SHMETER_SYS_POINTER(from), SHMETER_AT_FDCWD,
                            SHMETER_SYS_POINTER(to), 1 /* RENAME_NOREPLACE */, 0);
}

SHMETER_LOCAL int
shmeter_sys_unlink(const char *path)
{
    return (int)shmeter_sys(SYS_unlinkat, SHMETER_AT_FDCWD, SHMETER_SYS_POINTER(path), 0, 0, 0, 0);
}

SHMETER_LOCAL uint32_t
shmeter_sys_pid(void)
{
    return (uint32_t)shmeter_sys(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

SHMETER_LOCAL uint32_t
shmeter_sys_uid(void)
{
    return (uint32_t)shmeter_sys(SYS_geteuid, 0, 0, 0, 0, 0, 0);
}

SHMETER_LOCAL uint32_t
shmeter_sys_gid(void)
{
    return (uint32_t)shmeter_sys(SYS_getegid, 0, 0, 0, 0, 0, 0);
}

/* kill(pid, 0): 0 or -EPERM when there is such a process, -ESRCH when not. */
SHMETER_LOCAL int
shmeter_sys_probe(uint32_t pid)
{
    return (int)shmeter_sys(SYS_kill, (long)pid, 0, 0, 0, 0, 0);
}

/* Fills bytes with random ones; falls back to nothing: -errno when the kernel has none to give. */
SHMETER_LOCAL int
shmeter_sys_random(void *buffer, size_t bytes)
{
    long got = shmeter_sys(SYS_getrandom, SHMETER_SYS_POINTER(buffer), (long)bytes, 0, 0, 0, 0);
    shmeter_sys_filled(buffer, got);
    return got < 0 ? (int)got : got == (long)bytes ? 0 : -EIO;
}

/* Reads a small file (of /proc or /sys) whole and ends it with a zero. Returns its bytes, or -errno. */
SHMETER_LOCAL int
shmeter_sys_slurp(const char *path, char *buffer, size_t bytes)
{
    size_t have = 0;
    long got = 1;
    int fd = shmeter_sys_open(path, SHMETER_O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    while (got > 0 && have + 1 < bytes) {
        got = shmeter_sys_read(fd, buffer + have, bytes - 1 - have);
        if (got > 0)
            have += (size_t)got;
    }
    shmeter_sys_close(fd);
    buffer[have] = 0;
    return got < 0 ? (int)got : (int)have;
}

#endif
