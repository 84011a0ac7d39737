/* Here the verbs are the plain ones: what the hooks do is what other programs' instructions do. */
#undef SHMETER_ATOMIC_HOOKS

#include "tests/shm/slots/watch.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/machine/atomic.h"

#define NOT_STOPPED 7 /* exit code of a child that has come to the end */

/* Supplied to the program that is compiled with SHMETER_ATOMIC_HOOKS (shm/machine/atomic.h). */
uint64_t shmeter_hook_load(const void *at, int bytes, char order);
void shmeter_hook_store(void *at, uint64_t value, int bytes, char order);
uint64_t shmeter_hook_add(uint64_t *at, uint64_t n);
int shmeter_hook_cas(uint64_t *at, uint64_t *expected, uint64_t desired);
int shmeter_hook_cas16(void *at, uint64_t expected[2], uint64_t low, uint64_t high);
void shmeter_hook_fence_acquire(void);
void shmeter_hook_fence_release(void);

static uint64_t *words[WATCH_WORDS];
static uint32_t left; /* accesses until the stop                                                          */
static int watched;   /* this process is the child                                                        */

static void
passed(const void *at, uint64_t bytes)
{
    uint64_t from = (uint64_t)(uintptr_t)at, word;
    uint32_t i;

    if (!watched)
        return;
    for (i = 0; i < WATCH_WORDS; i++) {
        word = (uint64_t)(uintptr_t)words[i];
        if (!word || from + bytes <= word || word + 8 <= from)
            continue;
        if (--left == 0) {
            watched = 0;
            raise(SIGSTOP);
        }
        return;
    }
}

/* The hooked orders are the verbs' own, for which acquire and release are as good as relaxed ones. */

uint64_t
shmeter_hook_load(const void *at, int bytes, char order)
{
    uint64_t value = bytes == 8 ? shmeter_load_acquire(at) : shmeter_load_relaxed_32(at);

    (void)order;
    passed(at, (uint64_t)bytes);
    return value;
}

void
shmeter_hook_store(void *at, uint64_t value, int bytes, char order)
{
    (void)order;
    if (bytes == 8)
        shmeter_store_release(at, value);
    else
        __atomic_store_n((uint32_t *)at, (uint32_t)value, __ATOMIC_RELEASE);
    passed(at, (uint64_t)bytes);
}

uint64_t
shmeter_hook_add(uint64_t *at, uint64_t n)
{
    uint64_t before = shmeter_add(at, n);

    passed(at, 8);
    return before;
}

int
shmeter_hook_cas(uint64_t *at, uint64_t *expected, uint64_t desired)
{
    int done = shmeter_cas(at, expected, desired);

    passed(at, 8);
    return done;
}

int
shmeter_hook_cas16(void *at, uint64_t expected[2], uint64_t low, uint64_t high)
{
    int done = shmeter_cas16(at, expected, low, high);

    passed(at, 16);
    return done;
}

void
shmeter_hook_fence_acquire(void)
{
    shmeter_fence_acquire();
}

void
shmeter_hook_fence_release(void)
{
    shmeter_fence_release();
}

const char *
watch_why_not(void)
{
    return NULL;
}

void
watch_without_debug_registers(void)
{
}

int
watch_sees_loads(void)
{
    return 1;
}

void
watch_for(uint64_t *const of[WATCH_WORDS], uint32_t n)
{
    uint32_t i;

    for (i = 0; i < WATCH_WORDS; i++)
        words[i] = of[i];
    left = n;
}

void
watch_me(void)
{
    watched = 1;
}

void
watch_end(void)
{
    if (watched)
        _exit(NOT_STOPPED);
}

int
watch_run(pid_t child)
{
    int status;

    while (waitpid(child, &status, WUNTRACED) != child)
        if (errno != EINTR) {
            perror("waitpid");
            abort();
        }
    if (WIFSTOPPED(status))
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_STOPPED)
        return -1;
    fprintf(stderr, "watch: the child has ended, status %#x\n", (unsigned)status);
    abort();
}

void
watch_continue(pid_t child)
{
    kill(child, SIGCONT);
}
