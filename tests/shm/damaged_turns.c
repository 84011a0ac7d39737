/*
 * Somebody writes into the record of a removed series, before each access of a lookup that makes another series of it:
 * the lookup may fail, and what it counts may be lost, but it writes nowhere else. The header's own code with hooked
 * atomics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/scratch.h"

#define WORDS (sizeof(struct shmeter_series_record) / sizeof(uint64_t))

static uint64_t accesses, damaged_before, value;
static uint64_t *word; /* that is damaged; NULL: nobody counts */

static void
before_access(void)
{
    if (word && ++accesses == damaged_before)
        *word = value;
}

static const struct shmeter_family *
open_family(enum shmeter_type type, struct shmeter **meter)
{
    static const char *const labels[] = { "a", NULL };
    const struct shmeter_options options = SHMETER_OPTIONS(.max_gauges = 16, .max_series = 64, .lane_bytes = 32768,
                                                           .cpu_lanes = 2, .max_slots = 2);
    const struct shmeter_desc desc = {
        .type = type, .name = "damaged_total", .labels = labels, .mode = SHMETER_LIVE_SUM
    };

    return shmeter_open(meter, scratch_path("damaged"), &options) ? NULL : shmeter_family(*meter, &desc);
}

static void
look_up(enum shmeter_type type, const struct shmeter_family *family, const char *label)
{
    if (type == SHMETER_COUNTER)
        shmeter_counter_of(family, label);
    else
        shmeter_gauge_of(family, label);
}

/* Never returns. 0: the lookup has ended before the access; 1: behind it; 2: it does not use the record again. */
static void
damage(enum shmeter_type type, uint32_t which, int unharmed)
{
    static const char *const removed[] = { "removed" };
    struct shmeter_series_record *record;
    struct shmeter *meter;
    const struct shmeter_family *family = open_family(type, &meter);
    const struct shmeter_binding *binding;
    uint32_t unit;

    alarm(20);
    if (!family)
        _exit(3);
    look_up(type, family, removed[0]);
    binding = shmeter_family_binding(family);
    unit = shmeter_series_unit(family, binding, removed, 1);
    record = shmeter_arena_series(binding->attachment, unit);
    shmeter_hide_v(family, removed, 1);
    shmeter_quiescent(meter);
    word = (uint64_t *)(void *)record + which;
    look_up(type, family, "another");
    word = NULL;
    if (unharmed)
        _exit(SHMETER_STATE_KIND(record->state) == SHMETER_VISIBLE ? 0 : 2);
    shmeter_hide_all(family);
    shmeter_quiescent(meter);
    look_up(type, family, "a third one");
    _exit(accesses >= damaged_before);
}

static int
outcome(enum shmeter_type type, uint32_t which, int unharmed)
{
    pid_t pid = scratch_fork();
    int ended;

    if (!pid)
        damage(type, which, unharmed);
    ended = scratch_wait(pid);
    scratch_remove("damaged");
    return ended;
}

static void
a_record_that_is_damaged_in_the_middle_of_a_lookup_is_no_wild_write(void **state)
{
    static const enum shmeter_type types[] = { SHMETER_COUNTER, SHMETER_GAUGE };
    static const uint64_t values[] = { UINT64_MAX, UINT64_C(1) << 45 | 64 };
    uint32_t type, which, of, cases = 0;
    int ended;
    (void)state;

    for (type = 0; type < 2; type++) {
        damaged_before = 0;
        assert_int_equal(outcome(types[type], 0, 1), 0);
        for (which = 0; which < WORDS; which++)
            for (of = 0; of < 2; of++) {
                value = values[of];
                for (damaged_before = 1; (ended = outcome(types[type], which, 0)) == 1; damaged_before++)
                    cases++;
                assert_int_equal(ended, 0);
            }
    }
    print_message("# %u damages\n", (unsigned)cases);
    assert_true(cases > 500);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_that_is_damaged_in_the_middle_of_a_lookup_is_no_wild_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
