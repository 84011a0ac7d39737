/*
 * The same work done by client_golang, the library that most exporters are made of: bench/go/peer.go, a program of its own that
 * prints its figures. It is built where Go and the library are installed; elsewhere nothing is compared with it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/rows.h"

/* Beside this program, unless the environment names it. */
static int
peer_path(char *path, size_t bytes)
{
    static const char name[] = "shmeter-bench-go";
    const char *given = getenv("SHMETER_BENCH_GO"), *slash;
    ssize_t len = given ? 0 : readlink("/proc/self/exe", path, bytes - sizeof name);
    if (given && strlen(given) < bytes) {
        strcpy(path, given);
    } else {
        path[len > 0 ? len : 0] = 0;
        slash = strrchr(path, '/');
        strcpy(path + (slash ? slash + 1 - path : 0), name);
    }
    return access(path, X_OK);
}

/* Lines "NAME NS". */
static void
take_lines(struct bench_run *run, FILE *lines)
{
    char line[128], name[96];
    double ns;
    while (fgets(line, sizeof line, lines))
        if (sscanf(line, "%95s %lf", name, &ns) == 2)
            run_put(run, name, ns);
}

static void
measure_peer(struct bench_run *run, const struct bench_row *row)
{
    char path[PATH_MAX];
    int ends[2], status;
    pid_t pid;
    (void)row;
    if (peer_path(path, sizeof path)) {
        run_note(run, "Nothing was compared with client_golang: ninja -C build bench/shmeter-bench-go builds what that "
                      "takes, where "
                      "golang-go and golang-github-prometheus-client-golang-dev are installed.");
        for (size_t i = 0; i < peer_rows_n; i++)
            run->have[row_find(peer_rows[i].name)] = 1;
        return;
    }
    if (pipe(ends) || (pid = fork()) < 0)
        bench_fail("%s cannot be started: %s", path, strerror(errno));
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *lines = fdopen(ends[0], "r");
    if (!lines)
        bench_fail("no memory to read from %s", path);
    take_lines(run, lines);
    fclose(lines);
    if (waitpid(pid, &status, 0) != pid || status)
        bench_fail("%s failed", path);
}

#define GO(name_, words, unit_)                                                                          \
    {                                                                                                    \
        .section = "client_golang", .name = "go-" name_, .what = "client_golang: " words, .unit = unit_, \
        .flags = BENCH_HEAVY | BENCH_LARGE, .measure = measure_peer                                      \
    }

const struct bench_row peer_rows[] = {
    GO("inc", "counter inc, handle kept", "ns"),
    GO("observe", "histogram observe, 16 bounds, handle kept", "ns"),
    GO("lookup", "WithLabelValues of an existing series, 2 labels", "ns"),
    GO("counters-100k-text", "scrape of 100,000 counters, text", "ns/series"),
    GO("counters-100k-text-gzip", "scrape of 100,000 counters, text, gzip", "ns/series"),
    GO("counters-100k-openmetrics", "scrape of 100,000 counters, openmetrics", "ns/series"),
    GO("counters-100k-openmetrics-gzip", "scrape of 100,000 counters, openmetrics, gzip", "ns/series"),
    GO("counters-100k-protobuf", "scrape of 100,000 counters, protobuf", "ns/series"),
    GO("counters-100k-protobuf-gzip", "scrape of 100,000 counters, protobuf, gzip", "ns/series"),
};
const size_t peer_rows_n = ROWS_N(peer_rows);
