/*
 * What all copies of the header in one process have in common, found through a weak symbol. Its name carries a version,
 * because its layout is shared between separately compiled objects.
 */
#ifndef SHMETER_SHM_PROCESS_H
#define SHMETER_SHM_PROCESS_H

#include "../machine/atomic.h"
#include "attachment.h"

#define SHMETER_HEAP_CLASSES 33u

struct shmeter_process {
    uint64_t meters; /* address of the newest struct shmeter                                          */
    uint64_t wiped;  /* address of a uint64_t that fork zeroes: the seed of the choice of shared lanes  */
    uint64_t heap;   /* address of the chunk of private memory in use (shm/process/heap.h)                     */
    uint64_t ticks;  /* 1 + enum shmeter_ticks_kind of this process's timers; 0: undecided (shm/process/ticks.h)  */
    uint64_t reserved[12];
    uint64_t free[SHMETER_HEAP_CLASSES][2]
        __attribute__((aligned(16))); /* {newest free block, count} of each class (shm/process/heap.h)      */
};

#ifdef __cplusplus
extern "C" {
#endif
#if defined(SHMETER_LINK) && !defined(SHMETER_BUILD_LIBRARY)
extern struct shmeter_process shmeter_process_v3;
#else
__attribute__((weak, visibility("default"))) struct shmeter_process shmeter_process_v3;
#endif
#ifdef __cplusplus
}
#endif

#endif
