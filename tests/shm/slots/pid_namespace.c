/*
 * Workers in another pid namespace than the reader: they count in the live gauges while they live, whatever descriptors
 * they close, and no longer when they are killed, whatever children they leave. Only their lock shows whether they
 * live, for readers and for claimants. A writer of before ABI 1.3 whose descriptors are closed has no lock: when no
 * slot is free its slot is taken. It notices that at its next use other than that of a plain gauge, and claims again.
 */
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

enum order {
    ORDER_SET = 's',
    ORDER_ADD = '+',
    ORDER_BEAT = 'b',
    ORDER_ATTACH = 'a',
    ORDER_CLOSE_FILES = 'c',
    ORDER_LOSE_LOCK = 'l',
    ORDER_FORK = 'f'
};

struct worker {
    pid_t pid;
    int orders, answers; /* pipes */
};

static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "in_there", .mode = SHMETER_LIVE_SUM };
static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "in_there_total" };
static const char *segment;

/* As one of before ABI 1.3 has its slot, after it has closed its descriptors. */
static void
lose_lock(const struct shmeter *meter)
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
        lose_lock(meter);
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
answer_of(const struct worker *worker)
{
    int answer;
    assert_int_equal(read(worker->answers, &answer, sizeof answer), sizeof answer);
    return answer;
}

static int
tell(const struct worker *worker, enum order order)
{
    char byte = (char)order;
    assert_int_equal(write(worker->orders, &byte, 1), 1);
    return answer_of(worker);
}

/*
 * Starts a worker, whose own input and output are the pipes for a moment. Skips the test where there can be no
 * namespaces.
 */
static struct worker
start(int apart, double v)
{
    int orders[2] = { -1, -1 }, answers[2] = { -1, -1 }, input = dup(0), output = dup(1);
    struct worker worker;
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
end(const struct worker *worker, int apart)
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
open_segment(const char *name, struct shmeter **meter, uint32_t slots)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1, .max_slots = slots };
    segment = place_path(name);
    assert_int_equal(shmeter_open(meter, segment, &options), 0);
    return values_new(segment);
}

static void
a_worker_of_another_namespace_counts_while_it_lives(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct worker apart, here;
    (void)state;
    store = open_segment("apart", &meter, 0);
    apart = start(1, 4);
    assert_int_equal(answer_of(&apart), 0);

    status = values_take(store);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots[1].foreign, 1);
    assert_int_equal(status->slots[1].pid, 1); /* in its own namespace */
    assert_true(values_number(store, "in_there", NULL) == 4);

    end(&apart, 1);
    status = values_take(store);
    assert_true(isnan(values_number(store, "in_there", NULL)));
    assert_true(values_number(store, "in_there_total", NULL) == 5);
    assert_int_equal(status->slots_live, 1);

    here = start(0, 2); /* others are free: the foreign slot keeps its last words */
    assert_int_equal(answer_of(&here), 0);
    status = values_take(store);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots[1].slot, 1);
    assert_int_equal(status->slots[1].pid, 1);
    assert_int_equal(status->slots[1].generation, 1);
    assert_int_not_equal(status->slots[1].life, STATUS_LIVE);
    assert_int_equal(status->slots[2].slot, 2);
    assert_int_equal(status->slots[2].pid, here.pid);
    assert_true(values_number(store, "in_there", NULL) == 2);
    end(&here, 0);
    exposition_free(store);
    shmeter_close(meter);
}

static void
stopped_with_its_lock_it_keeps_its_slot(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct worker apart, here;
    (void)state;
    store = open_segment("kept", &meter, 2);
    apart = start(1, 4);
    assert_int_equal(answer_of(&apart), 0);
    kill(apart.pid, SIGSTOP);

    here = start(0, 2);
    assert_int_equal(answer_of(&here), -EUSERS);
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_ROBBED], 0);
    assert_true(values_number(store, "in_there", NULL) == 4);

    kill(apart.pid, SIGCONT);
    assert_int_equal(tell(&apart, ORDER_BEAT), 0);
    assert_int_equal(tell(&apart, ORDER_SET), 0);
    status = values_take(store);
    assert_int_equal(status->slots[1].generation, 1);
    assert_int_equal(status->slots[1].pid, 1);
    assert_true(values_number(store, "in_there", NULL) == SET_VALUE);
    end(&here, 0);
    end(&apart, 1);
    exposition_free(store);
    shmeter_close(meter);
}

static void
robbed_while_it_is_stopped_it_notices_and_claims_anew(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct worker apart, here;
    (void)state;
    store = open_segment("robbed", &meter, 2);
    apart = start(1, 4);
    assert_int_equal(answer_of(&apart), 0);
    assert_int_equal(tell(&apart, ORDER_LOSE_LOCK), 0);
    kill(apart.pid, SIGSTOP);

    here = start(0, 2);
    assert_int_equal(answer_of(&here), 0);
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_ROBBED], 1);
    assert_int_equal(status->slots[1].generation, 2);
    assert_int_equal(status->slots[1].pid, here.pid);
    assert_true(values_number(store, "in_there", NULL) == 2);

    kill(apart.pid, SIGCONT); /* no slot is left for it: it counts privately, and not into its successor's */
    assert_int_equal(tell(&apart, ORDER_ADD), 0);
    assert_int_equal(tell(&apart, ORDER_SET), 0);
    assert_int_equal(tell(&apart, ORDER_BEAT), 0);
    status = values_take(store);
    assert_true(values_number(store, "in_there", NULL) == 2);
    assert_true(status->slots[1].heartbeat_age_ns == STATUS_NEVER);

    end(&here, 0); /* another namespace's for it, and no lock is left: the last resort once more */
    assert_int_equal(tell(&apart, ORDER_ATTACH), 0);
    assert_int_equal(tell(&apart, ORDER_SET), 0);
    status = values_take(store);
    assert_int_equal(status->slots[1].generation, 3);
    assert_int_equal(status->slots[1].pid, 1);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_EXHAUSTED], 1);
    assert_true(values_number(store, "in_there", NULL) == SET_VALUE);
    assert_true(values_number(store, "in_there_total", NULL) == 10);
    end(&apart, 1);
    exposition_free(store);
    shmeter_close(meter);
}

static void
who_closes_all_descriptors_is_alive_and_keeps_its_slot(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct worker apart, here;
    (void)state;
    store = open_segment("closed", &meter, 2);
    apart = start(1, 4);
    assert_int_equal(answer_of(&apart), 0);
    assert_int_equal(tell(&apart, ORDER_CLOSE_FILES), 0);

    here = start(0, 2);
    assert_int_equal(answer_of(&here), -EUSERS);
    status = values_take(store);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots[1].life, STATUS_LIVE);
    assert_true(values_number(store, "in_there", NULL) == 4);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_ROBBED], 0);

    kill(apart.pid, SIGKILL);
    assert_true(wait(NULL) > 0); /* the starter of its namespace */
    close(apart.orders);
    close(apart.answers);
    /* its lock is gone: proof, whoever asks */
    assert_int_equal(tell(&here, ORDER_ATTACH), 0);
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_ROBBED], 0);
    assert_int_equal(status->slots[1].pid, here.pid);
    assert_true(values_number(store, "in_there", NULL) == 2); /* set while it had no slot */
    end(&here, 0);
    exposition_free(store);
    shmeter_close(meter);
}

/* In a process that is the first of a new pid namespace, with the /proc of the old one: the exit status of what. */
static int
in_another_namespace(int (*what)(void))
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

static int
count_live(void)
{
    struct exposition *store = values_new(segment);
    const struct segment_status *status = values_take(store);
    return status ? (int)status->slots_live : 99;
}

static void
a_master_is_gone_when_it_is_killed_though_a_child_of_it_counts_on(void **state)
{
    struct exposition *store;
    struct shmeter *meter;
    struct worker master;
    pid_t child;
    (void)state;
    store = open_segment("orphan", &meter, 0);
    master = start(0, 4);
    assert_int_equal(answer_of(&master), 0);
    child = tell(&master, ORDER_FORK);
    assert_true(child > 0);
    if (in_another_namespace(count_live) == NO_NAMESPACE)
        skip();
    assert_int_equal(in_another_namespace(count_live), 2);
    kill(master.pid, SIGKILL);
    place_wait(master.pid);
    assert_int_equal(in_another_namespace(count_live), 1); /* this process */
    assert_non_null(values_take(store));
    assert_true(isnan(values_number(store, "in_there", NULL)));
    assert_true(values_number(store, "in_there_total", NULL) == 6);
    close(master.orders); /* the child ends */
    close(master.answers);
    kill(child, SIGKILL);
    exposition_free(store);
    shmeter_close(meter);
}

/*
 * A worker without a lock, one with, and one for which no slot is left. The first two live, whatever the /proc of the
 * outer namespace says.
 */
static int
crowd(void)
{
    static const double values[] = { 4, 8 };
    struct exposition *store;
    struct shmeter *meter;
    pid_t late;
    int i, ready[2];
    char byte;
    if (shmeter_open(&meter, segment, NULL) || pipe(ready))
        return 1;
    for (i = 0; i < 2; i++) {
        pid_t worker = fork();
        if (!worker) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &gauges)), values[i]);
            if (!i)
                lose_lock(meter);
            i = (int)write(ready[1], "r", 1);
            pause();
        }
        if (read(ready[0], &byte, 1) != 1)
            return 2;
    }
    late = fork();
    if (!late)
        _exit(shmeter_attach_worker(meter) == -EUSERS ? 0 : 1);
    if (place_wait(late))
        return 3; /* the slot of one that lives */
    store = values_new(segment);
    return values_take(store) && values_number(store, "in_there", NULL) == 12 ? 0 : 4;
}

static void
the_living_live_where_proc_is_of_another_pid_namespace(void **state)
{
    struct exposition *store;
    struct shmeter *meter;
    int result;
    (void)state;
    store = open_segment("outer-proc", &meter, 3);
    shmeter_close(meter); /* three for them */
    result = in_another_namespace(crowd);
    if (result == NO_NAMESPACE)
        skip();
    assert_int_equal(result, 0);
    exposition_free(store);
}

static void
workers_that_have_no_proc_and_no_path_leave_their_slots_to_others(void **state)
{
    struct exposition *store;
    struct shmeter *meter;
    const char *empty;
    pid_t child;
    int i, result;
    (void)state;
    store = open_segment("chroot", &meter, 3);
    empty = place_path("empty");
    assert_int_equal(mkdir(empty, 0700), 0);
    for (i = 0; i < 8; i++) {
        child = fork();
        if (!child) {
            if (chroot(empty) || chdir("/"))
                _exit(77);
            result = shmeter_attach_worker(meter);
            shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &gauges)), 1);
            _exit(result ? 1 : 0);
        }
        result = place_wait(child);
        if (result == 77)
            skip();
        assert_int_equal(result, 0);
    }
    exposition_free(store);
    shmeter_close(meter);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_of_another_namespace_counts_while_it_lives),
        cmocka_unit_test(stopped_with_its_lock_it_keeps_its_slot),
        cmocka_unit_test(robbed_while_it_is_stopped_it_notices_and_claims_anew),
        cmocka_unit_test(who_closes_all_descriptors_is_alive_and_keeps_its_slot),
        cmocka_unit_test(a_master_is_gone_when_it_is_killed_though_a_child_of_it_counts_on),
        cmocka_unit_test(the_living_live_where_proc_is_of_another_pid_namespace),
        cmocka_unit_test(workers_that_have_no_proc_and_no_path_leave_their_slots_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("namespace", body);
}
