/*
 * Verdicts and medians, on rows and values made up here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/bench.h"

static const struct bench_row rows[] = {
    { .name = "add" },
    { .name = "add-two", .floor = "add" },
    { .name = "xadd" },
    { .name = "xadd-two-shared", .floor = "xadd" },
    { .name = "one", .floor = "xadd", .max_ratio = 0.5 },
    { .name = "two", .floor = "one", .max_ratio = 1.3, .flags = BENCH_TWO },
    { .name = "absolute", .max_value = 60 },
    { .name = "plain", .floor = "xadd" },
    { .name = "peer" },
    { .name = "compared", .floor = "peer", .max_ratio = 0.02, .flags = BENCH_PEER },
};
enum { ADD, ADD_TWO, XADD, XADD_TWO_SHARED, ONE, TWO, ABSOLUTE, PLAIN, PEER, COMPARED, ROWS };

size_t
rows_n(void)
{
    return ROWS;
}

const struct bench_row *
row_at(size_t idx)
{
    return &rows[idx];
}

size_t
row_find(const char *name)
{
    size_t idx = 0;
    while (idx < ROWS && strcmp(rows[idx].name, name) != 0)
        idx++;
    return idx;
}

void
bench_fail(const char *format, ...)
{
    (void)format;
    abort();
}

void
report_note(struct bench_report *report, const char *text)
{
    snprintf(report->notes[report->notes_n++], sizeof *report->notes, "%s", text);
}

/* A run that saw contention, and met all targets. */
static struct bench_report
good(void)
{
    static const double values[ROWS] = { 0.25, 0.26, 4, 40, 2, 2.1, 30, 8, 2000, 14 };
    struct bench_report report = { 0 };
    for (size_t i = 0; i < ROWS; i++) {
        report.wanted[i] = 1;
        report.values[i].present = 1;
        report.values[i].median = values[i];
    }
    return report;
}

static void
values_within_their_targets_are_ok(void **state)
{
    struct bench_report report = good();
    (void)state;
    assert_int_equal(judge_row(&report, ONE).verdict, JUDGE_OK);
    assert_true(judge_row(&report, ONE).ratio == 0.5);
    assert_int_equal(judge_row(&report, TWO).verdict, JUDGE_OK);
    assert_int_equal(judge_row(&report, ABSOLUTE).verdict, JUDGE_OK);
    assert_int_equal(judge_missed(&report), 0);
    assert_int_equal(judge_status(&report, 1), 0);
}

static void
a_ratio_above_its_target_is_a_miss(void **state)
{
    struct bench_report report = good();
    (void)state;
    report.values[ONE].median = 2.01;
    assert_int_equal(judge_row(&report, ONE).verdict, JUDGE_MISS);
    assert_int_equal(judge_missed(&report), 1);
    assert_int_equal(judge_status(&report, 0), 0);
    assert_int_equal(judge_status(&report, 1), 1);
}

static void
a_value_above_its_target_is_a_miss(void **state)
{
    struct bench_report report = good();
    (void)state;
    report.values[ABSOLUTE].median = 60.1;
    assert_int_equal(judge_row(&report, ABSOLUTE).verdict, JUDGE_MISS);
}

static void
a_ratio_without_its_floor_is_a_miss(void **state)
{
    struct bench_report report = good();
    (void)state;
    report.values[XADD].present = 0;
    assert_int_equal(judge_row(&report, ONE).verdict, JUDGE_MISS);
}

static void
what_is_compared_with_a_peer_is_judged_where_the_peer_was_measured(void **state)
{
    struct bench_report report = good();
    (void)state;
    assert_int_equal(judge_row(&report, COMPARED).verdict, JUDGE_OK);
    report.values[COMPARED].median = 41;
    assert_int_equal(judge_row(&report, COMPARED).verdict, JUDGE_MISS);
    report.values[PEER].present = 0;
    assert_int_equal(judge_row(&report, COMPARED).verdict, JUDGE_SKIPPED);
    assert_int_equal(judge_missed(&report), 0);
}

static void
two_slow_processes_are_a_miss_when_contention_shows(void **state)
{
    struct bench_report report = good();
    (void)state;
    report.values[TWO].median = 2.7;
    assert_int_equal(judge_row(&report, TWO).verdict, JUDGE_MISS);
}

static void
two_processes_are_not_judged_when_a_shared_xadd_is_as_fast_as_alone(void **state)
{
    struct bench_report report = good();
    (void)state;
    report.values[XADD_TWO_SHARED].median = 4.4;
    report.values[TWO].median = 2.7;
    assert_int_equal(judge_row(&report, TWO).verdict, JUDGE_SKIPPED);
    assert_int_equal(judge_missed(&report), 0);
    judge_notes(&report);
    assert_int_equal(report.notes_n, 1);
    assert_non_null(strstr(report.notes[0], "NOT judged"));
}

static void
two_processes_are_not_judged_when_they_slow_each_other_on_private_words(void **state)
{
    struct bench_report report = good();
    (void)state;
    report.values[ADD_TWO].median = 0.5;
    assert_int_equal(judge_row(&report, TWO).verdict, JUDGE_SKIPPED);
}

static void
a_row_without_a_value_is_told_and_not_missed(void **state)
{
    struct bench_report report = good();
    (void)state;
    report.values[ABSOLUTE].present = 0;
    assert_int_equal(judge_row(&report, ABSOLUTE).verdict, JUDGE_ABSENT);
    assert_int_equal(judge_missed(&report), 0);
}

static void
a_row_without_a_target_has_a_ratio_and_no_verdict(void **state)
{
    struct bench_report report = good();
    (void)state;
    assert_int_equal(judge_row(&report, PLAIN).verdict, JUDGE_NONE);
    assert_true(judge_row(&report, PLAIN).ratio == 2);
}

static void
the_median_is_the_middle_of_the_sorted_values(void **state)
{
    double odd[] = { 9, 1, 5 }, even[] = { 4, 1, 100, 2 };
    (void)state;
    assert_true(measure_median(odd, 3) == 5);
    assert_true(measure_median(even, 4) == 3);
    assert_true(measure_median(odd, 0) == 0);
}

/* ---- loops: what two processes count into memory that they share ---- */

static uint64_t *counts; /* iterations of each process */

static void
loop_count(uint64_t n)
{
    __atomic_add_fetch(&counts[measure_rank()], n, __ATOMIC_SEQ_CST);
    for (volatile uint64_t i = 0; i < n; i++) {
    }
}

static int
body_fills(double *ns, const void *argument)
{
    ns[0] = *(const double *)argument;
    ns[1] = ns[0] + 1;
    return 3;
}

static void
a_forked_body_hands_over_its_values_and_result(void **state)
{
    const double seven = 7;
    double ns[2];
    (void)state;
    assert_int_equal(measure_fork(body_fills, &seven, ns, 2), 3);
    assert_true(ns[0] == 7 && ns[1] == 8);
}

static void
a_pair_runs_the_loop_in_both_processes(void **state)
{
    struct bench_run run = { .rounds = 3, .round_ns = 100000 };
    (void)state;
    cpus_choose(&run);
    if (run.cpus_n < 2) {
        assert_true(measure_pair(&run, loop_count) == 0);
        return;
    }
    cpus_pin(&run, 0);
    double ns = measure_pair(&run, loop_count);
    assert_true(ns > 0);
    assert_true(counts[0] > 0 && counts[1] > 0);
    assert_int_equal(measure_rank(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_within_their_targets_are_ok),
        cmocka_unit_test(a_ratio_above_its_target_is_a_miss),
        cmocka_unit_test(a_value_above_its_target_is_a_miss),
        cmocka_unit_test(a_ratio_without_its_floor_is_a_miss),
        cmocka_unit_test(what_is_compared_with_a_peer_is_judged_where_the_peer_was_measured),
        cmocka_unit_test(two_slow_processes_are_a_miss_when_contention_shows),
        cmocka_unit_test(two_processes_are_not_judged_when_a_shared_xadd_is_as_fast_as_alone),
        cmocka_unit_test(two_processes_are_not_judged_when_they_slow_each_other_on_private_words),
        cmocka_unit_test(a_row_without_a_value_is_told_and_not_missed),
        cmocka_unit_test(a_row_without_a_target_has_a_ratio_and_no_verdict),
        cmocka_unit_test(the_median_is_the_middle_of_the_sorted_values),
        cmocka_unit_test(a_forked_body_hands_over_its_values_and_result),
        cmocka_unit_test(a_pair_runs_the_loop_in_both_processes),
    };
    counts = measure_shared(2 * sizeof *counts);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
