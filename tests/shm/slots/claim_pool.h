/*
 * A segment with a gauge of which its worker's slot is asked for, and workers that set it: for programs about claims.
 */
#ifndef SHMETER_TESTS_SHM_CLAIM_POOL_H
#define SHMETER_TESTS_SHM_CLAIM_POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"

static const char *segment;
static const struct shmeter_desc gauge_desc = { .type = SHMETER_GAUGE, .name = "calls_live", .mode = SHMETER_LIVE_SUM };

static struct shmeter_options
options_of(uint32_t slots)
{
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .group = -1, .max_slots = slots, .max_gauges = 16, .lane_bytes = 1 << 17
    };
    return options;
}

static struct shmeter *meter;
static struct shmeter_gauge gauge;

static void
open_pool(const char *name, uint32_t slots)
{
    struct shmeter_options options = options_of(slots);

    segment = place_path(name);
    assert_int_equal(shmeter_open(&meter, segment, &options), 0);
    gauge = shmeter_gauge_of(shmeter_family(meter, &gauge_desc));
}

/* Forks a worker that sets the gauge, and lives on or ends. */
static pid_t
start_worker(int lives)
{
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        shmeter_gauge_set(gauge, 1);
        if (!lives)
            _exit(0);
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0);
    close(ready[0]);
    if (!lives)
        place_wait(child);
    return child;
}

static void
end_workers(const pid_t *workers, int n)
{
    int i;

    for (i = 0; i < n; i++)
        kill(workers[i], SIGKILL);
    for (i = 0; i < n; i++)
        place_wait(workers[i]);
}

#endif
