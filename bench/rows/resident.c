/* The exporter at rest: its anonymous memory, and its CPU time between scrapes, from /proc. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/rows/fill.h"
#include "bench/rows/tables.h"

#define READY_SECONDS 10
#define REST_MS       3000
#define LARGE_N       100000

struct subject {
    struct fill fill;
    void (*look)(struct bench_run *run, pid_t pid); /* called after some scrapes */
    const char *config;                             /* the configuration file; NULL none */
};

/* The exporter's path: beside this program in the build directory. */
static int
exporter_path(char *path, size_t bytes)
{
    char own[PATH_MAX];
    const char *given = getenv("SHMETER_EXPORTER");
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    if (len < 0)
        return -1;
    own[len] = 0;
    for (unsigned up = 0; up < 2; up++) {
        char *slash = strrchr(own, '/');
        if (slash)
            *slash = 0;
    }
    snprintf(path, bytes, "%s%s", given ? given : own, given ? "" : "/exporter/shmeter-exporter");
    return access(path, X_OK);
}

static struct sockaddr_in
loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static uint16_t
free_port(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        bench_fail("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

/* Length of the answer to GET /metrics; 0: there is none. */
static size_t
scrape_http(uint16_t port)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = loopback(port);
    char answer[4096];
    size_t bytes = 0;
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1)
        while ((n = recv(fd, answer, sizeof answer, 0)) > 0)
            bytes += (size_t)n;
    close(fd);
    return bytes;
}

static void
pause_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

static pid_t
start(const char *exporter, const char *segment, const char *config, uint16_t port)
{
    char address[32], option[300] = "--log.level=error";
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        bench_fail("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    cpus_die_with_parent(parent);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (config)
        snprintf(option, sizeof option, "--config.file=%s", config);
    execl(exporter, exporter, "--segment", segment, "--web.listen-address", address, option, (char *)NULL);
    _exit(127);
}

static int
wait_ready(pid_t pid, uint16_t port)
{
    for (unsigned tries = 0; tries < READY_SECONDS * 100; tries++) {
        if (scrape_http(port) > 0)
            return 0;
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return -1;
        pause_ms(10);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

/* RssAnon in KiB; -1: unknown. */
static double
anonymous_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    while (file && kib < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %ld", &kib) != 1)
            kib = -1;
    if (file)
        fclose(file);
    return (double)kib;
}

/* CPU time of all threads in ns; -1: the kernel has no such statistics. */
static double
cpu_ns(pid_t pid)
{
    char path[320];
    double total = -1;
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *threads = opendir(path);
    const struct dirent *thread;
    while (threads && (thread = readdir(threads)) != NULL) {
        unsigned long long ns;
        if (thread->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat", (long)pid, thread->d_name);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%llu", &ns) == 1)
            total = (total < 0 ? 0 : total) + (double)ns;
        if (file)
            fclose(file);
    }
    if (threads)
        closedir(threads);
    return total;
}

static void
look_at_cpu(struct bench_run *run, pid_t pid, const char *name)
{
    double before = cpu_ns(pid);
    uint64_t wall = measure_wall_ns();
    pause_ms(REST_MS);
    double spent = cpu_ns(pid) - before, passed = (double)(measure_wall_ns() - wall);
    if (before >= 0)
        run_put(run, name, spent / passed * 100);
}

static void
look_at_rest(struct bench_run *run, pid_t pid)
{
    double kib = anonymous_kib(pid);
    if (kib >= 0)
        run_put(run, "exporter-memory", kib / 1024);
    look_at_cpu(run, pid, "exporter-cpu");
}

static void
look_at_rules(struct bench_run *run, pid_t pid)
{
    look_at_cpu(run, pid, "exporter-cpu-rules");
}

static void
look_at_memory(struct bench_run *run, pid_t pid)
{
    double kib = anonymous_kib(pid);
    if (kib >= 0)
        run_put(run, "exporter-memory-100k", kib * 1024 / LARGE_N);
}

/* Writes the subject's configuration file and returns its path, in static memory; NULL: it has none. */
static const char *
write_config(const struct bench_run *run, const struct subject *one)
{
    static char path[256];
    snprintf(path, sizeof path, "%s", run_segment(run, "config"));
    FILE *file = one->config ? fopen(path, "we") : NULL;
    if (one->config && (!file || fputs(one->config, file) < 0 || fclose(file)))
        bench_fail("%s cannot be written", path);
    return one->config ? path : NULL;
}

/* Measures one subject. Returns 0, or -1 when the exporter does not answer. */
static int
measure_one(struct bench_run *run, const struct subject *one, const char *exporter, const char *segment)
{
    const char *config = write_config(run, one);
    for (unsigned tries = 0; tries < 3; tries++) { /* another program may take the port before the exporter does */
        uint16_t port = free_port();
        pid_t pid = start(exporter, segment, config, port);
        if (wait_ready(pid, port))
            continue;
        for (unsigned i = 0; i < 3; i++)
            scrape_http(port);
        pause_ms(200);
        one->look(run, pid);
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
        return 0;
    }
    return -1;
}

static void
measure_exporter(struct bench_run *run, const struct bench_row *row)
{
    char exporter[PATH_MAX + 64], segment[256];
    const struct subject *one = row->argument;
    if (exporter_path(exporter, sizeof exporter)) {
        run_note(run, "The exporter was not measured: it is not beside this program (SHMETER_EXPORTER names it).");
        return;
    }
    snprintf(segment, sizeof segment, "%s", run_segment(run, "exporter"));
    int error = fill_apart(segment, &one->fill);
    if (error)
        bench_fail("no segment could be filled: %s", strerror(-error));
    if (measure_one(run, one, exporter, segment))
        run_note(run, "The exporter was not measured: it did not answer.");
    unlink(segment);
    run_segment_remove(run, "config");
}

static const struct subject small = { { .series_n = 990 }, look_at_rest, NULL };
static const struct subject large = { { .series_n = LARGE_N }, look_at_memory, NULL };
/* With rules over the rate of each series, and over the sum of all. */
static const struct subject ruled = { { .series_n = 990 },
                                      look_at_rules,
                                      "health:\n"
                                      "  rules:\n"
                                      "    - {name: each, expr: 'max(rate(bench_0_requests_total[30m])) > 1e9'}\n"
                                      "    - {name: all, expr: 'sum(rate(bench_0_requests_total[5m])) > 1e9'}\n" };

#define ROW(name_, words, unit_, subject_, target)                                                                    \
    {                                                                                                                 \
        .section = "exporter", .name = (name_), .what = (words), .unit = (unit_), .flags = BENCH_HEAVY | BENCH_LARGE, \
        .measure = measure_exporter, .argument = &(subject_), .max_value = (target)                                   \
    }

const struct bench_row resident_rows[] = {
    ROW("exporter-memory", "RssAnon at rest, 990 series", "MiB", small, 8),
    ROW("exporter-cpu", "CPU at rest, 990 series", "%", small, 0.1),
    ROW("exporter-cpu-rules", "the same, two rules over them once a second", "%", ruled, 0.5),
    ROW("exporter-memory-100k", "RssAnon at rest, 100,000 series scraped as text", "B/series", large, 0),
};
const size_t resident_rows_n = ROWS_N(resident_rows);
