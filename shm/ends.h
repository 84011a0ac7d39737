/*
 * What a program has not closed when it ends in order: by exit(3), by a return from main, or quick_exit(3); and what a
 * shared library has not closed when it is unloaded. libc calls shmeter_ends_run() then, once for each of them (of
 * each: the program or shared library that the calls of shmeter_open are in), and it closes what that one has opened
 * and not closed. A forked child has its parent's opens and undoes them for itself. _exit(2) and signals end a process
 * without a call.
 */
#ifndef SHMETER_SHM_ENDS_H
#define SHMETER_SHM_ENDS_H

#include "open.h"

/* Opens less closes of one meter. */
struct shmeter_ends {
    struct shmeter_ends *next;
    struct shmeter *meter;
    uint64_t opens;
};

#ifdef __cplusplus
extern "C" {
#endif
extern int shmeter_libc_cxa_atexit_(void (*)(void *), void *, void *) __asm__("__cxa_atexit") __attribute__((weak));
extern int shmeter_libc_cxa_at_quick_exit_(void (*)(void *), void *) __asm__("__cxa_at_quick_exit")
    __attribute__((weak));
/* Hidden: all objects that are linked into one program or library have one. */
__attribute__((weak, visibility("hidden"))) uint64_t shmeter_ends_newest; /* address of a struct shmeter_ends, a list */
__attribute__((weak, visibility("hidden"))) uint64_t shmeter_ends_watched; /* 1: libc calls */
#ifdef __cplusplus
}
#endif

SHMETER_LOCAL struct shmeter_ends *
shmeter_ends_find(uint64_t newest, const struct shmeter *meter)
{
    struct shmeter_ends *ends = SHMETER_POINTER(struct shmeter_ends *, newest);
    while (ends && ends->meter != meter)
        ends = ends->next;
    return ends;
}

/* Takes one open off, if there is one. */
SHMETER_LOCAL int
shmeter_ends_less(struct shmeter_ends *ends)
{
    uint64_t seen = shmeter_load_relaxed(&ends->opens);
    do
        if (!seen)
            return 0;
    while (!shmeter_cas(&ends->opens, &seen, seen - 1));
    return 1;
}

/* libc calls it. Lock-free: other threads may still open, update and close. */
SHMETER_LOCAL void
shmeter_ends_run(void *argument)
{
    /* pairs with shmeter_ends_opened */
    struct shmeter_ends *ends = SHMETER_POINTER(struct shmeter_ends *, shmeter_load_acquire(&shmeter_ends_newest));
    (void)argument;
    for (; ends; ends = ends->next)
        while (shmeter_ends_less(ends))
            shmeter_open_undo(ends->meter);
}

/* Has libc call shmeter_ends_run(). Where it cannot, an end is not announced. */
SHMETER_LOCAL void
shmeter_ends_watch(void)
{
    void *library = &__dso_handle ? __dso_handle : NULL;
    uint64_t none = 0;
    if (shmeter_load_relaxed(&shmeter_ends_watched) || !shmeter_cas(&shmeter_ends_watched, &none, 1))
        return;
    if (shmeter_libc_cxa_atexit_)
        shmeter_libc_cxa_atexit_(shmeter_ends_run, NULL, library);
    if (shmeter_libc_cxa_at_quick_exit_)
        shmeter_libc_cxa_at_quick_exit_(shmeter_ends_run, library);
}

/* After an open. Without memory for it, its end is not announced. */
SHMETER_LOCAL void
shmeter_ends_opened(struct shmeter *meter)
{
    struct shmeter_ends *ends, *own = NULL;
    /* pairs with shmeter_ends_opened */
    uint64_t newest = shmeter_load_acquire(&shmeter_ends_newest);
    shmeter_ends_watch();
    while (!(ends = shmeter_ends_find(newest, meter))) {
        if (!own)
            own = (struct shmeter_ends *)shmeter_heap_take(sizeof *own);
        if (!own)
            return;
        own->meter = meter;
        own->opens = 1;
        own->next = SHMETER_POINTER(struct shmeter_ends *, newest);
        /* pairs with shmeter_ends_opened */
        if (shmeter_cas(&shmeter_ends_newest, &newest, SHMETER_ADDRESS(own)))
            return;
    }
    shmeter_heap_give(own, sizeof *own);
    shmeter_add(&ends->opens, 1);
}

/* Before a close. What another one has opened is not counted here. */
SHMETER_LOCAL void
shmeter_ends_closed(const struct shmeter *meter)
{
    /* pairs with shmeter_ends_opened */
    struct shmeter_ends *ends = shmeter_ends_find(shmeter_load_acquire(&shmeter_ends_newest), meter);
    if (ends)
        shmeter_ends_less(ends);
}

#endif
