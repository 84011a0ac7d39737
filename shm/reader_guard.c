/*
 * The SIGBUS guard: one handler for the process, one landing place for each thread. It knows address ranges only.
 */
#include "shm/reader.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

/* Initial-exec: the handler must find it without an allocation, also when this code is in a loaded library. */
#define GUARD_TLS static __thread __attribute__((tls_model("initial-exec")))

GUARD_TLS sigjmp_buf guard_landing;
GUARD_TLS volatile uintptr_t guard_begin, guard_end; /* end 0: no guard */

static struct sigaction guard_old;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;

/* The fault is not ours: do as if this handler did not exist. */
static void
guard_chain(int number, siginfo_t *info, void *context)
{
    sigset_t mask, before;

    if (!(guard_old.sa_flags & SA_SIGINFO) && guard_old.sa_handler == SIG_IGN && info->si_code <= 0)
        return; /* sent by a process, not a fault */
    if (!(guard_old.sa_flags & SA_SIGINFO) && (guard_old.sa_handler == SIG_DFL || guard_old.sa_handler == SIG_IGN)) {
        struct sigaction plain;
        memset(&plain, 0, sizeof plain);
        plain.sa_handler = SIG_DFL;
        sigaction(number, &plain, NULL);
        raise(number); /* a fault comes again by itself, a signal that was sent does not */
        return;
    }
    mask = guard_old.sa_mask;
    if (!(guard_old.sa_flags & SA_NODEFER))
        sigaddset(&mask, number);
    pthread_sigmask(SIG_BLOCK, &mask, &before);
    if (guard_old.sa_flags & SA_SIGINFO)
        guard_old.sa_sigaction(number, info, context);
    else
        guard_old.sa_handler(number);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_sigaction = guard_handle;
    /* NODEFER: siglongjmp leaves the handler, and the landing place saves no mask. */
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGBUS, &action, &guard_old);
}

int
shmeter_reader_guard(struct shmeter_reader *reader, int (*read)(void *argument), void *argument)
{
    int result;

    if (reader->dead)
        return -EFAULT;
    pthread_once(&guard_once, guard_install);
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
