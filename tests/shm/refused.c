/*
 * System calls that a kernel does not have, or that a filter of calls refuses (seccomp, as containers have it), each of
 * those that opening makes, in turn and for good. Another call does the same in most cases: the segment is there, with
 * what was counted in it, as if nothing had been refused. Where none does, the program is told why, and runs on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define CALLS 512

static long refused_number = -1, refused_error;
static struct {
    uint32_t made[CALLS]; /* in a run in which nothing was refused */
} * shared;

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (number == refused_number)
        return -refused_error;
    if (number >= 0 && number < CALLS)
        __atomic_add_fetch(&shared->made[number], 1, __ATOMIC_RELAXED);
    result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "refused_total" };
static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "refused", .mode = SHMETER_SUM };

/* Whether nothing takes the place of this call. */
static int
is_needed(long number)
{
    return number == SYS_openat || number == SYS_mmap;
}

/* In a child; its exit code: 0, or what is wrong. */
static int
live(const char *path, long number, long error)
{
    struct shmeter *meter;
    struct shmeter_counter counter;
    int result;

    refused_number = number;
    refused_error = error;
    result = shmeter_open(&meter, path, NULL);
    counter = shmeter_counter_of(shmeter_family(meter, &counters));
    shmeter_counter_add(counter, 3);
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &gauges)), 4);
    if (is_needed(number))
        return !result ? 1 : !*shmeter_error(meter) ? 2 : counter.lanes ? 3 : 0;
    return result ? 4 : *shmeter_error(meter) ? 5 : counter.lanes ? 0 : 6;
}

static void
try_call(long number, long error, int there)
{
    const char *path = scratch_path("refused");
    struct scrape *scrape;
    pid_t pid;
    int result;

    if (there) {
        pid = scratch_fork();
        if (!pid)
            _exit(live(path, -1, 0));
        assert_int_equal(scratch_wait(pid), 0);
    }
    pid = scratch_fork();
    if (!pid)
        _exit(live(path, number, error));
    result = scratch_wait(pid);
    if (result)
        fail_msg("call %ld, error %ld, %s: %d", number, error, there ? "attaching" : "creating", result);
    if (!is_needed(number)) {
        assert_int_equal(scratch_files(), 1);
        scrape = scrape_open(path);
        scrape_take(scrape);
        assert_true(scrape_value(scrape, "refused_total") == (there ? 6 : 3));
        assert_true(scrape_value(scrape, "refused") == (there ? 8 : 4));
        scrape_close(scrape);
    }
    scratch_remove("refused");
    assert_int_equal(scratch_files(), 0);
}

static void
try_all(int there)
{
    static const long errors[] = { EPERM, ENOSYS };
    uint32_t i, tried = 0;
    long number;

    for (number = 0; number < CALLS; number++)
        for (i = 0; i < 2 && shared->made[number]; i++, tried++)
            try_call(number, errors[i], there);
    printf("# %u refusals\n", tried);
    assert_true(tried > 30);
}

static void
a_creator_does_without_what_is_refused(void **state)
{
    (void)state;
    try_all(0);
}

static void
who_attaches_does_without_what_is_refused(void **state)
{
    (void)state;
    try_all(1);
}

/* The reason is the kernel's, and not that the file were wrong. */
static void
what_is_told_is_true(void **state)
{
    const char *path = scratch_path("refused");
    struct shmeter_options options = SHMETER_OPTIONS(.mode = 0640);
    struct shmeter *meter;
    (void)state;

    refused_error = EPERM;
    refused_number = SYS_fchmod; /* and the file has another mode */
    assert_int_equal(shmeter_open(&meter, path, &options), -EPERM);
    assert_non_null(strstr(shmeter_error(meter), "operation not permitted"));
    assert_int_equal(scratch_files(), 0);
    refused_error = EIO;
    refused_number = SYS_pread64;
    assert_int_equal(shmeter_open(&meter, path, NULL), -EIO);
    assert_non_null(strstr(shmeter_error(meter), "cannot be had: errno 5"));
    refused_number = -1;
    assert_int_equal(shmeter_open(&meter, path, NULL), 0);
    shmeter_close(meter);
    scratch_remove("refused");
}

static int
begin(void **state)
{
    pid_t pid;
    (void)state;

    shared = scratch_shared(sizeof *shared);
    pid = scratch_fork();
    if (!pid)
        _exit(live(scratch_path("refused"), -1, 0));
    if (scratch_wait(pid))
        return -1;
    scratch_remove("refused");
    shared->made[SYS_renameat2] = shared->made[SYS_newfstatat] = 1; /* of those that take another one's place */
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_creator_does_without_what_is_refused),
        cmocka_unit_test(who_attaches_does_without_what_is_refused),
        cmocka_unit_test(what_is_told_is_true),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
