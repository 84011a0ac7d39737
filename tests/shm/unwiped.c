/*
 * A kernel that does not wipe memory at fork (MADV_WIPEONFORK answers EINVAL, as gVisor's does): each forked child has
 * a slot of its own all the same, by a function that libc calls; one that is cloned behind libc's back has one from its
 * first cold call on. Where libc cannot be asked either, the meter is detached and says why.
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
#include "shm/segment/fork.h"
#undef shmeter_fork_watch

static int libc_cannot;
static uint32_t watches;

static int
shmeter_fork_watch(void)
{
    watches++;
    return libc_cannot ? -EOPNOTSUPP : real_fork_watch();
}

#include "client/shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

static uint32_t refusals;
static void (*meanwhile)(void); /* what another thread does while this one maps a segment */

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (number == SYS_madvise && c == SHMETER_MADV_WIPEONFORK) {
        refusals++;
        return -EINVAL;
    }
    if (number == SYS_mremap && meanwhile) {
        void (*act)(void) = meanwhile;
        meanwhile = NULL;
        act();
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
a_child_that_libc_knows_nothing_of_takes_none_of_its_parents_spare_cells(void **state)
{
    static const char *const labels[] = { "of", NULL };
    static const struct shmeter_desc desc = { .type = SHMETER_GAUGE, .name = "spares", .labels = labels };
    const struct shmeter_family *family;
    struct shmeter_attachment *attachment;
    struct shmeter *opened;
    uint64_t spare = 0;
    pid_t child;
    (void)state;

    assert_int_equal(shmeter_open(&opened, scratch_path("spares"), NULL), 0);
    family = shmeter_family(opened, &desc);
    attachment = shmeter_meter_attachment(opened);
    assert_int_equal(shmeter_registry_take_gauge(attachment, &spare), 0);
    assert_int_equal(shmeter_registry_take_gauge(attachment, &(uint64_t){ 0 }),
                     0); /* the spare one is not the last one */
    shmeter_registry_keep(&SHMETER_WIPED(attachment)->spare_gauge, spare + 1);
    child = clone_alone();
    if (!child)
        _exit(shmeter_gauge_of(family, "child").slot ? 0 : 1);
    assert_int_equal(scratch_wait(child), 0);
    assert_int_not_equal(shmeter_gauge_of(family, "child").cell, shmeter_gauge_of(family, "parent").cell);
    shmeter_close(opened);
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

static const char *raced;

static void
open_first(void)
{
    struct shmeter *first;

    assert_int_equal(shmeter_open(&first, raced, NULL), 0);
}

/* Sets a gauge in a forked child, whose slot is not this process's. */
static void
expect_children_apart(struct shmeter *of)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(shmeter_meter_attachment(of));
    uint64_t own = wiped->claim;
    pid_t child = scratch_fork();

    if (!child) {
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(of, &sums)), 2);
        _exit(wiped->claim && SHMETER_CLAIM_KEY(wiped->claim) != SHMETER_CLAIM_KEY(own) ? 0 : 1);
    }
    assert_int_equal(scratch_wait(child), 0);
}

static void
who_opens_it_after_another_thread_has_leaves_nothing_for_children_to_wipe(void **state)
{
    struct shmeter *second;
    (void)state;

    raced = scratch_path("raced");
    meanwhile = open_first;
    assert_int_equal(shmeter_open(&second, raced, NULL), 0);
    assert_null(meanwhile);
    assert_int_equal(second->opened_n, 2);
    expect_children_apart(second);
    shmeter_close(second);
    shmeter_close(second);
}

static void
a_segment_that_is_created_again_is_wiped_as_the_one_before_it(void **state)
{
    const char *path = scratch_path("again");
    struct shmeter_gauge before;
    struct shmeter *opened;
    uint64_t old_slot;
    pid_t child;
    (void)state;

    assert_int_equal(shmeter_open(&opened, path, NULL), 0);
    before = shmeter_gauge_of(shmeter_family(opened, &sums));
    shmeter_gauge_set(before, 1);
    old_slot = *before.slot;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(scratch_path("raced"), path), 0);
    assert_non_null(shmeter_family(opened, &pools));
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(opened, &sums)), 1);
    expect_children_apart(opened);
    child = scratch_fork();
    if (!child)
        _exit(old_slot && !*before.slot ? 0 : 1);
    assert_int_equal(scratch_wait(child), 0);
    shmeter_close(opened);
}

static void
each_copy_of_the_header_that_opens_it_watches_forks(void **state)
{
    struct shmeter *opened, *again;
    uint32_t first;
    (void)state;

    assert_int_equal(shmeter_open(&opened, scratch_path("copies"), NULL), 0);
    first = watches;
    assert_int_equal(shmeter_open(&again, scratch_path("copies"), NULL), 0);
    assert_ptr_equal(opened, again);
    assert_int_equal(watches, first + 1);
    shmeter_close(opened);
    shmeter_close(again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_forked_child_has_a_slot_of_its_own),
        cmocka_unit_test(a_child_that_libc_knows_nothing_of_has_one_from_its_first_cold_call_on),
        cmocka_unit_test(who_opens_it_after_another_thread_has_leaves_nothing_for_children_to_wipe),
        cmocka_unit_test(a_segment_that_is_created_again_is_wiped_as_the_one_before_it),
        cmocka_unit_test(each_copy_of_the_header_that_opens_it_watches_forks),
        cmocka_unit_test(a_child_that_libc_knows_nothing_of_takes_none_of_its_parents_spare_cells),
        cmocka_unit_test(without_either_it_is_detached_and_says_why),
    };

    return cmocka_run_group_tests_name("unwiped", tests, NULL, NULL);
}
