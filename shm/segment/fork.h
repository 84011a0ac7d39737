/*
 * What is a process's own is wiped by the kernel in a forked child (MADV_WIPEONFORK). Some kernels refuse that
 * (gVisor's, those before 4.14): there libc calls a function of ours in each child of fork(3), which does the same. A
 * child of clone(2) or _Fork(3) is noticed at its first cold call, by its pid; until then its gauges are its parent's.
 */
#ifndef SHMETER_SHM_FORK_H
#define SHMETER_SHM_FORK_H

#include <string.h>

#include "../layout/header.h"
#include "../machine/sys.h"
#include "../process/process.h"
#include "meter.h"

#ifdef __cplusplus
extern "C" {
#endif
/* glibc's in every release (pthread_atfork(3) is in a library of its own before 2.34) and that of others. */
extern int shmeter_libc_register_atfork_(void (*)(void), void (*)(void), void (*)(void),
                                         void *) __asm__("__register_atfork") __attribute__((weak));
extern int shmeter_libc_atfork_(void (*)(void), void (*)(void), void (*)(void)) __asm__("pthread_atfork")
    __attribute__((weak));
/* By its own name: cppcheck loses its way after an asm label of a variable. */
extern void *__dso_handle __attribute__((weak, visibility("hidden")));
#ifdef __cplusplus
}
#endif

/* What an attachment has of memory: a page, and behind it what fork wipes: another one, and the private block. */
SHMETER_LOCAL uint64_t
shmeter_attachment_bytes(const struct shmeter_header *header)
{
    uint64_t block = sizeof(struct shmeter_slot_block) + (uint64_t)header->gauges_n * sizeof(struct shmeter_gauge_cell);
    return SHMETER_ATTACHMENT_BYTES + SHMETER_PAGE + shmeter_round_up(block, SHMETER_PAGE);
}

SHMETER_LOCAL void
shmeter_fork_wipe(struct shmeter_attachment *attachment)
{
    memset(SHMETER_WIPED(attachment), 0, shmeter_attachment_bytes(&attachment->header) - SHMETER_ATTACHMENT_BYTES);
    attachment->pid = shmeter_sys_pid();
}

/*
 * In the child, whose only thread this is: the attachments of all meters, those of before a segment was created again
 * too. One that no meter has yet, or any more, was used for nothing.
 */
SHMETER_LOCAL void
shmeter_fork_child(void)
{
    /* pairs with shmeter_open_have */
    uint64_t at = shmeter_load_acquire(&shmeter_process_v3.meters);
    const struct shmeter *meter = SHMETER_POINTER(const struct shmeter *, at);
    for (; meter; meter = meter->next) {
        struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
        for (; attachment; attachment = attachment->before)
            if (attachment->unwiped)
                shmeter_fork_wipe(attachment);
    }
}

/*
 * Lets libc call shmeter_fork_child, of this copy of the header: another one's goes when that is unloaded. 0, or
 * -errno: it cannot.
 */
SHMETER_LOCAL int
shmeter_fork_watch(void)
{
    static uint64_t watched;
    /* pairs with shmeter_fork_watch */
    uint64_t seen = shmeter_load_acquire(&watched);
    int result = -EOPNOTSUPP;
    if (seen)
        return 0;
    if (shmeter_libc_register_atfork_)
        result = -shmeter_libc_register_atfork_(NULL, NULL, shmeter_fork_child, &__dso_handle ? __dso_handle : NULL);
    else if (shmeter_libc_atfork_)
        result = -shmeter_libc_atfork_(NULL, NULL, shmeter_fork_child);
    if (!result)
        /* pairs with shmeter_fork_watch */
        shmeter_store_release(&watched, 1); /* twice does no harm */
    return result;
}

/* Cold calls ask: a child that libc knows nothing of. */
SHMETER_LOCAL void
shmeter_fork_check(struct shmeter_attachment *attachment)
{
    if (attachment->unwiped && attachment->pid != shmeter_sys_pid())
        shmeter_fork_wipe(attachment);
}

#endif
