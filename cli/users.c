#include "cli/users.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PIDS_MAX 4194304u

#define REMOVED " (deleted)" /* stands behind the path of a mapped file that was unlinked */

/* Which file: of this inode, or if path is not NULL, any that had this path and was unlinked. */
struct wanted {
    uint64_t device, inode;
    const char *path;
};

static int
is_of_path(const char *at, const char *path)
{
    size_t bytes = strlen(path);

    return !strncmp(at, path, bytes) && !strncmp(at + bytes, REMOVED, strlen(REMOVED)) &&
           (at[bytes + strlen(REMOVED)] == '\n' || !at[bytes + strlen(REMOVED)]);
}

/* Whether a line of /proc/PID/maps (proc(5)) is a shared, writable mapping of the file. */
static int
is_mapping(const char *line, const struct wanted *wanted)
{
    unsigned major_number, minor_number;
    unsigned long long number;
    char rights[8];
    int path_at = 0;

    /* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers */
    return sscanf(line, "%*x-%*x %7s %*x %x:%x %llu %n", rights, &major_number, &minor_number, &number, &path_at) ==
               4 &&
           rights[1] == 'w' && rights[3] == 's' && major_number == major(wanted->device) &&
           minor_number == minor(wanted->device) &&
           (wanted->path ? path_at && is_of_path(line + path_at, wanted->path) : number == wanted->inode);
}

static int
has_mapped(uint32_t pid, const struct wanted *wanted)
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
        found = is_mapping(line, wanted);
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

static uint32_t
find(const struct wanted *wanted, struct user *out, uint32_t out_n)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    uint32_t n = 0;

    while (directory && (entry = readdir(directory))) {
        unsigned long pid = strtoul(entry->d_name, NULL, 10);
        if (!pid || pid > PIDS_MAX || pid == (unsigned long)getpid() || !has_mapped((uint32_t)pid, wanted))
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

uint32_t
users_find(uint64_t device, uint64_t inode, struct user *out, uint32_t out_n)
{
    const struct wanted wanted = { device, inode, NULL };

    return find(&wanted, out, out_n);
}

uint32_t
users_find_removed(uint64_t device, const char *path, struct user *out, uint32_t out_n)
{
    const struct wanted wanted = { device, 0, path };

    return find(&wanted, out, out_n);
}

void
users_name(const struct user *users, uint32_t n, uint32_t most, char *out, size_t bytes)
{
    uint32_t i;
    size_t at = 0;

    out[0] = 0;
    for (i = 0; i < n && i < most && at < bytes; i++)
        at += (size_t)snprintf(out + at, bytes - at, "%spid %u (%s)", i ? ", " : "", users[i].pid, users[i].name);
    if (n > most && at < bytes)
        snprintf(out + at, bytes - at, " and %u more", n - most);
}
