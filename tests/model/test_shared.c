/*
 * Shared lanes: observations, counters and fractional counters by several processes at once, against the exporter's
 * reading. Each bucket's count and sum belong together in every read, reads do not go back, and nothing is lost or
 * doubled.
 */
#include "tests/model/world.h"

#include "read/snapshot/cells.c"

#define WRITERS 3u
#define CELL    256u

enum kind { HISTOGRAM, COUNTER, COUNTER_F64 };

static struct {
    uint64_t done[WRITERS]; /* finished updates */
    uint64_t read_n, last;
} ghost;
static struct reading reading;
static struct shmeter_buckets *buckets;
static uint32_t writers_n, updates_n, reads_n;
static enum kind kind;

/* Their digits say how many of each are in a sum. The first is in a bucket of its own when there are three. */
static const double values[WRITERS] = { 1, 10, 100 };

static uint64_t
digits(double sum)
{
    uint64_t n = (uint64_t)sum;

    return n % 10 + n / 10 % 10 + n / 100;
}

static const uint64_t *
cell_words(void)
{
    return (const uint64_t *)(const void *)(segment.shared_lanes[0] + (size_t)(2 * CELL));
}

static void
writer(void *argument)
{
    struct shmeter_histogram histogram = { buckets, CELL };
    struct shmeter_counter counter = { segment.cpu_lanes[0] + CELL, 0 };
    struct shmeter_counter_f64 fraction = { &world_attachment(0)->lanes, CELL };
    uint32_t who = model_self(), i;
    (void)argument;

    counter.lanes = UINT64_C(10) << 16 | (uint64_t)((const unsigned char *)cell_words() - counter.cell) / 8 << 24;
    for (i = 0; i < updates_n; i++) {
        if (kind == HISTOGRAM)
            shmeter_histogram_observe_slow(histogram, values[who]);
        else if (kind == COUNTER)
            shmeter_counter_add_slow(counter, who + 1);
        else
            shmeter_counter_f64_add_slow(fraction, who + 0.5);
        ghost.done[who]++;
        model_forget(i + 1);
    }
}

static void
reader(void *argument)
{
    struct snapshot_torn torn = { 0, UINT64_MAX };
    uint64_t total;
    (void)argument;

    for (ghost.read_n = 0; ghost.read_n < reads_n; ghost.read_n++) {
        read_shared_cell(cell_words(), 2, SNAPSHOT_ALL_PAGES, &reading, &torn);
        total = reading.buckets[0] + reading.buckets[1];
        if (torn.n)
            model_fail("told as torn");
        if (digits(reading.sum) != total)
            model_fail("a torn read: %llu and %llu, sum %g", (unsigned long long)reading.buckets[0],
                       (unsigned long long)reading.buckets[1], reading.sum);
        if (total < ghost.last)
            model_fail("%llu observations after %llu", (unsigned long long)total, (unsigned long long)ghost.last);
        ghost.last = total;
    }
}

/* Of each writer's updates: all that are finished, and perhaps the one that it died in. */
static void
at_end(void)
{
    double least = 0, most = 0, sum;
    struct snapshot_torn torn = { 0, UINT64_MAX };
    uint32_t i;

    for (i = 0; i < writers_n && i < WRITERS; i++) {
        double one = kind == COUNTER_F64 ? i + 0.5 : kind == COUNTER ? i + 1 : values[i];
        least += (double)ghost.done[i] * one;
        most += (double)(ghost.done[i] + (uint64_t)model_is_dead(i)) * one;
    }
    read_shared_cell(cell_words(), 2, SNAPSHOT_ALL_PAGES, &reading, &torn);
    sum = kind == HISTOGRAM ? reading.sum : kind == COUNTER ? (double)*cell_words() : snapshot_f64(*cell_words());
    if (sum != least && sum != most)
        model_fail("the total is %g, not %g or %g", sum, least, most);
}

static void
setup(void)
{
    double bound = writers_n > 2 ? 1.5 : 0.5;
    uint32_t i;

    world_make(1);
    memset(&ghost, 0, sizeof ghost);
    memset(&reading, 0, sizeof reading);
    buckets = shmeter_buckets_make(&bound, 1, 0);
    buckets->lanes = world_attachment(0)->lanes;
    model_keep(&ghost, sizeof ghost);
    model_keep(&reading, 3 * sizeof(double));
    if (kind == HISTOGRAM) /* the two buckets */
        model_share(segment.shared_lanes[0] + 2 * (CELL + sizeof(struct shmeter_histogram_cell)), 32);
    else
        model_share(segment.shared_lanes[0] + (size_t)(2 * CELL), 8);
    for (i = 0; i < writers_n; i++)
        model_actor(i == 0 ? "writer 0" : i == 1 ? "writer 1" : "writer 2", i, writer, NULL);
    if (reads_n)
        model_reader("reader", 3, reader, NULL);
}

static char name[96];
static struct model_case shared_lane = { .name = name, .setup = setup, .at_end = at_end };

static void
bounds(enum kind what, uint32_t writers, uint32_t updates, uint32_t reads, uint32_t deaths)
{
    static const char *const kinds[] = { "histogram", "counter", "fractional counter" };

    kind = what;
    writers_n = writers;
    updates_n = updates;
    reads_n = reads;
    shared_lane.deaths = deaths;
    snprintf(name, sizeof name, "%s in a shared lane, %u writers, %u updates each, %u reads", kinds[what], writers,
             updates, reads);
}

static void
a_histograms_buckets_are_whole_and_nothing_is_lost(void **state)
{
    (void)state;
    bounds(HISTOGRAM, 3, 2, 1, 1);
    expect_right(&shared_lane, MEMORY_SC);
    bounds(HISTOGRAM, 2, 2, 2, 1);
    expect_right(&shared_lane, MEMORY_TSO);
    expect_right(&shared_lane, MEMORY_WEAK);
    bounds(HISTOGRAM, 3, report_long() ? 2 : 1, 1, 1);
    expect_right(&shared_lane, MEMORY_WEAK);
}

static void
counters_lose_nothing(void **state)
{
    (void)state;
    bounds(COUNTER, 3, 3, 0, 1);
    expect_right(&shared_lane, MEMORY_SC);
    expect_right(&shared_lane, MEMORY_WEAK);
    bounds(COUNTER_F64, 3, report_long() ? 3 : 2, 0, 1);
    expect_right(&shared_lane, MEMORY_SC);
    expect_right(&shared_lane, MEMORY_TSO);
    bounds(COUNTER_F64, 2, 2, 0, 1);
    expect_right(&shared_lane, MEMORY_WEAK);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(HISTOGRAM, 2, 2, 0, 0);
    model_bugs.split_cas16 = 1;
    expect_wrong(&shared_lane, MEMORY_SC, "a bucket whose count and sum move one after the other");
    model_bugs.split_cas16 = 0;
    bounds(HISTOGRAM, 2, 2, 1, 0);
    model_bugs.no_fence = 1;
    expect_wrong(&shared_lane, MEMORY_WEAK, "no fence in the reader");
    model_bugs.no_fence = 0;
    model_bugs.weak_acquire = 1;
    expect_wrong(&shared_lane, MEMORY_WEAK, "no acquire in the reader");
    model_bugs.weak_acquire = 0;
    bounds(COUNTER_F64, 2, 1, 0, 0);
    model_bugs.split_cas = 1;
    expect_wrong(&shared_lane, MEMORY_SC, "a fractional counter that is loaded and stored");
    model_bugs.split_cas = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_histograms_buckets_are_whole_and_nothing_is_lost),
        cmocka_unit_test(counters_lose_nothing),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model shared lanes", tests, NULL, NULL);
}
