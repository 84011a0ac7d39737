/*
 * The untorn reads against a writer that moves between any two loads: the real reading code with hooked atomics. Each
 * store of the writer is a step; every schedule of two bursts of steps, before any two loads, is tried. In order of
 * program only: what the hardware may reorder is shown elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "read/snapshot/cells.c"
#include "tests/read/reader_hooks.h"

#define BUCKETS 3u
#define COMMITS 12u
#define STEPS_N 5u /* stores of one observation */

/* ---- the writer, as in a CPU lane ---- */

static struct {
    struct shmeter_histogram_cell head;
    uint64_t buckets[BUCKETS];
} cell;
static uint32_t steps;                        /* done so far */
static uint64_t counts[COMMITS + 1][BUCKETS]; /* the truth after each commit */
static double sums[COMMITS + 1];

static uint32_t
bucket_of(uint32_t observation)
{
    return observation * 7 % 4 % BUCKETS; /* also the same one twice in a row */
}

static void
reset_writer(void)
{
    uint32_t i;

    memset(&cell, 0, sizeof cell);
    steps = 0;
    for (i = 0; i < COMMITS; i++) {
        memcpy(counts[i + 1], counts[i], sizeof counts[i]);
        counts[i + 1][bucket_of(i)]++;
        sums[i + 1] = sums[i] + 1 + bucket_of(i);
    }
}

/* One store of the observation under way. */
static void
step(void)
{
    uint32_t observation = steps / STEPS_N;
    const struct shmeter_histogram_record *active = &cell.head.rec[observation & 1];
    struct shmeter_histogram_record *other = &cell.head.rec[(observation + 1) & 1];

    if (observation >= COMMITS)
        return;
    switch (steps++ % STEPS_N) {
    case 0:
        cell.buckets[active->bucket] = active->count;
        break;
    case 1:
        other->bucket = bucket_of(observation);
        break;
    case 2:
        other->count = counts[observation + 1][bucket_of(observation)];
        break;
    case 3:
        other->sum = sums[observation + 1];
        break;
    default:
        cell.head.seq = observation + 1;
        break;
    }
}

/* ---- a pair that is moved as one ---- */

static struct shmeter_gauge_cell pair_cell;
static uint32_t moves;

static void
move_pair(void)
{
    moves++;
    pair_cell.value = moves * 10;
    pair_cell.aux = moves;
}

/* ---- schedules ---- */

static uint32_t loads, at_load[2], burst[2];
static int endless; /* a commit before each load */
static void (*writer)(void);

static void
run_writer(void)
{
    uint32_t i, k;

    for (i = 0; i < 2; i++)
        if (loads == at_load[i] || endless)
            for (k = 0; k < burst[i]; k++)
                writer();
    loads++;
}

uint64_t
shmeter_hook_load(const void *at, int bytes, char order)
{
    uint64_t value = 0;

    (void)order;
    run_writer();
    memcpy(&value, at, (size_t)bytes);
    return value;
}

void
shmeter_hook_store(void *at, uint64_t value, int bytes, char order)
{
    (void)at, (void)value, (void)bytes, (void)order;
    abort(); /* a reader never writes */
}

static uint32_t
commits(void)
{
    return steps / STEPS_N;
}

/* Whether what was read is the whole histogram after one of the commits from .. to. */
static int
is_a_moment(const struct reading *reading, uint32_t from, uint32_t to)
{
    for (; from <= to; from++)
        if (reading->sum == sums[from] && !memcmp(reading->buckets, counts[from], sizeof counts[from]))
            return 1;
    return 0;
}

static void
a_histogram_read_is_one_moment_whatever_the_writer_does_meanwhile(void **state)
{
    struct reading reading;
    uint32_t before, start, tried = 0;
    struct snapshot_torn torn = { 0, UINT64_MAX };
    (void)state;

    writer = step;
    for (before = 0; before < 3 * STEPS_N; before++)
        for (at_load[0] = 0; at_load[0] < 20; at_load[0]++)
            for (burst[0] = 0; burst[0] <= 2 * STEPS_N + 1; burst[0]++)
                for (at_load[1] = at_load[0] + 1; at_load[1] < 24; at_load[1]++)
                    for (burst[1] = 0; burst[1] <= 2 * STEPS_N + 1; burst[1]++) {
                        uint32_t i;
                        reset_writer();
                        for (i = 0; i < before; i++)
                            step();
                        start = commits();
                        loads = 0;
                        read_cpu_cell((const uint64_t *)(const void *)&cell, BUCKETS, SNAPSHOT_ALL_PAGES, &reading,
                                      &torn);
                        tried++;
                        if (!is_a_moment(&reading, start, commits()))
                            print_error("before %u, %u steps at load %u, %u at %u\n", before, burst[0], at_load[0],
                                        burst[1], at_load[1]);
                        assert_true(is_a_moment(&reading, start, commits()));
                    }
    assert_int_equal(torn.n, 0);
    print_message("# %u schedules\n", tried);
}

static void
commit_always(void)
{
    cell.head.seq++;
}

static void
a_writer_that_never_pauses_is_given_up_on_and_counted(void **state)
{
    struct reading reading;
    struct snapshot_torn torn = { 0, UINT64_MAX };
    uint32_t i;
    (void)state;

    reset_writer();
    for (i = 0; i < 3 * STEPS_N; i++)
        step();
    cell.head.rec[0].count = cell.head.rec[1].count = 999; /* what a torn record might hold */
    writer = commit_always;
    loads = at_load[0] = at_load[1] = burst[0] = burst[1] = 0;
    read_cpu_cell((const uint64_t *)(const void *)&cell, BUCKETS, SNAPSHOT_ALL_PAGES, &reading, &torn);
    assert_int_equal(torn.n, 0);
    assert_true(reading.buckets[0] == 999 || reading.buckets[1] == 999 || reading.buckets[2] == 999);
    endless = 1;
    burst[0] = 1;
    read_cpu_cell((const uint64_t *)(const void *)&cell, BUCKETS, SNAPSHOT_ALL_PAGES, &reading, &torn);
    endless = 0;
    assert_int_equal(torn.n, 1);
    assert_memory_equal(reading.buckets, cell.buckets, sizeof cell.buckets); /* no override by that record */
}

/*
 * As many cells as there can be lanes, and each moves at every load: without a limit of the take 1,024 tries for each.
 */
static void
what_a_take_spends_on_writers_that_never_pause_is_bounded(void **state)
{
    const uint32_t cells = SHMETER_MAX_CPU_LANES, words = HISTOGRAM_WORDS + BUCKETS, each = words + 2;
    struct snapshot_torn torn = { 0, SNAPSHOT_TRIES_WORDS };
    struct reading reading;
    uint64_t all = 0;
    uint32_t i;
    (void)state;

    reset_writer();
    writer = commit_always;
    endless = 1;
    at_load[0] = at_load[1] = 0;
    burst[0] = 1;
    burst[1] = 0;
    for (i = 0; i < cells; i++) {
        loads = 0;
        read_cpu_cell((const uint64_t *)(const void *)&cell, BUCKETS, SNAPSHOT_ALL_PAGES, &reading, &torn);
        all += loads;
    }
    endless = 0;
    assert_int_equal(torn.n, cells); /* and each is told */
    assert_true(all > SNAPSHOT_TRIES_WORDS / 2);
    assert_true(all < (uint64_t)cells * SNAPSHOT_TRIES_LEAST * each + 2 * SNAPSHOT_TRIES_WORDS);
    assert_true(all < (uint64_t)cells * SNAPSHOT_TRIES * words / 10);
}

static void
both_halves_of_a_pair_are_of_one_moment(void **state)
{
    struct shmeter_reader reader = { .base = (const unsigned char *)&pair_cell };
    struct snapshot snapshot = { .reader = &reader, .torn = { 0, UINT64_MAX } };
    (void)state;

    writer = move_pair;
    for (at_load[0] = 0; at_load[0] < 8; at_load[0]++)
        for (at_load[1] = at_load[0] + 1; at_load[1] < 10; at_load[1]++)
            for (burst[0] = burst[1] = 1; burst[1] < 3; burst[1]++) {
                struct pair pair;
                loads = 0;
                pair = snapshot_pair(&snapshot, 0);
                assert_int_equal(pair.first, pair.second * 10);
            }
    assert_int_equal(snapshot.torn.n, 0);
}

static uint64_t shared_cell[2 * (HISTOGRAM_WORDS + 1)];

static void
move_bucket(void)
{
    uint64_t *bucket = shared_cell + (size_t)(2 * HISTOGRAM_WORDS);
    double sum = 2.5 * (double)++bucket[0];

    memcpy(&bucket[1], &sum, sizeof sum);
}

static void
a_shared_buckets_count_and_sum_are_of_one_moment(void **state)
{
    struct reading reading;
    struct snapshot_torn torn = { 0, UINT64_MAX };
    (void)state;

    writer = move_bucket;
    for (at_load[0] = 0; at_load[0] < 8; at_load[0]++)
        for (at_load[1] = at_load[0] + 1; at_load[1] < 10; at_load[1]++) {
            loads = 0;
            burst[0] = burst[1] = 1;
            read_shared_cell(shared_cell, 1, SNAPSHOT_ALL_PAGES, &reading, &torn);
            assert_true(reading.sum == 2.5 * (double)reading.buckets[0]);
        }
    assert_int_equal(torn.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_histogram_read_is_one_moment_whatever_the_writer_does_meanwhile),
        cmocka_unit_test(a_writer_that_never_pauses_is_given_up_on_and_counted),
        cmocka_unit_test(a_shared_buckets_count_and_sum_are_of_one_moment),
        cmocka_unit_test(what_a_take_spends_on_writers_that_never_pause_is_bounded),
        cmocka_unit_test(both_halves_of_a_pair_are_of_one_moment),
    };
    return cmocka_run_group_tests_name("untorn", tests, NULL, NULL);
}
