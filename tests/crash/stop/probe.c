#include "tests/crash/stop/probe.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/stop/registers.h"
#include "tests/tools/scratch.h"

#define STOPS  2u /* that each child shall make                                                           */
#define PASSED 3  /* its exit code                                                                        */

static uint64_t words[PROBE_WORDS];

__attribute__((noinline)) static void
first_place(void)
{
    __asm__ __volatile__("nop" ::: "memory");
}

__attribute__((noinline)) static void
second_place(void)
{
    __asm__ __volatile__("nop\n\tnop" ::: "memory");
}

/* What is watched for. The child ends by itself at all events. */
static void
child(void)
{
    if (ptrace(PTRACE_TRACEME, 0, 0, 0))
        _exit(1);
    raise(SIGSTOP);
    first_place();
    __atomic_store_n(&words[0], 1, __ATOMIC_SEQ_CST);
    (void)__atomic_load_n(&words[1], __ATOMIC_SEQ_CST);
    second_place();
    __atomic_store_n(&words[PROBE_WORDS - 1], 1, __ATOMIC_SEQ_CST);
    first_place();
    second_place();
    _exit(PASSED);
}

/* The signal by which a child has stopped; 0: it has ended, and *code says how. */
static int
stop_of(pid_t pid, int *code)
{
    int status;

    while (waitpid(pid, &status, 0) != pid)
        if (errno != EINTR)
            abort();
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

static pid_t
begin(void)
{
    pid_t pid = scratch_fork();
    int code;

    if (!pid)
        child();
    if (stop_of(pid, &code) == SIGSTOP)
        return pid;
    if (code < 0)
        abort();
    return -1; /* ptrace is not allowed, and it has ended */
}

static void
end(pid_t pid)
{
    kill(pid, SIGKILL);
    scratch_wait(pid);
}

int
probe_traced(void)
{
    pid_t pid = begin();

    if (pid < 0)
        return 0;
    end(pid);
    return 1;
}

/* Lets the child go on. Returns whether it stops by a trap; *ended: whether it has ended instead, as it does. */
static int
goes_to_a_trap(pid_t pid, int *ended)
{
    int signal, code;

    *ended = 0;
    if (ptrace(PTRACE_CONT, pid, 0, 0))
        return 0;
    signal = stop_of(pid, &code);
    *ended = !signal;
    return signal == SIGTRAP;
}

int
probe_breakpoints(probe_break_fn set)
{
    const uint64_t places[STOPS] = { (uint64_t)(uintptr_t)first_place, (uint64_t)(uintptr_t)second_place };
    pid_t pid = begin();
    int good, ended = 0;
    uint64_t at;
    uint32_t i;

    if (pid < 0)
        return 0;
    /* The first one is taken away at its stop: on aarch64 one that stays stops a child at the same place for ever. */
    for (i = 0, good = 1; i < STOPS && good; i++) {
        good = !set(pid, i ? 0 : places[0], places[1]) && goes_to_a_trap(pid, &ended);
        good = good && !registers_at(pid, &at) && at == places[i];
    }
    if (good && !set(pid, 0, 0))
        good = !goes_to_a_trap(pid, &ended) && ended;
    if (!ended)
        end(pid);
    return good;
}

int
probe_watchpoints(probe_watch_fn set)
{
    uint64_t *const watched[PROBE_WORDS] = { NULL, &words[1], NULL, &words[PROBE_WORDS - 1] };
    pid_t pid = begin();
    int good, ended = 0;
    uint32_t i;

    if (pid < 0)
        return 0;
    good = !set(pid, watched);
    for (i = 0; i < STOPS && good; i++)
        good = goes_to_a_trap(pid, &ended);
    if (good)
        good = !goes_to_a_trap(pid, &ended) && ended;
    if (!ended)
        end(pid);
    return good;
}
