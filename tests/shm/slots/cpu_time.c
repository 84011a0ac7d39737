/*
 * CPU time of a slot's owners: noted by whoever knows it, at any moment, also when the slot is another's by then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "shmeter.h"
#include "tests/tools/scratch.h"

static struct shmeter_slot_block *
fresh(void)
{
    static struct shmeter_slot_block block __attribute__((aligned(64)));

    memset(&block, 0, sizeof block);
    return &block;
}

static void
assert_cpu(const struct shmeter_slot_block *block, uint32_t generation, uint64_t ms, uint64_t before)
{
    assert_int_equal(SHMETER_CPU_GENERATION(block->cpu_noted), generation);
    assert_int_equal(SHMETER_CPU_MS(block->cpu_noted), ms);
    assert_int_equal(block->cpu_before, before);
}

static void
an_owners_time_only_grows_and_is_added_up_when_another_owner_comes(void **state)
{
    struct shmeter_slot_block *block = fresh();

    (void)state;
    shmeter_cpu_note(block, 1, 0);
    shmeter_cpu_note(block, 1, 70);
    shmeter_cpu_note(block, 1, 50); /* by who has read it earlier */
    assert_cpu(block, 1, 70, 0);
    shmeter_cpu_note(block, 2, 0);
    assert_cpu(block, 2, 0, 70);
    shmeter_cpu_note(block, 1, 90); /* by who does not know yet that the slot is another's */
    assert_cpu(block, 2, 0, 70);
    shmeter_cpu_note(block, 2, 5);
    shmeter_cpu_note(block, 4, 6); /* the one between was of a release that notes nothing */
    assert_cpu(block, 4, 6, 75);
}

static void
generations_go_round(void **state)
{
    struct shmeter_slot_block *block = fresh();

    (void)state;
    block->cpu_noted = SHMETER_CPU(0xffffff, 8);
    shmeter_cpu_note(block, 0, 0);
    assert_cpu(block, 0, 0, 8);
    shmeter_cpu_note(block, 0xffffff, 9);
    assert_cpu(block, 0, 0, 8);
    shmeter_cpu_note(block, 1, 3);
    assert_cpu(block, 1, 3, 8);
}

#define GENERATIONS        20000u
#define OWN_MS(generation) ((generation) % 7 + 1) /* no owner uses more                                          */

struct race {
    struct shmeter_slot_block *block;
    uint32_t generation, ended;
};

/* What others know of the owner is never more than it has used, and may come late. */
static void *
note_for_others(void *argument)
{
    struct race *race = argument;
    uint64_t random = (uint64_t)(uintptr_t)&random;

    while (!__atomic_load_n(&race->ended, __ATOMIC_ACQUIRE)) {
        uint32_t generation = __atomic_load_n(&race->generation, __ATOMIC_ACQUIRE);
        if (!(scratch_random(&random) % 64))
            sched_yield();
        if (generation)
            shmeter_cpu_note(race->block, generation, scratch_random(&random) % OWN_MS(generation) + 1);
    }
    return NULL;
}

/* Read as readers do: equal before and after. */
static void *
watch_sum(void *argument)
{
    struct race *race = argument;
    uint64_t last = 0;

    while (!__atomic_load_n(&race->ended, __ATOMIC_ACQUIRE)) {
        uint64_t before = shmeter_load_acquire(&race->block->cpu_before);
        uint64_t noted = shmeter_load_relaxed(&race->block->cpu_noted);
        shmeter_fence_acquire();
        if (before != shmeter_load_relaxed(&race->block->cpu_before))
            continue;
        if (before + SHMETER_CPU_MS(noted) < last)
            return (void *)race; /* it has fallen */
        last = before + SHMETER_CPU_MS(noted);
    }
    return NULL;
}

static void
whoever_notes_and_whoever_takes_over_nothing_is_lost_or_doubled(void **state)
{
    struct race race = { fresh(), 0, 0 };
    pthread_t noters[3], watcher;
    uint64_t wanted = 0;
    uint32_t i, generation;
    void *fallen;

    (void)state;
    for (i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&noters[i], NULL, note_for_others, &race), 0);
    assert_int_equal(pthread_create(&watcher, NULL, watch_sum, &race), 0);
    for (generation = 1; generation <= GENERATIONS; generation++) {
        shmeter_cpu_note(race.block, generation, 0); /* the claim */
        __atomic_store_n(&race.generation, generation, __ATOMIC_RELEASE);
        if (!(generation % 16))
            sched_yield();
        shmeter_cpu_note(race.block, generation, OWN_MS(generation)); /* the end */
        wanted += OWN_MS(generation);
    }
    __atomic_store_n(&race.ended, 1, __ATOMIC_RELEASE);
    for (i = 0; i < 3; i++)
        pthread_join(noters[i], NULL);
    pthread_join(watcher, &fallen);
    assert_null(fallen);
    assert_int_equal(race.block->cpu_before + SHMETER_CPU_MS(race.block->cpu_noted), wanted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owners_time_only_grows_and_is_added_up_when_another_owner_comes),
        cmocka_unit_test(generations_go_round),
        cmocka_unit_test(whoever_notes_and_whoever_takes_over_nothing_is_lost_or_doubled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
