/*
 * Private memory: threads allocate and free at once, and one of them may stop for ever (as in a child forked
 * meanwhile). No block has two owners, each is zeroed, and no more is cut from the chunk than is needed at one time.
 */
#include "tests/model/world.h"

#define BLOCKS 6u
#define BYTES  16u
#define BLOCK  64u /* BYTES and its head, in the smallest class */

static struct {
    uint32_t owner[BLOCKS]; /* actor + 1 */
} ghost;
static uint32_t threads_n, spare_n;

static uint32_t
block_of(const void *memory)
{
    return (uint32_t)((SHMETER_ADDRESS(memory) - SHMETER_ADDRESS(&heap) - sizeof heap.chunk) / BLOCK);
}

static uint64_t *
take(void)
{
    uint64_t *memory = shmeter_heap_take(BYTES);
    uint32_t block = block_of(memory);

    if (block >= BLOCKS)
        model_fail("no memory");
    else if (ghost.owner[block])
        model_fail("block %u is had by two", block);
    else if (memory[0] || memory[1])
        model_fail("block %u is not zeroed", block);
    else {
        ghost.owner[block] = model_self() + 1;
        memory[0] = memory[1] = 77;
    }
    return memory;
}

static void
give(uint64_t *memory)
{
    if (ghost.owner[block_of(memory)] != model_self() + 1)
        model_fail("block %u is another's by now", block_of(memory));
    ghost.owner[block_of(memory)] = 0;
    shmeter_heap_give(memory, BYTES);
}

/* Two at once, of which one comes back at the head of the list while a slow thread still holds what stood behind it. */
static void
two(void *argument)
{
    uint64_t *first = take(), *second = take();
    (void)argument;

    give(first);
    give(second);
}

static void
one(void *argument)
{
    (void)argument;
    give(take());
}

static void
at_end(void)
{
    uint64_t most = spare_n > 1 + threads_n ? spare_n : 1 + threads_n, *list = shmeter_process_v3.free[0], n = 0, at;

    if (heap.chunk.used > sizeof heap.chunk + BLOCK * most)
        model_fail("%llu bytes are cut", (unsigned long long)heap.chunk.used);
    for (at = list[0]; at && n <= BLOCKS; n++)
        at = SHMETER_POINTER(struct shmeter_heap_block *, at)->next;
    if (n > BLOCKS)
        model_fail("the list is a ring");
    if (!model_deaths() && sizeof heap.chunk + BLOCK * n != heap.chunk.used)
        model_fail("%llu blocks are free of %llu bytes", (unsigned long long)n, (unsigned long long)heap.chunk.used);
}

static void
setup(void)
{
    static const char *const names[] = { "thread 0", "thread 1", "thread 2" };
    void *spare[BLOCKS];
    uint32_t i;

    world_make(1);
    memset(&ghost, 0, sizeof ghost);
    for (i = 0; i < spare_n; i++)
        spare[i] = shmeter_heap_take(BYTES);
    for (i = 0; i < spare_n; i++)
        shmeter_heap_give(spare[i], BYTES);
    model_keep(&ghost, sizeof ghost);
    model_share(&heap, sizeof heap.chunk + BLOCKS * BLOCK);
    model_share(shmeter_process_v3.free[0], sizeof shmeter_process_v3.free[0]);
    for (i = 0; i < threads_n; i++)
        world_actor(names[i], i, 0, i ? one : two, NULL);
}

static char name[96];
static struct model_case memory = { .name = name, .setup = setup, .at_end = at_end };

static void
bounds(uint32_t threads, uint32_t spare, uint32_t deaths)
{
    threads_n = threads;
    spare_n = spare;
    memory.deaths = deaths;
    snprintf(name, sizeof name, "private memory, %u threads, %u blocks given back before", threads, spare);
}

static void
a_block_is_had_by_one(void **state)
{
    (void)state;
    bounds(2, 0, 1);
    expect_right(&memory, MEMORY_SC);
    bounds(2, 2, 1);
    expect_right(&memory, MEMORY_SC);
    expect_right(&memory, MEMORY_TSO);
    expect_right(&memory, MEMORY_WEAK);
    bounds(3, 2, 1);
    if (report_long())
        expect_right(&memory, MEMORY_SC);
    else
        expect_bounded(&memory, MEMORY_SC, 200000);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(2, 2, 0);
    model_bugs.split_cas16 = 1;
    expect_wrong(&memory, MEMORY_SC, "a head that moves by halves");
    model_bugs.split_cas16 = 0;
    model_bugs.no_count = 1;
    expect_wrong(&memory, MEMORY_SC, "a head without a count");
    model_bugs.no_count = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_had_by_one),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model heap", tests, NULL, NULL);
}
