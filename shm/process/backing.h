/*
 * Memory for what is handed out. The segment's file is sparse; a range is backed before anything in it is used, so that
 * a full filesystem is an error here and never a SIGBUS at an update. Populating also makes this process's page tables.
 */
#ifndef SHMETER_SHM_BACKING_H
#define SHMETER_SHM_BACKING_H

#include "../layout/header.h"
#include "../machine/atomic.h"
#include "attachment.h"

/* Kernels before 5.14: by the file, opened anew and only if it still is the same one. */
SHMETER_LOCAL int
shmeter_back_by_file(const struct shmeter_attachment *attachment, uint64_t off, uint64_t bytes)
{
    struct shmeter_file file;
    int fd, result;
    if (attachment->nameless)
        return shmeter_sys_allocate((int)attachment->nameless - 1, off, bytes);
    fd = shmeter_sys_open_apart(attachment->path, SHMETER_O_RDWR | SHMETER_O_NOFOLLOW | SHMETER_O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    result = shmeter_sys_stat(fd, NULL, &file);
    if (!result && (file.inode != attachment->inode || file.device != attachment->device))
        result = -ESTALE;
    if (!result)
        result = shmeter_sys_allocate(fd, off, bytes);
    shmeter_sys_close(fd);
    return result;
}

/* Backs off .. off + bytes of the segment: 0, -ENOSPC, or another -errno. Never undone when it fails half-way. */
SHMETER_LOCAL int
shmeter_back(const struct shmeter_attachment *attachment, uint64_t off, uint64_t bytes)
{
    uint64_t from = off & ~(uint64_t)(SHMETER_PAGE - 1), to = shmeter_round_up(off + bytes, SHMETER_PAGE);
    int result;
    if (attachment->own)
        return 0; /* it gets memory as it is used */
    result = shmeter_sys_advise(attachment->base + from, to - from, SHMETER_MADV_POPULATE_WRITE);
    if (result == -EINVAL || shmeter_sys_refused(result))
        result = shmeter_back_by_file(attachment, from, to - from);
    if (result == -EFAULT || result == -ENOMEM)
        result = -ENOSPC;
    if (result && attachment->lanes.losses)
        shmeter_add(&attachment->lanes.losses[SHMETER_LOSS_BACKING_FAILED].value, 1);
    return result;
}

/* The same range of every CPU lane and its double of every shared lane. */
SHMETER_LOCAL int
shmeter_back_cells(const struct shmeter_attachment *attachment, uint64_t from, uint64_t to)
{
    const struct shmeter_header *header = &attachment->header;
    uint32_t i;
    int result = 0;
    for (i = 0; !result && i < header->cpu_lanes_n; i++)
        result = shmeter_back(attachment, header->cpu_lanes_off + ((uint64_t)i << header->lane_shift) + from,
                              to - from);
    for (i = 0; !result && i < header->shared_lanes_n; i++)
        result = shmeter_back(attachment,
                              header->shared_lanes_off + ((uint64_t)i << (header->lane_shift + 1)) + 2 * from,
                              2 * (to - from));
    return result;
}

SHMETER_LOCAL int
shmeter_back_records(const struct shmeter_attachment *attachment, uint64_t from, uint64_t to)
{
    return shmeter_back(attachment, attachment->header.records_off + from, to - from);
}

typedef int (*shmeter_back_fn)(const struct shmeter_attachment *, uint64_t from, uint64_t to);

/*
 * Takes bytes (a multiple of align, as are all of an arena's) from a bump arena of limit bytes whose fill level and
 * backed mark are shared: backs first, raises the mark, then moves the level. Dying anywhere leaves at most backed
 * bytes that the next one uses. Returns 0 and *off, -ENOMEM when the arena is used up, or backing's error.
 */
SHMETER_LOCAL int
shmeter_bump(const struct shmeter_attachment *attachment, uint64_t *fill, uint64_t *backed, uint64_t limit,
             uint64_t start, uint64_t bytes, shmeter_back_fn back, uint64_t *off)
{
    /* pairs with shmeter_bump */
    uint64_t seen = shmeter_load_acquire(fill), mark, want, end;
    for (;;) {
        *off = seen < start ? start : seen;
        end = *off + bytes;
        if (*off > limit || bytes > limit || end > limit)
            return -ENOMEM;
        /* pairs with shmeter_bump */
        mark = shmeter_load_acquire(backed);
        if (mark > limit)
            return -EINVAL; /* somebody damaged it */
        if (end > mark) {
            int result;
            want = shmeter_round_up(end, SHMETER_CHUNK_BYTES);
            want = want > limit ? limit : want;
            result = back(attachment, mark, want);
            if (result)
                return result;
            /* pairs with level of lib/read/snapshot/snapshot.c */
            while (mark < want && !shmeter_cas(backed, &mark, want))
                ;
        }
        /* pairs with level of lib/read/snapshot/snapshot.c */
        if (shmeter_cas(fill, &seen, end))
            return 0;
    }
}

/* Page tables for all cells that have memory: an update would fault on each page otherwise. No error matters here. */
SHMETER_LOCAL void
shmeter_populate(const struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t limit = UINT64_C(1) << attachment->header.lane_shift;
    /* pairs with shmeter_bump */
    uint64_t mark = shmeter_load_acquire(&attachment->state->cells_backed.value);
    uint64_t have = shmeter_load_relaxed(&wiped->populated);
    mark = mark > limit ? limit : mark;
    if (!attachment->base || have >= mark)
        return;
    if (!shmeter_back_cells(attachment, have, mark))
        shmeter_store_relaxed(&wiped->populated, mark);
}

#endif
