/*
 * Everything is read through one descriptor of /proc/PID, which stays that of the process it was opened for: when the
 * number is another process' by now, reads fail.
 */
#include "process/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_FIRST 3  /* the field behind the command's name, which may have blanks                         */
#define STAT_LAST  24 /* rss                                                                             */

static int
open_process(uint32_t pid)
{
    char path[32];
    int fd;

    if (!pid || pid > INT32_MAX)
        return -ESRCH; /* kill(2) would take it for a group */
    snprintf(path, sizeof path, "/proc/%u", (unsigned)pid);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    /* Where /proc hides other users' processes (hidepid), they are there all the same. */
    return (errno == ENOENT || errno == ESRCH) && kill((pid_t)pid, 0) && errno == ESRCH ? -ESRCH : -EACCES;
}

/* The beginning of a file, with an ending zero. Returns its bytes, or -errno. */
static ssize_t
slurp(int directory, const char *name, char *out, size_t bytes)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC), error;
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read(fd, out, bytes - 1);
    error = errno;
    close(fd);
    if (n < 0)
        return -error;
    out[n] = 0;
    return n;
}

/* When the machine was started, in seconds since 1970; 0: unknown. */
static double
boot_seconds(void)
{
    static double known; /* the same whoever writes it */
    double seconds = known;
    char *line = NULL;
    size_t capacity = 0;
    FILE *file;

    if (seconds > 0)
        return seconds;
    file = fopen("/proc/stat", "re");
    while (file && getline(&line, &capacity, file) > 0)
        if (!strncmp(line, "btime ", 6))
            seconds = strtod(line + 6, NULL);
    free(line);
    if (file)
        fclose(file);
    known = seconds;
    return seconds;
}

/* Fields STAT_FIRST to STAT_LAST of /proc/PID/stat. 0, or -ESRCH or -EACCES. */
static int
read_stat(int directory, uint64_t fields[STAT_LAST + 1], char *state)
{
    char text[1024], *at, *end;
    ssize_t n = slurp(directory, "stat", text, sizeof text);
    uint32_t field;

    if (n < 0)
        return n == -ESRCH || n == -ENOENT ? -ESRCH : -EACCES;
    at = strrchr(text, ')');
    if (!at || at[1] != ' ' || !at[2])
        return -EACCES;
    *state = at[2];
    at += 3;
    for (field = STAT_FIRST + 1; field <= STAT_LAST; field++, at = end) {
        fields[field] = strtoull(at, &end, 10);
        if (end == at)
            return -EACCES;
    }
    return 0;
}

/* Linux 6.2 and later have their number as the folder's size. */
static int
count_fds(int directory, uint64_t *out)
{
    struct stat status;
    const struct dirent *entry;
    DIR *folder;
    int fd;

    if (!fstatat(directory, "fd", &status, 0) && status.st_size > 0 && !faccessat(directory, "fd", R_OK, 0)) {
        *out = (uint64_t)status.st_size;
        return 1;
    }
    fd = openat(directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (*out = 0; (entry = readdir(folder));)
        *out += entry->d_name[0] != '.';
    closedir(folder);
    return 1;
}

static void
read_limit(uint32_t pid, struct process_figures *out)
{
    struct rlimit limit;

    if (prlimit((pid_t)pid, RLIMIT_NOFILE, NULL, &limit))
        return;
    out->max_fds = limit.rlim_cur == RLIM_INFINITY ? INFINITY : (double)limit.rlim_cur;
    out->parts |= PROCESS_MAX_FDS;
}

/* Whether it is the process that is meant, and has not ended: a zombie has, unless threads of it go on. */
static int
is_meant(const uint64_t fields[STAT_LAST + 1], char state, uint32_t start_ticks)
{
    if (start_ticks && (uint32_t)fields[22] != start_ticks)
        return 0;
    return (state != 'Z' && state != 'X') || fields[20] > 1;
}

int
process_read(uint32_t pid, uint32_t start_ticks, struct process_figures *out)
{
    const double ticks = (double)sysconf(_SC_CLK_TCK);
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t fields[STAT_LAST + 1];
    char state = 0;
    int directory = open_process(pid), result;

    memset(out, 0, sizeof *out);
    if (directory < 0)
        return directory;
    result = read_stat(directory, fields, &state);
    if (!result && !is_meant(fields, state, start_ticks))
        result = -ESRCH;
    if (!result) {
        out->cpu_ms = (uint64_t)((double)(fields[14] + fields[15]) * 1000 / ticks);
        out->start_seconds = boot_seconds() + (double)fields[22] / ticks;
        out->virtual_bytes = fields[23];
        out->resident_bytes = fields[24] * page;
        out->threads_n = fields[20];
        if (count_fds(directory, &out->open_fds))
            out->parts |= PROCESS_OPEN_FDS;
        read_limit(pid, out);
        if (read_stat(directory, fields, &state)) /* so that the limit was not another process' */
            result = -ESRCH;
    }
    close(directory);
    return result;
}

void
process_read_proportional(uint32_t pid, uint32_t start_ticks, struct process_figures *out)
{
    uint64_t fields[STAT_LAST + 1];
    char text[1024], state;
    const char *line;
    int directory = open_process(pid);

    if (directory < 0)
        return;
    if (!read_stat(directory, fields, &state) && is_meant(fields, state, start_ticks) &&
        slurp(directory, "smaps_rollup", text, sizeof text) > 0 && (line = strstr(text, "\nPss:"))) {
        out->proportional_bytes = strtoull(line + 5, NULL, 10) * 1024;
        out->parts |= PROCESS_PROPORTIONAL;
    }
    close(directory);
}
