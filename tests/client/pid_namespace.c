/*
 * A worker in another pid namespace than the reader: it counts in the live gauges while it lives and leaves them when it
 * is killed, by its lock alone, and nobody takes its slot while others are free.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/client/place.h"
#include "tests/client/values.h"

static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "in_there", .mode = SHMETER_LIVE_SUM };
static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "in_there_total" };
static const char *segment;

/* The worker: attaches, sets the gauge, says so, and stays until it is killed. */
static void
work(int ready, double v)
{
    struct shmeter *meter;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (shmeter_open(&meter, segment, NULL) || shmeter_attach_worker(meter))
        _exit(10);
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &gauges)), v);
    shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &counters)), 5);
    if (write(ready, "r", 1) != 1)
        _exit(11);
    for (;;)
        pause();
}

/* Makes a process that is the first of a namespace of its own. Returns its pid here, or -1: that is not allowed. */
static pid_t
start_apart(int ready, double v)
{
    int pid_pipe[2];
    pid_t child = -1, starter;
    if (pipe(pid_pipe))
        return -1;
    starter = fork();
    if (!starter) {
        if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
            _exit(1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child = fork();
        if (!child)
            work(ready, v);
        _exit(child > 0 && write(pid_pipe[1], &child, sizeof child) == sizeof child ? place_wait(child) : 2);
    }
    close(pid_pipe[1]);
    if (read(pid_pipe[0], &child, sizeof child) != sizeof child)
        child = -1;
    close(pid_pipe[0]);
    if (child < 0)
        place_wait(starter);
    return child;
}

static pid_t
start_here(int ready, double v)
{
    pid_t child = fork();
    if (!child)
        work(ready, v);
    return child;
}

/* Whether the worker has written; when it is gone instead, the pipe has an end. Closes the pipe. */
static int
wait_ready(const int ready[2])
{
    char byte;
    ssize_t n;
    close(ready[1]);
    n = read(ready[0], &byte, 1);
    close(ready[0]);
    return n == 1;
}

/* Kills it and waits until its namespace's starter, whose exit follows its own, is gone too. */
static void
kill_apart(pid_t child)
{
    kill(child, SIGKILL);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

static void
a_worker_of_another_namespace_counts_while_it_lives(void **state)
{
    const struct segment_status *status;
    struct store *store;
    struct shmeter *meter;
    uint32_t pid_there;
    int ready[2];
    pid_t apart, here;
    (void)state;
    segment = place_path("apart");
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    store = values_new(segment);
    assert_int_equal(pipe(ready), 0);
    apart = start_apart(ready[1], 4);
    if (apart < 0) {
        print_message("no pid namespace can be made here: needs root or user namespaces\n");
        skip();
    }
    assert_true(wait_ready(ready));

    status = values_take(store);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots[1].foreign, 1);
    pid_there = status->slots[1].pid;
    assert_int_equal(pid_there, 1); /* in its own namespace */
    assert_true(values_number(store, "in_there", NULL) == 4);

    kill_apart(apart);
    status = values_take(store);
    assert_true(isnan(values_number(store, "in_there", NULL)));
    assert_true(values_number(store, "in_there_total", NULL) == 5);
    assert_int_equal(status->slots_live, 1);

    assert_int_equal(pipe(ready), 0);
    here = start_here(ready[1], 2); /* others are free: the foreign slot keeps its last words */
    assert_true(wait_ready(ready));
    status = values_take(store);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots[1].slot, 1);
    assert_int_equal(status->slots[1].pid, 1);
    assert_int_equal(status->slots[1].generation, 1);
    assert_int_not_equal(status->slots[1].life, STATUS_LIVE);
    assert_int_equal(status->slots[2].slot, 2);
    assert_int_equal(status->slots[2].pid, here);
    assert_true(values_number(store, "in_there", NULL) == 2);
    kill(here, SIGKILL);
    place_wait(here);
    store_free(store);
    shmeter_close(meter);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_of_another_namespace_counts_while_it_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("namespace", body);
}
