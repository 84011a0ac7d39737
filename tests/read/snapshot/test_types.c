/*
 * Summaries, statesets, and infos whose labels change, from several workers through the client to the text; and types
 * that no reader of this version knows.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/shmeter.h"
#include "tests/read/fixture.h"

static char directory[64], path[80];
static pid_t owner;
static struct shmeter *meter;
static struct scene scene;

static void
clean_up(void)
{
    if (getpid() != owner)
        return;
    unlink(path);
    rmdir(directory);
}

static int
setup(void **state)
{
    static int runs;
    (void)state;

    unlink(path);
    snprintf(path, sizeof path, "%s/%d", directory, runs++);
    if (shmeter_open(&meter, path, NULL))
        return -1;
    scene_open_one(&scene, path);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    scene_close(&scene);
    shmeter_close(meter);
    return 0;
}

static const char *const label[] = { "a", NULL };
static const char *const states[] = { "off", "on", "broken", NULL };

static const struct shmeter_family *
family(enum shmeter_type type, const char *name, const char *const *labels)
{
    struct shmeter_desc desc;

    memset(&desc, 0, sizeof desc);
    desc.type = type;
    desc.name = name;
    desc.help = "Something.";
    desc.labels = labels;
    if (type == SHMETER_STATESET)
        desc.states = states;
    return shmeter_family(meter, &desc);
}

/* Runs work in a process of its own, which ends without a goodbye. */
static void
in_a_worker(void (*work)(void))
{
    pid_t child = fork();
    int status;

    if (!child) {
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static uint64_t
lost(enum shmeter_loss loss)
{
    return store_status(scene.store, 0)->losses[loss];
}

/* ---- summaries ---- */

static void
observe(void)
{
    shmeter_histogram_observe(shmeter_histogram_of(family(SHMETER_SUMMARY, "s_seconds", label), "x"), 0.25);
    shmeter_histogram_observe(shmeter_histogram_of(family(SHMETER_SUMMARY, "s_seconds", label), "x"), 2);
    shmeter_histogram_observe(shmeter_histogram_of(family(SHMETER_SUMMARY, "n", NULL)), -4);
}

static void
a_summary_has_the_count_and_sum_of_all_workers(void **state)
{
    uint64_t ticks = shmeter_ticks(meter);
    (void)state;

    in_a_worker(observe);
    in_a_worker(observe);
    observe();
    scene_scrape(&scene);
    assert_sample(&scene, "s_seconds_count", "a=x,", 6);
    assert_sample(&scene, "s_seconds_sum", "a=x,", 6.75);
    assert_sample(&scene, "n_sum", "", -12);
    assert_absent(&scene, "s_seconds", "a=x,");
    assert_absent(&scene, "s_seconds_bucket", "a=x,le=+Inf,");
    shmeter_histogram_observe_since(shmeter_histogram_of(family(SHMETER_SUMMARY, "s_seconds", label), "x"), ticks);
    shmeter_histogram_observe(shmeter_histogram_of(family(SHMETER_SUMMARY, "s_seconds", label), "x"), 0.0 / 0.0);
    scene_scrape(&scene);
    assert_sample(&scene, "s_seconds_count", "a=x,", 7);
    assert_true(scene_value(&scene, "s_seconds_sum", "a=x,") > 6.75);
    assert_int_equal(lost(SHMETER_LOSS_OBSERVATIONS_NAN), 1);
}

static void
a_summary_and_a_histogram_of_one_name_are_two_definitions(void **state)
{
    (void)state;
    shmeter_histogram_observe(shmeter_histogram_of(family(SHMETER_SUMMARY, "s", NULL)), 1);
    shmeter_histogram_observe(shmeter_histogram_of(family(SHMETER_HISTOGRAM, "s", NULL)), 1);
    assert_non_null(strstr(shmeter_error(meter), "is open in this process with another type"));
    shmeter_counter_inc(shmeter_counter_of(family(SHMETER_SUMMARY, "s", NULL)));
    scene_scrape(&scene);
    assert_sample(&scene, "s_count", "", 1);
    assert_int_equal(lost(SHMETER_LOSS_FAMILY_CONFLICTS), 1);
    assert_int_equal(lost(SHMETER_LOSS_HANDLES_REFUSED), 1);
}

/* ---- statesets ---- */

static void
assert_state(uint32_t wanted)
{
    uint32_t i;

    scene_scrape(&scene);
    for (i = 0; states[i]; i++) {
        char labels[48];
        snprintf(labels, sizeof labels, "a=x,pump_state=%s,", states[i]);
        assert_sample(&scene, "pump_state", labels, i == wanted);
    }
    assert_int_equal(scene.parsed.samples_n, 3);
}

static struct shmeter_stateset
pump(void)
{
    return shmeter_stateset_of(family(SHMETER_STATESET, "pump_state", label), "x");
}

static void
switch_on(void)
{
    shmeter_stateset_set(pump(), 1);
}

static void
break_down(void)
{
    shmeter_stateset_set(pump(), 2);
}

static void
a_stateset_is_in_the_state_that_any_worker_set_last_and_in_no_other(void **state)
{
    (void)state;
    pump();
    assert_state(0);
    in_a_worker(switch_on);
    assert_state(1);
    in_a_worker(break_down);
    assert_state(2);
    shmeter_stateset_set(pump(), 0);
    assert_state(0);
    shmeter_stateset_set(pump(), 3);
    assert_state(0);
    assert_int_equal(lost(SHMETER_LOSS_GAUGE_REFUSED), 1);
}

static void
a_stateset_that_is_hidden_leaves_and_comes_back_in_its_first_state(void **state)
{
    static const char *const values[] = { "x" };
    (void)state;

    switch_on();
    assert_state(1);
    shmeter_hide_v(family(SHMETER_STATESET, "pump_state", label), values, 1);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    pump();
    assert_state(0);
}

static void
a_reader_never_sees_two_states_or_none_while_they_change(void **state)
{
    struct shmeter_stateset handle = pump();
    int begun[2], round;
    pid_t worker;
    (void)state;

    assert_int_equal(pipe(begun), 0);
    worker = fork();
    if (!worker) {
        uint32_t i;
        for (i = 0;; i++) {
            shmeter_stateset_set(handle, i % 3);
            if (i == 3 && write(begun[1], "x", 1) != 1)
                _exit(1);
        }
    }
    assert_int_equal(read(begun[0], &round, 1), 1);
    for (round = 0; round < 500; round++) {
        double sum = 0;
        int i;
        shmeter_stateset_set(handle, (uint32_t)round % 3);
        scene_scrape(&scene);
        for (i = 0; i < 3; i++)
            sum += scene.parsed.samples[i].value;
        if (sum != 1)
            break;
    }
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    assert_int_equal(round, 500);
}

static void
a_bad_stateset_is_refused_and_counts_privately(void **state)
{
    static const char *const own[] = { "pump_state", NULL }, *const twice[] = { "a", "b", "a", NULL };
    static const char *const empty[] = { NULL }, *const blank[] = { "a", "", NULL };
    static char long_name[SHMETER_MAX_VALUE_BYTES + 1];
    const char *const too_long[] = { long_name, NULL };
    struct shmeter_desc desc;
    const struct {
        const char *name, *const *labels, *const *states, *words;
    } bad[] = { { "pump:state", NULL, states, "no label name" },   { "pump_state", own, states, "its own name" },
                { "pump_state", NULL, twice, "same state twice" }, { "pump_state", NULL, empty, "1 to 256 states" },
                { "pump_state", NULL, blank, "1 to 256 states" },  { "pump_state", NULL, NULL, "1 to 256 states" },
                { "pump_state", NULL, too_long, "1 to 255 bytes" } };
    size_t i;
    (void)state;

    memset(long_name, 'x', SHMETER_MAX_VALUE_BYTES);
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&desc, 0, sizeof desc);
        desc.type = SHMETER_STATESET;
        desc.name = bad[i].name;
        desc.labels = bad[i].labels;
        desc.states = bad[i].states;
        shmeter_stateset_set(shmeter_stateset_of(shmeter_family(meter, &desc)), 0);
        assert_non_null(strstr(shmeter_error(meter), bad[i].words));
    }
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    assert_int_equal(lost(SHMETER_LOSS_FAMILIES_REFUSED), i);
}

/* ---- infos ---- */

static const char *const version_label[] = { "a", "version", NULL };
static const char *const build_labels[] = { "a", "version", "commit", NULL };

static void
replace(const char *const *labels, const char *a, const char *version, const char *commit)
{
    const char *const values[] = { a, version, commit };

    shmeter_info_replace_v(family(SHMETER_INFO, "b_info", labels), values, commit ? 3 : 2, 1);
}

static void
build_one(void)
{
    replace(build_labels, "x", "1", "c0ffee");
}

static void
version_two(void)
{
    replace(version_label, "x", "2", NULL);
}

static void
an_info_takes_the_place_of_all_others_with_its_first_labels_whoever_made_them(void **state)
{
    static const char *const x[] = { "x" };
    int round;
    (void)state;

    replace(version_label, "other", "1", NULL);
    for (round = 0; round < 3; round++) {
        in_a_worker(build_one);
        scene_scrape(&scene);
        assert_sample(&scene, "b_info", "a=x,commit=c0ffee,version=1,", 1);
        assert_int_equal(scene.parsed.samples_n, 2);
        in_a_worker(version_two);
        scene_scrape(&scene);
        assert_sample(&scene, "b_info", "a=x,version=2,", 1);
        assert_int_equal(scene.parsed.samples_n, 2);
        version_two(); /* the same again changes nothing */
        scene_scrape(&scene);
        assert_sample(&scene, "b_info", "a=x,version=2,", 1);
        assert_sample(&scene, "b_info", "a=other,version=1,", 1);
        assert_int_equal(scene.parsed.samples_n, 2);
    }
    build_one();
    shmeter_info_hide_v(family(SHMETER_INFO, "b_info", label), x, 1);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 1);
    shmeter_info_hide_v(family(SHMETER_INFO, "b_info", label), NULL, 0);
    scene_scrape(&scene);
    assert_int_equal(scene.parsed.samples_n, 0);
    assert_int_equal(lost(SHMETER_LOSS_FAMILY_CONFLICTS), 0);
    assert_int_equal(store_status(scene.store, 0)->families_superseded, 0);
}

static void
a_later_definition_of_another_type_stands_for_all_infos_of_its_name(void **state)
{
    static const struct image_family infos[] = { { .type = SHMETER_INFO, .name = "t", .labels = { "a" } },
                                                 { .type = SHMETER_INFO, .name = "t", .labels = { "b" } } };
    static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t" };
    struct fixture f;
    (void)state;

    fixture_start(&f, NULL);
    fixture_series(&f.image, image_family(&f.image, &infos[0]), "1");
    fixture_series(&f.image, image_family(&f.image, &infos[1]), "2");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "t", "a=1,", 1);
    assert_sample(&f.scene, "t", "b=2,", 1);
    image_series(&f.image, image_family(&f.image, &counter), NULL);
    scene_scrape(&f.scene);
    assert_int_equal(fixture_status(&f)->families_superseded, 2);
    assert_absent(&f.scene, "t", "a=1,");
    fixture_stop(&f);
}

/* ---- types of later versions ---- */

static void
a_family_of_an_unknown_type_is_passed_by_and_counted(void **state)
{
    static const struct image_family later = { .type = (enum shmeter_type)SHMETER_TYPES,
                                               .name = "t",
                                               .labels = { "a" } };
    static const struct image_family known = { .type = SHMETER_INFO, .name = "k", .labels = { "a" } };
    struct fixture f;
    (void)state;

    fixture_start(&f, NULL);
    fixture_series(&f.image, image_family(&f.image, &later), "1");
    fixture_series(&f.image, image_family(&f.image, &known), "1");
    scene_scrape(&f.scene);
    assert_sample(&f.scene, "k", "a=1,", 1);
    assert_int_equal(f.scene.parsed.samples_n, 1);
    assert_int_equal(fixture_status(&f)->families_unknown, 1);
    assert_int_equal(fixture_status(&f)->families_damaged, 0);
    assert_int_equal(fixture_status(&f)->series_damaged, 0);
    assert_int_equal(fixture_status(&f)->leaked_bytes, 0);
    fixture_stop(&f);
}

static void
a_stateset_that_does_not_fit_together_is_damaged(void **state)
{
    static const struct image_family good = {
        .type = SHMETER_STATESET, .mode = SHMETER_LATEST, .name = "t", .states = { "a", "b" }
    };
    struct fixture f;
    uint32_t damage;
    (void)state;

    for (damage = 0; damage < 6; damage++) {
        struct shmeter_family_record *record;
        struct image_series series;
        uint32_t unit;
        fixture_start(&f, NULL);
        unit = image_family(&f.image, &good);
        series = image_series(&f.image, unit, NULL);
        record = image_family_at(&f.image, unit);
        if (damage == 1)
            record->states_n = 0;
        else if (damage == 2)
            record->states_n = 3;
        else if (damage == 3)
            record->states_bytes = 60000;
        else if (damage == 4)
            record->mode = SHMETER_POOL;
        else if (damage == 5) /* a number that is no state's */
            *image_common(&f.image, series.cell) = (struct shmeter_gauge_cell){ image_stored(2), 1 };
        scene_scrape(&f.scene);
        assert_int_equal(f.scene.parsed.samples_n, damage ? 0 : 2);
        assert_int_equal(fixture_status(&f)->families_damaged, damage && damage < 5);
        fixture_stop(&f);
    }
}

int
main(void)
{
#define WORKERS(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORKERS(a_summary_has_the_count_and_sum_of_all_workers),
        WORKERS(a_summary_and_a_histogram_of_one_name_are_two_definitions),
        WORKERS(a_stateset_is_in_the_state_that_any_worker_set_last_and_in_no_other),
        WORKERS(a_stateset_that_is_hidden_leaves_and_comes_back_in_its_first_state),
        WORKERS(a_reader_never_sees_two_states_or_none_while_they_change),
        WORKERS(a_bad_stateset_is_refused_and_counts_privately),
        WORKERS(an_info_takes_the_place_of_all_others_with_its_first_labels_whoever_made_them),
        cmocka_unit_test(a_later_definition_of_another_type_stands_for_all_infos_of_its_name),
        cmocka_unit_test(a_family_of_an_unknown_type_is_passed_by_and_counted),
        cmocka_unit_test(a_stateset_that_does_not_fit_together_is_damaged),
    };
    owner = getpid();
    snprintf(directory, sizeof directory, "/dev/shm/shmeter-test-%d-XXXXXX", (int)getpid());
    if (!mkdtemp(directory))
        return 1;
    atexit(clean_up);
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
