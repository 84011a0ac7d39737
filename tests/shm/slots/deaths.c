/*
 * Which ends are deaths, and that each death is counted once: for a reader that has watched all the time and for one
 * that begins now, while the slot stands and when it was taken over, whatever access of its owner's or of a claimant's
 * was the last one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/health.h"
#include "shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

#define NEVER_REACHED 78 /* exit status of a process that has fewer accesses */

static struct {
    const char *segment;
    uint32_t last, at; /* the process dies before this access; 0: it does not                              */
} scene;

static void
before_access(void)
{
    if (scene.last && ++scene.at == scene.last)
        kill(getpid(), SIGKILL);
}

/* ---- a worker ---- */

static const struct shmeter_desc pool = { .type = SHMETER_GAUGE, .name = "deaths_active" };
static const struct shmeter_desc live = { .type = SHMETER_GAUGE, .name = "deaths_level", .mode = SHMETER_LIVE_SUM };
static const struct shmeter_options one_slot = {
    .struct_bytes = sizeof one_slot, .group = -1, .max_slots = 1, .max_gauges = 8
};

static struct shmeter *meter;
static struct shmeter_gauge active;

static void
begin(void)
{
    if (shmeter_open(&meter, scene.segment, &one_slot) || shmeter_attach_worker(meter))
        _exit(100);
    active = shmeter_gauge_of(shmeter_family(meter, &pool));
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &live)), 5);
}

static void
killed(void)
{
    kill(getpid(), SIGKILL);
}

static pid_t
run(void (*life)(void))
{
    pid_t child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        life();
        _exit(0);
    }
    return child;
}

/* ---- readers ---- */

struct seen {
    uint64_t died;
    uint32_t reasons_n;
};

static struct seen
look(struct exposition *store)
{
    const struct segment_status *status = values_take(store);
    struct health health;
    struct seen seen = { 0, 0 };
    assert_non_null(status);
    assert_int_equal(health_judge(&health, &status, 1, NULL), 0);
    seen.died = status->died;
    seen.reasons_n = health.reasons_n;
    if (health.reasons_n)
        assert_int_equal(health.reasons[0].check, HEALTH_WORKER_DEAD);
    health_free(&health);
    return seen;
}

static struct seen
look_anew(void)
{
    struct exposition *store = values_new(scene.segment);
    struct seen seen = look(store);
    exposition_free(store);
    return seen;
}

/* ---- which ends are deaths ---- */

static void
in_the_middle_of_work(void)
{
    begin();
    shmeter_busy(meter);
    killed();
}

static void
with_a_share(void)
{
    begin();
    shmeter_gauge_set(active, 7); /* the pool's: of no worker */
    shmeter_gauge_inc(active);
    killed();
}

static void
with_a_negative_share(void)
{
    begin();
    shmeter_gauge_dec(active);
    killed();
}

static void
with_a_failing_check(void)
{
    begin();
    shmeter_check(meter, "first", SHMETER_OK, NULL);
    shmeter_check(meter, "second", SHMETER_FAILING, "it is gone");
    killed();
}

static void
by_its_own_exit_in_the_middle_of_work(void)
{
    begin();
    shmeter_busy(meter);
    _exit(0);
}

static void
idle(void)
{
    begin();
    shmeter_heartbeat(meter);
    shmeter_busy(meter);
    shmeter_idle(meter);
    killed();
}

static void
with_a_share_given_back(void)
{
    begin();
    shmeter_gauge_inc(active);
    shmeter_gauge_dec(active);
    killed();
}

static void
with_a_share_that_a_set_replaced(void)
{
    begin();
    shmeter_gauge_inc(active);
    shmeter_gauge_set(active, 7);
    killed();
}

static void
with_a_check_that_is_no_failure(void)
{
    begin();
    shmeter_check(meter, "first", SHMETER_FAILING, "wait");
    shmeter_check(meter, "first", SHMETER_DEGRADED, "slow");
    killed();
}

static void
by_its_own_exit(void)
{
    begin();
    _exit(0);
}

static void
closed_in_the_middle_of_everything(void)
{
    begin();
    shmeter_gauge_inc(active);
    shmeter_busy(meter);
    shmeter_check(meter, "first", SHMETER_FAILING, "it is gone");
    shmeter_close(meter);
    killed();
}

static void
comes_and_goes(void)
{
    begin();
    shmeter_close(meter);
}

static void
who_had_something_under_way_has_died_and_who_had_not_has_ended(void **state)
{
    static const struct {
        void (*life)(void);
        uint32_t died;
    } lives[] = {
        { in_the_middle_of_work, 1 },
        { with_a_share, 1 },
        { with_a_negative_share, 1 },
        { with_a_failing_check, 1 },
        { by_its_own_exit_in_the_middle_of_work, 1 },
        { idle, 0 },
        { with_a_share_given_back, 0 },
        { with_a_share_that_a_set_replaced, 0 },
        { with_a_check_that_is_no_failure, 0 },
        { by_its_own_exit, 0 },
        { closed_in_the_middle_of_everything, 0 },
    };
    struct exposition *store;
    uint64_t died = 0;
    size_t i;
    (void)state;
    scene.segment = place_path("lives");
    place_wait(run(comes_and_goes));
    store = values_new(scene.segment);
    for (i = 0; i < 3 * sizeof lives / sizeof *lives; i++) {
        size_t n = i % (sizeof lives / sizeof *lives);
        place_wait(run(lives[n].life));
        died += lives[n].died;
        if (look(store).died != died || look(store).reasons_n != lives[n].died || look_anew().died != died ||
            look_anew().reasons_n != lives[n].died)
            fail_msg("life %zu: died %d, reasons %u", n, (int)look_anew().died, look_anew().reasons_n);
        assert_int_equal(place_wait(run(i % 2 ? comes_and_goes : by_its_own_exit)), 0);
        assert_int_equal(look(store).died, died);
        assert_int_equal(look(store).reasons_n, 0); /* another one has come */
        assert_int_equal(look_anew().died, died);
    }
    exposition_free(store);
}

/* ---- each once ---- */

static void
claims_and_may_die(void)
{
    begin();
    scene.last = 0;
    shmeter_close(meter);
    _exit(NEVER_REACHED);
}

static void
whatever_access_is_a_claimants_last_the_end_before_it_is_counted_right(void **state)
{
    void (*const ends[])(void) = { in_the_middle_of_work, with_a_share, with_a_failing_check, idle,
                                   closed_in_the_middle_of_everything };
    uint64_t died = 0;
    uint32_t last, i, code;
    struct exposition *store;
    (void)state;
    scene.segment = place_path("claimants");
    place_wait(run(comes_and_goes));
    store = values_new(scene.segment);
    for (i = 0; i < sizeof ends / sizeof *ends; i++)
        for (last = 1, code = 0; code != NEVER_REACHED; last++) {
            place_wait(run(ends[i]));
            died += i < 3;
            assert_int_equal(look(store).died, died);
            scene.last = last;
            scene.at = 0;
            code = (uint32_t)place_wait(run(claims_and_may_die));
            scene.last = 0;
            assert_true(code == NEVER_REACHED || code == 128 + SIGKILL);
            assert_int_equal(look(store).died, died);
            assert_int_equal(place_wait(run(comes_and_goes)), 0);
            if (look(store).died != died || look_anew().died != died)
                fail_msg("end %u, access %u: %u deaths, and not %u", i, last, (uint32_t)look_anew().died,
                         (uint32_t)died);
        }
    print_message("# claimants died at up to %u accesses\n", last);
    exposition_free(store);
}

static void
closes_and_may_die(void)
{
    uint32_t last = scene.last;
    scene.last = 0;
    begin();
    shmeter_busy(meter);
    scene.at = 0;
    scene.last = last;
    shmeter_close(meter);
    scene.last = 0;
    _exit(NEVER_REACHED);
}

static void
an_owner_that_dies_while_it_closes_has_died_or_not_and_that_stays(void **state)
{
    struct exposition *store;
    uint64_t died = 0, now;
    uint32_t last, code = 0, had_died = 0, had_not = 0;
    (void)state;
    scene.segment = place_path("owners");
    place_wait(run(comes_and_goes));
    store = values_new(scene.segment);
    for (last = 1; code != NEVER_REACHED; last++) {
        scene.last = last;
        code = (uint32_t)place_wait(run(closes_and_may_die));
        scene.last = 0;
        assert_true(code == NEVER_REACHED || code == 128 + SIGKILL);
        now = look(store).died;
        assert_in_range(now, died, died + 1);
        had_died += now > died;
        had_not += now == died;
        died = now;
        assert_int_equal(look_anew().died, died);
        assert_int_equal(place_wait(run(comes_and_goes)), 0);
        assert_int_equal(look(store).died, died);
        assert_int_equal(look_anew().died, died);
    }
    assert_true(had_died && had_not);
    exposition_free(store);
}

/* ---- exec ---- */

static void
executes_itself(void)
{
    begin();
    shmeter_busy(meter);
    execl("/proc/self/exe", "deaths", "again", scene.segment, (char *)NULL);
    _exit(101);
}

static void
a_worker_that_executes_another_program_has_not_died(void **state)
{
    (void)state;
    scene.segment = place_path("exec");
    assert_int_equal(place_wait(run(executes_itself)), 0);
    assert_int_equal(look_anew().died, 0);
    assert_int_equal(place_wait(run(in_the_middle_of_work)), 128 + SIGKILL);
    assert_int_equal(look_anew().died, 1);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_had_something_under_way_has_died_and_who_had_not_has_ended),
        cmocka_unit_test(whatever_access_is_a_claimants_last_the_end_before_it_is_counted_right),
        cmocka_unit_test(an_owner_that_dies_while_it_closes_has_died_or_not_and_that_stays),
        cmocka_unit_test(a_worker_that_executes_another_program_has_not_died),
    };
    return cmocka_run_group_tests_name("deaths", tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "again")) {
        scene.segment = argv[2];
        begin();
        return 0;
    }
    return place_run("deaths", body);
}
