/*
 * The system as the reader sees it while a fuzzer runs: one file, which is the image, and a clock that moves by itself.
 * Included before everything else in the reader's sources (-include), so that they run as they are and make no system
 * call, and the same input does the same each time. Memory is of the heap of an execution.
 */
#ifndef SHMETER_TESTS_FUZZ_KERNEL_H
#define SHMETER_TESTS_FUZZ_KERNEL_H

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define shmeter_sys_probe     real_sys_probe
#define shmeter_sys_slurp     real_sys_slurp
#define shmeter_sys_open      real_sys_open
#define shmeter_sys_stat      real_sys_stat
#define shmeter_sys_close     real_sys_close
#define shmeter_clock_ns      real_clock_ns
#define shmeter_clock_real_ns real_clock_real_ns
#define shmeter_clock_boot_ns real_clock_boot_ns
#define shmeter_clock_ticks   real_clock_ticks
#include "shm/machine/files.h"
#include "shm/process/clock.h"
#include "tests/fuzz/segment/heap.h"
#undef shmeter_sys_probe
#undef shmeter_sys_slurp
#undef shmeter_sys_open
#undef shmeter_sys_stat
#undef shmeter_sys_close
#undef shmeter_clock_ns
#undef shmeter_clock_real_ns
#undef shmeter_clock_boot_ns
#undef shmeter_clock_ticks

struct kernel {
    unsigned char *base; /* of the one file */
    uint64_t bytes;
    uint64_t now_ns;
    uint64_t inode;
    int holes; /* 1: pages of zeroes have no memory                                                         */
};
extern struct kernel kernel;

#define KERNEL_FD 1000

/* A process is alive when its number is odd. */
static inline int
shmeter_sys_probe(uint32_t pid)
{
    return pid % 2 ? 0 : -ESRCH;
}

/* The files of /proc that the reader asks for. */
int shmeter_sys_slurp(const char *path, char *buffer, size_t bytes);

static inline int
shmeter_sys_open(const char *path, int flags, uint32_t mode)
{
    (void)path, (void)flags, (void)mode;
    return KERNEL_FD + 1;
}

static inline int
shmeter_sys_stat(int fd, const char *path, struct shmeter_file *out)
{
    (void)fd, (void)path;
    memset(out, 0, sizeof *out);
    out->inode = 4711;
    return 0;
}

static inline int
shmeter_sys_close(int fd)
{
    (void)fd;
    return 0;
}

static inline uint64_t
shmeter_clock_ns(void)
{
    return kernel.now_ns;
}

static inline uint64_t
shmeter_clock_boot_ns(void)
{
    return kernel.now_ns;
}

static inline uint64_t
shmeter_clock_real_ns(void)
{
    return kernel.now_ns + UINT64_C(1700000000000000000);
}

static inline uint64_t
shmeter_clock_ticks(uint32_t kind)
{
    (void)kind;
    return kernel.now_ns;
}

int kernel_fstat(struct stat *out);
int kernel_pread(void *out, size_t bytes, uint64_t at);
off_t kernel_seek(uint64_t at, int what);
int kernel_lock(struct flock *lock);
int kernel_sigaction(const struct sigaction *action, struct sigaction *old);

#define open(path, ...)                ((void)(path), KERNEL_FD)
#define close(fd)                      ((void)(fd))
#define fstat(fd, out)                 kernel_fstat(out)
#define lstat(path, out)               ((void)(path), kernel_fstat(out))
#define pread(fd, out, bytes, at)      kernel_pread(out, bytes, (uint64_t)(at))
#define lseek(fd, at, what)            kernel_seek((uint64_t)(at), what)
#define getrandom(out, bytes, flags)   (memset(out, 0x5a, bytes), (ssize_t)(bytes))
#define mmap(at, bytes, ...)           ((void *)kernel.base)
#define munmap(at, bytes)              ((void)(at))
#define fcntl(fd, command, lock)       kernel_lock(lock)
#define sigaction(number, action, old) kernel_sigaction(action, old)

#define malloc(bytes)                   heap_malloc(bytes)
#define calloc(n, bytes)                heap_calloc(n, bytes)
#define realloc(at, bytes)              heap_realloc(at, bytes)
#define aligned_alloc(alignment, bytes) heap_malloc(bytes)
#define free(at)                        heap_free(at)

#endif
