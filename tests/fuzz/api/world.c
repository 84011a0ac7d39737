#include "tests/fuzz/api/world.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES   4
#define SLEEPERS    16
#define MAPPINGS    256
#define DESCRIPTORS 64

struct mapping {
    long at, bytes;
    int is_not_inherited; /* MADV_DONTFORK */
};

struct process {
    int pid; /* 0: there is none */
    struct shmeter *meter;
    struct shmeter_process statics; /* of the header, while another process runs */
    uint64_t ends;                  /* shmeter_ends_newest, likewise                 */
    struct mapping mappings[MAPPINGS];
    uint32_t mappings_n;
    int descriptors[DESCRIPTORS];
    uint32_t descriptors_n;
};

static struct process processes[PROCESSES];
static int running = -1;
static struct { /* what parents hold, who do nothing any more */
    int pid;
    struct mapping mapping;
} left[MAPPINGS];
static uint32_t left_n;
static int sleepers[SLEEPERS]; /* children that nobody is yet; 0: to be made */
static char folder[64], path[96];

static long
kernel(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ __volatile__("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
    return result;
}

/* ---- identities ---- */

/*
 * A child that shares this program's memory and descriptors, and sleeps until it is killed: prctl(PR_SET_PDEATHSIG,
 * SIGKILL), exit(2) if the parent has gone before that, and pause(2) for ever. It works in registers alone, because it
 * has this program's stack too.
 */
__attribute__((no_sanitize("address", "undefined", "coverage"))) static int
make_sleeper(void)
{
    long pid = SYS_clone;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;

    __asm__ __volatile__("syscall\n"
                         "test %%rax, %%rax\n"
                         "jnz 2f\n"
                         "mov %[prctl], %%eax\n"
                         "mov %[death], %%edi\n"
                         "mov %[kill], %%esi\n"
                         "syscall\n"
                         "mov %[getppid], %%eax\n"
                         "syscall\n"
                         "cmp %%ebx, %%eax\n"
                         "je 1f\n"
                         "mov %[exit], %%eax\n"
                         "syscall\n"
                         "1: mov %[pause], %%eax\n"
                         "syscall\n"
                         "jmp 1b\n"
                         "2:"
                         : "+a"(pid)
                         : "b"((long)getpid()), "D"((long)(CLONE_VM | CLONE_FILES | SIGCHLD)), "S"(0L), "d"(0L),
                           "r"(r10), "r"(r8), [prctl] "i"(SYS_prctl), [death] "i"(PR_SET_PDEATHSIG),
                           [kill] "i"(SIGKILL), [getppid] "i"(SYS_getppid), [exit] "i"(SYS_exit), [pause] "i"(SYS_pause)
                         : "rcx", "r11", "memory");
    return (int)pid;
}

static int
take_sleeper(void)
{
    sigset_t all, before;
    int i, pid;

    for (i = 0; i < SLEEPERS; i++)
        if (sleepers[i]) {
            pid = sleepers[i];
            sleepers[i] = 0;
            return pid;
        }
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before); /* its handlers would run on our stack */
    pid = make_sleeper();
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid <= 0) {
        fprintf(stderr, "no child: %s\n", strerror(-pid));
        abort();
    }
    return pid;
}

static void
give_sleeper(int pid)
{
    int i;

    for (i = 0; i < SLEEPERS; i++)
        if (!sleepers[i]) {
            sleepers[i] = pid;
            return;
        }
    world_kill_pid(pid);
}

void
world_kill_pid(int pid)
{
    uint32_t i;

    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    for (i = 0; i < left_n; i++)
        if (left[i].pid == pid) {
            munmap(SHMETER_POINTER(void *, left[i].mapping.at), (size_t)left[i].mapping.bytes);
            left[i--] = left[--left_n];
        }
}

/* ---- the place ---- */

static void
remove_folder(void)
{
    DIR *files = opendir(folder);
    struct dirent *entry;

    while (files && (entry = readdir(files)))
        unlinkat(dirfd(files), entry->d_name, 0);
    if (files)
        closedir(files);
    rmdir(folder);
}

/* A child removes the folder once this program has ended, also where nothing of it runs any more. */
static void
make_folder(void)
{
    int ends[2], pid;
    char byte;

    snprintf(folder, sizeof folder, "/dev/shm/shmeter-test-api-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/segment", folder);
    if (mkdir(folder, 0700) || pipe(ends) || (pid = fork()) < 0) {
        perror(folder);
        abort();
    }
    if (pid) {
        close(ends[0]);
        return;
    }
    setsid();
    dup2(ends[0], 0);
    kernel(SYS_close_range, 1, ~0U, 0, 0, 0, 0);
    while (read(0, &byte, 1) > 0)
        ;
    remove_folder();
    _exit(0);
}

const char *
world_path(void)
{
    if (!*folder)
        make_folder();
    return path;
}

/* ---- what the kernel says ---- */

static void
note_mapping(struct process *process, long at, long bytes)
{
    if (process->mappings_n == MAPPINGS)
        abort();
    process->mappings[process->mappings_n++] = (struct mapping){ at, bytes, 0 };
}

static void
note_advice(struct process *process, long at, long advice)
{
    uint32_t i;

    for (i = 0; i < process->mappings_n; i++)
        if (process->mappings[i].at == at && advice == MADV_DONTFORK)
            process->mappings[i].is_not_inherited = 1;
}

/* The parent keeps what its child does not get. */
static void
leave_mappings(struct process *process, int parent_pid)
{
    uint32_t i;

    for (i = 0; i < process->mappings_n; i++)
        if (process->mappings[i].is_not_inherited) {
            if (left_n == MAPPINGS)
                abort();
            left[left_n].pid = parent_pid;
            left[left_n++].mapping = process->mappings[i];
            process->mappings[i--] = process->mappings[--process->mappings_n];
        }
}

static void
note_unmapping(struct process *process, long at, long bytes)
{
    uint32_t i;

    for (i = 0; i < process->mappings_n; i++)
        if (process->mappings[i].at == at && process->mappings[i].bytes == bytes) {
            process->mappings[i] = process->mappings[--process->mappings_n];
            return;
        }
    abort();
}

static void
note_closing(struct process *process, int fd)
{
    uint32_t i;

    for (i = 0; i < process->descriptors_n; i++)
        if (process->descriptors[i] == fd) {
            process->descriptors[i] = process->descriptors[--process->descriptors_n];
            return;
        }
    abort();
}

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    struct process *process = &processes[running];
    char stat[32];
    long result;

    if (number == SYS_getpid)
        return process->pid;
    if (number == SYS_openat && !strcmp(SHMETER_POINTER(const char *, b), "/proc/./self/stat")) {
        snprintf(stat, sizeof stat, "/proc/%d/stat", process->pid);
        b = SHMETER_SYS_POINTER(stat);
    }
    result = kernel(number, a, b, c, d, e, f);
    if (result < 0 && result > -4096)
        return result;
    if (number == SYS_mremap) { /* it has moved, and grown */
        note_unmapping(process, a, b);
        note_mapping(process, result, c);
    } else if (number == SYS_mmap)
        note_mapping(process, result, b);
    else if (number == SYS_munmap)
        note_unmapping(process, a, b);
    else if (number == SYS_madvise)
        note_advice(process, a, c);
    else if (number == SYS_openat && process->descriptors_n == DESCRIPTORS)
        abort();
    else if (number == SYS_openat)
        process->descriptors[process->descriptors_n++] = (int)result;
    else if (number == SYS_close)
        note_closing(process, (int)a);
    return result;
}

/* ---- processes ---- */

int
world_run(int number)
{
    if (running >= 0) {
        processes[running].statics = shmeter_process_v3;
        processes[running].ends = shmeter_ends_newest;
    }
    running = number;
    shmeter_process_v3 = processes[number].statics;
    shmeter_ends_newest = processes[number].ends;
    if (!processes[number].pid)
        processes[number].pid = take_sleeper();
    return processes[number].pid;
}

struct shmeter *
world_meter(int number)
{
    return processes[number].meter;
}

int
world_open(int number, const struct shmeter_options *options, int with_rseq)
{
    int begins = !processes[number].meter;
    int result = shmeter_open(&processes[number].meter, world_path(), options);

    if (begins && !with_rseq)
        shmeter_meter_attachment(processes[number].meter)->lanes.cpu_n = 0;
    return result;
}

/* What the kernel does for a process that has ended. */
static void
release(struct process *process)
{
    uint32_t i;

    for (i = 0; i < process->mappings_n; i++)
        munmap(SHMETER_POINTER(void *, process->mappings[i].at), (size_t)process->mappings[i].bytes);
    for (i = 0; i < process->descriptors_n; i++)
        close(process->descriptors[i]);
    memset(process, 0, sizeof *process);
}

static void
leave(int number)
{
    if (running == number)
        running = -1;
    release(&processes[number]);
    if (running < 0) {
        memset(&shmeter_process_v3, 0, sizeof shmeter_process_v3);
        shmeter_ends_newest = 0;
    }
}

void
world_kill(int number)
{
    if (processes[number].pid)
        world_kill_pid(processes[number].pid);
    leave(number);
}

int
world_fork(int number, int *parent_pid)
{
    struct shmeter *meter = processes[number].meter;
    const struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;

    *parent_pid = processes[number].pid;
    processes[number].pid = take_sleeper();
    leave_mappings(&processes[number], *parent_pid);
    if (attachment) /* as MADV_WIPEONFORK does */
        memset(SHMETER_WIPED(attachment), 0,
               SHMETER_PAGE + attachment->header.gauges_off + 16 * (size_t)attachment->header.gauges_n);
    return processes[number].pid;
}

void
world_end(void)
{
    int i;

    for (i = 0; i < PROCESSES; i++) {
        if (processes[i].pid)
            give_sleeper(processes[i].pid);
        leave(i);
    }
    for (; left_n; left_n--)
        munmap(SHMETER_POINTER(void *, left[left_n - 1].mapping.at), (size_t)left[left_n - 1].mapping.bytes);
    unlink(path);
}
