/*
 * Workers in pid namespaces of their own or in the test's, which do what they are told by pipes. Included by one file
 * of a program.
 */
#ifndef SHMETER_TESTS_SHM_NAMESPACE_CREW_H
#define SHMETER_TESTS_SHM_NAMESPACE_CREW_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

#define SET_VALUE    8  /* what ORDER_SET sets */
#define NO_NAMESPACE 77 /* exit status where none can be made */

enum crew_order {
    ORDER_SET = 's',
    ORDER_ADD = '+',
    ORDER_BEAT = 'b',
    ORDER_ATTACH = 'a',
    ORDER_CLOSE_FILES = 'c',
    ORDER_LOSE_LOCK = 'l',
    ORDER_FORK = 'f'
};

struct crew_worker {
    pid_t pid;
    int orders, answers; /* pipes */
};

static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "in_there", .mode = SHMETER_LIVE_SUM };
static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "in_there_total" };
static const char *segment;

/* As one of before ABI 1.3 has its slot, after it has closed its descriptors. */
static void
crew_lose_lock(const struct shmeter *meter)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    uint64_t claim = SHMETER_CLAIM_KEY(SHMETER_WIPED(attachment)->claim);

    shmeter_slot_word_at(attachment, shmeter_slot_of(claim))->lock = 0;
    shmeter_lock_drop(SHMETER_WIPED(attachment), claim);
    SHMETER_WIPED(attachment)->claim &= ~SHMETER_CLAIM_MAPPED;
    SHMETER_WIPED(attachment)->slot = 0;
}

/* A child that counts, and no more, and lives on when its parent is killed. Returns its pid. */
static int
fork_counter(struct shmeter *meter)
{
    struct shmeter_counter counter = shmeter_counter_of(shmeter_family(meter, &counters));
    int ready[2], child;
    char byte;

    if (pipe(ready))
        return -1;
    child = fork();
    if (!child) {
        shmeter_counter_inc(counter);
        close(ready[1]);
        close(1); /* so that the test sees the parent's end */
        while (read(0, &byte, 1) > 0)
            ;
        pause();
    }
    close(ready[1]);
    if (child > 0 && read(ready[0], &byte, 1))
        child = -1;
    close(ready[0]);
    return child;
}

static int
obey(struct shmeter *meter, struct shmeter_gauge gauge, char order)
{
    switch (order) {
    case ORDER_SET:
        shmeter_gauge_set(gauge, SET_VALUE);
        return 0;
    case ORDER_ADD:
        shmeter_gauge_add(gauge, 1);
        return 0;
    case ORDER_BEAT:
        shmeter_heartbeat(meter);
        return 0;
    case ORDER_ATTACH:
        return shmeter_attach_worker(meter);
    case ORDER_LOSE_LOCK:
        crew_lose_lock(meter);
        return 0;
    case ORDER_FORK:
        return fork_counter(meter);
    default: /* as a daemon does that wants none but the first three */
        return (int)syscall(SYS_close_range, 3u, ~0u, 0u);
    }
}

/*
 * Attaches, sets the gauge, says so, and does what it is told until it is killed. Its pipes are its input and output.
 */
static void
work(double v)
{
    struct shmeter *meter;
    struct shmeter_gauge gauge;
    char order = 'r';
    int answer;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    answer = shmeter_open(&meter, segment, NULL);
    if (!answer)
        answer = shmeter_attach_worker(meter);
    gauge = shmeter_gauge_of(shmeter_family(meter, &gauges));
    shmeter_gauge_set(gauge, v);
    shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &counters)), 5);
    while (write(1, &answer, sizeof answer) == sizeof answer && read(0, &order, 1) == 1)
        answer = obey(meter, gauge, order);
    _exit(0);
}

/*
 * Forks a worker, which is the first of a pid namespace of its own when apart is 1. Returns its pid here, or -1: that
 * is not allowed.
 */
static pid_t
fork_worker(int apart, double v)
{
    int pid_pipe[2];
    pid_t child = -1, starter;
    if (!apart) {
        child = fork();
        if (!child)
            work(v);
        return child;
    }
    if (pipe(pid_pipe))
        return -1;
    starter = fork();
    if (!starter) {
        if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
            _exit(1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child = fork();
        if (!child)
            work(v);
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

static int
crew_answer(const struct crew_worker *worker)
{
    int answer;
    assert_int_equal(read(worker->answers, &answer, sizeof answer), sizeof answer);
    return answer;
}

static int
crew_tell(const struct crew_worker *worker, enum crew_order order)
{
    char byte = (char)order;
    assert_int_equal(write(worker->orders, &byte, 1), 1);
    return crew_answer(worker);
}

/*
 * Starts a worker, whose own input and output are the pipes for a moment. Skips the test where there can be no
 * namespaces.
 */
static struct crew_worker
crew_start(int apart, double v)
{
    int orders[2] = { -1, -1 }, answers[2] = { -1, -1 }, input = dup(0), output = dup(1);
    struct crew_worker worker;
    fflush(stdout);
    assert_int_equal(pipe2(orders, O_CLOEXEC) || pipe2(answers, O_CLOEXEC), 0);
    dup2(orders[0], 0);
    dup2(answers[1], 1);
    worker.pid = fork_worker(apart, v);
    dup2(input, 0);
    dup2(output, 1);
    close(input);
    close(output);
    close(orders[0]);
    close(answers[1]);
    worker.orders = orders[1];
    worker.answers = answers[0];
    if (worker.pid < 0) {
        print_message("no pid namespace can be made here: needs root or user namespaces\n");
        skip();
    }
    return worker;
}

/* Kills it and waits until it is gone, and the starter of its namespace, whose exit follows its own. */
static void
crew_end(const struct crew_worker *worker, int apart)
{
    kill(worker->pid, SIGKILL);
    if (apart)
        while (wait(NULL) > 0 || errno == EINTR)
            ;
    else
        place_wait(worker->pid);
    close(worker->orders);
    close(worker->answers);
}

static struct exposition *
crew_open(const char *name, struct shmeter **meter, uint32_t slots)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1, .max_slots = slots };
    segment = place_path(name);
    assert_int_equal(shmeter_open(meter, segment, &options), 0);
    return values_new(segment);
}

/* In a process that is the first of a new pid namespace, with the /proc of the old one: the exit status of what. */
static int
crew_in_another_namespace(int (*what)(void))
{
    pid_t starter = fork(), first;
    if (!starter) {
        if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
            _exit(NO_NAMESPACE);
        first = fork();
        if (!first)
            _exit(what());
        _exit(place_wait(first));
    }
    return place_wait(starter);
}

#endif
