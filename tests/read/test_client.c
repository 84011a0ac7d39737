/* Reads what real workers have written: the client and the reader agree. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/shmeter.h"
#include "tests/read/scene.h"

static char directory[64], path[80];
static pid_t owner;
static int runs; /* each test has a segment of its own */

static void
clean_up(void)
{
    if (getpid() != owner)
        return;
    unlink(path);
    rmdir(directory);
}

static struct shmeter *
fresh(const struct shmeter_options *options)
{
    struct shmeter *meter;

    if (*path)
        unlink(path);
    snprintf(path, sizeof path, "%s/%d", directory, runs++);
    assert_int_equal(shmeter_open(&meter, path, options), 0);
    return meter;
}

/* A child that dies with this program, also when a test fails in between. */
static pid_t
fork_worker(void)
{
    pid_t parent = getpid(), child = fork();

    assert_true(child >= 0);
    if (child)
        return child;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
        _exit(8);
    return 0;
}

static const char *const label[] = { "a", NULL };

static struct shmeter_desc
desc(enum shmeter_type type, const char *name, const char *const *labels)
{
    struct shmeter_desc out;

    memset(&out, 0, sizeof out);
    out.type = type;
    out.name = name;
    out.help = "Something.";
    out.labels = labels;
    return out;
}

static void
counters_and_histograms_of_workers_that_are_gone(void **state)
{
    static struct shmeter_desc counter, f64, histogram, exponential, info;
    struct shmeter *meter = fresh(NULL);
    struct scene scene;
    char value[8];
    int worker, i;
    (void)state;

    counter = desc(SHMETER_COUNTER, "c_total", label);
    f64 = desc(SHMETER_COUNTER_F64, "f_total", NULL);
    histogram = desc(SHMETER_HISTOGRAM, "h_seconds", label);
    exponential = desc(SHMETER_HISTOGRAM, "e_seconds", NULL);
    exponential.schema = 2;
    exponential.min_value = 0.25;
    exponential.max_value = 64;
    info = desc(SHMETER_INFO, "b_info", label);
    shmeter_info_of(shmeter_family(meter, &info), "1.0");
    for (worker = 0; worker < 4; worker++)
        if (!fork_worker()) {
            snprintf(value, sizeof value, "%d", worker % 2);
            for (i = 0; i < 1000; i++) {
                shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counter), value));
                shmeter_counter_f64_add(shmeter_counter_f64_of(shmeter_family(meter, &f64)), 0.5);
                shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &histogram), value), 0.5);
                shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &exponential)), i % 8);
            }
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    scene_open_one(&scene, path);
    scene_scrape(&scene);
    assert_sample(&scene, "c_total", "a=0,", 2000);
    assert_sample(&scene, "c_total", "a=1,", 2000);
    assert_sample(&scene, "f_total", "", 2000);
    assert_sample(&scene, "b_info", "a=1.0,", 1);
    assert_sample(&scene, "h_seconds_bucket", "a=1,le=0.25,", 0);
    assert_sample(&scene, "h_seconds_bucket", "a=1,le=0.5,", 2000);
    assert_sample(&scene, "h_seconds_sum", "a=1,", 1000);
    assert_sample(&scene, "e_seconds_bucket", "le=0.25,", 500); /* 0 */
    assert_sample(&scene, "e_seconds_bucket", "le=2.0,", 1500); /* 0, 1, 2 */
    assert_sample(&scene, "e_seconds_count", "", 4000);
    assert_sample(&scene, "e_seconds_sum", "", 14000);
    scene_close(&scene);
}

/*
 * Each observation is of 1: whatever moment a scrape shows, the sum equals the count. A read that was given up after
 * too many tries says so, and is no more than a few of all.
 */
static void
observations_are_whole_at_every_scrape_while_writers_run_and_die(void **state)
{
    static struct shmeter_desc histogram;
    struct shmeter *meter = fresh(NULL);
    struct shmeter_histogram handle;
    struct scene scene;
    double count = 0, last = 0;
    uint64_t torn = 0, scrapes = 0;
    pid_t workers[2];
    int i, round;
    (void)state;

    histogram = desc(SHMETER_HISTOGRAM, "h_seconds", NULL);
    handle = shmeter_histogram_of(shmeter_family(meter, &histogram));
    scene_open_one(&scene, path);
    for (round = 0; round < 20; round++) {
        for (i = 0; i < 2; i++) {
            workers[i] = fork_worker();
            if (!workers[i])
                for (;;)
                    shmeter_histogram_observe(handle, 1);
        }
        for (i = 0; i < 20 || count == last; i++) { /* until something was written in this round too */
            scene_scrape(&scene);
            count = scene_value(&scene, "h_seconds_count", "");
            assert_true(count >= last);
            if (store_status(scene.store, 0)->torn == torn)
                assert_sample(&scene, "h_seconds_sum", "", count);
            torn = store_status(scene.store, 0)->torn;
            scrapes++;
        }
        last = count;
        for (i = 0; i < 2; i++) {
            kill(workers[i], SIGKILL);
            waitpid(workers[i], NULL, 0);
        }
    }
    scene_scrape(&scene);
    count = scene_value(&scene, "h_seconds_count", "");
    assert_true(count >= last && count > 0);
    assert_sample(&scene, "h_seconds_sum", "", count);
    assert_int_equal(store_status(scene.store, 0)->torn, torn); /* nobody writes */
    assert_true(torn * 10 < scrapes);
    scene_close(&scene);
}

static void
say(int fd, char byte)
{
    if (write(fd, &byte, 1) != 1)
        _exit(9);
}

static void
hear(int fd)
{
    char byte;
    if (read(fd, &byte, 1) != 1)
        abort();
}

/*
 * Beside this process, which has a slot too, worker n sets n + 1; worker 0 is killed, worker 1 says goodbye, worker 2
 * lives.
 */
static void
all_gauge_modes_over_a_killed_a_finished_and_a_living_worker(void **state)
{
    static const char *const names[SHMETER_MODES] = { "pool", "lsum", "lmin", "lmax",   "llatest", "lall",
                                                      "sum_", "min_", "max_", "latest", "all" };
    static struct shmeter_desc gauges[SHMETER_MODES];
    struct shmeter *meter = fresh(NULL);
    struct scene scene;
    const struct segment_status *status;
    int ready[2], finish[3][2], i, worker;
    pid_t workers[3];
    (void)state;

    assert_int_equal(pipe(ready), 0);
    for (i = 0; i < SHMETER_MODES; i++) {
        gauges[i] = desc(SHMETER_GAUGE, names[i], NULL);
        gauges[i].mode = (enum shmeter_mode)i;
        shmeter_family(meter, &gauges[i]);
    }
    for (worker = 0; worker < 3; worker++) {
        assert_int_equal(pipe(finish[worker]), 0);
        workers[worker] = fork_worker();
        if (!workers[worker]) {
            for (i = 0; i < SHMETER_MODES; i++)
                if (i == SHMETER_POOL)
                    shmeter_gauge_add(shmeter_gauge_of(shmeter_family(meter, &gauges[i])), worker + 1);
                else
                    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &gauges[i])), worker + 1);
            shmeter_check(meter, "db", SHMETER_DEGRADED, "slow");
            shmeter_busy(meter);
            say(ready[1], 1);
            hear(finish[worker][0]);
            shmeter_close(meter);
            _exit(0);
        }
        hear(ready[0]); /* one after the other: worker 2 is the latest */
    }
    scene_open_one(&scene, path);
    scene_scrape(&scene);
    assert_sample(&scene, "pool", "", 6);
    assert_sample(&scene, "lsum", "", 6);
    assert_int_equal(store_status(scene.store, 0)->slots_live, 4);
    kill(workers[0], SIGKILL);
    waitpid(workers[0], NULL, 0);
    say(finish[1][1], 1);
    waitpid(workers[1], NULL, 0);
    scene_scrape(&scene);
    assert_sample(&scene, "pool", "", 3);
    assert_sample(&scene, "lsum", "", 3);
    assert_sample(&scene, "lmin", "", 3);
    assert_sample(&scene, "lmax", "", 3);
    assert_sample(&scene, "llatest", "", 3);
    assert_sample(&scene, "sum_", "", 6);
    assert_sample(&scene, "min_", "", 1);
    assert_sample(&scene, "max_", "", 3);
    assert_sample(&scene, "latest", "", 3);
    assert_int_equal(model_find(scene.exposition->model, "lall")->present_n, 1);
    assert_int_equal(model_find(scene.exposition->model, "all")->present_n, 3);
    status = store_status(scene.store, 0);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots_dead, 1);
    assert_int_equal(status->slots_len, 3);
    assert_int_equal(status->slots[1].life, STATUS_DEAD);
    assert_int_equal(status->slots[2].pid, workers[2]);
    assert_string_equal(status->slots[2].checks[0].message, "slow");
    assert_true(status->slots[2].busy_age_ns < UINT64_C(600000000000));
    say(finish[2][1], 1);
    waitpid(workers[2], NULL, 0);
    scene_scrape(&scene);
    assert_absent(&scene, "lsum", "");
    assert_absent(&scene, "pool", "");
    assert_sample(&scene, "sum_", "", 6);
    scene_close(&scene);
}

static void
hidden_series_leave_and_come_back_fresh(void **state)
{
    static struct shmeter_desc counter;
    const char *const x[] = { "x" };
    struct shmeter *meter = fresh(NULL);
    const struct shmeter_family *family;
    struct scene scene;
    (void)state;

    counter = desc(SHMETER_COUNTER, "c_total", label);
    family = shmeter_family(meter, &counter);
    shmeter_counter_add(shmeter_counter_of(family, "x"), 5);
    shmeter_counter_add(shmeter_counter_of(family, "y"), 7);
    scene_open_one(&scene, path);
    scene_scrape(&scene);
    assert_sample(&scene, "c_total", "a=x,", 5);
    shmeter_hide_v(family, x, 1);
    scene_scrape(&scene);
    assert_absent(&scene, "c_total", "a=x,");
    assert_sample(&scene, "c_total", "a=y,", 7);
    shmeter_counter_add(shmeter_counter_of(family, "x"), 2);
    scene_scrape(&scene);
    assert_sample(&scene, "c_total", "a=x,", 2);
    shmeter_hide_all(family);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    scene_close(&scene);
}

static void
past_its_limit_a_family_counts_under_overflow(void **state)
{
    static struct shmeter_desc counter;
    struct shmeter *meter = fresh(NULL);
    struct scene scene;
    char value[16];
    int i;
    (void)state;

    counter = desc(SHMETER_COUNTER, "c_total", label);
    counter.max_series = 10;
    scene_open_one(&scene, path);
    for (i = 0; i < 25; i++) {
        snprintf(value, sizeof value, "%d", i);
        shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counter), value));
        scene_scrape(&scene);
    }
    assert_sample(&scene, "c_total", "a=9,", 1);
    assert_sample(&scene, "c_total", "a=__overflow__,", 15);
    assert_int_equal(store_status(scene.store, 0)->losses[SHMETER_LOSS_SERIES_OVERFLOWED], 15);
    assert_int_equal(store_status(scene.store, 0)->series_used, 10);
    scene_close(&scene);
}

static void
a_store_that_grows_is_read_as_it_grows(void **state)
{
    static struct shmeter_desc counter;
    struct shmeter_options options;
    struct shmeter *meter;
    struct scene scene;
    char value[16], labels[32];
    int i;
    (void)state;

    memset(&options, 0, sizeof options);
    options.struct_bytes = sizeof options;
    options.max_family_series = 20000;
    meter = fresh(&options);
    counter = desc(SHMETER_COUNTER, "c_total", label);
    scene_open_one(&scene, path);
    for (i = 1; i <= 12000; i++) {
        snprintf(value, sizeof value, "%d", i);
        shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &counter), value), (uint64_t)i);
        if (i % 3000)
            continue;
        scene_scrape(&scene);
        assert_int_equal(scene.parsed.samples_n, i);
        snprintf(labels, sizeof labels, "a=%d,", i);
        assert_sample(&scene, "c_total", labels, i);
    }
    assert_int_equal(store_status(scene.store, 0)->leaked_bytes, 0);
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_histograms_of_workers_that_are_gone),
        cmocka_unit_test(observations_are_whole_at_every_scrape_while_writers_run_and_die),
        cmocka_unit_test(all_gauge_modes_over_a_killed_a_finished_and_a_living_worker),
        cmocka_unit_test(hidden_series_leave_and_come_back_fresh),
        cmocka_unit_test(past_its_limit_a_family_counts_under_overflow),
        cmocka_unit_test(a_store_that_grows_is_read_as_it_grows),
    };

    snprintf(directory, sizeof directory, "/dev/shm/shmeter-test-%d-XXXXXX", (int)getpid());
    if (!mkdtemp(directory))
        return 1;
    owner = getpid();
    atexit(clean_up);
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
