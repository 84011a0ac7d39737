/*
 * Workers in several time namespaces, where CLOCK_MONOTONIC is ahead or behind: the value set last is the one that was
 * set last, and ages of heartbeats are right, whichever of them created the segment, which counts in nanoseconds.
 */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define NEWTIME     0x80 /* CLONE_NEWTIME */
#define NOT_ALLOWED 77
#define AHEAD       "monotonic 100000 0\n"
#define BEHIND      "monotonic -%u 0\n"

static const struct shmeter_desc latest = { .type = SHMETER_GAUGE, .name = "latest", .mode = SHMETER_LATEST };
static const struct shmeter_desc living = { .type = SHMETER_GAUGE, .name = "living", .mode = SHMETER_LIVE_LATEST };

/* For the children of this process. */
static int
enter(const char *offsets)
{
    char text[64];
    int fd, result = -1;
    uint64_t up = shmeter_clock_ns() / UINT64_C(1000000000) / 2; /* no clock goes below 0 */

    snprintf(text, sizeof text, strchr(offsets, '%') ? BEHIND : AHEAD, (unsigned)up);
    if (syscall(SYS_unshare, NEWTIME))
        return -1;
    fd = open("/proc/self/timens_offsets", O_WRONLY);
    if (fd >= 0)
        result = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
    close(fd);
    return result;
}

/* Runs body in a namespace of these offsets; NULL: in this one. Its exit code. */
static int
run_in(const char *offsets, int (*body)(void))
{
    pid_t child = scratch_fork(), grandchild;

    if (!child) {
        if (offsets && enter(offsets))
            _exit(NOT_ALLOWED);
        grandchild = scratch_fork();
        if (!grandchild)
            _exit(body());
        _exit(scratch_wait(grandchild));
    }
    return scratch_wait(child);
}

static const char *path;
static double value;

static int
set(void)
{
    struct shmeter *meter;

    if (shmeter_open(&meter, path, NULL))
        return 1;
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &latest)), value);
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &living)), value);
    return 0;
}

/* A segment whose ticks are nanoseconds, created here. */
static int
create(void)
{
    struct shmeter_options options = shmeter_open_options(NULL);
    struct shmeter_header header;
    const char *why;
    int fd, result = shmeter_segment_create(path, &options, &why);

    fd = open(path, O_RDWR);
    if (result || fd < 0 || pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header)
        return 1;
    header.ticks_kind = SHMETER_TICKS_MONOTONIC_NS;
    header.created_ticks = header.created_mono_ns;
    header.sum = shmeter_header_sum(&header);
    return pwrite(fd, &header, sizeof header, 0) != (ssize_t)sizeof header;
}

static void
the_last_set_wins(const char *creator)
{
    static const char *const turns[] = { NULL, AHEAD, NULL, BEHIND, AHEAD, BEHIND, NULL };
    struct scrape *scrape;
    char name[32];
    static uint32_t n;
    size_t i;
    int result;

    snprintf(name, sizeof name, "latest-%u", n++);
    path = scratch_path(name);
    result = run_in(creator, create);
    if (result == NOT_ALLOWED)
        skip();
    assert_int_equal(result, 0);
    scrape = scrape_open(path);
    for (i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        value = (double)i + 1;
        result = run_in(turns[i], set);
        if (result == NOT_ALLOWED)
            skip();
        assert_int_equal(result, 0);
        scrape_take(scrape);
        if (scrape_value(scrape, "latest") != value)
            fail_msg("set %zu, %s: %g is exposed", i + 1, turns[i] ? turns[i] : "here", scrape_value(scrape, "latest"));
    }
    scrape_close(scrape);
}

static void
the_value_set_last_is_the_latest_in_whatever_time_namespace(void **state)
{
    (void)state;
    the_last_set_wins(NULL);
    the_last_set_wins(AHEAD);
    the_last_set_wins(BEHIND);
}

static struct {
    uint32_t ready, go;
} * shared;

static int
beat_and_stay(void)
{
    struct shmeter *meter;

    if (shmeter_open(&meter, path, NULL))
        return 1;
    shmeter_heartbeat(meter);
    __atomic_store_n(&shared->ready, 1, __ATOMIC_SEQ_CST);
    return scratch_until(&shared->go, 1) ? 1 : 0;
}

static void
expect_young_heartbeat(const char *creator, const char *worker)
{
    struct scrape *scrape;
    pid_t child;
    uint64_t age, began;
    const struct segment_status *status;

    path = scratch_path("beats");
    unlink(path);
    if (run_in(creator, create))
        skip();
    shared = scratch_shared(sizeof *shared);
    began = shmeter_clock_ns();
    child = scratch_fork();
    if (!child)
        _exit(run_in(worker, beat_and_stay));
    if (scratch_until(&shared->ready, 1))
        skip();
    scrape = scrape_open(path);
    scrape_take(scrape);
    status = scrape_status(scrape);
    assert_true(status->slots_len > 0);
    age = status->slots[0].heartbeat_age_ns;
    if (age > shmeter_clock_ns() - began + UINT64_C(1000000000))
        fail_msg("a heartbeat of now is %.3f s old", (double)age * 1e-9);
    scrape_close(scrape);
    __atomic_store_n(&shared->go, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(scratch_wait(child), 0);
}

static void
a_heartbeat_is_as_old_as_it_is(void **state)
{
    (void)state;
    expect_young_heartbeat(NULL, BEHIND);
    expect_young_heartbeat(AHEAD, NULL);
    expect_young_heartbeat(BEHIND, AHEAD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_value_set_last_is_the_latest_in_whatever_time_namespace),
        cmocka_unit_test(a_heartbeat_is_as_old_as_it_is),
    };

    return cmocka_run_group_tests_name("time namespace", tests, NULL, NULL);
}
