/*
 * A segment of its own for each test, and a clock that is moved by hand. Included by a program that tries how series go
 * by themselves.
 */
#ifndef SHMETER_TESTS_SHM_LIFETIME_H
#define SHMETER_TESTS_SHM_LIFETIME_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define IDLE 60u /* seconds */

static const char *const labels[] = { "job", NULL };
static struct shmeter *meter;
static struct scrape *scrape;
static char segment[16];  /* another one for each test */
static uint64_t ahead_ns; /* of the real clock */

int
clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);

    if (!result && clock == CLOCK_MONOTONIC)
        out->tv_sec += (time_t)(ahead_ns / 1000000000u);
    return result;
}

static void
pass(uint64_t seconds)
{
    ahead_ns += seconds * 1000000000u;
}

static int
begin(void **state)
{
    const struct shmeter_options options = SHMETER_OPTIONS(.max_gauges = 64, .lane_bytes = 32768, .cpu_lanes = 2,
                                                           .max_slots = 16);
    static unsigned tests_n;
    (void)state;

    snprintf(segment, sizeof segment, "life%u", tests_n++);
    assert_int_equal(shmeter_open(&meter, scratch_path(segment), &options), 0);
    scrape = scrape_open(scratch_path(segment));
    return 0;
}

static int
end(void **state)
{
    (void)state;

    scrape_close(scrape);
    shmeter_close(meter);
    scratch_remove(segment);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
