/*
 * The restartable sequences: an update of the lane of the CPU that the thread runs on, with plain instructions. The
 * kernel restarts the few instructions between labels 1 and 2 when the thread is preempted, migrated or signalled among
 * them, so nothing is lost; a thread killed among them has done all or nothing, because each sequence's last
 * instruction is the one store that makes it so.
 *
 * Each function returns SHMETER_SEQ_DONE, _ABORTED (restarted by the kernel: try again) or _ELSEWHERE (this CPU has no
 * lane here, or the thread is not registered: take a shared lane). glibc >= 2.35 has registered every thread; its
 * area is at __rseq_offset from the thread pointer. The symbols are weak, so that a binary also loads where they are
 * not; lanes_n must be 0 then (shmeter_rseq_usable).
 *
 * cpu_id is loaded inside the sequence and compared as unsigned: -1 and -2 of an unregistered thread fail too.
 * rseq_cs is cleared afterwards: a descriptor in an unloaded library would be a SIGSEGV at the next preemption.
 * The sections have the group flag, or C++ inline functions that use these do not link.
 */
#ifndef SHMETER_SHM_RSEQ_H
#define SHMETER_SHM_RSEQ_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum shmeter_seq { SHMETER_SEQ_DONE, SHMETER_SEQ_ABORTED, SHMETER_SEQ_ELSEWHERE };
#define SHMETER_SEQ_TRIES 8 /* aborts in a row (a debugger stepping) before a shared lane is taken */

#ifdef __cplusplus
extern "C" {
#endif
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
#ifdef __cplusplus
}
#endif

/* Whether this process's threads have a registered area: not with an older libc, musl, or glibc.pthread.rseq=0. */
SHMETER_INLINE int
shmeter_rseq_usable(void)
{
    return &__rseq_offset != NULL && &__rseq_size != NULL && __rseq_size > 0;
}

#if defined(__x86_64__)
#include "rseq_x86_64.h"
#else
#include "rseq_aarch64.h"
#endif

#endif
