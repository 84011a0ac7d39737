/*
 * The kernel's word for life: a lock on a slot's byte of the file, held by a mapping. A mapping keeps its open file description, and with
 * it the description's locks, when no descriptor is left; the kernel takes it away at death and exec, and a forked child does not get it
 * (MADV_DONTFORK). So the application has no descriptor of the segment, and a lock that is gone is proof that its owner is.
 *
 * While the lock is being taken there is a descriptor. A child that another thread forks in that moment has it until exec or its end, and the
 * byte stays locked as long: then pid and start time are the witness.
 */
#ifndef SHMETER_SHM_LOCK_H
#define SHMETER_SHM_LOCK_H

#include "../machine/locks.h"
#include "backing.h"

/* A descriptor of the segment's file, of an open file description of its own; -errno when the path leads elsewhere by now. */
SHMETER_LOCAL int
shmeter_lock_open(const struct shmeter_attachment *attachment)
{
    struct shmeter_file file;
    int result, fd = shmeter_sys_open_apart(
                    attachment->path, SHMETER_O_RDWR | SHMETER_O_NOFOLLOW | SHMETER_O_CLOEXEC | SHMETER_O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    result = shmeter_sys_stat(fd, NULL, &file);
    if (!result && file.inode == attachment->inode && file.device == attachment->device)
        return fd;
    shmeter_sys_close(fd);
    return result ? result : -ESTALE;
}

/* Makes what the description of fd holds last until shmeter_lock_drop(), exec or death. Returns the page's address, 0: it cannot be had. */
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

/* Notes the page under its claim, before anybody can see that. 0: so many threads of this process are claiming that there is no room. */
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
