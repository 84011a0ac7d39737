#include "tests/shm/slots/watch.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/sequence.h"
#include "tests/crash/stop/probe.h"
#include "tests/tools/scratch.h"

#define READ_OR_WRITE UINT64_C(3) /* of a watchpoint, in four bits of the control register                  */
#define EIGHT_BYTES   UINT64_C(2)

static uint64_t *words[WATCH_WORDS];
static uint32_t access_n;
static int decided, by_registers;

static void
give_up(const char *what)
{
    perror(what);
    abort();
}

void
watch_me(void)
{
    if (ptrace(PTRACE_TRACEME, 0, 0, 0))
        give_up("PTRACE_TRACEME");
    signal(SIGUSR2, SIG_IGN); /* a tracer sees it all the same */
    raise(SIGSTOP);
}

void
watch_end(void)
{
    raise(SIGUSR2);
}

static int
stop_of(pid_t child)
{
    int status;

    while (waitpid(child, &status, WUNTRACED) != child)
        if (errno != EINTR)
            give_up("waitpid");
    if (!WIFSTOPPED(status)) {
        fprintf(stderr, "watch: the child has ended, status %#x\n", (unsigned)status);
        abort();
    }
    return WSTOPSIG(status);
}

static int
set_register(pid_t child, size_t number, uint64_t value)
{
    return ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg) + number * 8, value) ? -1 : 0;
}

static int
set_registers(pid_t child, uint64_t *const of[WATCH_WORDS])
{
    uint64_t control = 0;
    uint32_t i;

    if (set_register(child, 7, 0))
        return -1;
    for (i = 0; i < WATCH_WORDS; i++) {
        if (!of[i])
            continue;
        if (set_register(child, i, (uint64_t)(uintptr_t)of[i]))
            return -1;
        control |= UINT64_C(1) << (2 * i) | (EIGHT_BYTES << 2 | READ_OR_WRITE) << (16 + 4 * i);
    }
    return set_register(child, 7, control);
}

void
watch_without_debug_registers(void)
{
    decided = 1;
    by_registers = 0;
}

int
watch_sees_loads(void)
{
    if (!decided)
        by_registers = probe_watchpoints(set_registers);
    decided = 1;
    return by_registers;
}

void
watch_for(uint64_t *const of[WATCH_WORDS], uint32_t n)
{
    uint32_t i;

    for (i = 0; i < WATCH_WORDS; i++)
        words[i] = of[i];
    access_n = n;
}

/* The registers outlive their tracer: without it, their trap would be the child's end. */
static void
let_go(pid_t child)
{
    if ((by_registers && set_register(child, 7, 0)) || ptrace(PTRACE_DETACH, child, 0, SIGSTOP))
        give_up("PTRACE_DETACH");
}

/* Lets the child go on to a trap. Returns 0, or -1 when it has come to watch_end(). */
static int
go_to_a_trap(pid_t child, enum __ptrace_request how)
{
    int signal;

    if (ptrace(how, child, 0, 0))
        give_up("ptrace");
    signal = stop_of(child);
    if (signal == SIGUSR2) {
        kill(child, SIGKILL);
        scratch_wait(child);
        return -1;
    }
    if (signal != SIGTRAP) {
        fprintf(stderr, "watch: the child has signal %d\n", signal);
        abort();
    }
    return 0;
}

/* The words are in memory that is shared with the child. */
static int
changed(uint64_t then[WATCH_WORDS])
{
    uint64_t now;
    uint32_t i;
    int result = 0;

    for (i = 0; i < WATCH_WORDS; i++) {
        now = words[i] ? __atomic_load_n(words[i], __ATOMIC_RELAXED) : 0;
        result |= now != then[i];
        then[i] = now;
    }
    return result;
}

static int
step_to_a_change(pid_t child)
{
    uint64_t then[WATCH_WORDS] = { 0 };

    changed(then);
    do {
        if (sequence_leave(child))
            give_up("rseq");
        if (go_to_a_trap(child, PTRACE_SINGLESTEP))
            return -1;
    } while (!changed(then));
    return 0;
}

int
watch_run(pid_t child)
{
    int registers = watch_sees_loads();
    uint32_t n;

    if (stop_of(child) != SIGSTOP || (registers && set_registers(child, words)))
        give_up("watch");
    for (n = 0; n < access_n; n++)
        if (registers ? go_to_a_trap(child, PTRACE_CONT) : step_to_a_change(child))
            return -1;
    let_go(child);
    if (stop_of(child) != SIGSTOP)
        give_up("SIGSTOP");
    return 0;
}

void
watch_continue(pid_t child)
{
    kill(child, SIGCONT);
}

const char *
watch_why_not(void)
{
    return probe_traced() ? NULL : "ptrace is not allowed here";
}
