/*
 * Programs that end without a shmeter_close: in order, by each way there is, their slots are given back. A forked child
 * gives back its own and not its parent's.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

static const struct shmeter_desc shared = { .type = SHMETER_GAUGE, .name = "ends_active" };
static const struct shmeter_desc total = { .type = SHMETER_COUNTER, .name = "ends_total" };

static struct shmeter *meter;

/* A worker in the middle of its work. */
static void
begin(const char *segment)
{
    struct shmeter_gauge active;
    if (shmeter_open(&meter, segment, NULL))
        _exit(100);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &total)));
    active = shmeter_gauge_of(shmeter_family(meter, &shared));
    shmeter_gauge_touch(active); /* 0, where nobody has a share */
    shmeter_gauge_inc(active);
    shmeter_busy(meter);
}

static void
expect(const char *segment, uint32_t live, uint32_t dead, double active)
{
    struct exposition *store = values_new(segment);
    const struct segment_status *status = values_take(store);
    assert_non_null(status);
    assert_int_equal(status->slots_live, live);
    assert_int_equal(status->slots_dead, dead);
    assert_true(values_number(store, "ends_active", NULL) == active);
    exposition_free(store);
}

/* ---- ways to end ---- */

static void
by_exit(const char *segment)
{
    begin(segment);
    exit(0);
}

static void
by_an_exit_status(const char *segment)
{
    begin(segment);
    exit(3);
}

static void
by_quick_exit(const char *segment)
{
    begin(segment);
    quick_exit(0);
}

/* The program ends with its last thread, as by exit(0). */
static void
by_the_end_of_its_last_thread(const char *segment)
{
    begin(segment);
    pthread_exit(NULL);
}

static void
opened_twice_and_closed_once(const char *segment)
{
    begin(segment);
    shmeter_open(&meter, segment, NULL);
    shmeter_close(meter);
    exit(0);
}

static void
with_another_meter_open(const char *segment)
{
    struct shmeter *other;
    shmeter_open(&other, place_path("other"), NULL);
    begin(segment);
    exit(0);
}

static void
closed_by_itself(const char *segment)
{
    begin(segment);
    shmeter_close(meter);
    exit(0);
}

static void *
exits(void *unused)
{
    (void)unused;
    exit(0);
}

static void
by_exit_in_another_thread(const char *segment)
{
    pthread_t thread;
    begin(segment);
    if (!pthread_create(&thread, NULL, exits, NULL))
        pthread_join(thread, NULL);
    _exit(101);
}

static void
an_end_in_order_gives_the_slot_back(void **state)
{
    static void (*const ways[])(const char *) = {
        by_exit,
        by_an_exit_status,
        by_quick_exit,
        by_the_end_of_its_last_thread,
        opened_twice_and_closed_once,
        with_another_meter_open,
        closed_by_itself,
        by_exit_in_another_thread,
    };
    const char *segment = place_path("ways");
    size_t i;
    (void)state;
    for (i = 0; i < sizeof ways / sizeof *ways; i++) {
        pid_t child = fork();
        if (!child) {
            ways[i](segment);
            _exit(102);
        }
        assert_in_range(place_wait(child), 0, 99);
        expect(segment, 0, 0, 0);
    }
}

/* ---- what is another one's ---- */

static void
a_forked_child_gives_back_its_own_slot_and_not_its_parents(void **state)
{
    const char *segment = place_path("forked");
    pid_t parent, child;
    int fds[2];
    char byte = 0;
    (void)state;
    if (pipe(fds))
        fail();
    parent = fork();
    if (!parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        begin(segment);
        child = fork();
        if (!child) {
            shmeter_gauge_inc(shmeter_gauge_of(shmeter_family(meter, &shared)));
            exit(0);
        }
        byte = (char)place_wait(child);
        child = fork();
        if (!child)
            exit(0); /* it has no slot */
        byte |= (char)place_wait(child);
        if (write(fds[1], &byte, 1) != 1)
            _exit(103);
        pause();
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(byte, 0);
    expect(segment, 1, 0, 1);
    kill(parent, SIGKILL);
    place_wait(parent);
    expect(segment, 0, 1, 0);
    close(fds[0]);
    close(fds[1]);
}

/* What other exit handlers count is counted, whether they come before or after. */
static void
late(void)
{
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &total)));
    shmeter_gauge_inc(shmeter_gauge_of(shmeter_family(meter, &shared)));
    shmeter_heartbeat(meter);
}

static void
what_is_counted_after_the_end_stays_counted(void **state)
{
    const char *segment = place_path("late");
    struct exposition *store = values_new(segment);
    pid_t child = fork();
    (void)state;
    if (!child) {
        atexit(late); /* comes last */
        begin(segment);
        exit(0);
    }
    assert_int_equal(place_wait(child), 0);
    assert_int_equal(values_take(store)->slots_dead, 0);
    assert_true(values_number(store, "ends_total", NULL) == 2);
    assert_true(values_number(store, "ends_active", NULL) == 0);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_in_order_gives_the_slot_back),
        cmocka_unit_test(a_forked_child_gives_back_its_own_slot_and_not_its_parents),
        cmocka_unit_test(what_is_counted_after_the_end_stays_counted),
    };
    return cmocka_run_group_tests_name("ends", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("ends", body);
}
