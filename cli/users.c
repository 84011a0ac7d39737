#include "cli/users.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PIDS_MAX 4194304u

/* Whether a line of /proc/PID/maps (proc(5)) is a shared, writable mapping of the file. */
static int
is_mapping(const char *line, uint64_t device, uint64_t inode)
{
    unsigned major_number, minor_number;
    unsigned long long number;
    char rights[8];

    /* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers */
    return sscanf(line, "%*x-%*x %7s %*x %x:%x %llu", rights, &major_number, &minor_number, &number) == 4 &&
           rights[1] == 'w' && rights[3] == 's' && number == inode && major_number == major(device) &&
           minor_number == minor(device);
}

static int
has_mapped(uint32_t pid, uint64_t device, uint64_t inode)
{
    char path[64], *line = NULL;
    size_t bytes = 0;
    FILE *file;
    int found = 0;

    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    while (!found && getline(&line, &bytes, file) >= 0)
        found = is_mapping(line, device, inode);
    free(line);
    fclose(file);
    return found;
}

static void
name_of(uint32_t pid, char *out, size_t bytes)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%u/comm", pid);
    file = fopen(path, "re");
    if (!file || !fgets(out, (int)bytes, file))
        snprintf(out, bytes, "?");
    out[strcspn(out, "\n")] = 0;
    if (file)
        fclose(file);
}

static int
by_pid(const void *a, const void *b)
{
    const struct user *one = a, *other = b;

    return one->pid < other->pid ? -1 : one->pid > other->pid;
}

uint32_t
users_find(uint64_t device, uint64_t inode, struct user *out, uint32_t out_n)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    uint32_t n = 0;

    while (directory && (entry = readdir(directory))) {
        unsigned long pid = strtoul(entry->d_name, NULL, 10);
        if (!pid || pid > PIDS_MAX || pid == (unsigned long)getpid() || !has_mapped((uint32_t)pid, device, inode))
            continue;
        if (n < out_n) {
            out[n].pid = (uint32_t)pid;
            name_of(out[n].pid, out[n].name, sizeof out[n].name);
        }
        n++;
    }
    if (directory)
        closedir(directory);
    qsort(out, n < out_n ? n : out_n, sizeof *out, by_pid);
    return n;
}
