#include "tests/crash/stop/stepper.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/sequence.h"
#include "tests/crash/stop/breakpoints.h"
#include "tests/crash/stop/registers.h"
#include "tests/tools/scratch.h"

/* A restartable sequence's descriptor (linux/rseq.h). */
struct descriptor {
    uint32_t version, flags;
    uint64_t start, bytes, abort;
};

static const struct descriptor *sequences, *sequences_end;
static stepper_fn handler_run;

static void
give_up(const char *what)
{
    fprintf(stderr, "stepper: %s: %s\n", what, strerror(errno));
    abort();
}

/* Where a child has come to the end: the tracer compares addresses. */
__attribute__((noinline)) static void
reached_end(void)
{
    __asm__ __volatile__("nop" ::: "memory");
}

static void
on_signal(int number)
{
    (void)number;
    handler_run();
}

void
stepper_bind(int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one))
        give_up("sched_setaffinity");
}

int
stepper_pin(int wanted, int *other)
{
    cpu_set_t allowed;
    int cpu, first = wanted;

    *other = -1;
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        give_up("sched_getaffinity");
    if (first < 0 && (cpu = sched_getcpu()) >= 0 && CPU_ISSET((size_t)cpu, &allowed))
        first = cpu;
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, &allowed)) {
            if (first < 0)
                first = cpu;
            else if (*other < 0 && cpu != first)
                *other = cpu;
        }
    stepper_bind(first);
    return first;
}

int
stepper_has_rseq(void)
{
    return __rseq_size > 0;
}

void
stepper_sequences(const void *begin, const void *end)
{
    sequences = begin;
    sequences_end = end;
}

int
stepper_in_sequence(uint64_t address)
{
    const struct descriptor *one;

    for (one = sequences; one < sequences_end; one++)
        if (address - one->start < one->bytes)
            return address == one->start ? 2 : 1;
    return 0;
}

static void
wait_for_stop(struct stepper *stepper, int *status)
{
    while (waitpid(stepper->pid, status, __WALL) != stepper->pid)
        if (errno != EINTR)
            give_up("waitpid");
}

/* The child stops next by a trap; anything else is the child's own fault. */
static void
expect_trap(struct stepper *stepper, const char *what)
{
    int status;

    wait_for_stop(stepper, &status);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
        fprintf(stderr, "stepper: the child did not stop at %s but has status %#x after %llu steps at %#llx\n", what,
                (unsigned)status, (unsigned long long)stepper->steps, (unsigned long long)stepper->at);
        abort();
    }
    if (registers_at(stepper->pid, &stepper->at))
        give_up("its registers");
}

struct companion {
    stepper_fn run;
    int fd;
};

static void *
accompany(void *argument)
{
    const struct companion *companion = argument;
    uint32_t times, i;

    while (read(companion->fd, &times, sizeof times) == sizeof times) {
        for (i = 0; i < times; i++)
            companion->run();
        if (write(companion->fd, &times, sizeof times) != sizeof times)
            break;
    }
    return NULL;
}

static void
child(const struct stepper_job *job, int fd)
{
    static struct companion companion;
    pthread_t thread;

    if (job->handler)
        signal(SIGUSR1, on_signal);
    if (job->begin)
        job->begin();
    companion = (struct companion){ job->run, fd };
    if ((job->companion && pthread_create(&thread, NULL, accompany, &companion)) || ptrace(PTRACE_TRACEME, 0, 0, 0))
        _exit(125);
    REGISTERS_TRAP();
    job->run();
    reached_end();
    _exit(0);
}

void
stepper_start(struct stepper *stepper, const struct stepper_job *job)
{
    int ends[2] = { -1, -1 };

    handler_run = job->handler;
    if (job->companion && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        give_up("socketpair");
    memset(stepper, 0, sizeof *stepper);
    stepper->pid = scratch_fork();
    if (!stepper->pid)
        child(job, ends[1]);
    close(ends[1]);
    stepper->companion = ends[0];
    expect_trap(stepper, "its beginning");
    if (registers_pass_trap(stepper->pid) || registers_at(stepper->pid, &stepper->at))
        give_up("its registers");
}

void
stepper_companion(struct stepper *stepper, uint32_t times)
{
    if (write(stepper->companion, &times, sizeof times) != sizeof times ||
        read(stepper->companion, &times, sizeof times) != sizeof times)
        give_up("the second thread");
}

/* To the next stop, which is made by a breakpoint. */
static void
go_to_breakpoint(struct stepper *stepper, uint64_t first, uint64_t second)
{
    struct breakpoints breakpoints;

    if (breakpoints_set(&breakpoints, stepper->pid, first, second))
        give_up("its breakpoints");
    if (ptrace(PTRACE_CONT, stepper->pid, 0, 0))
        give_up("PTRACE_CONT");
    expect_trap(stepper, "a breakpoint");
    if (breakpoints_clear(&breakpoints, stepper->pid) || registers_at(stepper->pid, &stepper->at))
        give_up("its breakpoints");
}

static void
one_instruction(struct stepper *stepper)
{
    if (ptrace(PTRACE_SINGLESTEP, stepper->pid, 0, 0))
        give_up("PTRACE_SINGLESTEP");
    expect_trap(stepper, "a step");
}

int
stepper_step(struct stepper *stepper)
{
    uint64_t exits[BREAKPOINTS];
    int exclusive = registers_exclusive(stepper->pid, stepper->at, exits);

    if (exclusive < 0)
        give_up("an exclusive load");
    if (exclusive)
        go_to_breakpoint(stepper, exits[0], exits[1]);
    else
        one_instruction(stepper);
    stepper->steps++;
    if (stepper_in_sequence(stepper->at) == 2 && sequence_leave(stepper->pid))
        give_up("its restartable sequence");
    return stepper->at != (uint64_t)(uintptr_t)reached_end;
}

int
stepper_run_to(struct stepper *stepper, uint64_t address)
{
    go_to_breakpoint(stepper, address, (uint64_t)(uintptr_t)reached_end);
    return stepper->at == address;
}

int
stepper_finish(struct stepper *stepper, int signal)
{
    uint64_t end = (uint64_t)(uintptr_t)reached_end;
    struct breakpoints breakpoints;
    int status;

    if (breakpoints_set(&breakpoints, stepper->pid, 0, end))
        give_up("its breakpoints");
    if (ptrace(PTRACE_CONT, stepper->pid, 0, signal))
        give_up("PTRACE_CONT");
    wait_for_stop(stepper, &status);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP || breakpoints_clear(&breakpoints, stepper->pid) ||
        registers_at(stepper->pid, &stepper->at))
        return -1;
    return stepper->at == end ? 0 : -1;
}

void
stepper_kill(struct stepper *stepper)
{
    int status;

    kill(stepper->pid, SIGKILL);
    if (stepper->companion >= 0)
        close(stepper->companion);
    stepper->companion = -1;
    do
        if (waitpid(stepper->pid, &status, __WALL) < 0 && errno != EINTR)
            return;
    while (WIFSTOPPED(status));
}

static void
nothing(void)
{
}

/* In a process of its own: a refused ptrace leaves a child that nobody can step. */
const char *
stepper_why_not(void)
{
    const struct stepper_job job = { .run = nothing };
    struct stepper stepper;
    pid_t pid = scratch_fork();

    if (!pid) {
        stepper.pid = scratch_fork();
        if (!stepper.pid)
            _exit(ptrace(PTRACE_TRACEME, 0, 0, 0) ? 1 : 0);
        if (scratch_wait(stepper.pid))
            _exit(1);
        stepper_start(&stepper, &job);
        stepper_kill(&stepper);
        _exit(0);
    }
    return scratch_wait(pid) ? "ptrace is not allowed here" : NULL;
}
