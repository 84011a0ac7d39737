#include "tests/client/watch.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/client/scratch.h"

#define READ_OR_WRITE UINT64_C(3) /* of a watchpoint, in four bits of the control register                  */
#define EIGHT_BYTES   UINT64_C(2)

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
watch_words(pid_t child, uint64_t *const words[WATCH_WORDS])
{
    uint64_t control = 0;
    uint32_t i;

    if (set_register(child, 7, 0))
        return -1;
    for (i = 0; i < WATCH_WORDS; i++) {
        if (!words[i])
            continue;
        if (set_register(child, i, (uint64_t)(uintptr_t)words[i]))
            return -1;
        control |= UINT64_C(1) << (2 * i) | (EIGHT_BYTES << 2 | READ_OR_WRITE) << (16 + 4 * i);
    }
    return set_register(child, 7, control);
}

/* The registers outlive their tracer: without it, their trap would be the child's end. */
static void
let_go(pid_t child, int signal)
{
    if (set_register(child, 7, 0) || ptrace(PTRACE_DETACH, child, 0, signal))
        give_up("PTRACE_DETACH");
}

int
watch_run(pid_t child, uint64_t *const words[WATCH_WORDS], uint32_t n)
{
    int signal = stop_of(child);

    if (signal != SIGSTOP || watch_words(child, words))
        give_up("watch");
    while (n--) {
        if (ptrace(PTRACE_CONT, child, 0, 0))
            give_up("PTRACE_CONT");
        signal = stop_of(child);
        if (signal == SIGUSR2) {
            let_go(child, 0);
            return -1;
        }
        if (signal != SIGTRAP) {
            fprintf(stderr, "watch: the child has signal %d\n", signal);
            abort();
        }
    }
    let_go(child, SIGSTOP);
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
    static uint64_t word;
    uint64_t *const words[WATCH_WORDS] = { &word };
    pid_t pid = scratch_fork();

    if (!pid) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0))
            _exit(1);
        raise(SIGSTOP);
        __atomic_add_fetch(&word, 1, __ATOMIC_SEQ_CST);
        watch_end();
        _exit(0);
    }
    if (waitpid(pid, NULL, WUNTRACED) != pid || kill(pid, 0))
        return "no child";
    if (watch_words(pid, words)) {
        kill(pid, SIGKILL);
        scratch_wait(pid);
        return "the debug registers cannot be had here";
    }
    ptrace(PTRACE_CONT, pid, 0, 0);
    if (stop_of(pid) != SIGTRAP) {
        kill(pid, SIGKILL);
        scratch_wait(pid);
        return "debug registers do not stop a child here";
    }
    kill(pid, SIGKILL);
    scratch_wait(pid);
    return NULL;
}
