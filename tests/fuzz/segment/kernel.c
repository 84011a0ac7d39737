#include "tests/fuzz/segment/kernel.h"

#include <errno.h>
#include <stdio.h>

struct kernel kernel;

int
shmeter_sys_slurp(const char *path, char *buffer, size_t bytes)
{
    uint32_t pid = 0;
    int n;

    if (strstr(path, "boot_id"))
        n = snprintf(buffer, bytes, "01234567-89ab-cdef-0123-456789abcdef\n");
    else if (sscanf(path, "/proc/%u/stat", &pid) == 1 && pid % 4 == 3)
        return -ENOENT;
    else /* the start time is the number; what is divided by eight is a zombie's, but for one */
        n = snprintf(buffer, bytes, "%u (a b) %c 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 0 %u 1", pid,
                     pid % 8 == 5 ? 'Z' : 'S', pid);
    return n < (int)bytes ? n : (int)bytes - 1;
}

int
kernel_fstat(struct stat *out)
{
    memset(out, 0, sizeof *out);
    out->st_mode = S_IFREG | 0600;
    out->st_nlink = 1;
    out->st_ino = kernel.inode;
    out->st_size = (off_t)kernel.bytes;
    out->st_blocks = (blkcnt_t)(kernel.bytes / 512);
    return 0;
}

int
kernel_pread(void *out, size_t bytes, uint64_t at)
{
    memcpy(out, kernel.base + at, bytes);
    return (int)bytes;
}

/* A system looks where it likes, also at what the reader may not read. */
__attribute__((no_sanitize("address"))) static int
is_hole(uint64_t page)
{
    const volatile uint64_t *words = (const volatile uint64_t *)(const void *)(kernel.base + page);
    uint32_t i;

    if (!kernel.holes || page + 4096 > kernel.bytes)
        return 0;
    for (i = 0; i < 512; i++)
        if (words[i])
            return 0;
    return 1;
}

off_t
kernel_seek(uint64_t at, int what)
{
    uint64_t page = at & ~UINT64_C(4095);

    for (; page < kernel.bytes; page += 4096)
        if (is_hole(page) == (what == SEEK_HOLE))
            return (off_t)(page > at ? page : at);
    if (what == SEEK_HOLE)
        return (off_t)kernel.bytes;
    errno = ENXIO;
    return -1;
}

/* Every other byte is locked. */
int
kernel_lock(struct flock *lock)
{
    if (lock->l_start % 2)
        lock->l_type = F_UNLCK;
    return 0;
}

int
kernel_sigaction(const struct sigaction *action, struct sigaction *old)
{
    static struct sigaction present;

    if (old)
        *old = present;
    if (action)
        present = *action;
    return 0;
}
