/*
 * A worker's check: name, state and message are of one moment, while the worker says one thing after the other, and when its place is taken
 * anew by the next owner of the slot.
 */
#include "tests/model/world.h"

#include "expo/snapshot_slots.c"
#include "shm/worker.h"

static struct status_check read_one;
static struct shmeter_reader exporter;
static struct snapshot snapshot = { .reader = &exporter };
static uint32_t puts_n, taken_anew;

/* Message n says its number 16 times, and belongs to health n % 3; a name likewise to its owner. */
static void
put(struct shmeter_slot_check *check, uint32_t n)
{
    char message[17];

    memset(message, 'a' + (int)n, 16);
    message[16] = 0;
    shmeter_worker_check_put(check, (enum shmeter_health)(n % 3), message, n);
}

static void
worker(void *argument)
{
    struct shmeter_slot_block *block = &segment.blocks[0].block;
    struct shmeter_slot_check *check;
    uint32_t n;
    (void)argument;

    if (taken_anew) { /* as shmeter_slot_prepare does */
        shmeter_store_relaxed(&block->checks[0].word, 0);
        check = shmeter_worker_check_place(block, "BBBBBBBBBBBBBBBB");
        put(check, 4);
        return;
    }
    for (n = 1; n <= puts_n; n++) {
        put(&block->checks[0], n);
        model_forget(n);
    }
}

static void
reader(void *argument)
{
    uint64_t off = (uint64_t)((const unsigned char *)&segment.blocks[0].block.checks[0] - exporter.base);
    uint32_t i, n;
    (void)argument;

    if (!read_check(&snapshot, off, &read_one))
        return;
    n = (uint32_t)(read_one.message[0] - 'a');
    for (i = 0; i < 16; i++)
        if (read_one.message[i] != (char)('a' + n))
            model_fail("a torn message: %s", read_one.message);
    if ((uint32_t)read_one.health != n % 3)
        model_fail("health %d with message %s", (int)read_one.health, read_one.message);
    for (i = 0; i < 16; i++)
        if (read_one.name[i] != (n == 4 ? 'B' : 'A'))
            model_fail("name %s with message %s", read_one.name, read_one.message);
    memset(&read_one, 0, sizeof read_one);
}

static void
setup(void)
{
    struct shmeter_slot_check *check = &segment.blocks[0].block.checks[0];

    world_make(1);
    memset(&read_one, 0, sizeof read_one);
    world_header(&exporter.header);
    exporter.base = (const unsigned char *)&segment;
    put(shmeter_worker_check_place(&segment.blocks[0].block, "AAAAAAAAAAAAAAAA"), 0);
    model_keep(&read_one, sizeof read_one);
    model_share(check, sizeof *check);
    world_actor("worker", 0, 0, worker, NULL);
    model_reader("reader", 1, reader, NULL);
}

static char name[96];
static struct model_case checks = { .name = name, .setup = setup, .one_writer = 1 };

static void
bounds(uint32_t puts, uint32_t anew)
{
    puts_n = puts;
    taken_anew = anew;
    if (anew)
        snprintf(name, sizeof name, "a check whose place the slot's next owner takes");
    else
        snprintf(name, sizeof name, "a check that says %u things", puts);
}

static void
what_a_check_says_is_of_one_moment(void **state)
{
    (void)state;
    bounds(3, 0);
    expect_right(&checks, MEMORY_SC);
    expect_right(&checks, MEMORY_TSO);
    bounds(report_long() ? 3 : 2, 0);
    expect_right(&checks, MEMORY_WEAK);
    bounds(0, 1);
    expect_right(&checks, MEMORY_SC);
    expect_right(&checks, MEMORY_WEAK);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(2, 0);
    model_bugs.no_fence_release = 1;
    expect_wrong(&checks, MEMORY_WEAK, "no release fence before a half is written again");
    model_bugs.no_fence_release = 0;
    model_bugs.weak_release = 1;
    expect_wrong(&checks, MEMORY_WEAK, "a state that is stored relaxed");
    model_bugs.weak_release = 0;
    model_bugs.no_fence = 1;
    expect_wrong(&checks, MEMORY_WEAK, "no acquire fence in the reader");
    model_bugs.no_fence = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_check_says_is_of_one_moment),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model checks", tests, NULL, NULL);
}
