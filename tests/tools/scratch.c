#include "tests/tools/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char directory[64];
static pid_t owner;
static const int ends[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGABRT };
static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

/* NOLINTBEGIN(bugprone-signal-handler): as on_signal() says */
static uint32_t
each_file(int remove_them)
{
    DIR *files = opendir(directory);
    struct dirent *entry;
    char path[sizeof directory + sizeof entry->d_name];
    uint32_t n = 0;

    if (!files)
        return 0;
    while ((entry = readdir(files)) != NULL) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        n++;
        if (remove_them && unlinkat(dirfd(files), entry->d_name, 0)) { /* a folder, and it may be mounted on */
            snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
            umount2(path, MNT_DETACH);
            rmdir(path);
        }
    }
    closedir(files);
    return n;
}
/* NOLINTEND(bugprone-signal-handler) */

static void
clean(void)
{
    if (getpid() != owner)
        return;
    each_file(1);
    rmdir(directory);
}

/* The program ends here whatever it was at, so that an unsafe call can do no harm that matters. */
static void
on_signal(int number)
{
    clean();
    _exit(128 + number);
}

const char *
scratch_path(const char *file)
{
    static char path[160];
    uint32_t i;

    if (!directory[0]) {
        owner = getpid();
        snprintf(directory, sizeof directory, "/dev/shm/shmeter-test-%d", (int)owner);
        if (mkdir(directory, 0700) && errno != EEXIST) {
            perror(directory);
            exit(1);
        }
        atexit(clean);
        for (i = 0; i < sizeof ends / sizeof *ends; i++)
            signal(ends[i], on_signal);
    }
    snprintf(path, sizeof path, "%s/%s", directory, file);
    return path;
}

uint32_t
scratch_files(void)
{
    return each_file(0);
}

void
scratch_remove(const char *file)
{
    unlink(scratch_path(file));
}

pid_t
scratch_fork(void)
{
    pid_t parent = getpid(), pid;
    uint32_t i;

    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        perror("fork");
        abort();
    }
    if (pid)
        return pid;
    for (i = 0; i < sizeof ends / sizeof *ends; i++)
        signal(ends[i], SIG_DFL);
    for (i = 0; i < sizeof faults / sizeof *faults; i++)
        signal(faults[i], SIG_DFL); /* the test's own handler would go on with the test, in the child */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    return 0;
}

int
scratch_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) != pid)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void *
scratch_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    return memory;
}

int
scratch_mourns(void)
{
    siginfo_t dead = { .si_pid = 0 };

    return !waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) && dead.si_pid;
}

int
scratch_until(const uint32_t *word, uint32_t wanted)
{
    const struct timespec pause = { 0, 100000 };
    int mourned = scratch_mourns();

    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < wanted) {
        if (!mourned && scratch_mourns())
            return __atomic_load_n(word, __ATOMIC_ACQUIRE) < wanted ? -1 : 0; /* its last word may have been that */
        nanosleep(&pause, NULL);
    }
    return 0;
}

uint64_t
scratch_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
