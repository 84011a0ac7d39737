/*
 * The ways to make a process without exec: fork, a raw clone, and a daemon's double fork that closes every descriptor.
 * Counts are exact, live gauges come and go with their processes, and slots are used again.
 */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define CHILDREN    16u
#define GENERATIONS 10u
#define ADDS        1000u
#define SLOTS       (CHILDREN + 4u)

struct stage {
    uint32_t ready, go;
};

static const double bounds[] = { 1, 2 };
static struct shmeter *meter;
static struct shmeter_counter counter;
static struct shmeter_histogram histogram;
static struct shmeter_gauge live, pool, retained;
static struct scrape *scrape;
static struct stage *stage;
static double expected; /* ADDS and so on of all children so far                                         */

static struct shmeter_gauge
gauge_of(const char *name, enum shmeter_mode mode)
{
    struct shmeter_desc desc = { .type = SHMETER_GAUGE, .name = name, .help = "Gauge.", .mode = mode };
    return shmeter_gauge_of(shmeter_family(meter, &desc));
}

static int
set_up(void **state)
{
    static const struct shmeter_desc counts = { .type = SHMETER_COUNTER, .name = "f_total", .help = "Counter." };
    static const struct shmeter_desc sizes = {
        .type = SHMETER_HISTOGRAM, .name = "f_sizes", .help = "Histogram.", .bounds = bounds, .bounds_len = 2
    };
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1, .max_slots = SLOTS };
    static uint32_t number;
    char name[24];

    (void)state;
    snprintf(name, sizeof name, "fork%u", number++); /* a meter is opened once per process and path */
    assert_int_equal(shmeter_open(&meter, scratch_path(name), &options), 0);
    counter = shmeter_counter_of(shmeter_family(meter, &counts));
    histogram = shmeter_histogram_of(shmeter_family(meter, &sizes));
    live = gauge_of("f_live", SHMETER_LIVE_SUM);
    pool = gauge_of("f_pool", SHMETER_POOL);
    retained = gauge_of("f_sum", SHMETER_SUM);
    scrape = scrape_open(scratch_path(name));
    stage = scratch_shared(sizeof *stage);
    expected = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    scrape_close(scrape);
    shmeter_close(meter);
    return 0;
}

/* With the handles that it inherited; then lives until it is told otherwise. */
static void
be_a_child(void)
{
    uint32_t i;

    for (i = 0; i < ADDS; i++) {
        shmeter_counter_inc(counter);
        shmeter_histogram_observe(histogram, 1.5);
        shmeter_gauge_inc(pool);
    }
    shmeter_gauge_set(live, 1);
    shmeter_gauge_add(retained, 1);
    __atomic_add_fetch(&stage->ready, 1, __ATOMIC_RELEASE);
    scratch_until(&stage->go, 1);
}

static void
let_them_work(uint32_t children)
{
    if (scratch_until(&stage->ready, children))
        fail_msg("%u of %u children are ready", stage->ready, children);
    expected += children;
    scrape_take(scrape);
}

static void
let_them_go(void)
{
    __atomic_store_n(&stage->go, 1, __ATOMIC_RELEASE);
}

static void
reset_stage(void)
{
    __atomic_store_n(&stage->ready, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&stage->go, 0, __ATOMIC_RELEASE);
}

#define CHECK(sample, value) check(sample, value, __LINE__)

static void
check(const char *sample, double wanted, int line)
{
    double value = scrape_value(scrape, "%s", sample);

    if (isnan(wanted) ? !isnan(value) : value != wanted)
        fail_msg("line %d: %s is %g, expected %g", line, sample, value, wanted);
}

static void
check_living(double alive)
{
    CHECK("f_live", alive);
    CHECK("f_pool", alive * ADDS);
    CHECK("f_total", expected * ADDS);
    CHECK("f_sizes_count", expected * ADDS);
    CHECK("f_sizes_sum", expected * ADDS * 1.5);
    CHECK("f_sum", expected);
    assert_int_equal(scrape_status(scrape)->slots_live, alive + 1); /* and this process */
}

static void
check_dead(void)
{
    const struct segment_status *status;

    scrape_take(scrape);
    status = scrape_status(scrape);
    CHECK("f_live", (double)NAN);
    CHECK("f_pool", (double)NAN);
    CHECK("f_total", expected * ADDS);
    CHECK("f_sizes_sum", expected * ADDS * 1.5);
    CHECK("f_sum", expected);
    assert_int_equal(status->slots_live, 1);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_EXHAUSTED], 0);
    assert_int_equal(status->leaked_bytes, 0);
}

static void
forked_children_count_and_their_slots_are_used_again(void **state)
{
    pid_t pids[CHILDREN];
    uint32_t generation, i;

    (void)state;
    for (generation = 0; generation < GENERATIONS; generation++) {
        reset_stage();
        for (i = 0; i < CHILDREN; i++) {
            pids[i] = scratch_fork();
            if (!pids[i]) {
                be_a_child();
                _exit(0);
            }
        }
        let_them_work(CHILDREN);
        check_living(CHILDREN);
        for (i = 0; i < CHILDREN; i += 2) /* some end by a signal, the others by themselves */
            kill(pids[i], SIGKILL);
        let_them_go();
        for (i = 0; i < CHILDREN; i++)
            assert_int_equal(scratch_wait(pids[i]), i % 2 ? 0 : 128 + SIGKILL);
        check_dead();
        /* At most what can live at once was ever in use. */
        assert_true(scrape_status(scrape)->slots_dead < SLOTS);
    }
}

static void
a_child_of_a_raw_clone_counts(void **state)
{
    pid_t parent = getpid();
    long pid;

    (void)state;
    reset_stage();
    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    assert_true(pid >= 0);
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            be_a_child();
        _exit(0);
    }
    let_them_work(1);
    check_living(1);
    let_them_go();
    assert_int_equal(scratch_wait((pid_t)pid), 0);
    check_dead();
}

/* fork twice with setsid between, all descriptors closed before or after the slot is claimed. */
static void
daemonize(int close_late)
{
    if (close_late)
        shmeter_attach_worker(meter);
    if (setsid() < 0 || fork())
        _exit(0);
    prctl(PR_SET_PDEATHSIG, 0);
    if (close_late)
        shmeter_attach_worker(meter);
    if (syscall(SYS_close_range, 0, ~0U, 0))
        _exit(2);
    if (open("/dev/null", O_RDWR) || open("/dev/null", O_RDWR) != 1 || open("/dev/null", O_RDWR) != 2)
        _exit(3);
    be_a_child();
    shmeter_close(meter); /* must not close what has its descriptor's number by now */
    _exit(fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 || fcntl(2, F_GETFD) < 0 ? 4 : 0);
}

static void
daemon_without_descriptors(int close_late)
{
    pid_t pid;
    int status;

    reset_stage();
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid = scratch_fork();
    if (!pid)
        daemonize(close_late);
    assert_int_equal(scratch_wait(pid), 0);
    let_them_work(1);
    check_living(1);
    let_them_go();
    assert_true(waitpid(-1, &status, 0) > 0); /* the daemon is this process's by now */
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    check_dead();
}

static void
a_daemon_that_closed_all_descriptors_counts(void **state)
{
    (void)state;
    daemon_without_descriptors(0);
}

static void
a_daemon_that_closes_all_descriptors_after_its_first_use_counts(void **state)
{
    (void)state;
    daemon_without_descriptors(1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(forked_children_count_and_their_slots_are_used_again),
        CASE(a_child_of_a_raw_clone_counts),
        CASE(a_daemon_that_closed_all_descriptors_counts),
        CASE(a_daemon_that_closes_all_descriptors_after_its_first_use_counts),
    };

    return cmocka_run_group_tests_name("fork_paths", tests, NULL, NULL);
}
