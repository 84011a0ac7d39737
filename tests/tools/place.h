/*
 * A directory of the test's own under /dev/shm, for segments by path, and a process that removes it when the test ends,
 * also when it is killed. It knows nothing of shmeter.
 */
#ifndef SHMETER_TESTS_TOOLS_PLACE_H
#define SHMETER_TESTS_TOOLS_PLACE_H

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char place_directory[128];
static volatile pid_t place_child;

/* The path of name in the directory; one of 8 buffers. */
__attribute__((unused)) static const char *
place_path(const char *name)
{
    static char paths[8][255];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%.127s/%.100s", place_directory, name);
    return path;
}

static void
place_remove(void)
{
    DIR *directory = opendir(place_directory);
    struct dirent *entry;
    char path[512];
    if (!directory)
        return;
    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            snprintf(path, sizeof path, "%s/%s", place_directory, entry->d_name);
            if (unlink(path))
                rmdir(path);
        }
    closedir(directory);
    rmdir(place_directory);
}

static void
place_stop(int number)
{
    (void)number;
    if (place_child > 0)
        kill(place_child, SIGKILL);
}

/* Runs body in a child with the directory made; removes the directory. Returns the exit status of the program. */
static int
place_run(const char *word, int (*body)(void))
{
    int status = 0;
    snprintf(place_directory, sizeof place_directory, "/dev/shm/shmeter-test-%s-%d", word, (int)getpid());
    if (mkdir(place_directory, 0700)) {
        perror(place_directory);
        return 1;
    }
    signal(SIGTERM, place_stop);
    signal(SIGINT, place_stop);
    place_child = fork();
    if (!place_child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        exit(body());
    }
    while (place_child > 0 && waitpid(place_child, &status, 0) < 0)
        ;
    place_remove();
    if (place_child < 0)
        return 1;
    if (WIFSIGNALED(status))
        printf("Bail out! The test was ended by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Waits for a child. Returns its exit status, or 128 + the signal that ended it. */
__attribute__((unused)) static int
place_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
