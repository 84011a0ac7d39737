/*
 * Children are forked while another thread of the parent registers series, and register the same ones as each other and
 * as the thread at the same moment: every series is there once, every update counts, and what lost races leave over is
 * bounded.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define GROUPS    60u
#define CHILDREN  8u   /* of a group */
#define TOGETHER  150u /* series that all children of a group make */
#define PROCESSES (GROUPS * CHILDREN + 1u)

struct stage {
    uint32_t ready, group;
};

static struct {
    const struct shmeter_family *own, *shared;
    uint32_t stop, registered, group;
} registrar;

static struct shmeter *meter;
static struct stage *stage;

static struct shmeter_counter
numbered(const struct shmeter_family *family, uint32_t number)
{
    char text[16];

    snprintf(text, sizeof text, "%u", number);
    return shmeter_counter_of(family, text);
}

/* In the parent, beside the thread that forks; it keeps close to the children's group. */
static void *
register_series(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&registrar.stop, __ATOMIC_ACQUIRE)) {
        uint32_t group = __atomic_load_n(&stage->group, __ATOMIC_ACQUIRE), number = registrar.registered;
        if (number >= 300 * (group + 1)) {
            sched_yield();
            continue;
        }
        shmeter_counter_inc(numbered(registrar.own, number));
        shmeter_counter_inc(numbered(registrar.shared, group * TOGETHER + number % TOGETHER));
        registrar.registered = number + 1;
    }
    return NULL;
}

static void
register_in_child(uint32_t group, uint32_t child)
{
    uint32_t i;

    __atomic_add_fetch(&stage->ready, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&stage->group, __ATOMIC_ACQUIRE) < group)
        sched_yield();
    for (i = 0; i < TOGETHER; i++)
        shmeter_counter_inc(numbered(registrar.shared, group * TOGETHER + i));
    shmeter_counter_inc(numbered(registrar.shared, 100000 + group * CHILDREN + child));
}

static void
fork_groups(void)
{
    pid_t pids[CHILDREN];
    uint32_t group, child;

    for (group = 1; group <= GROUPS; group++) {
        __atomic_store_n(&stage->ready, 0, __ATOMIC_RELEASE);
        for (child = 0; child < CHILDREN; child++) {
            pids[child] = scratch_fork();
            if (!pids[child]) {
                register_in_child(group, child);
                _exit(0);
            }
        }
        assert_int_equal(scratch_until(&stage->ready, CHILDREN), 0);
        __atomic_store_n(&stage->group, group, __ATOMIC_RELEASE);
        for (child = 0; child < CHILDREN; child++)
            assert_int_equal(scratch_wait(pids[child]), 0);
    }
}

struct walk {
    uint32_t visible, unpublished, holes, duplicates;
};

static uint64_t
label_hash(const struct shmeter_series_record *record)
{
    uint64_t hash = record->family * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i;

    for (i = 0; i < record->values_bytes; i++)
        hash = (hash ^ ((const unsigned char *)(record + 1))[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int
by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* All records, in the segment itself. */
static struct walk
walk_records(void)
{
    static uint64_t hashes[1 << 17];
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    struct walk walk = { 0, 0, 0, 0 };
    uint64_t unit = 0, at;
    uint32_t i;
    int kind;

    while ((kind = shmeter_arena_next(attachment, &unit, &at)) >= 0) {
        const struct shmeter_series_record *record = shmeter_arena_series(attachment, at);
        if (kind == SHMETER_KIND_NONE && shmeter_reuse_head(attachment, at)) { /* left over by a lost race */
            walk.unpublished++;
            unit = at + shmeter_reuse_head(attachment, at) / SHMETER_UNIT_BYTES;
            continue;
        }
        walk.holes += kind == SHMETER_KIND_NONE;
        if (kind != SHMETER_KIND_SERIES)
            continue;
        assert_non_null(record);
        if (SHMETER_STATE_KIND(record->state) == SHMETER_VISIBLE)
            hashes[walk.visible++] = label_hash(record);
        else if (!record->values_bytes || memcmp(record + 1, "__overflow__", 12))
            walk.unpublished++;
    }
    qsort(hashes, walk.visible, sizeof *hashes, by_number);
    for (i = 1; i < walk.visible; i++)
        walk.duplicates += hashes[i] == hashes[i - 1];
    return walk;
}

static double
sum_of(const struct scrape *scrape, const char *family, uint32_t from, uint32_t to)
{
    double sum = 0;
    uint32_t i;

    for (i = from; i < to; i++) {
        double value = scrape_value(scrape, "%s{n=\"%u\"}", family, i);
        sum += value == value ? value : 0;
    }
    return sum;
}

static void
open_all(void)
{
    static const char *const labels[] = { "n", NULL };
    static const struct shmeter_desc own = {
        .type = SHMETER_COUNTER, .name = "f_own_total", .help = "Counter.", .labels = labels
    };
    static const struct shmeter_desc shared = {
        .type = SHMETER_COUNTER, .name = "f_shared_total", .help = "Counter.", .labels = labels
    };
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .group = -1, .max_family_series = 100000, .max_series = 65536
    };

    assert_int_equal(shmeter_open(&meter, scratch_path("register"), &options), 0);
    registrar.own = shmeter_family(meter, &own);
    registrar.shared = shmeter_family(meter, &shared);
    stage = scratch_shared(sizeof *stage);
}

static void
series_are_registered_once_while_children_are_forked(void **state)
{
    struct scrape *scrape = scrape_open(scratch_path("register"));
    const struct segment_status *status;
    pthread_t thread;
    struct walk walk;
    uint32_t i;

    (void)state;
    open_all();
    assert_int_equal(pthread_create(&thread, NULL, register_series, NULL), 0);
    fork_groups();
    __atomic_store_n(&registrar.stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    scrape_take(scrape);
    status = scrape_status(scrape);
    assert_true(sum_of(scrape, "f_own_total", 0, registrar.registered) == registrar.registered);
    assert_true(sum_of(scrape, "f_shared_total", 0, (GROUPS + 1) * TOGETHER) ==
                (double)GROUPS * CHILDREN * TOGETHER + registrar.registered);
    assert_true(sum_of(scrape, "f_shared_total", 100000, 100000 + (GROUPS + 1) * CHILDREN) ==
                (double)GROUPS * CHILDREN);
    for (i = 0; i < status->losses_n; i++)
        assert_int_equal(status->losses[i], 0);
    walk = walk_records();
    print_message("# %u series, %u records left over\n", walk.visible, walk.unpublished);
    assert_int_equal(walk.duplicates, 0);
    assert_int_equal(walk.visible, status->series_used);
    assert_int_equal(walk.holes, 0); /* nobody died on the way */
    assert_true(walk.unpublished <= PROCESSES);
    assert_true(status->leaked_bytes <= 128 * PROCESSES);
    scrape_close(scrape);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(series_are_registered_once_while_children_are_forked) };

    return cmocka_run_group_tests_name("fork_register", tests, NULL, NULL);
}
