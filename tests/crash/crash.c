#include "tests/crash/crash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/crash/counting/counts.h"
#include "tests/crash/stop/breakpoints.h"
#include "tests/crash/walker.h"
#include "tests/tools/scratch.h"

#define FULL_SET 6u /* gcc and clang, -O0, -O2 and -O3 */

#define QUICK_SHARE      24u /* of the boundaries, one in so many is a real kill                           */
#define QUICK_PAIRS      8u  /* of the pairs, one in so many                                             */
#define COLD_SHARE       8u  /* ... and of these again one in so many, where it takes long to come there */
#define QUICK_COLD_SHARE 32u
#define SEQUENCE_ROUNDS  60u /* of kills at each instruction of a sequence                                */
#define CASES_MAX        2048u
#define TABLES_MAX       8u
#define CASE_NAME_BYTES  160u

struct job {
    uint32_t number; /* of the table                                                                      */
    const struct op_table *table;
    const struct op *op;
    char name[CASE_NAME_BYTES];
};

static const struct shape usual = { 0, 1 }, two_shared = { 0, 2 };
static const struct op_table *const *tables;
static uint32_t tables_n;
static int thorough, counting, deaths = 1, cpu, other_cpu;
static uint32_t pairs_share = QUICK_PAIRS, cold_share = QUICK_COLD_SHARE, rounds_n = 1;
static uint64_t overhead; /* instructions that an empty function takes                                     */
static struct result *result, totals[TABLES_MAX]; /* of a job; of each table's */
static struct job jobs[CASES_MAX];
static struct CMUnitTest cases[CASES_MAX];
static uint32_t cases_n;

static int
lower_cpu(void)
{
    return cpu < other_cpu ? cpu : other_cpu;
}

static int
higher_cpu(void)
{
    return cpu < other_cpu ? other_cpu : cpu;
}

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

/* ---- the jobs, in processes that have walked through the operation ---- */

static void
die_everywhere(struct stage *stage)
{
    result->instructions = result->boundaries = stage->instructions;
    result->states = stage->states_n;
    death_check(stage);
}

static void
kill_really(struct stage *stage)
{
    uint32_t i;

    death_kill_at_boundaries(stage, 0, thorough ? 1 : QUICK_SHARE);
    if (stage->op->flags & OP_ON_LANE)
        for (i = 0; i < rounds_n; i++)
            death_kill_at_boundaries(stage, 1, 1);
    if (thorough)
        death_kill_at_states(stage);
}

static void
meet(struct stage *stage)
{
    pairs_check(stage, cpu, other_cpu, pairs_share, pairs_share * (stage->op->flags & OP_COLD ? cold_share : 1));
}

static void
leave(struct stage *stage)
{
    pairs_check(stage, lower_cpu(), higher_cpu(), pairs_share, pairs_share);
}

static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void
run_job(void **state, const struct shape *shape, int on, walker_fn run)
{
    const struct job *job = *state;
    /* Readings of a walk are for deaths and pairs. */
    const struct walk walk = { job->table, job->op, shape, on, deaths || (job->op->flags & OP_PAIRS && pairs_share) };
    struct result *total = &totals[job->number];
    double begin = seconds();
    int status;

    if (stepper_why_not()) {
        print_message("# %s\n", stepper_why_not());
        skip();
    }
    memset(result, 0, sizeof *result);
    status = walker_run(&walk, run, result);
    total->boundaries += result->boundaries;
    total->steps += result->steps;
    total->states += result->states;
    total->kills += result->kills;
    total->pairs += result->pairs;
    total->readings += result->readings;
    total->torn += result->torn;
    total->lost += result->lost;
    total->seconds += seconds() - begin;
    assert_int_equal(status, 0);
}

static void
test_death(void **state)
{
    const struct job *job = *state;

    run_job(state, thorough ? &two_shared : &usual, cpu, die_everywhere);
    printf("# %s, %s, %s lanes: %llu instructions, %llu states\n", job->op->name, job->table->build,
           stepper_has_rseq() ? "CPU" : "shared", (unsigned long long)(result->instructions - overhead),
           (unsigned long long)result->states);
}

static void
test_kill(void **state)
{
    run_job(state, &usual, cpu, kill_really);
}

static void
test_pair(void **state)
{
    run_job(state, &usual, cpu, meet);
}

/*
 * The same as in test_pair on a machine with a CPU more than the segment has lanes: A begins on the lower of two CPUs,
 * which has one.
 */
static void
test_leave(void **state)
{
    static struct shape short_of_lanes;

    if (other_cpu < 0) {
        print_message("# there is one CPU only\n");
        skip();
    }
    short_of_lanes = (struct shape){ (uint32_t)lower_cpu() + 1, 1 };
    run_job(state, &short_of_lanes, lower_cpu(), leave);
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
add(uint32_t number, const struct op *op, const char *what, CMUnitTestFunction run)
{
    const struct op_table *table = tables[number];
    struct job *job = &jobs[cases_n];

    if (cases_n == CASES_MAX)
        abort();
    job->number = number;
    job->table = table;
    job->op = op;
    snprintf(job->name, sizeof job->name, "%s: %s (%s)", op->name, what, table->build);
    cases[cases_n++] = (struct CMUnitTest){ job->name, run, NULL, NULL, job };
}

/* flags: of operations of which one at least is wanted, 0 for all. */
static void
add_table(uint32_t number, const char *only, uint32_t flags)
{
    const struct op_table *table = tables[number];
    uint32_t i;

    for (i = 0; i < table->ops_n; i++) {
        const struct op *op = &table->ops[i];
        if ((only && strcmp(only, op->name)) || (flags && !(op->flags & flags)))
            continue;
        if (deaths)
            add(number, op, "dying anywhere leaves all or nothing, and a sound segment", test_death);
        if (!(op->flags & OP_VARIES))
            add(number, op, "SIGKILL leaves the bytes that stepping saw", test_kill);
        if (op->flags & OP_PAIRS && pairs_share)
            add(number, op, "two at once are exact, whatever becomes of one", test_pair);
        if (op->flags & OP_ON_LANE && pairs_share)
            add(number, op, "two at once are exact where a CPU has no lane", test_leave);
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
        if (build ? !strcmp(build, tables[i]->build) : thorough || i == 0)
            add_table(i, only, 0);
        else if (!build && i == tables_n - 1)
            add_table(i, only, OP_HOT);
}

/* Returns 0, or 77 where nothing can be counted. */
static int
count_all(const char *build)
{
    uint32_t i;

    if (stepper_why_not()) {
        printf("%s\n", stepper_why_not());
        return 77;
    }
    for (i = 0; i < tables_n; i++)
        if (build ? !strcmp(build, tables[i]->build) : !strstr(tables[i]->build, "O0"))
            counts_print(tables[i]);
    return 0;
}

/* ---- what was done in all ---- */

/* One line for each build, which others read: what was done, and what must be 0. */
static void
print_total(const char *name, const struct result *total)
{
    printf("# %s, %s lanes: %llu boundaries, %llu distinct states, %llu kills, %llu pairs, %llu readings, %llu torn, "
           "%llu updates lost, %llu steps, %.0f s\n",
           name, stepper_has_rseq() ? "CPU" : "shared", (unsigned long long)total->boundaries,
           (unsigned long long)total->states, (unsigned long long)total->kills, (unsigned long long)total->pairs,
           (unsigned long long)total->readings, (unsigned long long)total->torn, (unsigned long long)total->lost,
           (unsigned long long)total->steps, total->seconds);
}

static void
print_totals(void)
{
    struct result all = { 0 };
    uint32_t i, n = 0;

    for (i = 0; i < tables_n; i++)
        if (totals[i].steps) {
            print_total(tables[i]->build, &totals[i]);
            n++;
            all.boundaries += totals[i].boundaries;
            all.states += totals[i].states;
            all.kills += totals[i].kills;
            all.pairs += totals[i].pairs;
            all.readings += totals[i].readings;
            all.torn += totals[i].torn;
            all.lost += totals[i].lost;
            all.steps += totals[i].steps;
            all.seconds += totals[i].seconds;
        }
    if (n > 1)
        print_total("in all", &all);
}

/*
 * Takes the options off the arguments. Returns the CPU to work on; -1: any. *share and *rounds stay as they are when
 * they are not given.
 */
static int
options(int *argc, char ***argv, int *share, int *rounds)
{
    int on = -1;

    for (; *argc > 1 && !strncmp((*argv)[1], "--", 2); (*argc)--, (*argv)++)
        if (!strcmp((*argv)[1], "--long"))
            thorough = 1;
        else if (!strcmp((*argv)[1], "--count"))
            counting = 1;
        else if (!strcmp((*argv)[1], "--without-debug-registers"))
            breakpoints_choose(0);
        else if (!strcmp((*argv)[1], "--without-deaths"))
            deaths = 0;
        else if (!strncmp((*argv)[1], "--cpu=", 6))
            on = atoi((*argv)[1] + 6);
        else if (!strncmp((*argv)[1], "--pairs=", 8))
            *share = atoi((*argv)[1] + 8);
        else if (!strncmp((*argv)[1], "--rounds=", 9))
            *rounds = atoi((*argv)[1] + 9);
        else
            abort();
    return on;
}

int
crash_main(const struct op_table *const *given, uint32_t given_n, int argc, char **argv)
{
    int failed, share = -1, rounds = -1;

    if (given_n > TABLES_MAX)
        abort();
    tables = given;
    tables_n = given_n;
    stepper_sequences(tables[0]->sequences, tables[0]->sequences_end);
    setvbuf(stdout, NULL, _IOLBF, 0);
    cpu = options(&argc, &argv, &share, &rounds);
    if (thorough || argc > 2)
        pairs_share = 1;
    if (thorough) {
        cold_share = COLD_SHARE;
        rounds_n = SEQUENCE_ROUNDS;
    }
    if (share >= 0)
        pairs_share = (uint32_t)share;
    if (rounds >= 0)
        rounds_n = (uint32_t)rounds;
    add_all(argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL);
    result = scratch_shared(sizeof *result);
    scratch_path("");
    cpu = stepper_pin(cpu, &other_cpu);
    if (counting)
        return count_all(argc > 1 ? argv[1] : NULL);
    if (!stepper_why_not())
        overhead = measure_overhead();
    printf("# children stop by %s\n", breakpoints_by_registers() ? "debug registers" : "breakpoint instructions");
    if (!deaths)
        printf("# no state of a step is read here: crash does so, and steps are the same\n");
    failed = _cmocka_run_group_tests("crash", cases, cases_n, NULL, NULL);
    walker_end();
    print_totals();
    return failed != 0;
}
