/*
 * Segments of a few jobs, for the tests of series that come and go. Each of them includes it once.
 */
#ifndef SHMETER_TESTS_SHM_REUSE_H
#define SHMETER_TESTS_SHM_REUSE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

static const char *const labels[] = { "job", NULL };
static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "job_total", .labels = labels };
static const struct shmeter_desc gauges = {
    .type = SHMETER_GAUGE, .name = "job_now", .labels = labels, .mode = SHMETER_LIVE_SUM
};
static const struct shmeter_desc sizes = { .type = SHMETER_COUNTER_F64, .name = "job_bytes_total", .labels = labels };
static const struct shmeter_desc seconds = { .type = SHMETER_HISTOGRAM, .name = "job_seconds", .labels = labels };
static const struct shmeter_desc infos = { .type = SHMETER_INFO, .name = "job_info", .labels = labels };

static struct shmeter *meter;
static const char *path;

/* A segment of its own for each test. */
static void
begin(const char *name, uint32_t max_gauges, uint32_t max_series)
{
    const struct shmeter_options options = SHMETER_OPTIONS(.max_gauges = max_gauges, .max_series = max_series,
                                                           .lane_bytes = 32768, .cpu_lanes = 2, .max_slots = 16);

    path = scratch_path(name);
    assert_int_equal(shmeter_open(&meter, path, &options), 0);
}

static void
end(struct scrape *scrape)
{
    if (scrape)
        scrape_close(scrape);
    shmeter_close(meter);
    scratch_remove(strrchr(path, '/') + 1);
}

static const char *
job(uint32_t i)
{
    static char name[16];

    snprintf(name, sizeof name, "j%u", i);
    return name;
}

static void
hide(const struct shmeter_family *family, uint32_t i)
{
    const char *const values[] = { job(i) };

    shmeter_hide_v(family, values, 1);
}

static uint64_t
lost(struct scrape *scrape)
{
    const struct segment_status *status = scrape_status(scrape);
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < STATUS_LOSSES; i++)
        sum += status->losses[i];
    return sum;
}

#endif
