/*
 * Fills segments through the public header.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/rows/fill.h"
#include "bench/rows/floors.h"
#include "shmeter.h"

static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
static const char *const labels[] = { "method", "path", NULL };

struct fill_store {
    struct shmeter *meter;
    uint32_t families_n;
    const struct shmeter_family **families;
};

const char *
fill_method(uint32_t series)
{
    return methods[series % 4];
}

const char *
fill_path(char text[FILL_PATH_BYTES], uint32_t series)
{
    snprintf(text, FILL_PATH_BYTES, "/api/v1/items/%u", series % FILL_FAMILY_SERIES);
    return text;
}

const struct shmeter_family *
fill_family(const struct fill_store *store, uint32_t series)
{
    return store->families[series / FILL_FAMILY_SERIES];
}

uint32_t
fill_chunk_bytes(void)
{
    return SHMETER_CHUNK_BYTES;
}

static int
open_families(struct fill_store *store, const struct fill *fill)
{
    store->families_n = (fill->series_n + FILL_FAMILY_SERIES - 1) / FILL_FAMILY_SERIES;
    store->families = calloc(store->families_n, sizeof *store->families);
    if (!store->families)
        return -ENOMEM;
    for (uint32_t i = 0; i < store->families_n; i++) {
        char name[48];
        struct shmeter_desc desc = { .type = fill->histograms ? SHMETER_HISTOGRAM : SHMETER_COUNTER,
                                     .name = name,
                                     .help = "One of many.",
                                     .labels = labels,
                                     .bounds = floors_bounds,
                                     .bounds_len = FLOORS_BOUNDS };
        if (fill->exponential) {
            desc.schema = 3;
            desc.min_value = 1.0 / 1024;
            desc.max_value = 1024;
        }
        snprintf(name, sizeof name, fill->histograms ? "bench_%u_duration_seconds" : "bench_%u_requests_total", i);
        store->families[i] = shmeter_family(store->meter, &desc);
    }
    return 0;
}

static void
add_values(const struct fill_store *store, const struct fill *fill)
{
    char text[FILL_PATH_BYTES];
    for (uint32_t i = 0; i < fill->series_n; i++) {
        const struct shmeter_family *family = fill_family(store, i);
        const char *path = fill_path(text, i);
        if (fill->histograms) {
            struct shmeter_histogram histogram = shmeter_histogram_of(family, fill_method(i), path);
            for (unsigned k = 0; k < 32; k++)
                shmeter_histogram_observe(histogram, floors_values[(i + k) % FLOORS_VALUES]);
        } else {
            shmeter_counter_add(shmeter_counter_of(family, fill_method(i), path), i * 37u + 1);
        }
    }
}

int
fill_open(struct fill_store **out, const char *path, const struct fill *fill)
{
    struct fill_store *store = calloc(1, sizeof *store);
    struct shmeter_options options = { .struct_bytes = sizeof options,
                                       .group = -1,
                                       .lane_bytes = 1 << 20,
                                       .max_series = fill->series_n + 1000,
                                       .max_family_series = FILL_FAMILY_SERIES + 1,
                                       .cpu_lanes = fill->cpu_lanes };
    uint64_t cell_bytes = fill->exponential ? 2048 : fill->histograms ? 64 + 8 * (FLOORS_BOUNDS + 1) : 8;
    if (!store)
        return -ENOMEM;
    while (options.lane_bytes < (fill->series_n + 1000) * cell_bytes)
        options.lane_bytes *= 2;
    floors_set_up();
    int error = shmeter_open(&store->meter, path, &options);
    if (!error)
        error = open_families(store, fill);
    if (!error) {
        add_values(store, fill);
        if (*shmeter_error(store->meter)) {
            fprintf(stderr, "shmeter-bench: %s\n", shmeter_error(store->meter));
            error = -ENOSPC;
        }
    }
    if (error)
        fill_close(store);
    else
        *out = store;
    return error;
}

void
fill_close(struct fill_store *store)
{
    shmeter_close(store->meter);
    free(store->families);
    free(store);
}

struct apart {
    const char *path;
    const struct fill *fill;
};

static int
fill_body(double *ns, const void *argument)
{
    const struct apart *apart = argument;
    struct fill_store *store;
    int error = fill_open(&store, apart->path, apart->fill);
    (void)ns;
    if (!error)
        fill_close(store);
    return -error;
}

int
fill_apart(const char *path, const struct fill *fill)
{
    double none;
    return -measure_fork(fill_body, &(const struct apart){ path, fill }, &none, 1);
}

static const struct shmeter_desc in_flight = { .type = SHMETER_GAUGE,
                                               .mode = SHMETER_LIVE_SUM,
                                               .name = "bench_in_flight",
                                               .help = "Requests in flight.",
                                               .labels = labels };

/* One worker: writes a byte when it is ready, and waits until the other end of hold is closed. */
static void __attribute__((noreturn)) work(const char *path, const struct fill *fill, int said, int hold)
{
    struct fill_store store = { 0 };
    char text[FILL_PATH_BYTES];
    int error = shmeter_open(&store.meter, path, NULL);
    if (!error)
        error = shmeter_attach_worker(store.meter);
    if (!error)
        error = open_families(&store, fill);
    if (error)
        bench_fail("a worker cannot attach: %s", shmeter_error(store.meter));
    for (uint32_t i = 0; i < 10; i++) {
        const struct shmeter_family *family = shmeter_family(store.meter, &in_flight);
        shmeter_gauge_set(shmeter_gauge_of(family, fill_method(i), fill_path(text, i)), i);
        shmeter_counter_inc(shmeter_counter_of(store.families[0], fill_method(i), fill_path(text, i)));
    }
    if (write(said, "", 1) != 1)
        _exit(2);
    while (read(hold, text, 1) < 0 && errno == EINTR) {
    }
    _exit(0);
}

void
fill_workers_start(struct fill_workers *workers, unsigned n, const char *path, const struct fill *fill)
{
    int said[2], hold[2];
    char byte;
    pid_t parent = getpid();
    if (pipe(said) || pipe(hold))
        bench_fail("pipe: %s", strerror(errno));
    workers->n = 0;
    workers->hold = hold[1];
    for (unsigned i = 0; i < n && i < sizeof workers->pids / sizeof *workers->pids; i++) {
        pid_t pid = fork();
        if (pid < 0)
            bench_fail("fork: %s", strerror(errno));
        if (pid == 0) {
            cpus_die_with_parent(parent);
            close(said[0]);
            close(hold[1]);
            work(path, fill, said[1], hold[0]);
        }
        workers->pids[workers->n++] = pid;
    }
    close(said[1]);
    close(hold[0]);
    for (unsigned i = 0; i < workers->n; i++)
        if (read(said[0], &byte, 1) != 1)
            bench_fail("a worker has ended before it was attached");
    close(said[0]);
}

void
fill_workers_end(struct fill_workers *workers)
{
    close(workers->hold);
    for (unsigned i = 0; i < workers->n; i++)
        waitpid(workers->pids[i], NULL, 0);
    workers->n = 0;
}
