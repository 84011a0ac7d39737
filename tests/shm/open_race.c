/*
 * Sixty-four processes open a segment that is not there, at the same moment, round after round: one of them makes it,
 * all are attached to it, and nothing is left over in its directory.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define PROCESSES 64u
#define ROUNDS    100u
#define ADDS      100u

struct barrier {
    uint32_t ready, go;
};

static const double bounds[] = { 1, 2 };
static const struct shmeter_desc descs[] = {
    { .type = SHMETER_COUNTER, .name = "race_requests_total", .help = "Counter." },
    { .type = SHMETER_HISTOGRAM, .name = "race_sizes", .help = "Histogram.", .bounds = bounds, .bounds_len = 2 },
    { .type = SHMETER_GAUGE, .name = "race_workers", .help = "Gauge.", .mode = SHMETER_SUM },
};

/* Exit codes say what went wrong. */
static int
open_and_add(const char *path)
{
    struct shmeter_counter counter;
    struct shmeter_histogram histogram;
    struct shmeter *meter;
    struct stat file;
    uint32_t i;

    if (shmeter_open(&meter, path, NULL))
        return 2;
    if (stat(path, &file) || file.st_ino != shmeter_meter_attachment(meter)->inode)
        return 3;
    counter = shmeter_counter_of(shmeter_family(meter, &descs[0]));
    histogram = shmeter_histogram_of(shmeter_family(meter, &descs[1]));
    for (i = 0; i < ADDS; i++) {
        shmeter_counter_add(counter, 2);
        shmeter_histogram_observe(histogram, 1.5);
    }
    shmeter_gauge_inc(shmeter_gauge_of(shmeter_family(meter, &descs[2])));
    return *shmeter_error(meter) ? 4 : 0;
}

static void
start_all(struct barrier *barrier, const char *path, pid_t *pids)
{
    uint32_t i;

    for (i = 0; i < PROCESSES; i++) {
        pids[i] = scratch_fork();
        if (pids[i])
            continue;
        __atomic_add_fetch(&barrier->ready, 1, __ATOMIC_RELEASE);
        while (!__atomic_load_n(&barrier->go, __ATOMIC_ACQUIRE))
            sched_yield(); /* all are to come off at once */
        _exit(open_and_add(path));
    }
}

static void
check_totals(const char *path)
{
    struct scrape *scrape = scrape_open(path);
    const struct segment_status *status;
    uint32_t i;

    scrape_take(scrape);
    status = scrape_status(scrape);
    assert_true(scrape_value(scrape, "race_requests_total") == 2.0 * PROCESSES * ADDS);
    assert_true(scrape_value(scrape, "race_sizes_count") == 1.0 * PROCESSES * ADDS);
    assert_true(scrape_value(scrape, "race_sizes_sum") == 1.5 * PROCESSES * ADDS);
    assert_true(scrape_value(scrape, "race_workers") == 1.0 * PROCESSES);
    assert_int_equal(status->series_used, 3);
    assert_int_equal(status->families, 3);
    assert_int_equal(status->slots_dead, PROCESSES); /* each had one of its own: none was reused */
    for (i = 0; i < status->losses_n; i++)
        assert_int_equal(status->losses[i], 0);
    scrape_close(scrape);
}

static void
processes_that_open_at_once_share_one_segment(void **state)
{
    struct barrier *barrier = scratch_shared(sizeof *barrier);
    const char *path = scratch_path("race");
    pid_t pids[PROCESSES];
    uint32_t round, i, failed;

    (void)state;
    for (round = 0; round < ROUNDS; round++) {
        __atomic_store_n(&barrier->go, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&barrier->ready, 0, __ATOMIC_RELEASE);
        start_all(barrier, path, pids);
        assert_int_equal(scratch_until(&barrier->ready, PROCESSES), 0);
        assert_int_equal(scratch_files(), 0);
        __atomic_store_n(&barrier->go, 1, __ATOMIC_RELEASE);
        for (i = failed = 0; i < PROCESSES; i++) {
            int code = scratch_wait(pids[i]);
            if (code)
                print_message("# round %u: process %u ended with %d\n", round, i, code);
            failed += code != 0;
        }
        assert_int_equal(failed, 0);
        assert_int_equal(scratch_files(), 1);
        check_totals(path);
        scratch_remove("race");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(processes_that_open_at_once_share_one_segment) };

    return cmocka_run_group_tests_name("open_race", tests, NULL, NULL);
}
