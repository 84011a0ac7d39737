/*
 * Threads on one mapping under ThreadSanitizer, with the __atomic backend: whatever is not ordered by the orders that
 * shm/machine/atomic.h names is a report, and a report is a failure. All register the same families and series in other
 * orders, claim one slot, and update the same cells; totals are exact. Run without restartable sequences:
 * ThreadSanitizer does not see assembly.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef SEEDED /* the bug: a publish that orders nothing */
#undef __ATOMIC_SEQ_CST
#define __ATOMIC_SEQ_CST __ATOMIC_RELAXED
#endif

/* Through libc, where ThreadSanitizer sees that an address is new memory. */
#define shmeter_sys_map   kernel_sys_map
#define shmeter_sys_unmap kernel_sys_unmap
#include "shm/machine/files.h"
#undef shmeter_sys_map
#undef shmeter_sys_unmap

static long
shmeter_sys_map(uint64_t bytes, int protection, int flags, int fd)
{
    void *at = mmap(NULL, bytes, protection, flags, fd, 0);

    return at == MAP_FAILED ? -errno : (long)(uintptr_t)at; /* cppcheck-suppress memleak ; it is the caller's */
}

static int
shmeter_sys_unmap(void *at, uint64_t bytes)
{
    return munmap(at, bytes) ? -errno : 0;
}

#include "client/shmeter.h"

#include "client/cold.h"

#define THREADS 4u
#define LOOKUPS 20u
#define ROUNDS  80u
#define SERIES  12u
#define UPDATES 50u

static char folder[64], path[96];
static pthread_barrier_t barrier;
static struct shmeter *meter;
static const struct shmeter_family *given_up;

static const char *const labels[] = { "l", NULL };

static struct shmeter_desc
description(enum shmeter_type type, uint32_t round)
{
    static const double bounds[] = { 1, 2, 4 };
    static _Thread_local char name[SHMETER_INFO + 1][64];
    struct shmeter_desc desc = { .type = type, .name = name[type], .help = "x", .labels = labels };

    snprintf(name[type], sizeof name[type], "t%u_%u%s", (unsigned)type, round,
             type <= SHMETER_COUNTER_F64 ? "_total" : "");
    desc.bounds = bounds;
    desc.bounds_len = 3;
    if (type != SHMETER_HISTOGRAM)
        desc.bounds = NULL, desc.bounds_len = 0;
    return desc;
}

/* It is the one that the others have. */
static const struct shmeter_family *
family_of(enum shmeter_type type, uint32_t round)
{
    static uint64_t families[SHMETER_INFO + 1][ROUNDS];
    struct shmeter_desc desc = description(type, round);
    const struct shmeter_family *family = shmeter_family(meter, &desc);
    uint64_t others = 0;

    if (!family || shmeter_family_refused(family) ||
        (!shmeter_cas(&families[type][round], &others, SHMETER_ADDRESS(family)) && others != SHMETER_ADDRESS(family)))
        abort();
    return family;
}

static void
update_one(uint32_t round, uint32_t series)
{
    char value[16];
    const char *const values[] = { value, NULL };
    struct shmeter_counter counter;
    struct shmeter_counter_f64 fraction;
    struct shmeter_histogram histogram;
    struct shmeter_gauge gauge;
    uint32_t i;

    snprintf(value, sizeof value, "v%u", series);
    counter = shmeter_counter_of_v(family_of(SHMETER_COUNTER, round), values, 1);
    fraction = shmeter_counter_f64_of_v(family_of(SHMETER_COUNTER_F64, round), values, 1);
    histogram = shmeter_histogram_of_v(family_of(SHMETER_HISTOGRAM, round), values, 1);
    gauge = shmeter_gauge_of_v(family_of(SHMETER_GAUGE, round), values, 1);
    for (i = 0; i < UPDATES; i++) {
        shmeter_counter_inc(counter);
        shmeter_counter_f64_add(fraction, 0.5);
        shmeter_histogram_observe(histogram, i % 5);
        shmeter_gauge_add(gauge, 1);
    }
    shmeter_check(meter, value, (enum shmeter_health)(series % 3), "said by all of them");
    shmeter_heartbeat(meter);
    shmeter_busy(meter);
    shmeter_idle(meter);
}

static const struct shmeter_desc to_give_up = { .type = SHMETER_COUNTER, .name = "given_up_total", .labels = labels };

/* One gives the name up and takes it again; the others look its series up. */
static void
give_up(uint32_t who)
{
    static const char *const values[] = { "v" };
    uint32_t i;

    for (i = 0; i < LOOKUPS; i++)
        if (who)
            shmeter_counter_inc(shmeter_counter_of_v(given_up, values, 1));
        else {
            shmeter_family_forget(meter, to_give_up.name);
            if (shmeter_family(meter, &to_give_up) != given_up)
                abort();
        }
}

static void *
thread(void *argument)
{
    /*
     * Room for the cells of lost races too: messages about what is refused may overwrite each other, which is a race.
     */
    struct shmeter_options options = { .struct_bytes = sizeof options,
                                       .group = -1,
                                       .max_gauges = THREADS * ROUNDS * SERIES };
    uint32_t who = (uint32_t)(uintptr_t)argument, round, i;
    struct shmeter *own;

    pthread_barrier_wait(&barrier);
    if (shmeter_open(&own, path, &options))
        abort();
    pthread_barrier_wait(&barrier);
    if (!who) {
        meter = own;
        if (own->next)
            abort(); /* they have one meter */
        given_up = shmeter_family(meter, &to_give_up);
    }
    pthread_barrier_wait(&barrier);
    for (round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        for (i = 0; i < SERIES; i++)
            update_one(round, who & 1 ? SERIES - 1 - i : i);
        give_up(who);
        pthread_barrier_wait(&barrier);
        shmeter_attach_worker(meter);
    }
    return NULL;
}

/* The sum of the cell over all shared lanes. */
static uint64_t
total_of(const struct shmeter_lanes *lanes, uint64_t cell)
{
    uint64_t sum = 0, lane;

    for (lane = 0; lane <= lanes->shared_mask; lane++)
        sum += shmeter_load_relaxed(
            (const uint64_t *)(const void *)(lanes->shared + (lane << (lanes->shift + 1)) + 2 * cell));
    return sum;
}

static void
checks_have_one_place_each(void)
{
    struct shmeter_slot_block *block = shmeter_claim_block_of(shmeter_meter_attachment(meter));
    uint32_t i, k;

    for (i = 0; i < SHMETER_CHECKS; i++) {
        assert_int_equal(block->checks[i].word & 0xff, (uint64_t)(atoi(block->checks[i].name + 1) % 3));
        for (k = 0; k < i; k++)
            assert_string_not_equal(block->checks[i].name, block->checks[k].name);
    }
}

static void
threads_that_do_everything_at_once_race_nowhere(void **state)
{
    pthread_t threads[THREADS];
    uint32_t i, round;
    (void)state;

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread, (void *)(uintptr_t)i), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (round = 0; round < ROUNDS; round++)
        for (i = 0; i < SERIES; i++) {
            const struct shmeter_lanes *lanes = &shmeter_meter_attachment(meter)->lanes;
            char value[16];
            const char *const values[] = { value, NULL };
            struct shmeter_series series;
            snprintf(value, sizeof value, "v%u", i);
            series = shmeter_series_of(family_of(SHMETER_COUNTER, round), 1, values, 1);
            assert_int_equal(total_of(lanes, series.cell), THREADS * UPDATES);
        }
    assert_int_equal(shmeter_load_relaxed(&shmeter_meter_attachment(meter)->state->families_n.value), 4 * ROUNDS + 1);
    checks_have_one_place_each();
}

/* ---- */

static int
make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/dev/shm/shmeter-threads-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/segment", folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    return 0;
}

#define REPORTED 66 /* ThreadSanitizer's exit code */

static const char *seeded; /* this program with the bug */

static void
a_relaxed_publish_is_reported(void **state)
{
    char command[512];
    (void)state;

    snprintf(command, sizeof command, "TSAN_OPTIONS=exitcode=%d '%s' >/dev/null 2>&1", REPORTED, seeded);
    assert_int_equal(system(command), REPORTED << 8);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_do_everything_at_once_race_nowhere),
        cmocka_unit_test(a_relaxed_publish_is_reported),
    };

    seeded = argc > 1 ? argv[1] : NULL;
    return _cmocka_run_group_tests("threads", tests, seeded ? 2 : 1, make_folder, remove_folder);
}
