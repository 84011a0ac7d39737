#include "tests/crash/crash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/client/scratch.h"
#include "tests/crash/death.h"

#define FULL_SET 6u /* gcc and clang, -O0, -O2 and -O3 */

#define QUICK_SHARE      24u /* of the boundaries, one in so many is a real kill                           */
#define QUICK_PAIRS      8u  /* of the pairs, one in so many                                             */
#define COLD_SHARE       8u  /* ... and of these again one in so many, where it takes long to come there */
#define QUICK_COLD_SHARE 32u
#define SEQUENCE_ROUNDS  60u /* of kills at each instruction of a sequence                                */
#define CASES_MAX        2048u
#define CASE_NAME_BYTES  160u

struct job {
    const struct op_table *table;
    const struct op *op;
    char name[CASE_NAME_BYTES];
};

static const struct shape usual = { 0, 1 }, two_shared = { 0, 2 };
static const struct op_table *const *tables;
static uint32_t tables_n;
static int thorough, cpu, other_cpu;
static uint32_t pairs_share = QUICK_PAIRS, cold_share = QUICK_COLD_SHARE;
static uint64_t overhead; /* instructions that an empty function takes                                     */
static struct result *result, total;
static struct job jobs[CASES_MAX];
static struct CMUnitTest cases[CASES_MAX];
static uint32_t cases_n;

static void
nothing(void)
{
}

static uint64_t
measure_overhead(void)
{
    const struct stepper_job job = { .run = nothing };
    struct stepper stepper;

    stepper_start(&stepper, &job);
    while (stepper_step(&stepper))
        ;
    stepper_kill(&stepper);
    return stepper.steps;
}

/* ---- the jobs, each in a process that has seen no segment before ---- */

static void
die_everywhere(const struct job *job)
{
    struct stage stage;

    stage_make(&stage, job->table, job->op, thorough ? &two_shared : &usual, result);
    stage_walk(&stage);
    result->boundaries = stage.result->instructions;
    death_check(&stage);
}

static void
kill_really(const struct job *job)
{
    struct stage stage;
    uint32_t round;

    stage_make(&stage, job->table, job->op, &usual, result);
    stage_walk(&stage);
    death_kill_at_boundaries(&stage, 0, thorough ? 1 : QUICK_SHARE);
    if (job->op->flags & OP_ON_LANE)
        for (round = 0; round < (thorough ? SEQUENCE_ROUNDS : 1); round++)
            death_kill_at_boundaries(&stage, 1, 1);
    if (thorough)
        death_kill_at_states(&stage);
}

static void
meet(const struct job *job)
{
    struct stage stage;

    stage_make(&stage, job->table, job->op, &usual, result);
    stage_walk(&stage);
    pairs_check(&stage, cpu, other_cpu, pairs_share, pairs_share * (job->op->flags & OP_COLD ? cold_share : 1));
}

/* The same on a machine with a CPU more than the segment has lanes. */
static void
leave(const struct job *job)
{
    const struct shape short_of_lanes = { (uint32_t)cpu + 1, 1 };
    struct stage stage;

    stage_make(&stage, job->table, job->op, &short_of_lanes, result);
    stage_walk(&stage);
    pairs_check(&stage, cpu, other_cpu, pairs_share, pairs_share);
}

static void
run_job(void **state, void (*run)(const struct job *))
{
    const struct job *job = *state;
    pid_t pid;

    if (stepper_why_not()) {
        print_message("# %s\n", stepper_why_not());
        skip();
    }
    memset(result, 0, sizeof *result);
    pid = scratch_fork();
    if (!pid) {
        run(job);
        exit(0);
    }
    assert_int_equal(scratch_wait(pid), 0);
    total.boundaries += result->boundaries;
    total.steps += result->steps;
    total.states += result->boundaries ? result->states : 0;
    total.kills += result->kills;
    total.pairs += result->pairs;
}

static void
test_death(void **state)
{
    const struct job *job = *state;

    run_job(state, die_everywhere);
    printf("# %s, %s, %s lanes: %llu instructions, %llu states\n", job->op->name, job->table->build,
           stepper_has_rseq() ? "CPU" : "shared", (unsigned long long)(result->instructions - overhead),
           (unsigned long long)result->states);
}

static void
test_kill(void **state)
{
    run_job(state, kill_really);
}

static void
test_pair(void **state)
{
    run_job(state, meet);
}

static void
test_leave(void **state)
{
    if (other_cpu < 0) {
        print_message("# there is one CPU only\n");
        skip();
    }
    run_job(state, leave);
}

static void
test_tables(void **state)
{
    (void)state;
    if (tables_n < FULL_SET) {
        print_message("# only %u builds: a compiler is missing\n", tables_n);
        skip();
    }
}

/* ---- which of them ---- */

static void
add(const struct op_table *table, const struct op *op, const char *what, CMUnitTestFunction run)
{
    struct job *job = &jobs[cases_n];

    if (cases_n == CASES_MAX)
        abort();
    job->table = table;
    job->op = op;
    snprintf(job->name, sizeof job->name, "%s: %s (%s)", op->name, what, table->build);
    cases[cases_n++] = (struct CMUnitTest){ job->name, run, NULL, NULL, job };
}

static void
add_table(const struct op_table *table, const char *only)
{
    uint32_t i;

    for (i = 0; i < table->ops_n; i++) {
        const struct op *op = &table->ops[i];
        if (only && strcmp(only, op->name))
            continue;
        add(table, op, "dying anywhere leaves all or nothing, and a sound segment", test_death);
        if (!(op->flags & OP_VARIES))
            add(table, op, "SIGKILL leaves the bytes that stepping saw", test_kill);
        if (op->flags & OP_ADDS)
            add(table, op, "two at once are exact, whatever becomes of one", test_pair);
        if (op->flags & OP_ON_LANE)
            add(table, op, "two at once are exact where a CPU has no lane", test_leave);
    }
}

static void
add_all(const char *build, const char *only)
{
    uint32_t i;

    if (!build)
        cases[cases_n++] = (struct CMUnitTest){ "both compilers and both optimizations are there", test_tables, NULL,
                                                NULL, NULL };
    for (i = 0; i < tables_n; i++)
        if (build ? !strcmp(build, tables[i]->build) : thorough || i == 0 || i == tables_n - 1)
            add_table(tables[i], only);
}

int
crash_main(const struct op_table *const *given, uint32_t given_n, int argc, char **argv)
{
    int failed;

    tables = given;
    tables_n = given_n;
    stepper_sequences(tables[0]->sequences, tables[0]->sequences_end);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "--long")) {
        thorough = 1;
        argv++;
        argc--;
    }
    if (thorough || argc > 2)
        pairs_share = 1;
    if (thorough)
        cold_share = COLD_SHARE;
    add_all(argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL);
    result = scratch_shared(sizeof *result);
    scratch_path("");
    cpu = stepper_pin(&other_cpu);
    if (!stepper_why_not())
        overhead = measure_overhead();
    failed = _cmocka_run_group_tests("crash", cases, cases_n, NULL, NULL);
    printf("# in all: %llu boundaries looked at, %llu states checked, %llu kills, %llu pairs, %llu steps\n",
           (unsigned long long)total.boundaries, (unsigned long long)total.states, (unsigned long long)total.kills,
           (unsigned long long)total.pairs, (unsigned long long)total.steps);
    return failed;
}
