/*
 * Two releases of a program, with other buckets under one name, work side by side; two definitions in one process do
 * not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/sentence.h"
#include "tests/tools/values.h"

static const double old_bounds[] = { 1, 2 }, new_bounds[] = { 1, 5, 10 };
static const struct shmeter_desc old_release = {
    .type = SHMETER_HISTOGRAM, .name = "release_seconds", .bounds = old_bounds, .bounds_len = 2
};
static const struct shmeter_desc new_release = {
    .type = SHMETER_HISTOGRAM, .name = "release_seconds", .bounds = new_bounds, .bounds_len = 3
};

/* A process of one release: begins, then observes once for each byte that it is sent, and answers each. */
struct program {
    pid_t pid;
    int orders[2], answers[2];
};

static void
program_run(const struct program *program, const char *segment, const struct shmeter_desc *desc, double v)
{
    struct shmeter_histogram histogram;
    struct shmeter *meter;
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (shmeter_open(&meter, segment, NULL))
        _exit(1);
    histogram = shmeter_histogram_of(shmeter_family(meter, desc));
    do {
        if (shmeter_error(meter)[0])
            _exit(2);
        if (write(program->answers[1], "a", 1) != 1 || read(program->orders[0], &byte, 1) != 1)
            _exit(3);
        shmeter_histogram_observe(histogram, v);
    } while (byte != 'q');
    _exit(write(program->answers[1], "a", 1) == 1 ? 0 : 4);
}

static int
program_answers(const struct program *program)
{
    char byte;
    return read(program->answers[0], &byte, 1) == 1;
}

static struct program
program_start(const char *segment, const struct shmeter_desc *desc, double v)
{
    struct program program;
    assert_int_equal(pipe(program.orders), 0);
    assert_int_equal(pipe(program.answers), 0);
    program.pid = fork();
    if (!program.pid)
        program_run(&program, segment, desc, v);
    close(program.answers[1]);
    assert_true(program_answers(&program));
    return program;
}

static void
program_observe(const struct program *program, char order)
{
    assert_int_equal(write(program->orders[1], &order, 1), 1);
    assert_true(program_answers(program));
}

static void
program_stop(struct program *program)
{
    program_observe(program, 'q');
    assert_int_equal(place_wait(program->pid), 0);
    close(program->orders[0]);
    close(program->orders[1]);
    close(program->answers[0]);
}

/* The buckets of the family's only series, +Inf included. */
static uint32_t
buckets_n(struct exposition *store)
{
    const struct model_series *series = values_series(store, "release_seconds", NULL);
    return series ? series->shape->buckets_n : 0;
}

static void
a_second_release_with_other_bounds_works_beside_the_first(void **state)
{
    const char *segment = place_path("releases");
    struct exposition *store = values_new(segment);
    const struct segment_status *status;
    struct program first, second;
    (void)state;
    first = program_start(segment, &old_release, 1.5);
    program_observe(&first, 'o');
    status = values_take(store);
    assert_non_null(status);
    assert_int_equal(status->families_superseded, 0);
    assert_int_equal(buckets_n(store), 3);
    assert_int_equal(values_count(store, "release_seconds", NULL), 1);

    second = program_start(segment, &new_release, 7);
    program_observe(&second, 'o');
    program_observe(&second, 'o');
    program_observe(&first, 'o'); /* unseen by scrapes, and nothing breaks */
    status = values_take(store);
    assert_int_equal(status->families_superseded, 1);
    assert_int_equal(status->losses[SHMETER_LOSS_FAMILY_CONFLICTS], 0);
    assert_int_equal(buckets_n(store), 4);
    assert_int_equal(values_count(store, "release_seconds", NULL), 2);
    assert_true(values_sum(store, "release_seconds", NULL) == 14);
    program_stop(&first);
    program_stop(&second);
    values_take(store);
    assert_int_equal(values_count(store, "release_seconds", NULL), 3);
    exposition_free(store);
}

static void
two_definitions_in_one_process_are_an_error_for_the_second(void **state)
{
    const char *segment = place_path("twice");
    struct exposition *store = values_new(segment);
    const struct shmeter_family *first, *second;
    const struct segment_status *status;
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    first = shmeter_family(meter, &old_release);
    assert_string_equal(shmeter_error(meter), "");
    assert_ptr_equal(shmeter_family(meter, &old_release), first);
    second = shmeter_family(meter, &new_release);
    assert_non_null(second);
    assert_ptr_not_equal(second, first);
    expect_sentence(meter, "release_seconds", "another type, labels or buckets");
    shmeter_histogram_observe(shmeter_histogram_of(first), 1.5);
    shmeter_histogram_observe(shmeter_histogram_of(second), 7);
    status = values_take(store);
    assert_non_null(status);
    assert_int_equal(status->losses[SHMETER_LOSS_FAMILY_CONFLICTS], 1);
    assert_int_equal(status->families_superseded, 0);
    assert_int_equal(buckets_n(store), 3);
    assert_int_equal(values_count(store, "release_seconds", NULL), 1);
    assert_true(values_sum(store, "release_seconds", NULL) == 1.5);
    shmeter_close(meter);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_release_with_other_bounds_works_beside_the_first),
        cmocka_unit_test(two_definitions_in_one_process_are_an_error_for_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("release", body);
}
