/*
 * A program that locks its memory gives none to the segment's holes, whether it locks before it opens or afterwards, in
 * a child, and also where it may lock less than the segment's size.
 */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scratch.h"

#define NO_SUCH_RIGHT 77

static uint64_t
file_kib(const char *path)
{
    struct stat file;
    return stat(path, &file) ? 0 : (uint64_t)file.st_blocks / 2;
}

static int
use(const char *path, struct shmeter **out)
{
    static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "locked_total" },
                                     gauges = { .type = SHMETER_GAUGE, .name = "locked" };
    struct shmeter_counter counter;

    if (shmeter_open(out, path, NULL)) {
        print_message("# %s\n", shmeter_error(*out));
        return 1;
    }
    counter = shmeter_counter_of(shmeter_family(*out, &counters));
    shmeter_counter_inc(counter);
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(*out, &gauges)), 1);
    return !counter.lanes;
}

struct way {
    int before, after, in_child; /* flags of mlockall; 0: it is not called */
};

static int
lock(int flags)
{
    return flags && mlockall(flags) ? NO_SUCH_RIGHT : 0;
}

static int
live(const char *path, const struct way *way)
{
    struct shmeter *meter;
    pid_t child;

    if (lock(way->before))
        return NO_SUCH_RIGHT;
    if (use(path, &meter))
        return 1;
    if (lock(way->after))
        return NO_SUCH_RIGHT;
    if (!way->in_child)
        return use(path, &meter);
    child = scratch_fork();
    if (!child)
        _exit(lock(way->in_child) ? NO_SUCH_RIGHT : use(path, &meter));
    return scratch_wait(child);
}

/* How much a segment takes when it is used so: KiB. 0: this process may not. */
static uint64_t
taken(const struct way *way, int (*first)(void))
{
    static uint32_t n;
    char name[32];
    const char *path;
    pid_t child;
    int ended;

    snprintf(name, sizeof name, "segment-%u", n++);
    path = scratch_path(name);
    child = scratch_fork();
    if (!child)
        _exit(first && first() ? NO_SUCH_RIGHT : live(path, way));
    ended = scratch_wait(child);
    if (ended == NO_SUCH_RIGHT)
        return 0;
    assert_int_equal(ended, 0);
    return file_kib(path);
}

static void
expect_sparse(const struct way *way, int (*first)(void))
{
    static const struct way plain = { 0, 0, 0 };
    uint64_t wanted = taken(&plain, NULL), got = taken(way, first);

    if (!got)
        skip(); /* may not lock memory */
    if (got > wanted + wanted / 4)
        fail_msg("%llu KiB instead of %llu", (unsigned long long)got, (unsigned long long)wanted);
    print_message("# %llu KiB, %llu without\n", (unsigned long long)got, (unsigned long long)wanted);
}

/* Guard pages in shared files, Linux 6.15. */
static int
kernel_guards(void)
{
    const char *path = scratch_path("guards");
    FILE *file = fopen(path, "w+");
    void *at = MAP_FAILED;
    int result;

    if (file && !ftruncate(fileno(file), 8192))
        at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    result = at != MAP_FAILED && !madvise(at, 4096, 102 /* MADV_GUARD_INSTALL */);
    if (at != MAP_FAILED)
        munmap(at, 8192);
    if (file)
        fclose(file);
    return result;
}

static void
locking_before_it_opens_gives_no_memory_to_holes(void **state)
{
    static const struct way both = { MCL_CURRENT | MCL_FUTURE, 0, 0 }, on_fault = { MCL_FUTURE | MCL_ONFAULT, 0, 0 };
    (void)state;
    expect_sparse(&both, NULL);
    expect_sparse(&on_fault, NULL);
}

static void
locking_when_it_is_used_gives_no_memory_to_holes(void **state)
{
    static const struct way on_fault = { 0, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, 0 };
    static const struct way current = { 0, MCL_CURRENT, 0 }, both = { 0, MCL_CURRENT | MCL_FUTURE, 0 },
                            twice = { MCL_CURRENT | MCL_FUTURE, MCL_CURRENT | MCL_FUTURE, 0 };
    (void)state;
    expect_sparse(&on_fault, NULL);
    if (!kernel_guards())
        skip();
    expect_sparse(&current, NULL);
    expect_sparse(&both, NULL);
    expect_sparse(&twice, NULL);
}

static void
nor_does_a_child_that_locks(void **state)
{
    static const struct way child = { 0, 0, MCL_CURRENT | MCL_FUTURE },
                            children = { MCL_FUTURE, MCL_CURRENT, MCL_CURRENT | MCL_FUTURE };
    (void)state;
    if (!kernel_guards())
        skip();
    expect_sparse(&child, NULL);
    expect_sparse(&children, NULL);
}

/* A right to lock without a limit is given up, if there is one; the limit is far below the segment's size. */
static int
limit(void)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[2];
    const struct rlimit most = { 4 << 20, 4 << 20 };

    memset(none, 0, sizeof none);
    return setrlimit(RLIMIT_MEMLOCK, &most) || syscall(SYS_capset, &head, none) != 0;
}

static void
a_limit_below_the_segments_size_is_no_hindrance(void **state)
{
    static const struct way future = { MCL_FUTURE, 0, 0 }, on_fault = { MCL_FUTURE | MCL_ONFAULT, 0, 0 };
    (void)state;
    expect_sparse(&future, limit);
    expect_sparse(&on_fault, limit);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locking_before_it_opens_gives_no_memory_to_holes),
        cmocka_unit_test(locking_when_it_is_used_gives_no_memory_to_holes),
        cmocka_unit_test(nor_does_a_child_that_locks),
        cmocka_unit_test(a_limit_below_the_segments_size_is_no_hindrance),
    };

    return cmocka_run_group_tests_name("locked memory", tests, NULL, NULL);
}
