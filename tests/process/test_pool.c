/*
 * Real workers, and what is told of their processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/pool.h"
#include "process/put.h"
#include "read/file/reader.h"
#include "read/snapshot/snapshot.h"
#include "shmeter.h"
#include "tests/tools/scratch.h"

struct told { /* by a worker, in memory that it shares with the test */
    uint32_t spun, ended;
};

struct worker {
    pid_t pid;
    int orders; /* a pipe: milliseconds of CPU time to use; 0: to close */
    struct told *told;
};

static char path[128];
static struct snapshot *snapshot;
static struct process_pool *pool;

static uint64_t
cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
spin(uint64_t ms)
{
    uint64_t until = cpu_ms() + ms;

    while (cpu_ms() < until)
        ;
}

/* Does as it is told, and waits without using CPU time. */
static void
work(int orders, struct told *told)
{
    struct shmeter *meter;
    uint32_t ms;

    if (shmeter_open(&meter, path, NULL))
        _exit(1);
    __atomic_store_n(&told->spun, 1, __ATOMIC_RELEASE);
    while (read(orders, &ms, sizeof ms) == (ssize_t)sizeof ms && ms) {
        spin(ms);
        __atomic_add_fetch(&told->spun, 1, __ATOMIC_RELEASE);
    }
    shmeter_close(meter);
    __atomic_store_n(&told->ended, 1, __ATOMIC_RELEASE);
    pause();
}

static struct worker
start(void)
{
    struct worker worker = { .told = scratch_shared(sizeof *worker.told) };
    int orders[2];

    assert_int_equal(pipe(orders), 0);
    worker.pid = scratch_fork();
    if (!worker.pid)
        work(orders[0], worker.told);
    close(orders[0]);
    worker.orders = orders[1];
    assert_int_equal(scratch_until(&worker.told->spun, 1), 0);
    return worker;
}

static void
use(struct worker worker, uint32_t ms)
{
    uint32_t spun = __atomic_load_n(&worker.told->spun, __ATOMIC_ACQUIRE);

    assert_int_equal(write(worker.orders, &ms, sizeof ms), sizeof ms);
    assert_int_equal(scratch_until(&worker.told->spun, spun + 1), 0);
}

static void
end(struct worker worker)
{
    const uint32_t none = 0;

    assert_int_equal(write(worker.orders, &none, sizeof none), sizeof none);
    assert_int_equal(scratch_until(&worker.told->ended, 1), 0);
}

static void
kill_it(struct worker worker)
{
    kill(worker.pid, SIGKILL);
    waitpid(worker.pid, NULL, 0);
    close(worker.orders);
}

static void
make_segment(uint32_t slots)
{
    struct shmeter_reader *reader;
    const char *why = NULL;
    struct shmeter_options options = { .struct_bytes = sizeof options, .max_slots = slots, .group = -1 };

    snprintf(path, sizeof path, "%s", scratch_path("segment"));
    unlink(path);
    assert_int_equal(shmeter_segment_create(path, &options, &why), 0);
    assert_int_equal(shmeter_reader_open(&reader, path, NULL, NULL), 0);
    snapshot = snapshot_new(reader);
    pool = process_pool_new(1);
    assert_true(snapshot && pool);
}

static int
begin(void **state)
{
    (void)state;
    make_segment(8);
    return 0;
}

static int
begin_large(void **state)
{
    (void)state;
    make_segment(24);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    process_pool_free(pool);
    snapshot_free(snapshot);
    return 0;
}

static struct process_sums
sums_of(struct process_pool *of)
{
    const struct segment_status *status = snapshot_status(snapshot);

    assert_int_equal(snapshot_take(snapshot, SNAPSHOT_STATUS), 0);
    assert_int_equal(process_pool_read(of, &status, 1), 0);
    return *process_pool_sums(of, 0);
}

/* As a reader that has just begun. */
static uint64_t
cpu_of_newcomer(void)
{
    struct process_pool *newcomer = process_pool_new(1);
    uint64_t ms = sums_of(newcomer).cpu_ms;

    process_pool_free(newcomer);
    return ms;
}

static void
sums_are_those_of_the_processes(void **state)
{
    struct worker workers[3] = { start(), start(), start() };
    struct process_sums sums = sums_of(pool);
    struct process_figures figures;
    uint64_t fds = 0, virtual_bytes = 0, resident = 0;
    uint32_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_int_equal(process_read((uint32_t)workers[i].pid, 0, &figures), 0);
        assert_int_equal(figures.parts, PROCESS_OPEN_FDS | PROCESS_MAX_FDS);
        fds += figures.open_fds;
        virtual_bytes += figures.virtual_bytes;
        resident += figures.resident_bytes;
    }
    assert_int_equal(sums.counted, 3);
    assert_int_equal(sums.threads_n, 3);
    assert_int_equal(sums.open_fds, fds);
    assert_int_equal(sums.virtual_bytes, virtual_bytes);
    assert_in_range(sums.memory_bytes, resident / 20, resident);
    for (i = 0; i < 3; i++)
        kill_it(workers[i]);
    sums = sums_of(pool);
    assert_int_equal(sums.counted, 0);
    assert_true(sums.start_seconds <= 0);
}

static void
figures_of_one_process_are_the_kernels(void **state)
{
    struct rlimit limit;
    struct process_figures figures;
    struct shmeter_stat stat;
    int fds[3];
    uint64_t before;

    (void)state;
    assert_int_equal(shmeter_identity_stat(0, &stat), 0);
    assert_int_equal(process_read((uint32_t)getpid(), stat.start_ticks, &figures), 0);
    before = figures.open_fds;
    fds[0] = open("/dev/null", O_RDONLY);
    fds[1] = dup(fds[0]);
    fds[2] = dup(fds[0]);
    spin(60);
    assert_int_equal(process_read((uint32_t)getpid(), stat.start_ticks, &figures), 0);
    assert_int_equal(figures.open_fds, before + 3);
    assert_in_range(figures.cpu_ms, 50, cpu_ms());
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_true(limit.rlim_cur == RLIM_INFINITY ? isinf(figures.max_fds) : figures.max_fds == (double)limit.rlim_cur);
    assert_in_range((uint64_t)figures.start_seconds, 1, (uint64_t)time(NULL) + 1);
    process_read_proportional((uint32_t)getpid(), stat.start_ticks, &figures);
    assert_int_equal(figures.parts, PROCESS_OPEN_FDS | PROCESS_MAX_FDS | PROCESS_PROPORTIONAL);
    assert_in_range(figures.proportional_bytes, 1, figures.resident_bytes + (1u << 20));
    while (*fds >= 0 && close(fds[0]) + close(fds[1]) + close(fds[2]))
        break;
}

static void
a_number_that_another_process_has_is_not_counted(void **state)
{
    struct process_figures figures;
    struct shmeter_stat stat;
    pid_t child;

    (void)state;
    assert_int_equal(shmeter_identity_stat(0, &stat), 0);
    assert_int_equal(process_read((uint32_t)getpid(), stat.start_ticks + 1, &figures), -ESRCH);
    figures.parts = 0;
    process_read_proportional((uint32_t)getpid(), stat.start_ticks + 1, &figures);
    assert_int_equal(figures.parts, 0);
    child = scratch_fork();
    if (!child)
        _exit(0);
    while (process_read((uint32_t)child, 0, &figures) != -ESRCH) /* a zombie has ended */
        usleep(1000);
    waitpid(child, NULL, 0);
    assert_int_equal(process_read((uint32_t)child, 0, &figures), -ESRCH);
    assert_int_equal(process_read(UINT32_MAX, 0, &figures), -ESRCH);
}

static void
cpu_time_of_owners_that_end_in_order_is_known_to_all(void **state)
{
    uint64_t last = 0, now;
    uint32_t i;

    (void)state;
    for (i = 0; i < 12; i++) { /* more than there are slots */
        struct worker worker = start();
        use(worker, 40);
        now = sums_of(pool).cpu_ms;
        assert_in_range(now, last + 30, UINT32_MAX);
        end(worker);
        assert_in_range(sums_of(pool).cpu_ms, now, now + 50);
        last = sums_of(pool).cpu_ms;
        assert_int_equal(cpu_of_newcomer(), last);
        kill_it(worker);
        assert_int_equal(sums_of(pool).cpu_ms, last);
    }
    assert_in_range(last, 12 * 40, 12 * 60);
}

static void
who_has_seen_a_worker_that_was_killed_keeps_what_it_had_used(void **state)
{
    uint64_t last = 0, now;
    uint32_t i;

    (void)state;
    for (i = 0; i < 12; i++) {
        struct worker worker = start();
        use(worker, 40);
        now = sums_of(pool).cpu_ms;
        assert_in_range(now, last + 30, last + 70);
        kill_it(worker);
        assert_int_equal(sums_of(pool).cpu_ms, now);
        assert_int_equal(sums_of(pool).cpu_ms, now);
        last = now;
    }
    assert_int_equal(cpu_of_newcomer(), 0);
}

static void
what_was_noted_for_a_worker_outlives_it_and_is_counted_once(void **state)
{
    struct worker worker = start();
    const struct process_worker *workers;
    struct shmeter *meter;
    struct shmeter_attachment *attachment;
    uint64_t noted;
    uint32_t n;

    (void)state;
    assert_int_equal(shmeter_open(&meter, path, NULL), 0);
    attachment = shmeter_meter_attachment(meter);
    use(worker, 80);
    sums_of(pool);
    workers = process_pool_workers(pool, 0, &n);
    assert_int_equal(n, 2);
    noted = workers[0].cpu_ms;
    assert_in_range(noted, 70, 120);
    shmeter_cpu_note((struct shmeter_slot_block *)(void *)shmeter_slot_block_at(attachment, workers[0].slot->slot),
                     workers[0].slot->generation, noted);
    shmeter_close(meter);
    kill_it(worker);
    assert_in_range(cpu_of_newcomer(), noted, noted + cpu_ms());
    noted = cpu_of_newcomer();
    assert_in_range(sums_of(pool).cpu_ms, noted, noted + 20);
    for (n = 0; n < 9; n++) { /* the slot is taken over by one after the other */
        worker = start();
        kill_it(worker);
    }
    assert_in_range(cpu_of_newcomer(), noted, noted + 20);
}

static void
two_slots_of_one_process_are_one_process(void **state)
{
    const struct segment_status *status = snapshot_status(snapshot);
    struct segment_status copy;
    struct status_slot slots[2];
    struct process_sums sums, twice;
    static const uint64_t ended[8];
    struct worker worker = start();

    (void)state;
    sums = sums_of(pool);
    copy = *status;
    assert_int_equal(copy.slots_len, 1);
    slots[0] = slots[1] = copy.slots[0];
    slots[1].slot = 5;
    copy.slots = slots;
    copy.slots_len = 2;
    copy.cpu_ended_ms = ended;
    copy.cpu_ended_n = 8;
    status = &copy;
    assert_int_equal(process_pool_read(pool, &status, 1), 0);
    twice = *process_pool_sums(pool, 0);
    assert_int_equal(twice.counted, 1);
    assert_int_equal(twice.open_fds, sums.open_fds);
    assert_in_range(twice.cpu_ms, sums.cpu_ms, sums.cpu_ms + 20);
    slots[1].foreign = 1; /* the number is another process' there */
    slots[1].cpu_noted_ms = 7000;
    assert_int_equal(process_pool_read(pool, &status, 1), 0);
    twice = *process_pool_sums(pool, 0);
    assert_int_equal(twice.counted, 1);
    assert_int_equal(twice.foreign, 1);
    assert_in_range(twice.cpu_ms, 7000, 7000 + sums.cpu_ms + 20);
    kill_it(worker);
}

/* However the reader knows which workers live: a death is known at the next reading. */
static void
a_worker_that_is_killed_is_known_to_be_dead_at_once(void **state)
{
    struct worker workers[20];
    uint32_t i, turn;

    (void)state;
    snapshot_watch(snapshot);
    for (i = 0; i < 20; i++)
        workers[i] = start();
    for (turn = 0; turn < 5; turn++)
        assert_int_equal(sums_of(pool).counted, 20);
    for (i = 0; i < 20; i++) {
        kill_it(workers[i]);
        assert_int_equal(snapshot_take(snapshot, SNAPSHOT_STATUS), 0);
        assert_int_equal(snapshot_status(snapshot)->slots_dead, i + 1);
        assert_int_equal(snapshot_status(snapshot)->slots_live, 19 - i);
    }
}

/* As another user sees it, from whom /proc hides the processes of others. */
static void
a_worker_that_proc_hides_is_told_of(void **state)
{
    struct worker worker = start();
    int *told = scratch_shared(sizeof *told);
    pid_t child;

    (void)state;
    sums_of(pool);
    child = scratch_fork();
    if (!child) {
        const struct segment_status *status = snapshot_status(snapshot);
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("proc", "/proc", "proc", 0, "hidepid=2") || setresgid(65534, 65534, 65534) || setgroups(0, NULL) ||
            setresuid(65534, 65534, 65534))
            _exit(77);
        if (process_pool_read(pool, &status, 1))
            _exit(1);
        *told = (int)process_pool_sums(pool, 0)->hidden * 10 + (int)process_pool_sums(pool, 0)->counted;
        _exit(0);
    }
    if (scratch_wait(child) == 77) {
        kill_it(worker);
        print_message("# /proc cannot be mounted here\n");
        skip();
    }
    assert_int_equal(*told, 10);
    kill_it(worker);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, stop)
    const struct CMUnitTest tests[] = {
        TEST(sums_are_those_of_the_processes),
        TEST(figures_of_one_process_are_the_kernels),
        TEST(a_number_that_another_process_has_is_not_counted),
        TEST(cpu_time_of_owners_that_end_in_order_is_known_to_all),
        TEST(who_has_seen_a_worker_that_was_killed_keeps_what_it_had_used),
        TEST(what_was_noted_for_a_worker_outlives_it_and_is_counted_once),
        TEST(two_slots_of_one_process_are_one_process),
        TEST(a_worker_that_proc_hides_is_told_of),
        cmocka_unit_test_setup_teardown(a_worker_that_is_killed_is_known_to_be_dead_at_once, begin_large, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
