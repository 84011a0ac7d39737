/*
 * The same work by client_golang, the library of most exporters: runs bench/go/peer.go, a program that prints its
 * figures. It is built where Go and the library are installed; elsewhere there is no comparison.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/rows/peer.h"
#include "bench/rows/tables.h"

/* The program's path: beside this program, unless the environment names it. */
static int
peer_path(char *path, size_t bytes)
{
    static const char name[] = "shmeter-bench-go";
    const char *given = getenv("SHMETER_BENCH_GO");
    char *slash;
    ssize_t len = given ? 0 : readlink("/proc/self/exe", path, bytes - sizeof name);
    if (given && strlen(given) < bytes) {
        snprintf(path, bytes, "%s", given);
    } else {
        path[len > 0 ? len : 0] = 0;
        slash = strrchr(path, '/');
        memcpy(slash ? slash + 1 : path, name, sizeof name);
    }
    return access(path, X_OK);
}

static void
measure_go(struct bench_run *run, const struct bench_row *row)
{
    char path[PATH_MAX];
    char *arguments[] = { path, NULL };
    (void)row;
    if (peer_path(path, sizeof path))
        peer_without(run, go_rows, go_rows_n,
                     "Nothing was compared with client_golang: ninja -C build bench/shmeter-bench-go builds what that "
                     "takes, where "
                     "golang-go and golang-github-prometheus-client-golang-dev are installed.");
    else
        peer_take(run, arguments);
}

#define GO(name_, words, unit_)                                                                            \
    {                                                                                                      \
        .section = "client_golang", .name = "go-" name_, .what = "client_golang: " words, .unit = (unit_), \
        .flags = BENCH_HEAVY | BENCH_LARGE, .measure = measure_go                                          \
    }

const struct bench_row go_rows[] = {
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
const size_t go_rows_n = ROWS_N(go_rows);
