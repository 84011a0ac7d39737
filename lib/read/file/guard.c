/*
 * The SIGBUS guard: one signal handler for the process, and one jump buffer for each thread. It knows address ranges
 * only.
 */
#include "read/file/reader.h"
#include "shm/machine/atomic.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

/*
 * Initial-exec: the handler must reach these variables without an allocation, also when this code is in a loaded
 * library.
 */
#define GUARD_TLS static __thread __attribute__((tls_model("initial-exec")))

GUARD_TLS sigjmp_buf guard_landing;
GUARD_TLS volatile uintptr_t guard_begin, guard_end; /* end 0: no guard */

GUARD_TLS volatile sig_atomic_t guard_chaining;

/*
 * The handlers of SIGBUS that were installed before this one. A program may install another handler later (test
 * frameworks and runtimes do), so the present one is compared before each guarded read. Each former handler has an
 * element of its own, because the signal handler may be reading the last one.
 */
#define GUARD_OLDS 32u
static struct sigaction guard_olds[GUARD_OLDS];
static uint64_t guard_olds_n; /* the last one counts */
static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;

static void
guard_default(int number)
{
    struct sigaction plain;

    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    sigaction(number, &plain, NULL);
    raise(number); /* a fault would be raised again, but a signal that was sent would not */
}

/* The fault is not in a guarded read: calls the handler that was installed before. */
static void
guard_chain(int number, siginfo_t *info, void *context)
{
    /* pairs with guard_install */
    const struct sigaction *old = &guard_olds[shmeter_load_acquire(&guard_olds_n) - 1];
    sigset_t mask, before;

    if (!(old->sa_flags & SA_SIGINFO) && old->sa_handler == SIG_IGN && info->si_code <= 0)
        return; /* sent by a process, not a fault */
    if (guard_chaining ||
        (!(old->sa_flags & SA_SIGINFO) && (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN))) {
        guard_default(number); /* also when the former handler called this one in turn */
        return;
    }
    mask = old->sa_mask;
    if (!(old->sa_flags & SA_NODEFER))
        sigaddset(&mask, number);
    guard_chaining = 1;
    pthread_sigmask(SIG_BLOCK, &mask, &before);
    if (old->sa_flags & SA_SIGINFO)
        old->sa_sigaction(number, info, context);
    else
        old->sa_handler(number);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    guard_chaining = 0;
}

static void
guard_handle(int number, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)info->si_addr;
    int saved = errno;

    if (info->si_code > 0 && guard_end && at >= guard_begin && at < guard_end) {
        guard_end = 0;
        siglongjmp(guard_landing, 1);
    }
    guard_chain(number, info, context);
    errno = saved;
}

static void
guard_install(void)
{
    struct sigaction action, current;

    if (!sigaction(SIGBUS, NULL, &current) && (current.sa_flags & SA_SIGINFO) && current.sa_sigaction == guard_handle)
        return;
    pthread_mutex_lock(&guard_lock);
    sigaction(SIGBUS, NULL, &current);
    if ((!(current.sa_flags & SA_SIGINFO) || current.sa_sigaction != guard_handle) && guard_olds_n < GUARD_OLDS) {
        memset(&action, 0, sizeof action);
        action.sa_sigaction = guard_handle;
        /* NODEFER: siglongjmp leaves the handler, and sigsetjmp has not saved the signal mask. */
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        guard_olds[guard_olds_n] = current;
        /* pairs with guard_chain */
        shmeter_store_release(&guard_olds_n, guard_olds_n + 1);
        sigaction(SIGBUS, &action, NULL);
    }
    pthread_mutex_unlock(&guard_lock);
}

int
shmeter_reader_guard(struct shmeter_reader *reader, int (*read)(void *argument), void *argument)
{
    int result;

    if (reader->dead)
        return -EFAULT;
    guard_install();
    if (sigsetjmp(guard_landing, 0)) {
        reader->dead = 1;
        return -EFAULT;
    }
    guard_begin = (uintptr_t)reader->base;
    guard_end = guard_begin + reader->bytes;
    result = read(argument);
    guard_end = 0;
    return result;
}
