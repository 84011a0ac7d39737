/*
 * A histogram in a CPU lane: two writers on one CPU, which interrupt each other and may die, against the exporter's
 * untorn read on another. Every read is the histogram after some commit, later reads are of later commits, and no
 * commit is lost.
 */
#define SHMETER_ATOMIC_HOOKS 1
#include <stdio.h>

#include "read/snapshot/cells.c"
#include "tests/model/checker/report.h"
#include "tests/model/sequences.h"

#define BUCKETS 2u
#define COMMITS 8u

static struct {
    uint64_t words[8 + BUCKETS]; /* struct shmeter_histogram_cell */
} cell;

static struct {
    uint64_t commits;
    uint64_t counts[COMMITS + 1][BUCKETS]; /* the truth after each commit */
    double sums[COMMITS + 1];
} truth;

static struct reading reading;
static uint64_t first_seq;
static uint64_t read_n, last_read;
static uint32_t reads_n, buckets_n, observations_n[2];

static void
committed(const struct observation *o)
{
    uint64_t n = truth.commits++;

    memcpy(truth.counts[n + 1], truth.counts[n], sizeof truth.counts[n]);
    truth.counts[n + 1][o->bucket]++;
    truth.sums[n + 1] = truth.sums[n] + o->v;
}

static void
writer(void *argument)
{
    uint32_t who = *(const uint32_t *)argument, i;

    for (i = 0; i < observations_n[who]; i++) {
        struct observation o = { cell.words,
                                 (who + i) % buckets_n,
                                 buckets_n,
                                 1 + 4 * who + i,
                                 committed,
                                 model_memory() == MEMORY_WEAK,
                                 model_bugs.other == 1,
                                 model_bugs.other == 2 };
        model_sequence(sequence_observe, &o);
        model_forget(i + 1);
    }
}

/* The number of the commit after which the histogram was like this; -1: it never was. */
static int64_t
moment_of(const struct reading *read)
{
    int64_t n;

    for (n = (int64_t)truth.commits; n >= 0; n--)
        if (read->sum == truth.sums[n] && !memcmp(read->buckets, truth.counts[n], sizeof truth.counts[n]))
            return n;
    return -1;
}

static void
reader(void *argument)
{
    int64_t now;
    struct snapshot_torn torn = { 0, UINT64_MAX };
    (void)argument;

    for (read_n = 0; read_n < reads_n; read_n++) {
        read_cpu_cell(cell.words, buckets_n, SNAPSHOT_ALL_PAGES, &reading, &torn);
        now = moment_of(&reading);
        if (torn.n || now < 0)
            model_fail("a torn read: %llu and %llu, sum %g", (unsigned long long)reading.buckets[0],
                       (unsigned long long)reading.buckets[1], reading.sum);
        else if (now < (int64_t)last_read)
            model_fail("a read of commit %lld after one of commit %lld", (long long)now, (long long)last_read);
        last_read = (uint64_t)now;
    }
}

/*
 * What a read saw before it began again does not matter to it any more (but for the number of tries, of which there are
 * enough). As a seeded bug, one commit more is taken for none.
 */
static uint64_t
seen_by_reader(const void *at, uint64_t value, char order)
{
    if (at != (const void *)cell.words || model_self() != 2)
        return value;
    if (order == 'a') {
        first_seq = value;
        memset(&reading, 0, 8 * (1 + BUCKETS));
        model_forget(1000 * (read_n + 1) + value);
    }
    return model_bugs.other == 3 && value == first_seq + 1 ? first_seq : value;
}

static const uint32_t numbers[] = { 0, 1 };

static void
setup(void)
{
    memset(&cell, 0, sizeof cell);
    memset(&truth, 0, sizeof truth);
    memset(&reading, 0, sizeof reading);
    model_share(&cell, sizeof cell);
    model_keep(&truth, sizeof truth);
    model_keep(&reading, 8 * (1 + BUCKETS));
    model_keep(&first_seq, sizeof first_seq);
    model_keep(&read_n, sizeof read_n);
    model_keep(&last_read, sizeof last_read);
    first_seq = read_n = last_read = 0;
    model_lens = seen_by_reader;
    model_actor("writer 0", 0, writer, (void *)(uintptr_t)&numbers[0]);
    model_actor("writer 1", 0, writer, (void *)(uintptr_t)&numbers[1]);
    model_reader("reader", 1, reader, NULL);
}

static void
at_end(void)
{
    struct snapshot_torn torn = { 0, UINT64_MAX };
    uint64_t least = 0;
    uint32_t i;

    for (i = 0; i < 2; i++)
        least += model_is_dead(i) ? 0 : observations_n[i];
    read_cpu_cell(cell.words, buckets_n, SNAPSHOT_ALL_PAGES, &reading, &torn);
    if (truth.commits < least)
        model_fail("%llu commits of at least %llu", (unsigned long long)truth.commits, (unsigned long long)least);
    if (moment_of(&reading) != (int64_t)truth.commits)
        model_fail("an update is lost: %llu and %llu, sum %g", (unsigned long long)reading.buckets[0],
                   (unsigned long long)reading.buckets[1], reading.sum);
}

static char name[96];
static struct model_case cpu_lane = { .name = name, .setup = setup, .at_end = at_end };

/* Writers' observations, and how many buckets, reads, interrupted sequences and deaths there are. */
static void
bounds(uint32_t first, uint32_t second, uint32_t buckets, uint32_t reads, uint32_t interrupts, uint32_t deaths)
{
    observations_n[0] = first;
    observations_n[1] = second;
    buckets_n = buckets;
    reads_n = reads;
    snprintf(name, sizeof name, "histogram in a CPU lane, %u + %u observations, %u buckets, %u reads", first, second,
             buckets, reads);
    cpu_lane.interrupts = interrupts;
    cpu_lane.deaths = deaths;
}

static void
a_read_is_one_moment_of_two_writers(void **state)
{
    (void)state;
    bounds(2, 2, 2, 1, MODEL_ANY, 1);
    expect_right(&cpu_lane, MEMORY_SC);
    bounds(2, 1, 2, 2, 1, 1);
    expect_right(&cpu_lane, MEMORY_SC);
    bounds(2, report_long() ? 2 : 1, 2, 1, report_long() ? MODEL_ANY : 2, 1);
    expect_right(&cpu_lane, MEMORY_TSO);
}

static void
nor_do_stores_that_pass_each_other_tear_it(void **state)
{
    (void)state;
    bounds(2, 0, 1, 2, 0, 0);
    expect_right(&cpu_lane, MEMORY_WEAK);
    bounds(3, 0, 1, 1, 0, 0);
    expect_right(&cpu_lane, MEMORY_WEAK);
    bounds(1, 0, 2, 1, 1, 1);
    expect_right(&cpu_lane, MEMORY_WEAK);
    if (!report_long())
        return;
    bounds(1, 1, 1, 1, 1, 0);
    expect_right(&cpu_lane, MEMORY_WEAK);
    bounds(1, 1, 2, 0, 1, 1);
    expect_right(&cpu_lane, MEMORY_WEAK);
    bounds(2, 0, 1, 1, 1, 0);
    expect_right(&cpu_lane, MEMORY_WEAK);
    bounds(1, 1, 2, 1, 1, 0);
    expect_right(&cpu_lane, MEMORY_WEAK);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(2, 2, 2, 1, MODEL_ANY, 1);
    model_bugs.other = 3;
    expect_wrong(&cpu_lane, MEMORY_SC, "a reader that accepts seq + 1");
    model_bugs.other = 1;
    expect_wrong(&cpu_lane, MEMORY_SC, "commit before data");
    model_bugs.other = 0;
    model_bugs.no_restart = 1;
    expect_wrong(&cpu_lane, MEMORY_SC, "sequences that are not restarted");
    model_bugs.no_restart = 0;
    bounds(2, 0, 2, 1, 0, 0);
    model_bugs.other = 2;
    expect_wrong(&cpu_lane, MEMORY_WEAK, "no LDAR");
    expect_right(&cpu_lane, MEMORY_TSO);
    model_bugs.other = 0;
    model_bugs.weak_release = 1;
    expect_wrong(&cpu_lane, MEMORY_WEAK, "no STLR");
    model_bugs.weak_release = 0;
    model_bugs.no_fence = 1;
    expect_wrong(&cpu_lane, MEMORY_WEAK, "no fence in the reader");
    model_bugs.no_fence = 0;
    model_bugs.weak_acquire = 1;
    expect_wrong(&cpu_lane, MEMORY_WEAK, "no acquire in the reader");
    model_bugs.weak_acquire = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_one_moment_of_two_writers),
        cmocka_unit_test(nor_do_stores_that_pass_each_other_tear_it),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model histogram", tests, NULL, NULL);
}
