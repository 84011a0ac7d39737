/*
 * A kernel that does not wipe memory at fork (MADV_WIPEONFORK answers EINVAL, as gVisor's does): each forked child has a slot of its own all
 * the same, by a function that libc calls; one that is cloned behind libc's back has one from its first cold call on. Where libc
 * cannot be asked either, the meter is detached and says why.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define shmeter_fork_watch real_fork_watch
#include "shm/fork.h"
#undef shmeter_fork_watch

static int libc_cannot;

static int
shmeter_fork_watch(void)
{
    return libc_cannot ? -EOPNOTSUPP : real_fork_watch();
}

#include "client/shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

static uint32_t refusals;

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (number == SYS_madvise && c == SHMETER_MADV_WIPEONFORK) {
        refusals++;
        return -EINVAL;
    }
    result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

static const struct shmeter_desc sums = { .type = SHMETER_GAUGE, .name = "sum", .mode = SHMETER_LIVE_SUM };
static const struct shmeter_desc pools = { .type = SHMETER_GAUGE, .name = "pool" };
static struct shmeter *meter;
static struct shmeter_gauge sum, pool;
static struct {
    uint32_t ready, go;
} * shared;

/* In a child, which lives until it is told to go. */
static void
set_and_stay(double v)
{
    shmeter_gauge_set(sum, v);
    shmeter_gauge_add(pool, v);
    __atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
    _exit(scratch_until(&shared->go, 1) ? 1 : 0);
}

static struct scrape *
begin(const char *name)
{
    const char *path = scratch_path(name);

    shared = scratch_shared(sizeof *shared);
    refusals = 0;
    assert_int_equal(shmeter_open(&meter, path, NULL), 0);
    assert_string_equal(shmeter_error(meter), "");
    assert_true(refusals > 0);
    sum = shmeter_gauge_of(shmeter_family(meter, &sums));
    pool = shmeter_gauge_of(shmeter_family(meter, &pools));
    shmeter_gauge_set(sum, 1);
    shmeter_gauge_add(pool, 1);
    return scrape_open(path);
}

static void
end(struct scrape *scrape, pid_t a, pid_t b)
{
    __atomic_store_n(&shared->go, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(scratch_wait(a), 0);
    assert_int_equal(scratch_wait(b), 0);
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "sum") == 1); /* the parent's, untouched */
    assert_true(scrape_value(scrape, "pool") == 1);
    scrape_close(scrape);
    shmeter_close(meter);
}

static void
each_forked_child_has_a_slot_of_its_own(void **state)
{
    struct scrape *scrape = begin("forked");
    pid_t first, second;
    (void)state;

    first = scratch_fork();
    if (!first)
        set_and_stay(10);
    second = scratch_fork();
    if (!second) {
        pid_t grandchild;
        shmeter_gauge_set(sum, 100);
        shmeter_gauge_add(pool, 100);
        grandchild = scratch_fork();
        if (!grandchild)
            set_and_stay(1000);
        __atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
        _exit(scratch_wait(grandchild));
    }
    assert_int_equal(scratch_until(&shared->ready, 3), 0);
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "sum") == 1111);
    assert_true(scrape_value(scrape, "pool") == 1111);
    end(scrape, first, second);
}

static pid_t
clone_alone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void
a_child_that_libc_knows_nothing_of_has_one_from_its_first_cold_call_on(void **state)
{
    struct scrape *scrape = begin("cloned");
    pid_t first, second;
    (void)state;

    first = clone_alone();
    if (!first) {
        if (shmeter_attach_worker(meter))
            _exit(1);
        set_and_stay(10);
    }
    second = clone_alone();
    if (!second) {
        struct shmeter *again;
        if (shmeter_open(&again, meter->path, NULL))
            _exit(1);
        set_and_stay(100);
    }
    assert_int_equal(scratch_until(&shared->ready, 2), 0);
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "sum") == 111);
    assert_true(scrape_value(scrape, "pool") == 111);
    end(scrape, first, second);
}

static void
without_either_it_is_detached_and_says_why(void **state)
{
    struct shmeter *detached;
    (void)state;

    libc_cannot = 1;
    assert_int_equal(shmeter_open(&detached, scratch_path("neither"), NULL), -EOPNOTSUPP);
    assert_non_null(detached);
    assert_non_null(strstr(shmeter_error(detached), "MADV_WIPEONFORK"));
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(detached, &sums)), 1);
    shmeter_heartbeat(detached);
    shmeter_close(detached);
    libc_cannot = 0;
    assert_int_equal(shmeter_open(&detached, scratch_path("neither"), NULL), 0);
    shmeter_close(detached);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_forked_child_has_a_slot_of_its_own),
        cmocka_unit_test(a_child_that_libc_knows_nothing_of_has_one_from_its_first_cold_call_on),
        cmocka_unit_test(without_either_it_is_detached_and_says_why),
    };

    return cmocka_run_group_tests_name("unwiped", tests, NULL, NULL);
}
