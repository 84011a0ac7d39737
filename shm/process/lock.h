/*
 * The kernel's word for life: a lock on a slot's byte of the file, held by a mapping. A mapping keeps its open file
 * description, and with it the description's locks, when no descriptor is left; the kernel takes it away at death and
 * exec, and a forked child does not get it (MADV_DONTFORK). So the application has no descriptor of the segment, and a
 * lock that is gone is proof that its owner is.
 *
 * While the lock is being taken there is a descriptor. A child that another thread forks in that moment has it until
 * exec or its end, and the byte stays locked as long: then pid and start time are the witness.
 */
#ifndef SHMETER_SHM_LOCK_H
#define SHMETER_SHM_LOCK_H

#include "../machine/locks.h"
#include "backing.h"

/* The file that the path leads to, if it is the segment's; a descriptor, or -errno. */
SHMETER_LOCAL int
shmeter_lock_open_at(const struct shmeter_attachment *attachment, const char *path, int flags)
{
    struct shmeter_file file;
    int result, fd = shmeter_sys_open_apart(path, flags | SHMETER_O_RDWR | SHMETER_O_CLOEXEC | SHMETER_O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    result = shmeter_sys_stat(fd, NULL, &file);
    if (!result && file.inode == attachment->inode && file.device == attachment->device)
        return fd;
    shmeter_sys_close(fd);
    return result ? result : -ESTALE;
}

/*
 * A descriptor of the segment's file, of an open file description of its own; -errno when the path leads
 * elsewhere by now. The descriptor of a file without a path may have been closed, and be another file's.
 */
SHMETER_LOCAL int
shmeter_lock_open(const struct shmeter_attachment *attachment)
{
    char self[32] = "/proc/self/fd/";
    uint32_t number = attachment->file - 1, digit, at = 14;
    if (!attachment->file)
        return shmeter_lock_open_at(attachment, attachment->path, SHMETER_O_NOFOLLOW);
    for (digit = 1; digit <= number / 10; digit *= 10)
        ;
    for (; digit; digit /= 10)
        self[at++] = (char)('0' + number / digit % 10);
    self[at] = 0;
    return shmeter_lock_open_at(attachment, self, 0);
}

/*
 * Makes what the description of fd holds last until shmeter_lock_drop(), exec or death. Returns the page's address, 0:
 * it cannot be had.
 */
SHMETER_LOCAL uint64_t
shmeter_lock_map(int fd)
{
    long mapped = shmeter_sys_map(SHMETER_PAGE, SHMETER_PROT_NONE, SHMETER_MAP_SHARED, fd);
    if (shmeter_sys_failed(mapped))
        return 0;
    if (!shmeter_sys_advise(SHMETER_POINTER(void *, mapped), SHMETER_PAGE, SHMETER_MADV_DONTFORK))
        return (uint64_t)mapped;
    shmeter_sys_unmap(SHMETER_POINTER(void *, mapped), SHMETER_PAGE);
    return 0;
}

/*
 * Notes the page under its claim, before anybody can see that. 0: so many threads of this process are claiming that
 * there is no room.
 */
SHMETER_LOCAL int
shmeter_lock_note(struct shmeter_wiped *wiped, uint64_t claim, uint64_t page)
{
    uint32_t i;
    for (i = 0; i < SHMETER_HELD; i++) {
        uint64_t none[2] = { 0, 0 };
        /* pairs with shmeter_lock_drop */
        if (!shmeter_load_relaxed(&wiped->held[i].claim) && shmeter_cas16(&wiped->held[i], none, claim, page))
            return 1;
    }
    return 0;
}

/* Gives the lock of a claim up, if there is one. */
SHMETER_LOCAL void
shmeter_lock_drop(struct shmeter_wiped *wiped, uint64_t claim)
{
    uint32_t i;
    for (i = 0; i < SHMETER_HELD; i++) {
        uint64_t seen[2];
        /* pairs with shmeter_lock_note */
        seen[0] = shmeter_load_acquire(&wiped->held[i].claim);
        if (seen[0] != claim)
            continue;
        /* pairs with shmeter_lock_note */
        seen[1] = shmeter_load_acquire(&wiped->held[i].page);
        if (shmeter_cas16(&wiped->held[i], seen, 0, 0))
            shmeter_sys_unmap(SHMETER_POINTER(void *, seen[1]), SHMETER_PAGE);
    }
}

#endif
