/*
 * Releases that follow each other: gauges of mode POOL and infos that no living process has leave the exposition;
 * counters and gauges that retain a value stay, and so does everything as long as it is not known who has it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

struct worker {
    pid_t pid;
    int orders, answers;
};

static const char *const label[] = { "v", NULL };
static const struct shmeter_desc versions = { .type = SHMETER_GAUGE, .name = "version", .labels = label },
                                 infos = { .type = SHMETER_INFO, .name = "build_info", .labels = label },
                                 latest = { .type = SHMETER_GAUGE,
                                            .name = "latest",
                                            .labels = label,
                                            .mode = SHMETER_LATEST },
                                 total = { .type = SHMETER_COUNTER, .name = "work_total", .labels = label },
                                 common = { .type = SHMETER_GAUGE, .name = "common" },
                                 first_only = { .type = SHMETER_GAUGE, .name = "first_only" };

/* What a worker of a release does when it starts: says its version in each kind of metric. */
static void
start(struct shmeter *meter, const char *version)
{
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &versions), version), 1);
    shmeter_info_of(shmeter_family(meter, &infos), version);
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &latest), version), 1);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &total), version));
    if (*version == '1') {
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &first_only)), 1);
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &common)), 7);
    } else
        shmeter_gauge_of(shmeter_family(meter, &common)); /* has it, and sets no value */
}

/*
 * x  says version x                                o  opens so many families that no list holds them
 * f  goes on in a child, and this process ends     m  makes a metric again and again
 * q  ends in order
 */
static void
obey(struct shmeter *meter, char order)
{
    struct shmeter_desc desc = { .type = SHMETER_COUNTER };
    char name[32];
    uint32_t i;

    switch (order) {
    case 'x':
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &versions), "x"), 1);
        break;
    case 'o':
        for (i = 0; i < 250; i++) {
            snprintf(name, sizeof name, "f%u_total", i);
            desc.name = name;
            shmeter_family(meter, &desc);
        }
        break;
    case 'f':
        if (fork())
            _exit(0);
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &latest), "child"), 1);
        break;
    case 'm':
        for (i = 0; i < 3; i++) {
            shmeter_family_forget(meter, "version");
            shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &versions), i < 2 ? "x" : "2"), 1);
        }
        break;
    case 'q':
        shmeter_close(meter);
        break;
    }
}

static void
run(const char *segment, const char *version, int orders, int answers)
{
    struct shmeter_options options = SHMETER_OPTIONS(.max_slots = 4);
    struct shmeter *meter;
    char order;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (shmeter_open(&meter, segment, &options))
        _exit(1);
    start(meter, version);
    while (write(answers, "a", 1) == 1 && read(orders, &order, 1) == 1) {
        obey(meter, order);
        if (order == 'q')
            break;
    }
    _exit(0);
}

static void
await(const struct worker *worker)
{
    char answer;

    assert_int_equal(read(worker->answers, &answer, 1), 1);
}

static struct worker
begin(const char *segment, const char *version)
{
    struct worker worker;
    int orders[2], answers[2];

    assert_int_equal(pipe(orders), 0);
    assert_int_equal(pipe(answers), 0);
    worker.pid = fork();
    if (!worker.pid) {
        close(orders[1]);
        close(answers[0]);
        run(segment, version, orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    worker.orders = orders[1];
    worker.answers = answers[0];
    await(&worker);
    return worker;
}

static void
tell(const struct worker *worker, char order)
{
    assert_int_equal(write(worker->orders, &order, 1), 1);
    await(worker);
}

static void
end(const struct worker *worker, int killed)
{
    char order = 'q';

    if (killed)
        kill(worker->pid, SIGKILL);
    else
        assert_int_equal(write(worker->orders, &order, 1), 1);
    place_wait(worker->pid);
    close(worker->orders);
    close(worker->answers);
}

/* Which versions a metric has: "1", "2", "12", ... */
static const char *
shown(struct exposition *store, const char *name)
{
    static const char *const values[] = { "1", "2", "x" };
    static char out[8];
    size_t i, n = 0;

    for (i = 0; i < 3; i++)
        if (model_find(store->model, name) && values_series(store, name, values[i]))
            out[n++] = values[i][0];
    out[n] = 0;
    return out;
}

static void
expect(struct exposition *store, const char *gone, const char *stays)
{
    values_take(store);
    assert_string_equal(shown(store, "version"), gone);
    assert_string_equal(shown(store, "build_info"), gone);
    assert_string_equal(shown(store, "latest"), stays);
    assert_string_equal(shown(store, "work_total"), stays);
    assert_true(values_number(store, "common", NULL) == 7);
    assert_int_equal(values_series(store, "first_only", NULL) != NULL, strchr(gone, '1') != NULL);
}

static void
what_a_release_had_leaves_when_the_next_one_does_not_have_it(void **state)
{
    const char *segment = place_path("follow");
    struct exposition *store = values_new(segment);
    struct worker one, two;
    int killed;
    (void)state;

    for (killed = 0; killed < 2; killed++) {
        one = begin(segment, "1");
        expect(store, "1", killed ? "12" : "1");
        end(&one, killed);
        expect(store, killed ? "12" : "1", killed ? "12" : "1"); /* nobody lives: the last that was known */
        two = begin(segment, "2");
        expect(store, "2", "12");
        end(&two, killed);
        expect(store, "12", "12");
    }
    one = begin(segment, "1"); /* a rollback */
    expect(store, "1", "12");
    end(&one, 0);
    exposition_free(store);
}

static void
in_a_rolling_deployment_it_leaves_with_the_last_old_worker(void **state)
{
    const char *segment = place_path("rolling");
    struct exposition *store = values_new(segment);
    struct worker old[2], fresh;
    (void)state;

    old[0] = begin(segment, "1");
    old[1] = begin(segment, "1");
    fresh = begin(segment, "2");
    expect(store, "12", "12");
    end(&old[0], 0);
    expect(store, "12", "12");
    end(&old[1], 1);
    expect(store, "2", "12");
    end(&fresh, 0);
    exposition_free(store);
}

/* As in one process: what a worker has said stays when it is replaced, as long as one of its time goes on. */
static void
what_one_worker_of_a_pool_has_set_stays_when_it_ends(void **state)
{
    const char *segment = place_path("replaced");
    struct exposition *store = values_new(segment);
    struct worker first = begin(segment, "1"), second = begin(segment, "1");
    (void)state;

    tell(&second, 'x');
    end(&second, 1);
    values_take(store);
    assert_string_equal(shown(store, "version"), "1x");
    second = begin(segment, "1");
    end(&first, 0);
    values_take(store);
    assert_string_equal(shown(store, "version"), "1");
    end(&second, 0);
    exposition_free(store);
}

static void
a_child_has_what_its_parent_had(void **state)
{
    const char *segment = place_path("daemon");
    struct exposition *store = values_new(segment);
    struct worker one = begin(segment, "1"), two;
    (void)state;

    tell(&one, 'f');
    place_wait(one.pid);
    two = begin(segment, "2");
    expect(store, "12", "12");
    end(&two, 0);
    expect(store, "12", "12");
    close(one.orders);
    close(one.answers);
    exposition_free(store);
}

static void
a_metric_that_is_made_again_goes_on(void **state)
{
    const char *segment = place_path("again");
    struct exposition *store = values_new(segment);
    struct worker one = begin(segment, "1");
    (void)state;

    tell(&one, 'm');
    values_take(store);
    assert_string_equal(shown(store, "version"), "12x");
    end(&one, 0);
    exposition_free(store);
}

/* Records keep the lower bits of an open's number: after half of them, and after all, the newest one is known. */
static void
what_a_worker_says_is_its_own_however_often_families_were_opened_before(void **state)
{
    static const uint64_t opens[] = { SHMETER_NOTED_MASK / 2, SHMETER_NOTED_MASK - 10, SHMETER_NOTED_MASK + 1 };
    const char *segment = place_path("wrapped");
    struct exposition *store = values_new(segment);
    struct shmeter_options options = SHMETER_OPTIONS(.max_slots = 4);
    struct shmeter *meter;
    struct worker worker;
    uint32_t i;
    (void)state;

    assert_int_equal(shmeter_open(&meter, segment, &options), 0);
    shmeter_close(meter);
    for (i = 0; i < sizeof opens / sizeof *opens; i++) {
        worker = begin(segment, "1");
        expect(store, "1", "1");
        end(&worker, 0);
        shmeter_meter_attachment(meter)->state->opens.value += opens[i]; /* of workers that have not these metrics */
    }
    worker = begin(segment, "1");
    expect(store, "1", "1");
    end(&worker, 0);
    exposition_free(store);
}

static void
nothing_leaves_while_it_is_not_known_who_has_it(void **state)
{
    const char *segment = place_path("unknown");
    struct exposition *store = values_new(segment);
    struct worker one = begin(segment, "1"), two[4];
    uint32_t i;
    (void)state;

    end(&one, 0);
    two[0] = begin(segment, "2");
    expect(store, "2", "12");
    for (i = 1; i < 4; i++) /* no slot is left: there may be a process without one */
        two[i] = begin(segment, "2");
    expect(store, "12", "12");
    for (i = 1; i < 4; i++)
        end(&two[i], 0);
    expect(store, "2", "12");
    tell(&two[0], 'o'); /* its list is full: it has been there no longer for that */
    expect(store, "2", "12");
    end(&two[0], 0);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_release_had_leaves_when_the_next_one_does_not_have_it),
        cmocka_unit_test(in_a_rolling_deployment_it_leaves_with_the_last_old_worker),
        cmocka_unit_test(what_one_worker_of_a_pool_has_set_stays_when_it_ends),
        cmocka_unit_test(a_child_has_what_its_parent_had),
        cmocka_unit_test(a_metric_that_is_made_again_goes_on),
        cmocka_unit_test(what_a_worker_says_is_its_own_however_often_families_were_opened_before),
        cmocka_unit_test(nothing_leaves_while_it_is_not_known_who_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("left", body);
}
