/*
 * Workers in another pid namespace than the reader: they count in the live gauges while they live, whatever descriptors
 * they close, and no longer when they are killed, whatever children they leave. Only their lock shows whether they
 * live, for readers and for claimants. A writer of before ABI 1.3 whose descriptors are closed has no lock: when no
 * slot is free its slot is taken. It notices that at its next use other than that of a plain gauge, and claims again.
 */
#include "tests/shm/slots/namespace_crew.h"

static void
a_worker_of_another_namespace_counts_while_it_lives(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct crew_worker apart, here;
    (void)state;
    store = crew_open("apart", &meter, 0);
    apart = crew_start(1, 4);
    assert_int_equal(crew_answer(&apart), 0);

    status = values_take(store);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots[1].foreign, 1);
    assert_int_equal(status->slots[1].pid, 1); /* in its own namespace */
    assert_true(values_number(store, "in_there", NULL) == 4);

    crew_end(&apart, 1);
    status = values_take(store);
    assert_true(isnan(values_number(store, "in_there", NULL)));
    assert_true(values_number(store, "in_there_total", NULL) == 5);
    assert_int_equal(status->slots_live, 1);

    here = crew_start(0, 2); /* others are free: the foreign slot keeps its last words */
    assert_int_equal(crew_answer(&here), 0);
    status = values_take(store);
    assert_int_equal(status->slots_live, 2);
    assert_int_equal(status->slots[1].slot, 1);
    assert_int_equal(status->slots[1].pid, 1);
    assert_int_equal(status->slots[1].generation, 1);
    assert_int_not_equal(status->slots[1].life, STATUS_LIVE);
    assert_int_equal(status->slots[2].slot, 2);
    assert_int_equal(status->slots[2].pid, here.pid);
    assert_true(values_number(store, "in_there", NULL) == 2);
    crew_end(&here, 0);
    exposition_free(store);
    shmeter_close(meter);
}

static void
stopped_with_its_lock_it_keeps_its_slot(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct crew_worker apart, here;
    (void)state;
    store = crew_open("kept", &meter, 2);
    apart = crew_start(1, 4);
    assert_int_equal(crew_answer(&apart), 0);
    kill(apart.pid, SIGSTOP);

    here = crew_start(0, 2);
    assert_int_equal(crew_answer(&here), -EUSERS);
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_ROBBED], 0);
    assert_true(values_number(store, "in_there", NULL) == 4);

    kill(apart.pid, SIGCONT);
    assert_int_equal(crew_tell(&apart, ORDER_BEAT), 0);
    assert_int_equal(crew_tell(&apart, ORDER_SET), 0);
    status = values_take(store);
    assert_int_equal(status->slots[1].generation, 1);
    assert_int_equal(status->slots[1].pid, 1);
    assert_true(values_number(store, "in_there", NULL) == SET_VALUE);
    crew_end(&here, 0);
    crew_end(&apart, 1);
    exposition_free(store);
    shmeter_close(meter);
}

static void
robbed_while_it_is_stopped_it_notices_and_claims_anew(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct crew_worker apart, here;
    (void)state;
    store = crew_open("robbed", &meter, 2);
    apart = crew_start(1, 4);
    assert_int_equal(crew_answer(&apart), 0);
    assert_int_equal(crew_tell(&apart, ORDER_LOSE_LOCK), 0);
    kill(apart.pid, SIGSTOP);

    here = crew_start(0, 2);
    assert_int_equal(crew_answer(&here), 0);
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_ROBBED], 1);
    assert_int_equal(status->slots[1].generation, 2);
    assert_int_equal(status->slots[1].pid, here.pid);
    assert_true(values_number(store, "in_there", NULL) == 2);

    kill(apart.pid, SIGCONT); /* no slot is left for it: it counts privately, and not into its successor's */
    assert_int_equal(crew_tell(&apart, ORDER_ADD), 0);
    assert_int_equal(crew_tell(&apart, ORDER_SET), 0);
    assert_int_equal(crew_tell(&apart, ORDER_BEAT), 0);
    status = values_take(store);
    assert_true(values_number(store, "in_there", NULL) == 2);
    assert_true(status->slots[1].heartbeat_age_ns == STATUS_NEVER);

    crew_end(&here, 0); /* another namespace's for it, and no lock is left: the last resort once more */
    assert_int_equal(crew_tell(&apart, ORDER_ATTACH), 0);
    assert_int_equal(crew_tell(&apart, ORDER_SET), 0);
    status = values_take(store);
    assert_int_equal(status->slots[1].generation, 3);
    assert_int_equal(status->slots[1].pid, 1);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_EXHAUSTED], 1);
    assert_true(values_number(store, "in_there", NULL) == SET_VALUE);
    assert_true(values_number(store, "in_there_total", NULL) == 10);
    crew_end(&apart, 1);
    exposition_free(store);
    shmeter_close(meter);
}

static void
who_closes_all_descriptors_is_alive_and_keeps_its_slot(void **state)
{
    const struct segment_status *status;
    struct exposition *store;
    struct shmeter *meter;
    struct crew_worker apart, here;
    (void)state;
    store = crew_open("closed", &meter, 2);
    apart = crew_start(1, 4);
    assert_int_equal(crew_answer(&apart), 0);
    assert_int_equal(crew_tell(&apart, ORDER_CLOSE_FILES), 0);

    here = crew_start(0, 2);
    assert_int_equal(crew_answer(&here), -EUSERS);
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
    assert_int_equal(crew_tell(&here, ORDER_ATTACH), 0);
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_ROBBED], 0);
    assert_int_equal(status->slots[1].pid, here.pid);
    assert_true(values_number(store, "in_there", NULL) == 2); /* set while it had no slot */
    crew_end(&here, 0);
    exposition_free(store);
    shmeter_close(meter);
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
    struct crew_worker master;
    pid_t child;
    (void)state;
    store = crew_open("orphan", &meter, 0);
    master = crew_start(0, 4);
    assert_int_equal(crew_answer(&master), 0);
    child = crew_tell(&master, ORDER_FORK);
    assert_true(child > 0);
    if (crew_in_another_namespace(count_live) == NO_NAMESPACE)
        skip();
    assert_int_equal(crew_in_another_namespace(count_live), 2);
    kill(master.pid, SIGKILL);
    place_wait(master.pid);
    assert_int_equal(crew_in_another_namespace(count_live), 1); /* this process */
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
                crew_lose_lock(meter);
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
    store = crew_open("outer-proc", &meter, 3);
    shmeter_close(meter); /* three for them */
    result = crew_in_another_namespace(crowd);
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
    store = crew_open("chroot", &meter, 3);
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
