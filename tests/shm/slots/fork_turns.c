/*
 * A signal handler forks, before each access and system call that a worker makes while it claims its slot and sets a
 * gauge, and the child returns from the handler: both go on with the claim that one of them began. Each gets a slot of
 * its own, what each of them says is exposed, and leaves with the one that says it.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

enum { PARENT, CHILD, BOTH };

/* What both tell the test. */
struct told {
    uint32_t ready;     /* of them, those that have set the gauge */
    uint32_t has_ended; /* the worker, before the access */
    uint64_t claims[BOTH], pids[BOTH];
};

static struct told *told;
static uint64_t accesses, turn; /* of the worker */
static int works, who;
static struct shmeter *meter;
static struct shmeter_gauge level;

static void
fork_here(int number)
{
    (void)number;
    who = fork() ? PARENT : CHILD;
}

static void
before_access(void)
{
    if (works && ++accesses == turn)
        raise(SIGUSR1);
}

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    before_access();
    result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

/* Never returns. */
static void
work(void)
{
    works = 1;
    shmeter_gauge_set(level, (double)turn);
    works = 0;
    if (accesses < turn) {
        __atomic_store_n(&told->has_ended, 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&told->ready, BOTH, __ATOMIC_SEQ_CST);
        _exit(0);
    }
    shmeter_gauge_set(level, (double)turn);
    told->claims[who] = SHMETER_CLAIM_KEY(SHMETER_WIPED(shmeter_meter_attachment(meter))->claim);
    told->pids[who] = (uint64_t)getpid();
    __atomic_add_fetch(&told->ready, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

static void
end(uint32_t one)
{
    kill((pid_t)told->pids[one], SIGKILL);
    assert_int_equal(scratch_wait((pid_t)told->pids[one]), 128 + SIGKILL);
}

/* Returns 0 when the worker has fewer accesses. */
static int
turn_of(struct scrape *scrape, uint64_t number)
{
    pid_t worker;

    memset(told, 0, sizeof *told);
    turn = number;
    worker = scratch_fork();
    if (!worker)
        work();
    assert_int_equal(scratch_until(&told->ready, BOTH), 0);
    if (told->has_ended) {
        scratch_wait(worker);
        return 0;
    }
    assert_true(told->claims[PARENT] && told->claims[CHILD]);
    assert_int_not_equal((uint32_t)told->claims[PARENT], (uint32_t)told->claims[CHILD]);
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "level") == 2 * (double)number);
    end(PARENT); /* the child is the test's from then on */
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "level") == (double)number);
    end(CHILD);
    scrape_take(scrape);
    assert_true(isnan(scrape_value(scrape, "level")));
    return 1;
}

static void
each_has_a_slot_of_its_own(void **state)
{
    const struct shmeter_desc desc = { .type = SHMETER_GAUGE, .name = "level", .mode = SHMETER_LIVE_SUM };
    const struct shmeter_options options = SHMETER_OPTIONS(.max_slots = 8, .max_gauges = 8, .lane_bytes = 32768,
                                                           .cpu_lanes = 2);
    struct scrape *scrape;
    uint64_t number;
    (void)state;

    told = scratch_shared(sizeof *told);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    signal(SIGUSR1, fork_here);
    assert_int_equal(shmeter_open(&meter, scratch_path("forked"), &options), 0);
    level = shmeter_gauge_of(shmeter_family(meter, &desc));
    scrape = scrape_open(scratch_path("forked"));
    for (number = 1; turn_of(scrape, number); number++)
        ;
    print_message("# %u turns\n", (unsigned)(number - 1));
    assert_true(number > 100);
    scrape_close(scrape);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_slot_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
